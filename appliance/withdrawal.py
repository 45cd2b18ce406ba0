"""What accounts take back: messages cancelled, and messages replaced before they leave.

For every door. What is answered is committed.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from appliance.clock import Clock
from appliance.errors import BadField
from appliance.intake import Intake
from appliance.models import Account
from appliance.store import Store
from appliance.store.withdrawal import Selection, Withdrawn
from appliance.submission import Accepted, Receipts, Submission

PATIENCE: Final = timedelta(seconds=10)
"""How long one who cancels many is kept waiting; the chores go on with the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """What is to be otherwise with a message; None: as it is.

    ``text`` or ``data`` with ``udh`` as in ``Submission``; ``validity`` counts from when it may
    leave, and only one of it and ``expires_at`` is given.
    """

    text: str | None = None
    data: bytes | None = None
    udh: bytes = b""
    not_before: datetime | None = None
    expires_at: datetime | None = None
    validity: timedelta | None = None
    receipts: Receipts | None = None


async def cancel(
    store: Store,
    clock: Clock,
    account_id: int | None,
    selection: Selection,
    patience: timedelta = PATIENCE,
) -> Withdrawn:
    """Cancel messages of an account (None: of any): all, or what can be within ``patience``.

    What is left is gone on with by the chores, also after a restart.

    Raises:
        NotFound: an id is none at all.
        StoreError: the database failed.

    """
    end = clock.monotonic() + patience.total_seconds()
    found = await store.withdrawal.cancel(account_id, selection, clock.now())
    while found.rest is not None and clock.monotonic() < end:
        further = await store.withdrawal.go_on(found.rest, clock.now())
        if further.rest is None and further == Withdrawn():
            return replace(found, rest=None)  # the chores were quicker
        found = further
    return found


async def change(
    intake: Intake, store: Store, account: Account, name: str, wanted: Replacement
) -> Accepted:
    """Let a message of an account be another, under the same id, while nothing of it has left.

    Raises:
        NotFound: the account has none of that name.
        SubmissionRefused: what is wanted is no message; ``field`` says why.
        TooLate: something of it has left, or its fate is known.
        StoreError: nothing was changed.

    """
    assert account.id is not None
    known = await store.replacement.known(account.id, name)
    new = intake.checked(account, _merged(known.asked, wanted))
    if wanted.not_before is None and known.asked.not_before and new.not_before == new.at:
        new = replace(new, not_before=known.asked.not_before)  # it keeps its place in the queue
    return await store.replacement.replace(known, new)


async def supersede(
    intake: Intake, store: Store, account: Account, name: str, asked: Submission
) -> Accepted:
    """Let a message of an account be wholly another, under the same id.

    Its category, its priority and so its lane stay as they are. Raises as ``change`` does.
    """
    assert account.id is not None
    known = await store.replacement.known(account.id, name)
    return await store.replacement.replace(known, intake.checked(account, asked))


def _merged(asked: Submission, wanted: Replacement) -> Submission:
    if wanted == Replacement():
        raise BadField("text", "nothing is to be replaced")
    if wanted.text is not None or wanted.data is not None:
        asked = asked._replace(text=wanted.text, data=wanted.data, udh=wanted.udh)
    if wanted.validity is not None:
        asked = asked._replace(expires_at=None, validity=wanted.validity)
    return asked._replace(
        not_before=wanted.not_before or asked.not_before,
        expires_at=wanted.expires_at or asked.expires_at,
        receipts=wanted.receipts or asked.receipts,
    )
