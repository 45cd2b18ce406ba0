"""Lanes of which nothing can leave: they sleep, or what hides others steps aside."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from appliance.dispatch.ahead import Choosing, Lane, ReadAhead
from appliance.dispatch.kept import KeptRoom
from appliance.dispatch.waking import stands_aside_until
from appliance.policy.bonds import Bonds
from appliance.policy.candidate import Candidate
from appliance.policy.choosing import Free, barred, choose
from appliance.policy.waits import STANDS_ASIDE
from appliance.store import Store
from appliance.store.aside import MOST_AT_ONCE, Step
from appliance.store.lanes import Hold

ASIDE_PACE: Final = timedelta(milliseconds=100)
"""How often some more of a lane step aside, each for a reason of its own."""

ALIKE_PACE: Final = timedelta(milliseconds=10)
"""The same where many have stepped aside for one reason."""

MANY_ALIKE: Final = MOST_AT_ONCE // 2
"""How many are many."""


class Blocked:
    """What a round has found not to be able to leave; ``free`` tells the lines there are."""

    def __init__(  # noqa: PLR0917 - what a round works with
        self,
        store: Store,
        queue: ReadAhead,
        choosing: Choosing,
        bonds: Bonds,
        kept: KeptRoom,
        free: Callable[[], Sequence[Free]],
    ) -> None:
        self._store, self._queue, self._choosing, self._free = store, queue, choosing, free
        self._bonds, self._kept = bonds, kept

    async def heed(self, lanes: Mapping[int, datetime | None], now: datetime) -> None:
        """Let lanes sleep of which nothing can leave; what hides others steps aside.

        ``lanes`` are given with the moment at which what was read of them may leave; None: not
        by time alone.
        """
        for lane_id, wakes_at in lanes.items():
            lane = self._queue.lane(lane_id)
            assert lane is not None
            others_at = self._others_at(lane, now)
            if lane.more and others_at == now:
                await self._step_aside(lane, now)
            else:
                times = [at for at in (wakes_at, others_at) if at is not None and at > now]
                lane.sleep(min(times, default=None), deaf=others_at != now)

    def _others_at(self, lane: Lane, now: datetime) -> datetime | None:
        """Return when some other message of a lane could leave, None if time alone changes nothing.

        If that is now, what hides it steps aside.
        """
        first = lane.ahead[0]
        plain = replace(first, parts=1, recipient_key=b"", only_sim=None, known_sim=None)
        groups = plain.route.groups_at(plain.due_at, now)
        times = [
            free.may_send(now, free.pending + 1, plain).at
            for free in self._free()
            if free.in_group(groups)
        ]
        return min((at for at in times if at is not None), default=None)

    async def _step_aside(self, lane: Lane, now: datetime) -> None:
        """Let what was read of a lane step aside as far as it cannot leave, and what is like it."""
        lines, sticky = self._free(), self._choosing.sticky()
        held: dict[str, list[Hold]] = {}  # by how the numbers begin that no SIM may write to
        for each in lane.ahead:
            candidate = self._bonds.tied(each)
            choice = choose(candidate, lines, now, sticky=sticky)
            if choice.line is None and not choice.full and each.key not in self._kept:
                until = stands_aside_until(choice.at, lane.put_aside, now)
                hold = Hold(candidate.key, until, STANDS_ASIDE, now)
                held.setdefault(_common(candidate, lines, held), []).append(hold)
        holds = [hold for each in held.values() for hold in each]
        lane.drop(hold.message_id for hold in holds)
        beginning = max(held, key=lambda each: len(held[each]) if each else 0, default="")
        if beginning:
            alike = held.pop(beginning)
            step = Step(lane.facts.id, beginning, alike[0].until, now)
            moved = await self._store.aside.step(step)
            holds = [hold for each in held.values() for hold in each]
        else:
            moved = 0
        await self._queue.hold(holds)
        lane.put_aside += moved + len(holds)
        lane.sleep(now + (ALIKE_PACE if moved >= MANY_ALIKE else ASIDE_PACE), deaf=False)


def _common(candidate: Candidate, lines: Sequence[Free], known: Iterable[str]) -> str:
    """Return how numbers begin that no SIM may write to, if that keeps a message; else ''."""
    number = candidate.to.recipient
    found = next((each for each in known if each and number.startswith(each)), None)
    return barred(candidate, lines) if found is None else found
