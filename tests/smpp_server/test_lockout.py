"""Wrong passwords cost time, more each time, and never that of those who are known to be good."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.smpp_server.lockout import ADDRESS, FORGOTTEN, GOOD, NAME, PAIR, Lockout

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.1"


def fail(lockout, times, name="acme", address=ELSEWHERE, now=0.0):
    for _ in range(times):
        lockout.failed(name, address, now)


def test_a_few_slips_cost_nothing_and_then_the_wait_doubles_up_to_its_bound():
    lockout, waits = Lockout(), []
    for _ in range(PAIR.free + 12):
        lockout.failed("acme", ELSEWHERE, 0.0)
        waits.append(lockout.wait("acme", ELSEWHERE, 0.0))

    assert waits[: PAIR.free + 3] == [0, 0, 0, 1, 2, 4]
    assert waits[-1] == PAIR.most


def test_a_wait_ends_by_itself_whatever_is_tried_meanwhile():
    lockout = Lockout()
    fail(lockout, PAIR.free + 1)

    assert lockout.wait("acme", ELSEWHERE, 0.5) == 0.5
    assert lockout.wait("acme", ELSEWHERE, 1.0) == 0


def test_another_name_and_another_address_are_not_concerned():
    lockout = Lockout()
    fail(lockout, PAIR.free + 1)

    assert lockout.wait("other", ELSEWHERE, 0) == 0
    assert lockout.wait("acme", HOME, 0) == 0


def test_who_tries_many_names_from_one_address_has_to_wait_for_all_of_them():
    lockout = Lockout()
    for number in range(ADDRESS.free + 5):
        lockout.failed(f"name{number}", ELSEWHERE, 0.0)

    assert lockout.wait("another", ELSEWHERE, 0) == 16
    assert lockout.wait("another", HOME, 0) == 0


def test_a_name_tried_from_many_addresses_waits_shortly_where_it_is_not_known():
    lockout = Lockout()
    lockout.good("acme", HOME, 0.0)
    for number in range(NAME.free + 20):
        lockout.failed("acme", f"10.0.0.{number}", 0.0)

    assert lockout.wait("acme", ELSEWHERE, 0) == NAME.most
    assert lockout.wait("acme", HOME, 0) == 0


def test_a_good_address_is_not_locked_by_what_others_do_at_the_same_address():
    lockout = Lockout()
    lockout.good("acme", HOME, 0.0)
    fail(lockout, 100, "acme", HOME)
    fail(lockout, 100, "other", HOME)

    assert lockout.wait("acme", HOME, 0) == 0
    assert lockout.wait("other", HOME, 0) > 0


def test_a_good_address_is_good_for_its_name_alone_and_not_for_ever():
    lockout = Lockout()
    lockout.good("acme", HOME, 0.0)
    fail(lockout, 10, "other", HOME)
    assert lockout.wait("other", HOME, 0.0) > 0

    fail(lockout, 10, "acme", HOME, GOOD)
    assert lockout.wait("acme", HOME, GOOD) > 0


def test_failures_of_long_ago_are_forgotten():
    lockout = Lockout()
    fail(lockout, 10)
    fail(lockout, PAIR.free, now=FORGOTTEN)

    assert lockout.wait("acme", ELSEWHERE, FORGOTTEN) == 0


def test_to_be_let_in_ends_the_failures_before():
    lockout = Lockout()
    fail(lockout, PAIR.free)
    lockout.good("acme", ELSEWHERE, 0.0)

    fail(lockout, PAIR.free, now=GOOD)
    assert lockout.wait("acme", ELSEWHERE, GOOD) == 0


NAMES = st.sampled_from(["acme", "other", "third"])
PLACES = st.sampled_from([HOME, ELSEWHERE, "a", "b", "c", "d", "e"])
STEPS = st.lists(st.tuples(st.booleans(), NAMES, PLACES, st.floats(0, 5000)), max_size=200)


@given(STEPS)
def test_memory_is_bounded_and_no_wait_is_longer_than_it_may_be(steps):
    lockout, now = Lockout(most=4), 0.0
    for good, name, place, later in steps:
        now += later
        (lockout.good if good else lockout.failed)(name, place, now)

        assert len(lockout) <= 4 * 4
        assert 0 <= lockout.wait(name, place, now) <= PAIR.most
        if good:
            assert lockout.wait(name, place, now) == 0


@given(STEPS)
def test_nobody_can_lock_out_a_good_address(steps):
    """Whatever is tried, by whomever, from wherever: it keeps its way in."""
    lockout, now = Lockout(), 0.0
    lockout.good("acme", HOME, now)
    for _, name, place, later in steps:
        now += min(later, 400)
        lockout.failed(name, place, now)

        assert lockout.wait("acme", HOME, now) == 0


@given(st.floats(1, 100_000), st.floats(0.001, 10))
def test_an_address_that_hammers_gets_few_tries(duration, pause):
    lockout, now, tries = Lockout(), 0.0, 0
    while now < duration and tries < 1000:
        if not lockout.wait("acme", ELSEWHERE, now):
            tries += 1
            lockout.failed("acme", ELSEWHERE, now)
        now += max(lockout.wait("acme", ELSEWHERE, now), pause)

    assert tries <= PAIR.free + 12 + duration / PAIR.most
