"""What of a submission can be looked at by itself: its names, its zone, what its header says."""

import re
from collections.abc import Mapping
from operator import attrgetter
from typing import Final
from zoneinfo import ZoneInfo

from appliance import text
from appliance.errors import BadField, TooManyParts
from appliance.policy.categories import PRIORITY
from appliance.store.values import Segment
from appliance.submission import SERVICE_CENTRE, Submission

LONGEST_NAME: Final = 255
"""Characters of a reference or an idempotency key."""

NO_CHARACTER: Final = re.compile("[\0\ud800-\udfff]")

SMPP: Final = tuple(
    name.removeprefix("smpp_") for name in Submission._fields if name.startswith("smpp_")
)
"""What may be kept with a message of what its ESME gave."""

UNSAID: Final[Mapping[str, object]] = {
    name.removeprefix("smpp_"): default
    for name, default in Submission._field_defaults.items()
    if name.startswith("smpp_")
}
"""What of it is not kept: it is what there is where nothing is kept."""

_smpp: Final = attrgetter(*(f"smpp_{name}" for name in SMPP))


def segment_of(asked: Submission, parts: int) -> Segment | None:
    """Return of what a message is a segment, if its app has split that itself."""
    found = text.numbering_in(asked.udh)
    if found is None or found.total == 1:
        return None
    if parts > 1:
        raise TooManyParts("udh", "it numbers a segment, which must fit into one part")
    reference = found.reference
    if not found.wide and asked.smpp_sar & 0xFF == reference:
        reference = asked.smpp_sar  # of 16 bits; its header has room for 8 only
    return Segment(asked.smpp_source, reference, found.total, found.ordinal, found.wide)


def zone_of(name: str | None) -> ZoneInfo | None:
    """Return a recipient's time zone, None if none is named.

    Raises:
        BadField: there is none of that name.

    """
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise BadField("time_zone", "no such time zone; Europe/Berlin is one") from None


def check_names(asked: Submission) -> None:
    """Refuse the account's own names, and a service centre, that cannot be kept as they are."""
    for field in ("reference", "idempotency_key", "batch"):
        value = getattr(asked, field)
        if value is not None and not 1 <= len(value) <= LONGEST_NAME:
            raise BadField(field, f"not between 1 and {LONGEST_NAME} characters")
        if value is not None:
            check_characters(field, value)
    if asked.service_centre is not None and not re.fullmatch(SERVICE_CENTRE, asked.service_centre):
        raise BadField("service_centre", "no international number such as +491710760000")


def check_characters(field: str, words: str) -> None:
    """Refuse what is no character: no phone shows it, and not every database keeps it."""
    if NO_CHARACTER.search(words):
        raise BadField(field, "holds U+0000 or half of a surrogate pair")


def priority_of(asked: Submission) -> int:
    """Return which priority it has, 0-3: the one asked for, else its category's."""
    if asked.priority is None:
        return PRIORITY[asked.category]
    if not 0 <= asked.priority <= 3:
        raise BadField("priority", "not between 0 and 3")
    return asked.priority


def smpp_of(asked: Submission) -> dict[str, str | int] | None:
    """Return what the ESME gave with it, to be given back; None if it came by another door."""
    if not (asked.smpp_source or asked.smpp_dest):
        return None
    given = zip(SMPP, _smpp(asked), strict=True)
    return {name: value for name, value in given if value != UNSAID[name]}
