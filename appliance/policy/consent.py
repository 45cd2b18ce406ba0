"""What a keyword covers: which messages, and whose. Pure values."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from appliance.policy.categories import Category

REPLY_AGAIN: Final = timedelta(hours=24)
"""How long one who was answered a keyword is not answered the same one again: two gateways
that answer each other would never end."""

REPLY_VALIDITY: Final = timedelta(hours=24)
"""How long an answer to a keyword may wait for its SIM: later, nobody knows what it means."""


class Scope(StrEnum):
    """Which messages a STOP ends."""

    ALL = "all"
    MARKETING = "marketing"


class Per(StrEnum):
    """By whom its sender is not written to any more."""

    SITE = "site"  # by nobody here
    ACCOUNT = "account"  # by the account that the STOP belongs to
    NUMBER = "number"  # by the SIM that it came to


class Source(StrEnum):
    """How an opt-out came about, or ended."""

    SMS = "sms"
    API = "api"
    CLI = "cli"
    IMPORT = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """What one opt-out covers; None stands for all.

    Attributes:
        account_id: the account that must not write.
        category: of messages.
        sim_id: the SIM that must not be written by.

    """

    account_id: int | None = None
    category: str | None = None
    sim_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordRules:
    """What a site has set."""

    scope: Scope = Scope.ALL
    per: Per = Per.SITE

    def covers(self, account_id: int | None, sim_id: int) -> Covered:
        """Return what a STOP covers that belongs to an account (None: to nobody) and came to a SIM.

        One that belongs to nobody holds for all accounts.
        """
        return Covered(
            account_id=account_id if self.per is Per.ACCOUNT else None,
            category=Category.MARKETING if self.scope is Scope.MARKETING else None,
            sim_id=sim_id if self.per is Per.NUMBER else None,
        )


SHIPPED_RULES: Final = KeywordRules()
"""A STOP ends everything."""
