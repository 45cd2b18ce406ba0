"""What becomes of a part of which nobody can tell whether it was sent. Pure.

It may be on the air, so sending it again may write to its recipient twice; not sending it
again may not write at all. Which is worse depends on what the message is for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from appliance.errors import BadField
from appliance.policy.categories import Category
from appliance.submission import WhenUncertain

HOLD, RESEND = WhenUncertain.HOLD, WhenUncertain.RESEND

NEVER_TWICE: Final = frozenset({Category.MARKETING})
"""Nobody may get such a message twice."""

AFTER: Final[Mapping[Category, timedelta]] = {
    Category.OTP: timedelta(minutes=2),  # a code is worth nothing when it comes late
    Category.URGENT: timedelta(minutes=15),
    Category.TRANSACTIONAL: timedelta(hours=24),
    Category.MARKETING: timedelta(hours=24),
}
"""How long a part is uncertain before it is decided upon, if nothing else is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UncertainRules:
    """What a site has set.

    Attributes:
        by_category: what is done; HOLD for those that are not named.
        by_account: what is done for an account, by its name, whatever the category.
        after: how long it is waited before it is done, by category.

    """

    by_category: Mapping[Category, WhenUncertain] = field(default_factory=dict)
    by_account: Mapping[str, WhenUncertain] = field(default_factory=dict)
    after: Mapping[Category, timedelta] = field(default_factory=lambda: AFTER)

    def of(self, asked: WhenUncertain | None, account: str, category: Category) -> WhenUncertain:
        """Return what is done with a message: as asked, else as set for its account or category.

        What an account has for all its messages leaves out those that nobody may get twice.

        Raises:
            BadField: it is asked to send again what nobody may get twice.

        """
        if asked is not None:
            if asked is RESEND and category in NEVER_TWICE:
                raise BadField("when_uncertain", f"{category} is never sent twice: hold or fail")
            return asked
        own = self.by_account.get(account)
        if own is not None and not (own is RESEND and category in NEVER_TWICE):
            return own
        return self.by_category.get(category, HOLD)

    def before(self, now: datetime) -> dict[Category, datetime]:
        """Return since when at the latest a part must be uncertain, to be decided upon now."""
        return {category: now - self.after[category] for category in Category}
