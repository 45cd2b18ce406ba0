"""Lines sorted by what they have: always as if all had been looked through."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from appliance.dispatch.supplied import AHEAD, Supplied
from appliance.lines.reserved import Reserved
from appliance.store.values import Waiting

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Bare:
    """A line that has messages and does nothing with them."""

    def __init__(self):
        self.reserved, self.sending, self.here = Reserved(), None, False


def message(number):
    return Waiting(
        message_id=number,
        account_id=number % 3,
        category="marketing",
        priority=number % 2,
        recipient="+49151",
        recipient_key=b"",
        recipient_suffix_key=b"",
        text="x",
        data=None,
        udh=b"",
        flash=False,
        encoding="gsm7",
        parts=1,
        todo=(1,),
        expires_at=NOW,
        sim_id=7 if number % 5 == 0 else None,
    )


def step(lines, supplied, number, what):
    line = lines[number % len(lines)]
    if what == "join" and not line.here:
        supplied.join(line)
        line.here = True
    elif what == "leave" and line.here:
        supplied.leave(line)
        line.here = False
    elif what == "add":
        line.reserved.add(message(number), urgent=number % 7 == 0)
    elif what == "send" and line.sending is None and line.reserved:
        line.sending = line.reserved.sending(line.reserved.next())
        line.sending.__enter__()
    elif what == "sent" and line.sending is not None:
        line.sending.__exit__(None, None, None)
        line.sending = None
    elif what == "yield" and line.reserved.last is not None:
        line.reserved.take_last()
    elif what == "empty":
        line.reserved.take_all()


STEPS = st.tuples(
    st.integers(1, 1000),
    st.sampled_from(["join", "leave", "add", "add", "send", "sent", "yield", "empty"]),
)


@given(st.lists(STEPS, max_size=150))
def test_each_question_is_answered_as_by_looking_through_all(steps):
    lines, supplied, joined = [Bare() for _ in range(4)], Supplied(), []
    for number, what in steps:
        step(lines, supplied, number, what)
        joined = [line for line in joined if line.here]
        joined += [line for line in lines if line.here and line not in joined]
        rooms = [max(AHEAD - len(line.reserved), 0) for line in joined]
        assert list(supplied) == joined
        assert supplied.room == sum(rooms)
        assert supplied.able() == [line for line, room in zip(joined, rooms, strict=True) if room]
        assert set(supplied.unable()) == set(joined) - set(supplied.able())
        idle = [line for line in joined if not line.reserved and not line.reserved.current]
        assert supplied.idle() == idle
        loaded = [line for line in joined if line.reserved]
        most = max(loaded, key=lambda line: len(line.reserved), default=None)
        assert supplied.busiest() is most
        lasts = {line: line.reserved.last for line in joined}
        owners = {line: (last.priority, last.account_id) for line, last in lasts.items() if last}
        yielding = supplied.yielding(lambda owner: owner == (1, 2))
        assert set(yielding) == {line for line, owner in owners.items() if owner == (1, 2)}


def test_a_line_that_rests_is_not_able_until_its_time_has_come_or_it_has_less_to_send():
    supplied, line = Supplied(), Bare()
    supplied.join(line)
    supplied.rest(line, NOW + timedelta(seconds=9))
    assert (supplied.able(), list(supplied.unable()), supplied.room) == ([], [line], AHEAD)
    assert supplied.wakes_at == NOW + timedelta(seconds=9)
    supplied.wake(NOW + timedelta(seconds=8))
    assert supplied.able() == []
    supplied.wake(NOW + timedelta(seconds=9))
    assert (supplied.able(), supplied.wakes_at) == ([line], None)
    line.reserved.add(message(1))
    supplied.rest(line, NOW + timedelta(seconds=20))
    line.reserved.take_last()
    assert supplied.able() == [line]
    supplied.rest(line, NOW + timedelta(seconds=20))
    supplied.wake()
    assert supplied.able() == [line]
