"""Whatever rules, SIMs and messages there are: what does not leave has an explained way."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.choosing import Free, choose
from appliance.policy.limits import Wait
from appliance.policy.routes import Route
from appliance.policy.waits import why_waits
from tests.policy.test_choosing import message

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
STICKY = timedelta(seconds=60)

SECONDS = st.integers(1, 90_000).map(lambda seconds: timedelta(seconds=seconds))


def may(wait):
    return lambda at, _parts, _of: Wait(at) if wait is None else Wait(wait[0], wait[1], UTC, at)


waits = st.none() | st.tuples(
    st.none() | SECONDS.map(NOW.__add__), st.sampled_from(["day limit 9/9", "judged: bad"])
)

sims = st.builds(
    lambda sim_id, group, wait, refuses, room: Free(
        sim_id=sim_id,
        name=f"SIM {sim_id}",
        groups=frozenset({group} if group else ()),
        may_send=may(wait),
        refuses=lambda _to: refuses,
        room=room,
    ),
    st.integers(1, 6),
    st.sampled_from(["", "a", "b"]),
    waits,
    st.sampled_from(["", "", "it writes only to +33"]),
    st.integers(0, 2),
)

messages = st.builds(
    lambda groups, fallback, only, known, refused, until, age: message(
        1,
        route=Route(name="r", groups=groups, fallback_after=fallback),
        only_sim=only,
        known_sim=known,
        refused_by=refused,
        refused_until=until,
        due_at=NOW - age,
    ),
    st.lists(st.sampled_from(["", "a", "b", "nobody"]), min_size=1, max_size=3).map(tuple),
    st.none() | SECONDS,
    st.none() | st.integers(1, 7),
    st.none() | st.integers(1, 7),
    st.frozensets(st.integers(1, 6), max_size=3),
    st.none() | SECONDS.map(NOW.__add__),
    SECONDS | st.just(timedelta()),
)

lines = st.lists(sims, max_size=6, unique_by=lambda free: free.sim_id)

unready = st.lists(st.just(("Shelf 1", "the SIM wants its PIN")), max_size=1)


@given(messages, lines, unready)
def test_every_message_that_waits_has_a_cause_and_a_time_if_time_can_end_it(of, free, others):
    choice = choose(of, free, NOW, sticky=STICKY)
    if choice.line is not None:
        return
    why = why_waits(of, free, NOW, sticky=STICKY, unready=others)
    assert why
    assert all(part.partition(": ")[2] for part in why.split("; ") if part != "no SIM is ready")
    if choice.at is not None:
        assert choice.at > NOW
        assert "next at" in why, why


@given(messages, lines)
def test_where_time_alone_ends_it_looking_then_finds_something_else(of, free):
    """Nothing waits for a moment at which everything is as it was before."""
    choice = choose(of, free, NOW, sticky=STICKY)
    if choice.line is not None or choice.full or choice.at is None:
        return
    gone_by = [Free(**_then(each, choice.at)) for each in free]
    later = choose(of, gone_by, choice.at, sticky=STICKY)
    assert later.line is not None or later.full or later.at is None or later.at > choice.at


def _then(free, at):
    """Return a SIM as it is at a later moment: a limit whose time has come holds no more."""

    def may_send(asked, parts, of):
        wait = free.may_send(NOW, parts, of)
        return Wait(asked) if wait.at is not None and wait.at <= asked else wait

    fields = ("sim_id", "name", "groups", "refuses", "room")
    return {name: getattr(free, name) for name in fields} | {"may_send": may_send}
