"""What must stand in a message, and what must not. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from appliance.policy.categories import Category


class Footer(StrEnum):
    """What happens to a message without its footer."""

    ADD = "add"
    DEMAND = "demand"


class OnForbidden(StrEnum):
    """What happens to a message with a forbidden word."""

    REFUSE = "refuse"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Checked:
    """A text as it is to go out; ``refusal`` is why it is not, '' if it may; warnings are told."""

    text: str
    refusal: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRules:
    """What a site has set.

    Attributes:
        footer: what a marketing message must end with; '' for nothing.
        on_missing: whether it is added, or demanded of the account.
        forbidden: words and phrases, found as whole words whatever their case and width.
        on_forbidden: what follows.

    """

    footer: str = ""
    on_missing: Footer = Footer.ADD
    forbidden: Sequence[str] = ()
    on_forbidden: OnForbidden = OnForbidden.REFUSE

    def check(self, text: str, category: Category) -> Checked:
        """Return the text as it is to go out, or why it must not."""
        found = [word for word in self.forbidden if _holds(text, word)]
        told = (
            f"the text holds {'words that are' if len(found) > 1 else 'a word that is'} not allowed"
        )
        if found and self.on_forbidden is OnForbidden.REFUSE:
            return Checked(text, told)
        warnings = (told,) if found else ()
        if category is not Category.MARKETING or not self.footer or _holds(text, self.footer):
            return Checked(text, warnings=warnings)
        if self.on_missing is Footer.DEMAND:
            return Checked(text, "a marketing message must hold the footer that this site has set")
        between = "" if text.endswith(("\n", " ")) else " "
        return Checked(f"{text}{between}{self.footer}", warnings=warnings)


def _holds(text: str, words: str) -> bool:
    """Tell whether a text holds some words, as whole words where it has such."""
    wanted = re.escape(_plain(words))
    # Chinese and the like have no spaces between words: there any place will do.
    edges = (r"(?<!\w)", r"(?!\w)") if wanted.isascii() else ("", "")
    return re.search(f"{edges[0]}{wanted}{edges[1]}", _plain(text)) is not None


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
