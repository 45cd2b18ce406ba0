"""What of a dialogue may be shown: numbers, texts and PDUs only when asked for, a PIN never."""

import re
from typing import Final

from appliance.logs import masked

SECRETS: Final = re.compile(r"([+^#](?:CPIN2?|CLCK|CPWD|PIN)=).*", re.IGNORECASE)

SPEAKING: Final = re.compile(  # quoted in these: a number, or a text that somebody wrote
    r"(?:AT)?(?:\+(?:CUSD|CMGR|CMGL|CMGS|CMGW|CMT|CDS|CBM|CNUM|CLIP|CLCC|COLP|CPBR|CPBF|CSCA)\b|D)",
    re.IGNORECASE,
)

WITH_BODY: Final = re.compile(r"\+(?:CMGR|CMGL|CMT|CDS|CBM):")

PDU: Final = re.compile(r"([0-9A-Fa-f]{4})((?:[0-9A-Fa-f]{2}){6,})(\\x1a)?")

NUMBER: Final = re.compile(r"\+?\d{7,}[\d*#]*|\b[0-9A-Fa-f]{10,}\b")

QUOTED: Final = re.compile(r'"([^"]*)"?')

OWN_WORD: Final = re.compile(r"[A-Z]{2}(?:_P)?|(?:REC|STO) [A-Z]+|ALL|[\d/]+,[\d:+-]+|")
"""Quoted, and said by the modem itself: a memory, a message's status, a time."""

FINALS: Final = re.compile(r"OK$|ERROR$|\+CM[SE] ERROR|[+^*#$]\w+:|AT", re.IGNORECASE)


class Masker:
    """Masks the lines of one direction of a dialogue, in order: a text may go over several."""

    def __init__(self, *, show_numbers: bool) -> None:
        """With ``show_numbers`` only PINs are masked."""
        self._show = show_numbers
        self._open = False  # within quotes that began on an earlier line
        self._body = False  # a message's body follows

    def line(self, line: str) -> str:
        """Return ``line`` (without its end) as it may be shown."""
        line = SECRETS.sub(r"\1****", line)
        if self._show:
            return line
        if self._open:
            text, quote, rest = line.partition('"')
            self._open = not quote
            return f"{_hidden(text)}{quote}{NUMBER.sub(_number, rest)}"
        if pdu := PDU.fullmatch(line):
            self._body = False
            start, rest, end = pdu.groups("")
            return f"{start}… ({len(start + rest) // 2} octets){end}"
        if self._body and line and not FINALS.match(line):
            return _hidden(line)
        self._body = bool(WITH_BODY.match(line)) or (self._body and not line)
        if SPEAKING.match(line):
            self._open = line.count('"') % 2 == 1
            line = QUOTED.sub(_quoted, line)
        return NUMBER.sub(_number, line)


def _quoted(found: re.Match[str]) -> str:
    said, end = found[1], found[0][-1] if found[0].endswith('"') and len(found[0]) > 1 else ""
    if OWN_WORD.fullmatch(said):
        return found[0]
    return f'"{masked(said) if NUMBER.fullmatch(said) else _hidden(said)}{end}'


def _number(found: re.Match[str]) -> str:
    return masked(found[0])


def _hidden(text: str) -> str:
    """Return how much is hidden."""
    return f"({len(text)} characters)" if text else ""
