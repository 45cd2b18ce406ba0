"""What a modem says unasked about messages, as a table. Pure; nothing raises."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class News(Enum):
    """What has happened, as far as one line says it."""

    DIRECT = auto()  # a message or report itself: its PDU comes with the line
    STORED = auto()  # something new lies in a memory
    FULL = auto()  # a memory is full: the network keeps what comes, some models fall silent
    BROADCAST = auto()  # a cell broadcast, which is nobody's message


@dataclass(frozen=True, slots=True)
class Note:
    """One line about messages; ``memory`` is the one it names, '' if it names none."""

    news: News
    memory: str = ""


MEMORY: Final = r'[\s"]*([A-Z]{2}(?:_P)?\b)?'

NOTES: Final[tuple[tuple[re.Pattern[str], News], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), news)
    for pattern, news in (
        (r"\+C(?:MT|DS):", News.DIRECT),  # 27.005 clause 3.4.1, and the next two
        (rf"\+C(?:MT|DS)I:{MEMORY}", News.STORED),
        (r"\+CBMI?:", News.BROADCAST),
        (rf"[\^+]SMMEMFULL\b:?{MEMORY}", News.FULL),  # Huawei
        (r"\^SMGO:\s*[12]", News.FULL),  # Siemens, Cinterion; 0: there is room again
        (rf'\+QIND:[\s"]*smsfull"?\s*,?{MEMORY}', News.FULL),  # Quectel
        (r'\+CIEV:[\s"]*smsfull"?\s*,\s*1', News.FULL),  # 27.007 clause 8.9, by name
        (r"\+WMGF\b", News.FULL),  # Wavecom
        (rf"#SMOV:{MEMORY}", News.FULL),  # Telit; from memory, not checked
        (r"(?:SMS|MEMORY) ?FULL\b", News.FULL),
    )
)
"""From manuals and issue threads; none was seen on hardware here. The first that fits counts.
Some are said only where they were switched on: a full memory is found by looking as well."""


def note_of(line: str) -> Note | None:
    """Return what ``line`` says about messages, None if it is about something else."""
    for pattern, news in NOTES:
        if found := pattern.match(line):
            named = found[1] if pattern.groups else None
            return Note(news, (named or "").upper())
    return None
