"""What follows a refusal."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.retries import BACK_OFF, Again, Refusal, Retry, back_off, retry

REFUSALS = st.lists(
    st.builds(Refusal, st.integers(1, 3), st.sampled_from([None, 21, 30])), min_size=1, max_size=9
)


def decide(again, *refusals, most=5, bound=False):
    return retry(again, [Refusal(*each) for each in refusals], most=most, bound=bound)


def test_a_number_that_cannot_be_reached_is_not_tried_again():
    assert decide(Again.NEVER, (1, 1)) == Retry(final=True)


def test_what_passes_waits_longer_each_time_and_any_sim_may_try_then():
    for tries in range(1, 5):
        found = decide(Again.TIME, *[(1, 42)] * tries)
        assert found == Retry(wait=BACK_OFF[tries - 1])
    assert decide(Again.TIME, *[(1, 42)] * 9, most=10).wait == BACK_OFF[-1]


def test_what_one_sim_may_not_another_tries_at_once():
    assert decide(Again.ANOTHER_SIM, (1, 21)) == Retry(rest=BACK_OFF[0])
    assert decide(Again.ANOTHER_SIM, (1, 21), (2, 21)) == Retry(rest=BACK_OFF[1])


def test_what_no_other_sim_can_carry_waits_for_its_own():
    assert decide(Again.ANOTHER_SIM, (1, 21), bound=True) == Retry(wait=BACK_OFF[0])


def test_an_unknown_subscriber_is_one_only_when_a_second_sim_is_told_so():
    assert not decide(Again.SECOND_OPINION, (1, 30)).final
    assert not decide(Again.SECOND_OPINION, (1, 30), (1, 30)).final
    assert not decide(Again.SECOND_OPINION, (2, 42), (1, 30)).final
    assert decide(Again.SECOND_OPINION, (1, 30), (2, 30)) == Retry(final=True)


def test_what_was_refused_is_left_out_at_once():
    assert decide(Again.AS_IT_IS, (1, 199)) == Retry()


@pytest.mark.parametrize(("most", "words"), [(1, "1 try"), (3, "3 tries")])
def test_after_so_many_tries_it_is_given_up_and_says_so(most, words):
    found = decide(Again.TIME, *[(1, 42)] * most, most=most)
    assert (found.final, found.why) == (True, f"given up after {words}")


@given(st.sampled_from(Again), REFUSALS, st.integers(1, 9), st.booleans())
def test_nothing_is_tried_more_often_than_is_set_nor_waits_without_end(again, tries, most, bound):
    found = retry(again, tries, most=most, bound=bound)
    if len(tries) >= most and again is not Again.AS_IT_IS:
        assert found.final
    if found.final:
        assert found.wait == found.rest == timedelta()
    assert max(found.wait, found.rest) <= BACK_OFF[-1]
    if bound:
        assert found.rest == timedelta()  # else nothing could carry it for a while
    if again is Again.TIME and not found.final:
        assert found.wait == back_off(len(tries))
