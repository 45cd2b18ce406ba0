"""How an account speaks SMPP: what is set for it, in the words of the translation. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from appliance.config.accounts import urgency
from appliance.policy.categories import Category

GSM, LATIN1, PACKED = "gsm0338", "latin1", "packed"
"""What data_coding 0 may be: GSM 03.38 one septet to an octet, Latin-1, or septets packed."""

PAYLOAD, UDH, SAR = "payload", "udh", "sar"
"""How a long inbound message comes: whole, in parts with headers, or with SAR parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What is set for an account; the defaults are those of one for which nothing is set.

    Attributes:
        gsm0: what data_coding 0 is: ``GSM``, ``LATIN1`` or ``PACKED``.
        inbound_form: ``PAYLOAD``, ``UDH`` or ``SAR``.
        region: whose national numbers it writes (ISO 3166); None: the site's.
        category: what its messages are where nothing else tells.
        service_types: which it may use besides the usual ones, and what category they are.
        category_tag: the optional parameter whose text is the category; None: none.
        priorities: what a priority_flag is: category and priority, None: not said.
        expire_unreported: a receipt says EXPIRED of what nothing was heard of, not UNKNOWN.

    """

    gsm0: str = GSM
    inbound_form: str = PAYLOAD
    region: str | None = None
    category: Category = Category.TRANSACTIONAL
    service_types: Mapping[str, Category] = field(default_factory=dict)
    category_tag: int | None = None
    priorities: Mapping[int, tuple[Category | None, int | None]] = field(default_factory=dict)
    expire_unreported: bool = False


PLAIN: Final = Manner()


def service_types(written: Mapping[str, str] | None) -> dict[str, Category]:
    """Return the categories of service types, as an account's setting has them."""
    return {name: Category(value) for name, value in (written or {}).items()}


def priorities(written: Mapping[str, str] | None) -> dict[int, tuple[Category | None, int | None]]:
    """Return what each priority_flag is, as an account's setting has it."""
    return {int(flag): urgency(value) for flag, value in (written or {}).items()}
