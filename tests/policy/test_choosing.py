"""Which message leaves by which SIM: priority, fairness, age; stickiness, routes, price, load."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.policy.assigning import assign
from appliance.policy.candidate import Candidate
from appliance.policy.categories import PRIORITY, Category
from appliance.policy.choosing import Free, choose, why_not
from appliance.policy.limits import Allowance, Daily, Wait
from appliance.policy.queues import Queue
from appliance.policy.routes import ANY_WAY, Destination, Route
from appliance.policy.shares import Shares
from appliance.policy.waits import why_waits

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def message(key, **given):
    category = given.pop("category", Category.TRANSACTIONAL)
    account = given.pop("account", 1)
    to = Destination(
        account=f"account {account}",
        category=category,
        recipient=given.pop("recipient", "+4915123456789"),
        country="DE",
        operator=given.pop("operator", None),
    )
    facts = {
        "key": key,
        "lane": account * 10 + PRIORITY[category],
        "account": account,
        "priority": PRIORITY[category],
        "parts": 1,
        "recipient_key": b"%d" % key,
        "due_at": NOW,
        "to": to,
        "route": ANY_WAY,
    }
    return Candidate(**(facts | given))


def now(at, _parts, _recipient):
    return Wait(at)


def later(seconds):
    return lambda at, _parts, _recipient: Wait(at + timedelta(seconds=seconds), "minute limit 6/6")


def never(_at, _parts, _recipient):
    return Wait(None, "day limit 10")


def line(sim_id, **given):
    return Free(**({"sim_id": sim_id, "may_send": now} | given))


def plan(candidates, lines, shares=None, **given):
    return assign(queues(candidates), lines, shares or Shares(), NOW, **given)


def queues(candidates):
    """Put messages into their lanes, what is due first at the beginning."""
    lanes = {}
    for candidate in sorted(candidates, key=lambda each: (each.due_at, each.key)):
        lanes.setdefault(candidate.lane, []).append(candidate)
    return [
        Queue(lane, first.account, first.priority, [first, *rest])
        for lane, (first, *rest) in lanes.items()
    ]


def keys(found):
    return [(candidate.key, free.sim_id) for candidate, free in found.pairs]


# order


def test_the_higher_priority_goes_first_and_what_is_due_first_within_it():
    waiting = [
        message(1, category=Category.MARKETING),
        message(2, due_at=NOW - timedelta(seconds=1)),
        message(3, due_at=NOW - timedelta(seconds=2)),
        message(4, category=Category.OTP),
    ]
    assert keys(plan(waiting, [line(1, room=9)])) == [(4, 1), (3, 1), (2, 1), (1, 1)]


def test_accounts_take_turns_whatever_the_length_of_their_queues():
    waiting = [message(key, due_at=NOW - timedelta(hours=1)) for key in range(1, 6)]
    waiting += [message(key, account=2) for key in range(10, 13)]
    order = [key for key, _ in keys(plan(waiting, [line(1, room=6)]))]
    assert order == [1, 10, 2, 11, 3, 12]


def test_a_message_that_no_line_can_carry_hides_none_behind_it():
    blocked = [message(key, only_sim=99) for key in range(1, 30)]
    assert keys(plan([*blocked, message(40)], [line(1)])) == [(40, 1)]


def test_what_one_destination_may_not_another_in_its_lane_may():
    def refuses(to):
        return "" if to.recipient.startswith("+49") else "destination +44 is not allowed"

    waiting = [message(1, recipient="+447911123456"), message(2)]
    assert keys(plan(waiting, [line(1, refuses=refuses)])) == [(2, 1)]


# by which SIM


def test_a_recipient_keeps_the_sim_that_it_knows():
    lines = [line(1, room=2), line(2, sent=1000, price=9, room=2)]
    assert keys(plan([message(1, known_sim=2), message(2)], lines)) == [(1, 2), (2, 1)]


@pytest.mark.parametrize(
    ("known", "waits"),
    [
        ({"may_send": later(59)}, True),
        ({"may_send": later(61)}, False),
        ({"may_send": never}, False),
        ({"room": 0}, True),
    ],
)
def test_it_is_waited_for_only_as_long_as_it_can_be_expected_in_time(known, waits):
    lines = [line(1), line(2, **known)]
    choice = choose(message(1, known_sim=2), lines, NOW, sticky=timedelta(seconds=60))
    assert (choice.line is None) is waits


def test_after_that_time_any_line_will_do():
    lines = [line(1), line(2, room=0)]
    old = message(1, known_sim=2, due_at=NOW - timedelta(seconds=60))
    assert choose(old, lines, NOW, sticky=timedelta(seconds=60)).line is lines[0]


def test_a_sim_that_is_gone_is_not_waited_for():
    assert keys(plan([message(1, known_sim=7)], [line(1)])) == [(1, 1)]


def test_what_has_begun_goes_on_by_its_own_sim_and_no_other():
    lines = [line(1), line(2, may_send=later(5))]
    found = plan([message(1, only_sim=2)], lines)
    assert found.pairs == []
    assert found.asleep == {message(1).lane: NOW + timedelta(seconds=5)}


def test_routes_open_one_group_after_the_other():
    route = Route(name="r", groups=("a", "b"), fallback_after=timedelta(seconds=30))
    lines = [line(1, groups=frozenset({"b"}))]
    fresh = message(1, route=route)
    assert choose(fresh, lines, NOW).at == NOW + timedelta(seconds=30)
    old = message(1, route=route, due_at=NOW - timedelta(seconds=30))
    assert choose(old, lines, NOW).line is lines[0]


def test_what_somebody_waits_for_goes_by_a_line_where_it_is_next_before_a_cheap_one():
    def lines():
        busy = line(1, price=0.01, ahead=lambda priority: 2 if priority < 3 else 1)
        return [busy, line(2, price=0.09, network="Telekom"), line(3, price=0.05)]

    route = Route(name="r", on_net=True)
    for category, by in (
        (Category.OTP, 2),
        (Category.URGENT, 2),
        (Category.TRANSACTIONAL, 2),  # on-net
    ):
        candidate = message(1, category=category, route=route, operator="Telekom")
        assert choose(candidate, lines(), NOW).line.sim_id == by
    for category, by in ((Category.OTP, 3), (Category.URGENT, 3), (Category.TRANSACTIONAL, 1)):
        assert choose(message(1, category=category), lines(), NOW).line.sim_id == by


def test_those_that_are_given_in_one_round_count_as_well():
    queue = Queue(13, 1, 3, [message(key, category=Category.OTP) for key in range(3)])
    lines = [line(number, price=number, room=2) for number in range(1, 4)]
    pairs = assign([queue], lines, Shares(), NOW).pairs
    assert [(of.key, by.sim_id) for of, by in pairs] == [(0, 1), (1, 2), (2, 3)]


def test_on_net_comes_before_cheap_and_cheap_before_little_used():
    on_net = Route(name="r", on_net=True)
    lines = [
        line(1, price=0.01, network="Telekom"),
        line(2, price=0.09, network="Vodafone.de"),
        line(3, price=0.01, sent=5),
    ]
    chosen = choose(message(1, route=on_net, operator="Vodafone"), lines, NOW).line
    assert chosen is lines[1]
    assert choose(message(1), lines, NOW).line is lines[0]


def test_weights_share_what_equal_sims_carry():
    lines = [line(1, weight=3.0, room=999), line(2, weight=1.0, room=999)]
    carried = Counter()
    for key in range(400):
        (pair,) = plan([message(key)], lines).pairs
        carried[pair[1].sim_id] += 1
        pair[1].pending = 0
    assert carried == {1: 300, 2: 100}


@pytest.mark.parametrize("known", [None, 2])
def test_a_line_that_only_rests_is_given_nothing_and_its_lane_does_not_sleep(known):
    resting = line(2, room=2)  # it may send, whatever it was told when it was last asked
    found = plan(
        [message(1, known_sim=known)],
        [line(1, may_send=later(50), room=1)],
        others=lambda sim_id: [resting] if sim_id in {None, 2} else [],
    )
    assert (found.pairs, found.asleep) == ([], {})


# sleeping lanes


def test_a_lane_sleeps_until_the_first_of_its_lines_may_send():
    lines = [line(1, may_send=later(50)), line(2, may_send=later(20)), line(3, may_send=never)]
    found = plan([message(1), message(2)], lines)
    assert found.asleep == {message(1).lane: NOW + timedelta(seconds=20)}


def test_what_no_limit_says_is_told_by_the_clock_of_the_site_too():
    route = Route(name="codes", groups=("a", "b"), fallback_after=timedelta(minutes=10))
    refused = {"refused_by": frozenset({1}), "refused_until": NOW + timedelta(minutes=30)}
    found = why_waits(
        message(1, route=route, **refused),
        [line(1, name="A", groups=frozenset("a"))],
        NOW,
        sticky=timedelta(),
        zone=ZoneInfo("Asia/Tokyo"),
    )
    assert found == (
        "A: it has tried this message in vain, next at 21:30;"
        " route codes: group b may carry it too, next at 21:10"
    )


def test_what_would_fit_alone_waits_for_what_goes_first_and_is_not_said_never_to_leave():
    allowance = Allowance([Daily(3, UTC)])
    busy = line(
        1, pending=2, may_send=lambda at, parts, of: allowance.earliest(at, parts, of.recipient_key)
    )
    found = choose(message(1, parts=3), [busy], NOW)
    assert (found.line, found.at, found.full) == (None, None, True)
    assert why_not(message(1, parts=3), busy, NOW) == ": busy with what goes first"
    assert why_not(message(1, parts=4), busy, NOW) == ": needs 4 parts, day limit 3"
    allowance.spend(NOW)
    assert choose(message(1, parts=3), [busy], NOW).at == NOW + timedelta(hours=12)


def test_a_lane_that_only_lacks_room_stays_awake():
    lines = [line(1), line(2, may_send=later(20))]
    found = plan([message(1), message(2)], lines)
    assert keys(found) == [(1, 1)]
    assert found.asleep == {}


def test_what_time_cannot_help_sleeps_until_something_changes():
    found = plan([message(1)], [line(1, may_send=never)])
    assert found.asleep == {message(1).lane: None}


# whatever comes

candidates = st.lists(
    st.builds(
        lambda key, account, category, parts, known, only, age: message(
            key,
            account=account,
            category=category,
            parts=parts,
            known_sim=known,
            only_sim=only,
            due_at=NOW - timedelta(seconds=age),
        ),
        st.integers(1, 10**9),
        st.integers(1, 4),
        st.sampled_from(Category),
        st.integers(1, 5),
        st.sampled_from([None, None, 1, 2, 9]),
        st.sampled_from([None, None, None, 1, 9]),
        st.integers(0, 100),
    ),
    max_size=40,
    unique_by=lambda candidate: candidate.key,
)


@settings(max_examples=200)
@given(
    candidates, st.lists(st.tuples(st.integers(0, 3), st.integers(1, 20)), min_size=1, max_size=5)
)
def test_whatever_waits_no_limit_is_passed_and_nothing_is_given_twice(waiting, lines):
    allowances = [Allowance([Daily(most, UTC)]) for _, most in lines]

    def may_send(allowance):
        return lambda at, parts, _recipient: allowance.earliest(at, parts)

    free = [
        line(number, room=room, may_send=may_send(allowance))
        for number, ((room, _), allowance) in enumerate(zip(lines, allowances, strict=True), 1)
    ]
    found = plan(waiting, free)
    given_keys = [candidate.key for candidate, _ in found.pairs]
    assert len(given_keys) == len(set(given_keys))
    for number, (room, most) in enumerate(lines, 1):
        mine = [candidate for candidate, chosen in found.pairs if chosen.sim_id == number]
        assert len(mine) <= room
        assert sum(candidate.parts for candidate in mine) <= most
    for candidate, chosen in found.pairs:
        assert candidate.only_sim in (None, chosen.sim_id)


@settings(max_examples=200)
@given(candidates)
def test_a_line_with_room_is_idle_only_if_nothing_may_go_by_it(waiting):
    lines = [line(1, room=3), line(2, room=3)]
    found = plan(waiting, lines, sticky=timedelta())
    left = {candidate.key for candidate in waiting} - {each.key for each, _ in found.pairs}
    for candidate in waiting:
        if candidate.key in left:
            for free in lines:
                assert free.room == 0 or candidate.only_sim not in (None, free.sim_id)


@given(candidates, candidates)
def test_who_has_waited_is_not_passed_by_an_equal_that_is_younger(first, second):
    young = [message(candidate.key + 10**10, account=candidate.account) for candidate in second]
    old = [
        message(candidate.key, account=candidate.account, due_at=NOW - timedelta(seconds=9))
        for candidate in first
    ]
    order = [candidate for candidate, _ in plan([*young, *old], [line(1, room=999)]).pairs]
    for account in {candidate.account for candidate in order}:
        ages = [each.due_at for each in order if each.account == account]
        assert ages == sorted(ages)


# refusals


def test_a_sim_that_was_refused_a_message_leaves_it_to_another_and_tries_later():
    until = NOW + timedelta(seconds=30)
    refused = {"refused_by": frozenset({1}), "refused_until": until}
    assert keys(plan([message(1, **refused)], [line(1), line(2)])) == [(1, 2)]
    assert choose(message(1, **refused), [line(1, name="A")], NOW).at == until
    assert why_not(message(1, **refused), line(1, name="A"), NOW) == (
        "A: it has tried this message in vain, next at 12:00:30"
    )
    stopped = message(1, stopped=True, **refused)
    assert choose(stopped, [line(1)], NOW).at is None
    assert why_not(stopped, line(1, name="A"), NOW) == (
        "A: its recipient has told it to stop (STOP)"
    )
    assert choose(message(1, **refused), [line(1)], until).line is not None


def test_the_sim_that_a_recipient_knows_is_not_waited_for_when_it_was_refused():
    until = NOW + timedelta(seconds=30)
    refused = {"refused_by": frozenset({1}), "refused_until": until, "known_sim": 1}
    assert keys(plan([message(1, **refused)], [line(1), line(2)])) == [(1, 2)]


def test_accounts_take_equal_turns_by_a_line_that_is_held_between_any_two_parts():
    """An account that cannot go in one round keeps its turn in the next."""
    shares, carried = Shares(), Counter()
    for turn in range(300):
        waiting = [message(turn * 10 + account, account=account) for account in (1, 2, 3)]
        held = [line(1, may_send=later(10))]
        assert plan(waiting, held, shares).pairs == []
        ((candidate, _),) = plan(waiting, [line(1)], shares).pairs
        carried[candidate.account] += 1
    assert carried == {1: 100, 2: 100, 3: 100}
