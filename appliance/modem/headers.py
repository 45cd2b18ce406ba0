"""Lines that announce a PDU, which stands on a later one. Pure, a part of ``at``."""

import re
from dataclasses import dataclass
from typing import Final

PATIENCE: Final = 16  # other lines that may stand between a header and its PDU

LENGTH: Final = re.compile(r"(\d+)\s*$")


@dataclass(slots=True)
class Header:
    """A line whose PDU has not come yet; ``other``: hex of another length came, None if none."""

    line: str
    octets: int
    of_answer: bool
    patience: int = PATIENCE
    other: str | None = None


def announced(header: str) -> int | None:
    """Return the TPDU length in a header's last field, None if it has none (text mode)."""
    if header.count(",") > 3:
        return None
    found = LENGTH.search(header)
    return int(found[1]) if found else None


def has_length(text: str, octets: int) -> bool:
    """Say whether hex ``text`` holds ``octets`` octets, besides an SMSC field if it has one."""
    size, odd = divmod(len(text), 2)
    return not odd and size in (octets, octets + 1 + int(text[:2], 16))
