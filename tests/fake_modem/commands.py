"""AT commands: taking a line apart, the checks before every command, and how one is refused.

The commands are in ``general_commands``, ``sms_commands`` and ``ussd``. A command is a function of
the modem and the request; it returns its information lines, None if the answer comes later, or
raises a ``Refusal``.
"""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fake_modem import calls

if TYPE_CHECKING:
    from tests.fake_modem.modem import FakeModem

CME_TEXTS = {
    3: "operation not allowed",
    10: "SIM not inserted",
    11: "SIM PIN required",
    12: "SIM PUK required",
    14: "SIM busy",
    16: "incorrect password",
    30: "no network service",
}
CMS_TEXTS = {
    38: "network out of order",
    42: "congestion",
    302: "operation not allowed",
    303: "operation not supported",
    304: "invalid PDU mode parameter",
    310: "SIM not inserted",
    311: "SIM PIN required",
    316: "SIM PUK required",
    321: "invalid memory index",
    330: "SMSC address unknown",
    331: "no network service",
    332: "network timeout",
    500: "unknown error",
}


class Refusal(Exception):
    """A command failed. Exactly what is said depends on AT+CMEE and the make."""

    def finals(self, form: int) -> tuple[str, ...]:
        """Return the final line or lines, for AT+CMEE=``form``."""
        raise NotImplementedError


class Said(Refusal):
    """It failed with lines that do not depend on any setting."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines or ("ERROR",)

    def finals(self, form: int) -> tuple[str, ...]:
        """Return the lines as they are."""
        return self.lines


class Cme(Refusal):
    """A +CME ERROR (27.007 clause 9.2): plain ERROR unless asked for more."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def finals(self, form: int) -> tuple[str, ...]:
        """Return ERROR, the number or the text."""
        verbose = f"+CME ERROR: {CME_TEXTS.get(self.code, 'unknown')}"
        return (("ERROR", f"+CME ERROR: {self.code}", verbose)[form],)


class Cms(Refusal):
    """A +CMS ERROR (27.005 clause 3.2.5), whatever AT+CMEE says; a text where it asks for texts."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def finals(self, form: int) -> tuple[str, ...]:
        """Return the number or the text."""
        text = CMS_TEXTS.get(self.code, str(self.code)) if form == 2 else self.code
        return (f"+CMS ERROR: {text}",)


@dataclass(frozen=True, slots=True)
class Request:
    """A command as it came. ``kind``: run, read (``?``), test (``=?``) or set (``=...``)."""

    name: str
    kind: str
    text: str = ""

    @property
    def arguments(self) -> list[str]:
        """Return what was set, taken apart at the commas, without quotes."""
        return next(csv.reader([self.text], skipinitialspace=True)) or [""]

    def number(self, index: int, default: int | None = None) -> int:
        """Return an argument as a number. Raises Refusal where it is none and has no default."""
        arguments = self.arguments
        text = arguments[index] if index < len(arguments) else ""
        if text.isdigit():
            return int(text)
        if text or default is None:
            raise Cms(304) if self.name in SMS else Cme(3)
        return default


Lines = list[str] | None
Command = Callable[["FakeModem", Request], Lines]
COMMANDS: dict[str, Command] = {}
WITHOUT_SIM = frozenset(
    [
        "+CFUN",
        "+CPIN",
        "+CMEE",
        "+CSQ",
        "+CESQ",
        "+CREG",
        "+CGREG",
        "+CEREG",
        "+COPS",
        "+CGMI",
        "+CGMM",
        "+CGMR",
        "+CGSN",
        "+GMI",
        "+GMM",
        "+GMR",
        "+GSN",
        "+CCLK",
        "+CSCS",
    ]
)
SMS = frozenset(
    [
        "+CMGF",
        "+CSMS",
        "+CPMS",
        "+CNMI",
        "+CSCA",
        "+CMGS",
        "+CMGR",
        "+CMGL",
        "+CMGD",
        "+CMMS",
        "+CNMA",
        "+CSMP",
        "+CMGW",
    ]
)


def command(*names: str) -> Callable[[Command], Command]:
    """Make a function the one for these commands."""

    def register(function: Command) -> Command:
        COMMANDS.update(dict.fromkeys(names, function))
        return function

    return register


def run(modem: "FakeModem", text: str) -> Lines:
    """Do what stands behind AT; several commands may stand there, with ``;`` between."""
    lines: list[str] = []
    rest = text.strip()
    while rest:
        if basic := re.match(r"(?i)([EVQZXHLMIA]|&[FCDWK]|S\d+=)(\d*)", rest):
            lines += _basic(modem, basic[1].upper(), basic[2])
            rest = rest[basic.end() :].lstrip("; ")
            continue
        part = re.match(r'(?:"[^"]*"|[^;"])*"?', rest)
        assert part is not None
        rest = rest[part.end() :].lstrip("; ")
        answer = _extended(modem, part[0].strip())
        if answer is None:
            return None
        lines += answer
    return lines


def _basic(modem: "FakeModem", name: str, value: str) -> list[str]:
    _check_pin(modem, "Z")
    if name == "H" and modem.personality.ath_hangs_up:
        calls.hang_up(modem)
    if name == "A" and not calls.answer(modem):
        raise Said("NO CARRIER")
    if name == "E":
        modem.echo = value == "1"
    if name == "Z":
        modem.echo, modem.error_form = modem.personality.echo, 0
    if name == "I" and modem.sim:
        make = modem.personality
        return [
            f"Manufacturer: {make.maker}",
            f"Model: {make.model}",
            f"Revision: {make.revision}",
            f"IMEI: {modem.imei}",
        ]
    return []


def _extended(modem: "FakeModem", text: str) -> Lines:
    match = re.match(r"([+^$&%*!#]?[A-Za-z][A-Za-z0-9_]*)(=\?|\?|=)?(.*)", text, re.DOTALL)
    if not match:
        raise Said(modem.personality.unknown)
    name, sign, argument = match[1].upper(), match[2], match[3]
    kind = {None: "run", "?": "read", "=?": "test", "=": "set"}[sign]
    make, exact = modem.personality, f"{name}{sign or ''}{argument}"
    _check_pin(modem, name)
    if exact in make.answers:
        modem.muted = modem.muted or exact in make.mutes
        return [modem.fill_in(line) for line in make.answers[exact]]
    if exact in make.queries:
        if modem.sim is None:
            raise Cme(10)
        return [modem.fill_in(line) for line in make.queries[exact]]
    if name not in COMMANDS or name in make.lacks or (name[0] != "+" and name not in make.extras):
        modem.stats["unknown"] += 1
        raise Said(make.unknown)
    _check_sim(modem, name)
    return COMMANDS[name](modem, Request(name, kind, argument))


def _check_pin(modem: "FakeModem", name: str) -> None:
    sim = modem.sim
    if (
        sim is None
        or sim.asks_for == "READY"
        or name in modem.personality.before_pin
        or name == "+CPIN"
    ):
        return
    puk = sim.asks_for == "SIM PUK"
    if name in SMS:
        raise Cms(316 if puk else 311)
    raise Cme(12 if puk else 11)


def _check_sim(modem: "FakeModem", name: str) -> None:
    if name in modem.busy_left:
        modem.busy_left.discard(name)
        raise Cme(14)
    if modem.sim is None and name not in WITHOUT_SIM:
        raise Cms(310) if name in SMS else Cme(10)
    if name in SMS and not modem.sms_ready:
        raise Said(modem.personality.not_ready)


# At the end, as they need what stands above; importing them registers their commands.
from tests.fake_modem import general_commands, sms_commands, ussd  # noqa: E402, F401
