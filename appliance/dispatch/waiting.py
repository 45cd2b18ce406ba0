"""Why a message waits, as its account and the people at the box read it."""

from collections.abc import Callable, Sequence
from datetime import tzinfo

from appliance.clock import Clock
from appliance.lifecycle import State
from appliance.policy.limits import Wait
from appliance.policy.waits import STANDS_ASIDE
from appliance.store import Store
from appliance.store.lanes import Explained
from appliance.store.values import Waiting

Unready = Sequence[tuple[str, str]]
"""Modems that are not ready: their names, and what holds each."""


class WhyWaiting:
    """Answers why a message has not left yet.

    Args:
        store: has the queue.
        clock: the wall clock.
        zone: the site's, in which times are said.
        explain: says why one that is due has not left, given the modems that are not ready.
        unready: tells these.

    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        zone: tzinfo,
        explain: Callable[[Waiting, Unready], str],
        unready: Callable[[], Unready],
    ) -> None:
        self._store, self._clock, self._zone = store, clock, zone
        self._explain, self._unready = explain, unready

    async def of(self, message_id: str, state: State) -> str | None:
        """Return why a message in ``state`` waits, a sentence; None if it does not.

        Raises:
            NotFound: ``message_id`` is no id of a message.
            StoreError: it could not be read.

        """
        if state is not State.QUEUED:
            return None
        found = await self._store.lanes.explained(message_id)
        return self._why(found) if found is not None else None

    def _why(self, found: Explained) -> str:
        waiting, now = found.waiting, self._clock.now()
        due_at = waiting.due_at
        if due_at is None or due_at <= now or found.cause == STANDS_ASIDE:
            return self._explain(waiting, self._unready())
        if found.refusal is not None:
            return Wait(due_at, f"tried in vain: {found.refusal}", self._zone, now).reason
        if found.cause:
            return found.cause
        return Wait(due_at, "sent later, as asked", self._zone, now).reason
