"""What can be set: each table of the configuration file as a frozen model, and its checks."""

import platform
import re
from collections.abc import Mapping
from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import tzlocal
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
)

from appliance.msisdn import known_region
from appliance.policy.keywords import Keyword, fold
from appliance.submission import WhenUncertain

UNLIMITED: Final = "none"

AUTO: Final = "auto"

_DATABASE: Final = re.compile(r"postgresql\+psycopg://.+|sqlite:////.+|")

_PORT: Final = re.compile(r"/.+|socket://[^/:\s]+:[0-9]+")

_PIN: Final = re.compile(r"[0-9]{4,8}|")


def _zone(name: str) -> tzinfo:
    return ZoneInfo(name) if name else tzlocal.get_localzone()


def _count(value: object) -> object:
    if value == UNLIMITED:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)  # from the environment
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise ValueError(f'must be a whole number from 1, or "{UNLIMITED}"')


def _gap(value: object) -> object:
    return 0 if value == UNLIMITED else value


def _many(value: object) -> object:
    """Take one string for a list: in the environment, commas part what it holds."""
    if isinstance(value, str):
        return tuple(piece for each in value.split(",") if (piece := each.strip()))
    return value


def _ports(value: object) -> object:
    """Check the whole list at once; a union of types would complain once for each of them."""
    many = _many(value)
    if many == (AUTO,):
        return AUTO
    if isinstance(many, list | tuple) and all(map(_is_port, many)):
        return tuple(many)
    raise ValueError(f'must be "{AUTO}", or absolute paths, globs of them, or socket://host:port')


def _is_port(value: object) -> bool:
    return isinstance(value, str) and _PORT.fullmatch(value) is not None


def _simulated(value: object) -> object:
    globs = _many(value)
    if isinstance(globs, list | tuple) and all(map(_is_port, globs)):
        return tuple(globs)
    raise ValueError("must be absolute paths or globs of them")


def _database(value: str) -> str:
    if _DATABASE.fullmatch(value):
        return value
    raise ValueError('must begin with "postgresql+psycopg://" or "sqlite:////", or be empty')


def _pin(value: SecretStr) -> SecretStr:
    if _PIN.fullmatch(value.get_secret_value()):
        return value
    raise ValueError("must be 4 to 8 digits")


def _region(value: str) -> str:
    region = value.upper()
    if region and not known_region(region):
        raise ValueError("must be two letters of ISO 3166, such as DE or GB")
    return region


def _timezone(value: str) -> str:
    try:
        _zone(value)
    except (OSError, ValueError, LookupError):
        here = "" if value else " for this machine: name it"
        raise ValueError(f"no such time zone{here}") from None
    return value


def _keyword(value: str) -> str:
    if fold(value):
        return value
    raise ValueError("must have a letter or a digit")


Many = BeforeValidator(_many)

Count = Annotated[int | Literal["none"], PlainValidator(_count)]
"""A number from 1, or "none": no limit."""

Duration = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""More than nothing; the unit stands in the key."""

GapSeconds = Annotated[float, BeforeValidator(_gap), Field(ge=0, allow_inf_nan=False)]

TcpPort = Annotated[int, Field(ge=0, le=65535)]

Host = Annotated[str, Field(pattern=r"^[^\s/]+$")]

Pin = Annotated[SecretStr, AfterValidator(_pin)]

Region = Annotated[str, AfterValidator(_region)]


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Storage(Section):
    """Where everything is kept."""

    data: Path = Path("/var/lib/appliance")
    database: Annotated[str, AfterValidator(_database)] = Field(default="", repr=False)
    daemon: str = Field(default="", max_length=64)
    keep_free_mb: int = Field(default=200, ge=0)

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL. It may hold a password: never to be shown."""
        return self.database or f"sqlite:///{self.data.absolute() / 'appliance.db'}"

    @property
    def daemon_name(self) -> str:
        """What this daemon is called among those that share its database."""
        return self.daemon or platform.node() or "appliance"


class Http(Section):
    """The REST door and the local page."""

    host: Host = "127.0.0.1"
    port: TcpPort = 8080
    allowed_hosts: Annotated[tuple[Host, ...], Many] = ()
    socket: str = ""


class Smpp(Section):
    """The SMPP door."""

    enabled: bool = True
    host: Host = "127.0.0.1"
    port: TcpPort = 2775
    system_id: str = Field(default="appliance", pattern=r"^[!-~]{1,15}$")
    session_init_seconds: Duration = 30
    enquire_link_seconds: Duration = 30
    inactivity_seconds: Duration = 300
    response_seconds: Duration = 60
    window: int = Field(default=50, ge=1)
    gsm0: Literal["gsm0338", "latin1"] = "gsm0338"


class Modems(Section):
    """Which ports are modems, and how they are started."""

    ports: Annotated[Literal["auto"] | tuple[str, ...], PlainValidator(_ports)] = "auto"
    simulated: Annotated[tuple[str, ...], PlainValidator(_simulated)] = ()
    pin: Pin = SecretStr("")
    roaming: bool = False
    check_seconds: Duration = 30


class Limits(Section):
    """What a real SIM without settings of its own may send."""

    parts_per_minute: Count = 6
    parts_per_day: Count = 200
    minimum_gap_seconds: GapSeconds = 0


class Sim(Section):
    """One SIM and what its contract bears. What is not set is as in ``limits`` and ``modems``."""

    iccid: str = Field(pattern=r"^[0-9A-F]{18,20}$")  # some operators use hex letters
    name: str = ""
    pin: Pin | None = None
    number: str = Field(default="", pattern=r"^(\+[1-9][0-9]{5,14})?$")
    parts_per_minute: Count | None = None
    parts_per_day: Count | None = None
    minimum_gap_seconds: GapSeconds | None = None


class Numbers(Section):
    """Which recipients are understood and allowed."""

    region: Region = ""
    short_codes: bool = False
    countries: Annotated[tuple[Region, ...], Many] = ()


class Messages(Section):
    """What holds for each message unless it says otherwise."""

    max_parts: int = Field(default=10, ge=1, le=255)
    validity_hours: Annotated[Duration, Field(le=63 * 7 * 24)] = 72  # TP-VP goes to 63 weeks
    report_window_hours: Duration = 72
    uncertain_after_hours: Duration = 24
    when_uncertain: WhenUncertain = WhenUncertain.HOLD
    keep_notices_days: Duration = 7

    @property
    def validity(self) -> timedelta:
        """How long a message may be on its way."""
        return timedelta(hours=self.validity_hours)

    @property
    def report_window(self) -> timedelta:
        """How long a report is waited for."""
        return timedelta(hours=self.report_window_hours)

    @property
    def uncertain_after(self) -> timedelta:
        """How long a part stays uncertain before ``when_uncertain`` decides."""
        return timedelta(hours=self.uncertain_after_hours)

    @property
    def keep_notices(self) -> timedelta:
        """How long a notice waits for an account that does not take it."""
        return timedelta(days=self.keep_notices_days)


class Keywords(Section):
    """Words besides the shipped ones."""

    stop: Annotated[tuple[Annotated[str, AfterValidator(_keyword)], ...], Many] = ()

    @property
    def extra(self) -> Mapping[Keyword, tuple[str, ...]]:
        """The words by what they mean, as ``policy.keywords`` takes them."""
        return {Keyword.STOP: self.stop}


class Site(Section):
    """Where the box stands."""

    timezone: Annotated[str, AfterValidator(_timezone)] = Field(default="", validate_default=True)

    @property
    def zone(self) -> tzinfo:
        """The zone of calendar days and of times shown: the one set, else the machine's."""
        return _zone(self.timezone)


class Log(Section):
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"
