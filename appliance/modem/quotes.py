"""Indications whose quoted text holds line breaks: a USSD text may. Pure, a part of ``at``."""

import re
from typing import Final

QUOTING: Final = "+CUSD:"

CLOSED: Final = re.compile(r'"\s*(?:,\s*\d{1,3}\s*)?$')  # the end of such a text

NO_TEXT: Final = re.compile(r"[+^][A-Z]{3,}(?: ERROR)?:")
"""How a line begins that belongs to no such text."""

MOST_LINES: Final = 32  # of one such text


class OpenQuote:
    """An indication whose quote is open, if there is one now."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def __bool__(self) -> bool:
        """Say whether a quote is open."""
        return bool(self._lines)

    def opens(self, line: str) -> bool:
        """Take ``line`` if it opens a quote and does not close it."""
        if not line.startswith(QUOTING) or '"' not in line:
            return False
        if line.count('"') > 1 and CLOSED.search(line):
            return False
        self._lines = [line]
        return True

    def takes(self, line: str) -> bool:
        """Take ``line`` if it belongs to the open quote, and there is one."""
        if not self._lines or NO_TEXT.match(line) or len(self._lines) >= MOST_LINES:
            return False
        self._lines.append(line)
        return True

    @property
    def closed(self) -> bool:
        """Whether the line just taken has closed the quote."""
        return CLOSED.search(self._lines[-1]) is not None

    def end(self) -> list[str]:
        """Return its lines; no quote is open from now on."""
        lines, self._lines = self._lines, []
        return lines
