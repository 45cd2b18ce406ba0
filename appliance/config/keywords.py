"""What can be set for keywords: words of the site's own, what a STOP covers, what is answered."""

from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import AfterValidator, model_validator

from appliance import text
from appliance.config.types import Many, Section
from appliance.errors import TooManyParts
from appliance.policy.consent import KeywordRules, Per, Scope
from appliance.policy.keywords import Keyword, fold, keyword

LONGEST_REPLY: Final = 3
"""Parts of an answer to a keyword."""


def _word(value: str) -> str:
    if fold(value):
        return value
    raise ValueError("must have a letter or a digit")


def _reply(value: str) -> str:
    if not value:
        return value
    if keyword(value) is not None:
        raise ValueError("must not be a keyword itself: two gateways would answer each other")
    try:
        parts = len(text.choose(value).segments)
    except (TooManyParts, ValueError):
        parts = LONGEST_REPLY + 1
    if parts > LONGEST_REPLY or "\0" in value:
        raise ValueError(f"must fit into {LONGEST_REPLY} SMS")
    return value


Words = Annotated[tuple[Annotated[str, AfterValidator(_word)], ...], Many]

Reply = Annotated[str, AfterValidator(_reply)]


class Keywords(Section):
    """Words besides the shipped ones, and what they do."""

    stop: Words = ()
    start: Words = ()
    help: Words = ()
    scope: Scope = Scope.ALL
    per: Per = Per.SITE
    stop_reply: Reply = ""
    start_reply: Reply = ""
    help_reply: Reply = ""

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        """Refuse a word that would have to mean two things."""
        for meaning, own in self.extra.items():
            for word in own:
                shipped = keyword(word)
                others = {k for k, w in self.extra.items() if fold(word) in map(fold, w)}
                others |= {shipped} if shipped else set()
                if clash := others - {meaning}:
                    raise ValueError(f"{meaning}: {word!r} means {min(clash)} already")
        return self

    @property
    def extra(self) -> Mapping[Keyword, tuple[str, ...]]:
        """The words by what they mean, as ``policy.keywords`` takes them."""
        return {Keyword.STOP: self.stop, Keyword.START: self.start, Keyword.HELP: self.help}

    @property
    def rules(self) -> KeywordRules:
        """What a STOP covers."""
        return KeywordRules(scope=self.scope, per=self.per)

    @property
    def replies(self) -> Mapping[Keyword, str]:
        """What is answered, by keyword; those without an answer are left out."""
        said = {
            Keyword.STOP: self.stop_reply,
            Keyword.START: self.start_reply,
            Keyword.HELP: self.help_reply,
        }
        return {meaning: words for meaning, words in said.items() if words}
