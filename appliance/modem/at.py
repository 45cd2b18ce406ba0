"""The AT dialogue without I/O: bytes in, events out (ITU-T V.250, 3GPP TS 27.007 and 27.005).

A command declares the shape of its answer; whatever has another shape is an indication,
also in the middle of that answer. So a report that arrives while a signal strength is
asked for is neither lost nor taken for the answer.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from appliance.modem.headers import Header, announced, has_length
from appliance.modem.quotes import OpenQuote

LONGEST_LINE: Final = 1024  # bytes; a longer line is noise

CTRL_Z: Final = b"\x1a"

ESCAPE: Final = b"\x1b"

CARRY_A_PDU: Final = ("+CMT:", "+CDS:", "+CBM:")  # the PDU stands on a line after the header

REFUSALS: Final = (
    "+CMS ERROR",
    "+CME ERROR",
    "COMMAND NOT SUPPORT",  # Huawei E17xx in place of ERROR
    "TOO MANY PARAMETERS",
)

SPOKEN_UNASKED: Final = (  # indications in plain words, which a bare answer must not swallow
    "RING",
    "RDY",
    "NO CARRIER",
    "BUSY",
    "NO ANSWER",
    "Call Ready",
    "SMS Ready",
    "SMS DONE",
    "PB DONE",
    "POWERED DOWN",
    "NORMAL POWER DOWN",
    "UNDER-VOLTAGE",
    "OVER-VOLTAGE",
    "VOICE CALL:",
    "MISSED_CALL:",
)

CONTROLS: Final = bytes(code for code in (*range(32), 127) if code not in b"\r\n")

CR_TO_LF: Final = bytes.maketrans(b"\r", b"\n")

PREFIXED: Final = re.compile(r"[+^*%$#_&][A-Za-z0-9_]+\b")

HEX: Final = re.compile(r"[0-9A-Fa-f]+")

SHORTEST_PDU: Final = 24  # characters; an ICCID, an IMSI or a number is shorter


@dataclass(frozen=True, slots=True)
class Said:
    """One information line; ``pdu`` is the hex of the kinds that have one.

    ``octets`` is the TPDU length that the line announced, None if it announced none. A
    ``pdu`` of just that many octets has no SMSC field in front.
    """

    line: str
    pdu: str | None = None
    octets: int | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The command in flight succeeded with these information lines."""

    lines: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The command in flight failed. ``final`` is the modem's own line."""

    final: str


@dataclass(frozen=True, slots=True)
class Prompted:
    """The modem waits for the body of the command in flight."""


@dataclass(frozen=True, slots=True)
class Indicated:
    """The modem spoke unasked. A header whose PDU never came has ``said.pdu`` None, or what came.

    That was of another length then than ``said.octets`` announces.
    """

    said: Said


Event = Answered | Refused | Prompted | Indicated


@dataclass(frozen=True, slots=True)
class Answer:
    """The shape of the information lines a command expects; by default none.

    Attributes:
        prefixes: what its lines start with, such as ``+CSQ:``.
        fields: fewest and most fields after the prefix, both included.
        pattern: what a line must match as a whole after the prefix check; for a bare answer
            (no prefixes) the whole of its shape.
        pdu: each line announces a TPDU length in its last field, and the PDU follows.
        ends: the first fitting line ends the answer (models that say no OK after it).

    """

    prefixes: tuple[str, ...] = ()
    fields: tuple[int, int] = (0, 99)
    pattern: re.Pattern[str] | None = None
    pdu: bool = False
    ends: bool = False

    def fits(self, line: str) -> bool:
        """Say whether ``line`` belongs to such an answer."""
        if self.prefixes and line.startswith(self.prefixes):
            fewest, most = self.fields
            if not fewest <= line.count(",") + 1 <= most:
                return False
            return self.pattern is None or self.pattern.search(line) is not None
        return not self.prefixes and self.pattern is not None and bool(self.pattern.match(line))


NOTHING: Final = Answer()


def prefixed(*prefixes: str, fields: tuple[int, int] = (0, 99), pattern: str = "") -> Answer:
    """Return the shape of lines with one of these prefixes and so many fields."""
    return Answer(prefixes, fields, re.compile(pattern) if pattern else None)


def listed(*prefixes: str, fields: tuple[int, int]) -> Answer:
    """Return the shape of headers that a PDU follows (+CMGR:, +CMGL:)."""
    return Answer(prefixes, fields, pdu=True)


def bare(pattern: str = "", *, own: str = "") -> Answer:
    """Return the shape of a line without a prefix, or with ``own`` where a model adds one.

    Without a ``pattern`` every line fits that is no late echo, nor known to be spoken unasked.
    """
    if pattern:
        return Answer(pattern=re.compile(pattern + r"\s*$"))
    words = "|".join(map(re.escape, SPOKEN_UNASKED))
    kept = f"{re.escape(own)}|" if own else ""
    return Answer(pattern=re.compile(f"(?:{kept}(?!(?:AT)?{PREFIXED.pattern}|{words}))."))


class _Phase(Enum):
    IDLE = auto()
    PROMPT = auto()  # asked, waits for the prompt
    ANSWER = auto()  # asked in whole, waits for the final line


class Dialogue:
    """One port's conversation: what to write, and what that which was read means.

    ``strays`` counts final lines that answer nothing, ``noise`` lines too long to be one;
    ``quote`` is the indication whose text goes on.
    """

    def __init__(self) -> None:
        self.strays = 0
        self.noise = 0
        self._inbound = b""
        self._overlong = False
        self._outbound = bytearray()
        self._phase = _Phase.IDLE
        self._text = ""
        self._body = ""
        self._answer = NOTHING
        self._lines: list[Said] = []
        self._headers: list[Header] = []
        self.quote = OpenQuote()
        self._events: list[Event] = []

    @property
    def idle(self) -> bool:
        """Whether no command is in flight."""
        return self._phase is _Phase.IDLE

    @property
    def awaits_pdu(self) -> bool:
        """Whether an indication's header is still without its PDU."""
        return any(not header.of_answer for header in self._headers)

    def ask(self, text: str, answer: Answer = NOTHING, *, prompt: bool = False) -> None:
        """Put one command; with ``prompt`` its body follows by ``give`` after Prompted."""
        if not self.idle:
            raise RuntimeError(f"{self._text} is still in flight")
        self._text, self._answer, self._body = text, answer, ""
        self._lines = []
        self._phase = _Phase.PROMPT if prompt else _Phase.ANSWER
        self._outbound += text.encode("ascii") + b"\r"

    def give(self, body: bytes) -> None:
        """Put the body of the command in flight, and Ctrl-Z."""
        if self._phase is not _Phase.PROMPT:
            raise RuntimeError(f"{self._text} takes no body now")
        self._phase = _Phase.ANSWER
        self._body = body.decode("ascii")
        self._outbound += body + CTRL_Z

    def abandon(self) -> None:
        """Expect no answer any more: its lines, if they come, are indications or strays."""
        self._phase = _Phase.IDLE
        self._headers = [header for header in self._headers if not header.of_answer]

    def escape(self) -> None:
        """Abandon the command in flight and leave the modem's prompt, if it is in one."""
        self.abandon()
        self._outbound += ESCAPE

    def give_up_pdus(self) -> list[Event]:
        """Stop waiting for PDUs that were announced: return their headers without them.

        Where hex of another length came meanwhile that nobody else wanted, it is given out.
        """
        lost = [header for header in self._headers if not header.of_answer]
        self._headers = [header for header in self._headers if header.of_answer]
        return [Indicated(Said(header.line, header.other, header.octets)) for header in lost]

    def give_up_quote(self) -> list[Event]:
        """Take the open quote for one that never closes: its other lines are lines as any."""
        self._break_quote()
        return self.receive_data(b"")

    def data_to_send(self) -> bytes:
        """Return what to write to the port now, and forget it."""
        data, self._outbound = bytes(self._outbound), bytearray()
        return data

    def receive_data(self, data: bytes) -> list[Event]:
        """Take bytes from the port, however they were cut, and return what they mean."""
        *lines, rest = (self._inbound + data.translate(CR_TO_LF, CONTROLS)).split(b"\n")
        for line in lines:
            if self._overlong or len(line) > LONGEST_LINE:
                self._overlong = False
                self.noise += 1
            elif text := line.decode("latin-1").strip(" \x80\xfe\xff"):
                self._read(text)
        self._keep(rest)
        events, self._events = self._events, []
        return events

    def _keep(self, rest: bytes) -> None:
        if self._phase is _Phase.PROMPT and rest.strip() == b">" and not self.quote:
            rest = b""
            self._events.append(Prompted())
        if len(rest) > LONGEST_LINE:
            self._overlong = True
            rest = b""
        self._inbound = rest

    def _read(self, line: str) -> None:
        if self.quote and self._goes_on(line):
            return
        if self._phase is not _Phase.IDLE:
            if line[0] == ">":
                line = self._read_prompt(line)
            if not line or line in (self._text, self._body):
                return  # an echo
        if self._headers and self._take_pdu(line):
            return
        if line == "OK":
            self._succeed()
        elif line == "ERROR" or line.startswith(REFUSALS):
            self._refuse(line)
        elif self._phase is _Phase.ANSWER and self._answer.fits(line):
            self._inform(line)
        else:
            self._indicate(line)

    def _read_prompt(self, line: str) -> str:
        if self._phase is _Phase.PROMPT and not line.strip("> "):
            self._events.append(Prompted())
        return line.lstrip("> ")

    def _succeed(self) -> None:
        if self._phase is _Phase.ANSWER:
            self._close_headers()
            self._end(Answered(tuple(self._lines)))
        else:
            self.strays += 1  # late: nothing, or nothing that could be answered yet, is in flight

    def _refuse(self, final: str) -> None:
        if self._phase is _Phase.IDLE:
            self.strays += 1
        else:
            self._end(Refused(final))

    def _end(self, event: Event) -> None:
        self.abandon()
        self._events.append(event)

    def _inform(self, line: str) -> None:
        if self._answer.pdu:
            self._close_headers()
            octets = announced(line)
            if octets is None:
                self._lines.append(Said(line))
            else:
                self._headers.append(Header(line, octets, of_answer=True))
            return
        self._lines.append(Said(line))
        if self._answer.ends:
            self._end(Answered(tuple(self._lines)))

    def _indicate(self, line: str) -> None:
        self._lose_patience()
        self._keep_other(line)
        if self.quote.opens(line):
            return
        octets = announced(line) if line.startswith(CARRY_A_PDU) else None
        if octets is None:
            self._events.append(Indicated(Said(line)))
        else:
            self._headers.append(Header(line, octets, of_answer=False))

    def _goes_on(self, line: str) -> bool:
        if not self.quote.takes(line):
            self._break_quote()
            return False
        if self.quote.closed:
            self._events.append(Indicated(Said("\n".join(self.quote.end()))))
        return True

    def _break_quote(self) -> None:
        for number, line in enumerate(self.quote.end()):
            if number == 0:
                self._events.append(Indicated(Said(line)))
            else:
                self._read(line)

    def _close_headers(self) -> None:
        """Go on without the PDU that the answer's last header announced."""
        for header in self._headers:
            if header.of_answer:
                self._lines.append(Said(header.line, None, header.octets))
        self._headers = [header for header in self._headers if not header.of_answer]

    def _lose_patience(self) -> None:
        for header in tuple(self._headers):
            header.patience -= not header.of_answer
            if header.patience <= 0:
                self._headers.remove(header)
                self._events.append(Indicated(Said(header.line, header.other, header.octets)))

    def _keep_other(self, line: str) -> None:
        """Keep hex that is nobody's for a header whose PDU does not come: its length was wrong."""
        if self._headers and len(line) >= SHORTEST_PDU and HEX.fullmatch(line):
            lone = [header for header in self._headers if not header.of_answer]
            if len(lone) == 1:
                lone[0].other = lone[0].other or line.upper()

    def _take_pdu(self, line: str) -> bool:
        if not HEX.fullmatch(line):
            return False
        header = self._header_for(line)
        if header is None:
            return False
        self._headers.remove(header)
        said = Said(header.line, line.upper(), header.octets)
        if header.of_answer:
            self._lines.append(said)
        else:
            self._events.append(Indicated(said))
        return True

    def _header_for(self, line: str) -> Header | None:
        for header in reversed(self._headers):
            if has_length(line, header.octets):
                return header
        # A stored PDU may be broken, or its length wrong; it is shown all the same.
        if len(self._headers) == 1 and self._headers[0].of_answer and len(line) > 2:
            return self._headers[0]
        return None
