"""The configuration: a TOML file and the environment as frozen models; the only reader of either.

A setting of the environment is named ``APPLIANCE_SECTION__KEY`` and wins over the file. Both are
checked whole, and every complaint is told at once.
"""

import os
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from appliance.errors import BadConfig
from appliance.policy.limits import Daily, Gap, Limit, Pace
from appliance.settings import (
    UNLIMITED,
    Http,
    Keywords,
    Limits,
    Log,
    Messages,
    Modems,
    Numbers,
    Sim,
    Site,
    Smpp,
    Storage,
)

DEFAULT_PATH: Final = Path("/etc/appliance/appliance.toml")

PREFIX: Final = "APPLIANCE_"

NESTED: Final = "__"


class Config(BaseSettings):
    """Everything that is set. Made by ``load``; the constructor alone reads nothing."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        env_prefix=PREFIX,
        env_nested_delimiter=NESTED,
        enable_decoding=False,  # lists come as words with commas, which the models read
    )

    storage: Storage = Storage()
    http: Http = Http()
    smpp: Smpp = Smpp()
    modems: Modems = Modems()
    limits: Limits = Limits()
    sims: tuple[Sim, ...] = ()
    numbers: Numbers = Numbers()
    messages: Messages = Messages()
    keywords: Keywords = Keywords()
    site: Site = Field(default_factory=Site)
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment only in ``load``, where its complaints are gathered."""
        return (init_settings,)

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Read and check the file and the environment.

        Args:
            path: the file; None: the one at ``DEFAULT_PATH``, which may be missing.

        Raises:
            BadConfig: the file is missing, is no TOML, or something set is wrong.

        """
        source = str(path or DEFAULT_PATH)
        found = _overlaid(_file(path), EnvSettingsSource(cls)())
        complaints = [*_unknown_variables(), *_twice(found)]
        try:
            config = cls.model_validate(found)
        except ValidationError as error:
            # Its own words hold what was set, perhaps a PIN: it goes no further.
            complaints = [*map(_complaint, error.errors()), *complaints]
        if complaints:
            raise BadConfig(source, complaints)
        return config

    @property
    def socket_path(self) -> Path:
        """The Unix socket on which the daemon answers the command line."""
        return Path(self.http.socket or self.storage.data / "appliance.sock")

    @property
    def countries(self) -> frozenset[str]:
        """The countries that may be written to, as set; empty: those of the SIMs."""
        return frozenset(self.numbers.countries)

    def sim(self, iccid: str) -> Sim | None:
        """Return what is set for a SIM, None if nothing is. A filler F at the end is no digit."""
        wanted = iccid.upper().rstrip("F")
        return next((sim for sim in self.sims if sim.iccid.rstrip("F") == wanted), None)

    def pin(self, iccid: str | None) -> str | None:
        """Return the PIN for a SIM (None: one that has not told its ICCID), None if none is set."""
        sim = self.sim(iccid) if iccid else None
        own = sim.pin if sim else None
        return (self.modems.pin if own is None else own).get_secret_value() or None

    def limits_of(self, iccid: str, *, simulated: bool) -> tuple[Limit, ...]:
        """Return what limits a SIM: its own settings, else the default; simulated, only its own."""
        base = Limits(parts_per_minute="none", parts_per_day="none") if simulated else self.limits
        sim = self.sim(iccid)
        own = sim.model_dump(include=set(Limits.model_fields), exclude_none=True) if sim else {}
        return tuple(self._limits(base.model_copy(update=own)))

    def _limits(self, limits: Limits) -> Iterator[Limit]:
        if limits.parts_per_minute != UNLIMITED:
            yield Pace(limits.parts_per_minute)
        if limits.parts_per_day != UNLIMITED:
            yield Daily(limits.parts_per_day, self.site.zone)
        if limits.minimum_gap_seconds:
            yield Gap(timedelta(seconds=limits.minimum_gap_seconds))


def journal_reads_stderr() -> bool:
    """Tell whether systemd's journal reads the standard error output (systemd.exec(5))."""
    try:
        device, inode = map(int, os.environ.get("JOURNAL_STREAM", "").split(":"))
        stderr = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return (stderr.st_dev, stderr.st_ino) == (device, inode)


def service_manager() -> str | None:
    """Return the socket on which systemd wants to hear how the service does (sd_notify(3)).

    None where it was not started by systemd.
    """
    return os.environ.get("NOTIFY_SOCKET") or None


def _file(path: Path | None) -> dict[str, Any]:
    named = path or DEFAULT_PATH
    try:
        return tomllib.loads(named.read_text("utf-8"))
    except FileNotFoundError as error:
        if path is None:
            return {}
        raise BadConfig(str(named), ["there is no such file"]) from error
    except OSError as error:
        raise BadConfig(str(named), [error.strerror or str(error)]) from error
    except ValueError as error:
        raise BadConfig(str(named), [f"no TOML: {error}"]) from None


def _overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``below`` with what ``above`` sets, section by section."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(under, Mapping)
        merged[key] = _overlaid(under, value) if both else value  # type: ignore[arg-type]
    return merged


def _unknown_variables() -> list[str]:
    """Complain of variables that look like settings but belong to no section."""
    return [
        f"{name}: no such setting (a setting is {PREFIX}SECTION{NESTED}KEY)"
        for name in sorted(os.environ)
        if name.upper().startswith(PREFIX)
        and name[len(PREFIX) :].lower().partition(NESTED)[0] not in Config.model_fields
    ]


def _twice(found: Mapping[str, Any]) -> list[str]:
    """Complain of SIMs set twice; here, to stand beside complaints of other kinds."""
    sims = found.get("sims")
    if not isinstance(sims, Sequence):
        return []
    named = [sim.get("iccid") if isinstance(sim, Mapping) else None for sim in sims]
    iccids = [iccid.rstrip("F") if isinstance(iccid, str) else None for iccid in named]
    return [
        f"sims.{at}.iccid: {iccid} is sims.{iccids.index(iccid)} already"
        for at, iccid in enumerate(iccids)
        if iccid is not None and iccids.index(iccid) < at
    ]


def _complaint(item: Mapping[str, Any]) -> str:
    """Return ``section.key: what is wrong``, with the variable it comes from if it does."""
    where = [str(step) for step in item["loc"]]
    named = PREFIX + NESTED.join(where[:2]).upper()
    variable = f" (from {named})" if named in os.environ else ""
    return f"{'.'.join(where)}: {item['msg'].removeprefix('Value error, ')}{variable}"
