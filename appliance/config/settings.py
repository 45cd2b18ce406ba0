"""What can be set: each table of the configuration file as a frozen model, and its checks."""

import platform
import re
from collections.abc import Iterator
from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import tzlocal
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from appliance.config.terms import Terms
from appliance.config.types import Duration, Many, Region, Section, is_many
from appliance.modem.causes import Kind, Overrides, final_cause
from appliance.policy import balance
from appliance.policy.categories import Category
from appliance.policy.retries import MOST_TRIES
from appliance.policy.uncertain import UncertainRules
from appliance.submission import WhenUncertain
from appliance.text import LANGUAGES

AUTO: Final = "auto"

_DATABASE: Final = re.compile(r"postgresql\+psycopg://.+|sqlite:////.+|")

_PORT: Final = re.compile(r"/.+|socket://[^/:\s]+:[0-9]+")

_USSD: Final = re.compile(r"[*#][0-9*#]{1,180}#|")

_PIN: Final = re.compile(r"[0-9]{4,8}|")


def _zone(name: str) -> tzinfo:
    return ZoneInfo(name) if name else tzlocal.get_localzone()


def _ports(value: object) -> object:
    """Check the whole list at once; a union of types would complain once for each of them."""
    many = is_many(value)
    if many == (AUTO,):
        return AUTO
    if isinstance(many, list | tuple) and all(map(_is_port, many)):
        return tuple(many)
    raise ValueError(f'must be "{AUTO}", or absolute paths, globs of them, or socket://host:port')


def _is_port(value: object) -> bool:
    return isinstance(value, str) and _PORT.fullmatch(value) is not None


def _simulated(value: object) -> object:
    globs = is_many(value)
    if isinstance(globs, list | tuple) and all(map(_is_port, globs)):
        return tuple(globs)
    raise ValueError("must be absolute paths or globs of them")


def _database(value: str) -> str:
    if _DATABASE.fullmatch(value):
        return value
    raise ValueError('must begin with "postgresql+psycopg://" or "sqlite:////", or be empty')


def _pin(value: SecretStr) -> SecretStr:
    if is_pin(value.get_secret_value()):
        return value
    raise ValueError("must be 4 to 8 digits")


def is_pin(value: str) -> bool:
    """Say whether this may be a PIN, or is empty for none."""
    return _PIN.fullmatch(value) is not None


def _timezone(value: str) -> str:
    try:
        _zone(value)
    except (OSError, ValueError, LookupError):
        here = "" if value else " for this machine: name it"
        raise ValueError(f"no such time zone{here}") from None
    return value


def _language(value: str) -> str:
    if value in LANGUAGES:
        return value
    raise ValueError(f"must be one of {', '.join(LANGUAGES)}")


def _never_twice(value: WhenUncertain) -> WhenUncertain:
    if value is WhenUncertain.RESEND:
        raise ValueError("must be hold or fail: nobody may get it twice")
    return value


def _bits(value: object) -> object:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)  # from the environment
    return value


def _trust(value: object) -> object:
    if isinstance(value, str) and value in {"true", "false"}:
        return value == "true"  # from the environment
    if value == AUTO or isinstance(value, bool):
        return value
    raise ValueError(f'must be true, false, or "{AUTO}"')


def _ussd_code(value: str) -> str:
    if _USSD.fullmatch(value):
        return value
    raise ValueError("must be a code such as *100#, or be empty")


def _balance_pattern(value: str) -> str:
    if value and (complaint := balance.complaint(value)):
        raise ValueError(complaint)
    return value


Language = Annotated[str, AfterValidator(_language)]

TcpPort = Annotated[int, Field(ge=0, le=65535)]

Host = Annotated[str, Field(pattern=r"^[^\s/]+$")]

Pin = Annotated[SecretStr, AfterValidator(_pin)]

Credential = Annotated[str, Field(pattern=r"^([A-Za-z0-9_-][A-Za-z0-9_.-]{0,63})?$")]
"""The name of a systemd credential: of a file in $CREDENTIALS_DIRECTORY."""


ErrorNumber = Annotated[int, Field(ge=0, le=65535)]

SENDS_AGAIN: Final = frozenset({Kind.SIM, Kind.PASSING, Kind.DEVICE})
"""What a part is sent again after."""


class Storage(Section):
    """Where everything is kept."""

    data: Path = Path("/var/lib/appliance")
    database: Annotated[str, AfterValidator(_database)] = Field(default="", repr=False)
    daemon: str = Field(default="", max_length=64)
    keep_free_mb: int = Field(default=200, ge=0)
    lease_seconds: Duration = 60
    takeover_seconds: Duration = 150

    @property
    def lease(self) -> timedelta:
        """How long this daemon works without word from a database that it may share."""
        return timedelta(seconds=self.lease_seconds)

    @property
    def takeover(self) -> timedelta:
        """How long after that another daemon takes over."""
        return timedelta(seconds=self.takeover_seconds)

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


class Modems(Section):
    """Which ports are modems, and how they are started."""

    ports: Annotated[Literal["auto"] | tuple[str, ...], PlainValidator(_ports)] = "auto"
    simulated: Annotated[tuple[str, ...], PlainValidator(_simulated)] = ()
    pin: Pin = SecretStr("")
    pin_credential: Credential = ""
    roaming: bool = False
    baud: int = Field(default=115_200, ge=1200, le=4_000_000)
    check_seconds: Duration = 30


class Mending(Section):
    """How far a modem that fails is mended."""

    enabled: bool = True
    usb: bool = True
    port_power: bool = False
    helper: str = Field(default="/run/appliance-usb.sock", pattern=r"^/.+$")
    failures: int = Field(default=5, ge=1)
    give_up_minutes: Duration = 30

    @property
    def rest(self) -> timedelta:
        """How long a modem that was given up is left alone."""
        return timedelta(minutes=self.give_up_minutes)


class Causes(Section):
    """What is done about errors after Ctrl-Z where our own table shall not decide, by number."""

    cms: dict[ErrorNumber, Kind] = Field(default_factory=dict)
    cme: dict[ErrorNumber, Kind] = Field(default_factory=dict)

    @property
    def overrides(self) -> Overrides:
        """The same, as ``modem.causes`` takes it."""
        return Overrides(self.cms, self.cme)

    @property
    def risky(self) -> Iterator[str]:
        """The keys by which a part is sent again that may have been sent already."""
        for prefix, kinds in (("cms", self.cms), ("cme", self.cme)):
            for code, kind in kinds.items():
                usual = final_cause(f"+{prefix.upper()} ERROR: {code}").kind
                if usual is Kind.MAYBE_SENT and kind in SENDS_AGAIN:
                    yield f"{prefix}.{code}"


class Card(Section):
    """One SIM as a card."""

    iccid: str = Field(pattern=r"^[0-9A-F]{18,20}$")  # some operators use hex letters
    name: str = ""
    pin: Pin | None = None
    pin_credential: Credential = ""
    number: str = Field(default="", pattern=r"^(\+[1-9][0-9]{5,14})?$")
    service_centre: str = Field(default="", pattern=r"^(\+[1-9][0-9]{5,14})?$")
    group: str = ""


class Sim(Terms, Card):
    """One SIM and what its contract bears.

    What is not set is as in its group, else as in ``limits``; its PIN is as in ``modems``, and
    so is ``roaming`` where it is None.
    """

    balance_code: Annotated[str, AfterValidator(_ussd_code)] = ""
    balance_pattern: Annotated[str, AfterValidator(_balance_pattern)] = ""
    balance_minimum: float | None = Field(default=None, allow_inf_nan=False)
    balance_every_hours: Duration = 24
    balance_after_parts: int = Field(default=0, ge=0)
    enabled: bool = True
    reports: bool = True
    roaming: bool | None = None

    @field_validator("balance_pattern")
    @classmethod
    def _pattern_has_code(cls, value: str, info: ValidationInfo) -> str:
        if value and info.data.get("balance_code") == "":
            raise ValueError("needs balance_code, whose answer it reads")
        return value

    @field_validator("balance_minimum")
    @classmethod
    def _minimum_has_pattern(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is not None and info.data.get("balance_pattern") == "":
            raise ValueError("needs balance_pattern, which finds the amount")
        return value

    @property
    def balance_schedule(self) -> balance.Schedule:
        """How often its balance is asked for."""
        return balance.Schedule(
            every=timedelta(hours=self.balance_every_hours), after_parts=self.balance_after_parts
        )


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
    incomplete_after_hours: Duration = 24
    most_tries: int = Field(default=MOST_TRIES, ge=1, le=100)
    keep_notices_days: Duration = 7
    most_queued: int = Field(default=0, ge=0)
    national: Annotated[tuple[Language, ...], Many] = ()
    concat_reference_bits: Annotated[Literal[8, 16], BeforeValidator(_bits)] = 8

    @property
    def validity(self) -> timedelta:
        """How long a message may be on its way."""
        return timedelta(hours=self.validity_hours)

    @property
    def languages(self) -> tuple[int, ...]:
        """Which national languages may be used, by their identifiers in the order set."""
        return tuple(LANGUAGES[name] for name in self.national)

    @property
    def wide(self) -> bool:
        """Whether parts of long messages are numbered with 16-bit references."""
        return self.concat_reference_bits == 16

    @property
    def report_window(self) -> timedelta:
        """How long a report is waited for."""
        return timedelta(hours=self.report_window_hours)

    @property
    def incomplete_after(self) -> timedelta:
        """How long the parts of an inbound message are waited for before it is told without."""
        return timedelta(hours=self.incomplete_after_hours)

    @property
    def keep_notices(self) -> timedelta:
        """How long a notice waits for an account that does not take it."""
        return timedelta(days=self.keep_notices_days)


class Uncertain(Section):
    """What becomes of a part of which nobody can tell whether it was sent."""

    otp: WhenUncertain = WhenUncertain.HOLD
    urgent: WhenUncertain = WhenUncertain.HOLD
    transactional: WhenUncertain = WhenUncertain.HOLD
    marketing: Annotated[WhenUncertain, AfterValidator(_never_twice)] = WhenUncertain.HOLD
    otp_after_minutes: Duration = 2
    urgent_after_minutes: Duration = 15
    transactional_after_minutes: Duration = 24 * 60
    marketing_after_minutes: Duration = 24 * 60
    accounts: dict[str, WhenUncertain] = Field(default_factory=dict)

    @property
    def rules(self) -> UncertainRules:
        """The same, as ``policy.uncertain`` takes it."""
        return UncertainRules(
            by_category={each: WhenUncertain(getattr(self, each)) for each in Category},
            by_account=self.accounts,
            after={
                each: timedelta(minutes=getattr(self, f"{each}_after_minutes")) for each in Category
            },
        )


class Site(Section):
    """Where the box stands."""

    trust_clock: Annotated[Literal["auto"] | bool, BeforeValidator(_trust)] = "auto"
    timezone: Annotated[str, AfterValidator(_timezone)] = Field(default="", validate_default=True)

    @property
    def zone(self) -> tzinfo:
        """The zone of calendar days and of times shown: the one set, else the machine's."""
        return _zone(self.timezone)


class Log(Section):
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"
