"""Which SIMs a message may leave by: rules in order, each leading to groups of SIMs. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final

from appliance.policy.categories import Category

EVERY_SIM: Final = ""
"""The group that all SIMs are in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A message, as much of it as choosing its way needs.

    ``country`` is ISO 3166 letters, ``operator`` the recipient's network as a word; None where
    it is not known (a short code has no country).
    """

    account: str
    category: Category
    recipient: str
    country: str | None = None
    operator: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One rule. What is empty holds for all; what is given must fit.

    Attributes:
        name: unique; messages that wait keep it.
        groups: the SIM groups it leads to, the first one first.
        accounts: names of accounts.
        categories: of messages.
        prefixes: beginnings of the recipient's number, with their ``+``.
        countries: ISO 3166 letters.
        operators: words that the name of the recipient's network holds, without regard to case.
        on_net: SIMs of the recipient's own network come first.
        fallback_after: how long a message waits for one group before the next one may take
            it too; None: never.

    """

    name: str
    groups: tuple[str, ...] = (EVERY_SIM,)
    accounts: frozenset[str] = frozenset()
    categories: frozenset[Category] = frozenset()
    prefixes: tuple[str, ...] = ()
    countries: frozenset[str] = frozenset()
    operators: tuple[str, ...] = ()
    on_net: bool = False
    fallback_after: timedelta | None = None

    @property
    def asks_for_operator(self) -> bool:
        """Whether the recipient's network must be known for it."""
        return self.on_net or bool(self.operators)

    def fits(self, to: Destination) -> bool:
        """Tell whether it holds for a message."""
        return (
            (not self.accounts or to.account in self.accounts)
            and (not self.categories or to.category in self.categories)
            and (not self.prefixes or to.recipient.startswith(self.prefixes))
            and (not self.countries or to.country in self.countries)
            and (not self.operators or same_network(to.operator, *self.operators))
        )

    def groups_at(self, due_at: datetime, now: datetime) -> tuple[str, ...]:
        """Return the groups that may take a message now that could have left at ``due_at``."""
        if self.fallback_after is None:
            return self.groups[:1]
        passed = max(now - due_at, timedelta()) // self.fallback_after
        return self.groups[: 1 + passed]

    def widens_at(self, due_at: datetime, now: datetime) -> datetime | None:
        """Return when the next group may take it too, None if there is none."""
        open_now = len(self.groups_at(due_at, now))
        if self.fallback_after is None or open_now >= len(self.groups):
            return None
        return due_at + open_now * self.fallback_after


ANY_WAY: Final = Route(name="")
"""What holds where no rule fits: every SIM."""


class Routes:
    """The rules of a site, in their order."""

    def __init__(self, routes: Sequence[Route] = ()) -> None:
        self._routes = (*routes, ANY_WAY)
        self._by_name = {route.name: route for route in self._routes}

    @property
    def ask_for_operator(self) -> bool:
        """Whether any rule needs the recipient's network."""
        return any(route.asks_for_operator for route in self._routes)

    @property
    def spelling(self) -> str:
        """The rules in words that are the same whenever the rules are."""
        return "\n".join(
            " ".join(
                repr(sorted(value) if isinstance(value, frozenset) else value)
                for value in (getattr(route, each.name) for each in fields(route))
            )
            for route in self._routes
        )

    def of(self, to: Destination) -> Route:
        """Return the first rule that fits; the last one fits all."""
        return next(route for route in self._routes if route.fits(to))

    def named(self, name: str) -> Route:
        """Return a rule by its name; what is no longer set leads to every SIM."""
        return self._by_name.get(name, ANY_WAY)

    def __contains__(self, name: str) -> bool:
        """Tell whether there is a rule of that name."""
        return name in self._by_name


def same_network(network: str | None, *others: str) -> bool:
    """Tell whether a network's name is one of ``others``, in whatever spelling.

    Networks call themselves "Vodafone.de", "vodafone DE", "Vodafone": one name must hold the
    other, letters and digits alone.
    """
    mine = _letters(network or "")
    return bool(mine) and any(
        theirs and (theirs in mine or mine in theirs) for theirs in map(_letters, others)
    )


def _letters(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
