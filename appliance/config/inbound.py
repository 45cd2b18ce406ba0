"""What can be set for inbound messages: which account gets what, by SIM and by first word."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from appliance.config.types import Many, Section
from appliance.policy.inbound_routes import InboundRoute, first_word
from appliance.policy.keywords import fold

NUMBER: Final = re.compile(r"\+[1-9][0-9]{5,14}")

ICCID: Final = re.compile(r"[0-9A-F]{18,20}")


def _word(value: str) -> str:
    if fold(value) and first_word(value) == fold(value):
        return value
    raise ValueError(f"{value!r} must be one word with a letter or a digit")


Words = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Many]

FirstWords = Annotated[tuple[Annotated[str, AfterValidator(_word)], ...], Many]


class InboundSetting(Section):
    """One rule: an account, and what it gets. The first rule that fits holds."""

    account: str = Field(min_length=1, max_length=64)
    sims: Words = ()
    keywords: FirstWords = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        """Refuse a rule for everything: that is what the default account is for."""
        if not self.sims and not self.keywords:
            raise ValueError("needs sims, keywords, or both")
        return self

    def route(self, iccids: Mapping[str, str]) -> InboundRoute:
        """Return the rule; ``iccids`` has those of the SIMs that are set, by their names."""
        sims = (iccids.get(sim, sim) for sim in self.sims)
        return InboundRoute(
            account=self.account,
            sims=frozenset(sim if sim.startswith("+") else sim.rstrip("F") for sim in sims),
            keywords=frozenset(map(first_word, self.keywords)),
        )


def wrong_inbound(settings: Sequence[InboundSetting], iccids: Mapping[str, str]) -> Iterator[str]:
    """Complain of SIMs that cannot be, and of rules that nothing reaches."""
    for at, setting in enumerate(settings):
        for sim in setting.sims:
            if sim not in iccids and not NUMBER.fullmatch(sim) and not ICCID.fullmatch(sim):
                yield (
                    f"inbound.{at}.sims: {sim!r} is neither a number such as +4915228817386,"
                    " nor an ICCID, nor the name of one of sims"
                )
    routes = [setting.route(iccids) for setting in settings]
    for at, route in enumerate(routes):
        earlier = (place for place in range(at) if routes[place].covers(route))
        if (place := next(earlier, None)) is not None:
            yield f"inbound.{at}: nothing reaches it: inbound.{place} takes all of it"
