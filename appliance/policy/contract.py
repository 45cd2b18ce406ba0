"""What the contract of a SIM bears: what it may send, for whom, to where, and at what price."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.policy.limits import Limit


@dataclass(frozen=True, slots=True)
class Eligible:
    """Whose messages a SIM carries, and to where. What is empty allows all.

    Attributes:
        categories: of messages.
        accounts: their names.
        prefixes: beginnings of recipients' numbers, with their ``+``.
        countries: of recipients, by ISO 3166. A recipient must be of one of these or have one
            of the prefixes.

    """

    categories: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    countries: frozenset[str] = frozenset()

    def why_not(self, category: str, account: str, recipient: str, country: str | None) -> str:
        """Return why a message is not for this SIM, in words; ``''`` if it is.

        ``recipient`` is in E.164 with its ``+``, or a short code, whose ``country`` is None.
        """
        if self.categories and category not in self.categories:
            return f"it carries only {_listed(self.categories)} messages"
        if self.accounts and account not in self.accounts:
            return f"it carries messages of {_listed(self.accounts)} only"
        places = (*sorted(self.countries), *self.prefixes)
        there = country in self.countries or recipient.startswith(self.prefixes or ("\0",))
        return f"it writes only to {_listed(places)}" if places and not there else ""

    def serves(self, category: str, account: str) -> bool:
        """Tell whether it may be for messages of an account and category, to somewhere.

        What is '' is not known: then it may.
        """
        kind = not self.categories or not category or category in self.categories
        return kind and (not self.accounts or not account or account in self.accounts)

    def bars(self, beginning: str, calling_code: Callable[[str], str]) -> bool:
        """Tell whether it is for no number at all that begins so, whoever writes.

        ``calling_code`` tells how the numbers of a country begin.
        """
        places = (*self.prefixes, *map(calling_code, self.countries))
        return bool(places) and not any(
            beginning.startswith(each) or each.startswith(beginning) for each in places
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """All that is set for one SIM.

    Attributes:
        name: what people call it; '' for nothing.
        limits: what it may send, and when.
        eligible: what for.
        group: of SIMs that it belongs to; '' for none.
        weight: its share among SIMs that are equal otherwise; more than 0.
        price: of a part, in the contract's currency; None: not known.

    """

    name: str = ""
    limits: tuple[Limit, ...] = ()
    eligible: Eligible = Eligible()
    group: str = ""
    weight: float = 1.0
    price: float | None = None


def _listed(words: frozenset[str] | tuple[str, ...]) -> str:
    found = sorted(words) if isinstance(words, frozenset) else words
    return ", ".join(found)
