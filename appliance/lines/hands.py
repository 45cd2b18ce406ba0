"""What lines and their caretakers work with."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.clock import Clock
from appliance.inbox import Inbox
from appliance.lines.record import Record
from appliance.store import Store
from appliance.store.values import Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What a line works with.

    ``nudge`` wakes the dispatcher: there is room for a message. ``again`` does so too: a
    message that was reserved is not sent by this line, so the queue must be read again.
    ``held`` tells whether a message that was read may not begin after all: quiet hours have.
    """

    store: Store
    inbox: Inbox
    clock: Clock
    record: Record
    nudge: Callable[[], None]
    again: Callable[[], None]
    held: Callable[[Waiting], bool] = lambda _waiting: False
