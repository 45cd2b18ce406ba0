"""The configuration: a TOML file and the environment as frozen models; the only reader of either.

A setting of the environment is named ``APPLIANCE_SECTION__KEY`` and wins over the file. Both are
checked whole, and every complaint is told at once.
"""

import os
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from appliance.config.inbound import InboundSetting, wrong_inbound
from appliance.config.keywords import Keywords
from appliance.config.rules import (
    CapSetting,
    Content,
    Guards,
    Judging,
    PoolSetting,
    Quiet,
    RouteSetting,
    wrong_routes,
)
from appliance.config.settings import (
    Causes,
    Http,
    Log,
    Mending,
    Messages,
    Modems,
    Numbers,
    Sim,
    Site,
    Storage,
    Uncertain,
    is_pin,
)
from appliance.config.smpp import Smpp
from appliance.config.terms import Group, Limits, Terms, wrong_groups
from appliance.errors import BadConfig
from appliance.errors.invalid import why_invalid
from appliance.policy.contract import Contract
from appliance.policy.inbound_routes import InboundRoute
from appliance.policy.limits import Limit

DEFAULT_PATH: Final = Path("/etc/appliance/appliance.toml")

PREFIX: Final = "APPLIANCE_"

UNKNOWN: Final = {"extra_forbidden": "there is no such key"}

NESTED: Final = "__"


PinHolder = TypeVar("PinHolder", Modems, Sim)


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
    mending: Mending = Mending()
    judging: Judging = Judging()
    causes: Causes = Causes()
    limits: Limits = Limits()
    groups: tuple[Group, ...] = ()
    sims: tuple[Sim, ...] = ()
    numbers: Numbers = Numbers()
    messages: Messages = Messages()
    uncertain: Uncertain = Uncertain()
    keywords: Keywords = Keywords()
    inbound: tuple[InboundSetting, ...] = ()
    pool: PoolSetting = PoolSetting()
    routes: tuple[RouteSetting, ...] = ()
    quiet: Quiet = Quiet()
    guards: Guards = Guards()
    caps: tuple[CapSetting, ...] = ()
    content: Content = Content()
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
    def load(cls, path: Path | None = None, text: str | None = None) -> Self:
        """Read and check the file and the environment.

        Args:
            path: the file; None: the one at ``DEFAULT_PATH``, which may be missing.
            text: what is in it, if that is known; then it is not read.

        Raises:
            BadConfig: the file is missing, is no TOML, or something set is wrong.

        """
        source = str(path or DEFAULT_PATH)
        found = _overlaid(_tables_of(path, text), EnvSettingsSource(cls)())
        complaints = [*_unknown_variables(), *_twice(found), *wrong_groups(found)]
        try:
            config = cls.model_validate(found)
        except ValidationError as error:
            # Its own words hold what was set, perhaps a PIN: it goes no further.
            complaints = [*map(_complaint, error.errors()), *complaints]
        else:
            config = config._with_credentials(complaints)  # noqa: SLF001 - our own
            complaints += config._contradictions()  # noqa: SLF001
            peopled = frozenset(sim.group for sim in config.sims)
            complaints += wrong_routes(config.routes, config.group_names, peopled)
            complaints += wrong_inbound(config.inbound, config.sim_names)
        if complaints:
            raise BadConfig(source, complaints)
        return config

    @property
    def socket_path(self) -> Path:
        """The Unix socket on which the daemon answers the command line."""
        return Path(self.http.socket or self.storage.data / "appliance.sock")

    @property
    def group_names(self) -> frozenset[str]:
        """The groups of SIMs, by name."""
        return frozenset(group.name for group in self.groups)

    @property
    def sim_names(self) -> dict[str, str]:
        """The ICCIDs of the SIMs that have a name, by that name."""
        return {sim.name: sim.iccid for sim in self.sims if sim.name}

    @property
    def inbound_routes(self) -> tuple[InboundRoute, ...]:
        """The rules that say whose inbound messages are, in order."""
        return tuple(setting.route(self.sim_names) for setting in self.inbound)

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

    def contract_of(self, iccid: str, *, simulated: bool) -> Contract:
        """Return what a SIM may do: as set for it, else for its group, else for all.

        One that is simulated has no limits but its own and its group's.
        """
        sim = self.sim(iccid)
        below = self.limits.without_limits() if simulated else self.limits
        terms = self._terms(sim, below) if sim else below
        return Contract(
            name=sim.name if sim else "",
            limits=terms.limits(self.site.zone, iccid),
            eligible=terms.eligible,
            group=sim.group if sim else "",
            weight=terms.weight,
            price=terms.price_per_part,
        )

    def limits_of(self, iccid: str, *, simulated: bool) -> tuple[Limit, ...]:
        """Return what limits a SIM."""
        return self.contract_of(iccid, simulated=simulated).limits

    def warnings(self, today: date) -> list[str]:
        """Return what is good, but hardly meant: bundles that are over, parts sent twice."""
        tables = (*self._tables("groups"), *self._tables("sims"), ("limits", self.limits))
        over = [
            f"{place}.bundle: it ended on {terms.bundle.ends}, so nothing is sent by it"
            for place, terms in tables
            if terms.bundle is not None and terms.bundle.ends < today
        ]
        twice = "what is answered so may have been sent, and is sent again: some may get it twice"
        return over + [f"causes.{key}: {twice}" for key in self.causes.risky]

    def _terms(self, sim: Sim, below: Terms) -> Terms:
        group = next((each for each in self.groups if each.name == sim.group), None)
        return sim.over(group.over(below) if group else below)

    def _tables(self, key: str) -> Iterator[tuple[str, Terms]]:
        for at, terms in enumerate(getattr(self, key)):
            yield f"{key}.{at}", terms

    def _contradictions(self) -> list[str]:
        """Complain of what contradicts itself once all that holds for a SIM is put together."""
        whole = [(place, group.over(self.limits)) for place, group in self._tables("groups")]
        whole += [(f"sims.{at}", self._terms(sim, self.limits)) for at, sim in enumerate(self.sims)]
        below = list(self.limits.complaints())
        return [f"limits.{each}" for each in below] + [
            f"{place}.{each}"
            for place, terms in whole
            for each in terms.complaints()
            if each not in below
        ]

    def _with_credentials(self, complaints: list[str]) -> Self:
        """Return the same with the PINs that come as credentials; what is wrong is added."""
        modems = _with_pin(self.modems, "modems", complaints)
        sims = [_with_pin(sim, f"sims.{place}", complaints) for place, sim in enumerate(self.sims)]
        return self.model_copy(update={"modems": modems, "sims": tuple(sims)})


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


def _with_pin(section: PinHolder, where: str, complaints: list[str]) -> PinHolder:
    """Return a section with the PIN from its credential; complaints never hold what is in it."""
    name = section.pin_credential
    if not name:
        return section
    complain = f"{where}.pin_credential: "
    if section.pin and section.pin.get_secret_value():
        complaints.append(f"{complain}pin is set too; one of them is enough")
        return section
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        complaints.append(f"{complain}no credentials were given (see LoadCredential in systemd)")
        return section
    try:
        pin = (Path(directory) / name).read_text("ascii").strip()
    except ValueError:
        pin = ""
    except OSError as error:
        complaints.append(f"{complain}the credential {name!r}: {error.strerror}")
        return section
    if not pin or not is_pin(pin):
        complaints.append(f"{complain}the credential {name!r} holds no PIN of 4 to 8 digits")
        return section
    return section.model_copy(update={"pin": SecretStr(pin)})


def text_of(path: Path | None) -> str:
    """Return what is in the file; None: in the one at ``DEFAULT_PATH``, which may be missing.

    Raises:
        BadConfig: it cannot be read.

    """
    named = path or DEFAULT_PATH
    try:
        return named.read_text("utf-8")
    except FileNotFoundError as error:
        if path is None:
            return ""
        raise BadConfig(str(named), ["there is no such file"]) from error
    except OSError as error:
        raise BadConfig(str(named), [error.strerror or str(error)]) from error
    except ValueError as error:
        raise BadConfig(str(named), [f"no TOML: {error}"]) from None


def _tables_of(path: Path | None, text: str | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text_of(path) if text is None else text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(str(path or DEFAULT_PATH), [f"no TOML: {error}"]) from None


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
    return f"{'.'.join(where)}: {why_invalid(item, UNKNOWN)}{variable}"
