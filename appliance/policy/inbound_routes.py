"""Whose an inbound message is by the site's own rules: by the SIM it came to, by its first word.

Pure.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from appliance.policy.keywords import fold

_BETWEEN: Final = re.compile(r"[\s,;:.!?/()]+")


def first_word(text: str) -> str:
    """Return the first word of a text, as spellings of it compare; '' if there is none."""
    return next((word for piece in _BETWEEN.split(text) if (word := fold(piece))), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundRoute:
    """One rule. What is empty fits all; what is given must fit.

    Attributes:
        account: the name of the account that gets what fits.
        sims: numbers with their ``+``, and ICCIDs without a filler F at the end.
        keywords: first words, as ``first_word`` returns them.

    """

    account: str
    sims: frozenset[str] = frozenset()
    keywords: frozenset[str] = frozenset()

    def fits(self, iccid: str, number: str | None, word: str) -> bool:
        """Tell whether it holds for what came to a SIM and begins with ``word``."""
        return (not self.sims or iccid.rstrip("F") in self.sims or number in self.sims) and (
            not self.keywords or word in self.keywords
        )

    def covers(self, other: "InboundRoute") -> bool:
        """Tell whether it fits whatever ``other`` fits, so that nothing reaches that one."""
        return _within(other.sims, self.sims) and _within(other.keywords, self.keywords)


def accounts_for(
    routes: Sequence[InboundRoute], iccid: str, number: str | None, text: str | None
) -> Iterator[str]:
    """Return the accounts whose rules fit, the first rule first.

    Args:
        routes: the rules, in order.
        iccid: of the SIM that it came to.
        number: of that SIM, None if it is not known.
        text: what it says; None: it is no text, as data and calls are not.

    """
    word = first_word(text or "")
    return (route.account for route in routes if route.fits(iccid, number, word))


def _within(inner: frozenset[str], outer: frozenset[str]) -> bool:
    return not outer or (bool(inner) and inner <= outer)
