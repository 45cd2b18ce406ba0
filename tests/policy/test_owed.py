import pytest

from appliance.lifecycle import State
from appliance.policy.owed import TOLD, owed, owed_on_the_way
from appliance.submission import Door, Receipts

S, R = State, Receipts

ON_THE_WAY = {S.SENT, S.UNCERTAIN}
NOT_DELIVERED = {S.FAILED, S.EXPIRED, S.CANCELLED, S.NO_REPORT}
UNDER_OUR_ROOF = {S.QUEUED, S.SENDING}

WISHES = {
    R.NONE: set(),
    R.FINAL: NOT_DELIVERED | {S.DELIVERED},
    R.FAILURE: NOT_DELIVERED,
    R.SUCCESS: {S.DELIVERED},
    R.ALL: NOT_DELIVERED | {S.DELIVERED} | ON_THE_WAY,
    R.PROGRESS: ON_THE_WAY,
    R.FAILURE_AND_PROGRESS: NOT_DELIVERED | ON_THE_WAY,
    R.SUCCESS_AND_PROGRESS: {S.DELIVERED} | ON_THE_WAY,
}

UNASKED = [
    ("webhook", Door.REST, R.ALL),
    ("webhook", Door.SMPP, R.ALL),
    ("webhook", Door.LOCAL, R.ALL),
    ("smpp", Door.REST, R.NONE),
    ("smpp", Door.LOCAL, R.NONE),
    ("smpp", Door.SMPP, R.FINAL),
]


def told(carrier, door, wish):
    return {state for state in State if owed(carrier, door, wish, state, State.SENDING)}


@pytest.mark.parametrize("wish", Receipts)
@pytest.mark.parametrize("carrier", ["webhook", "smpp"])
@pytest.mark.parametrize("door", Door)
def test_an_account_is_told_what_it_asked_for(wish, carrier, door):
    assert told(carrier, door, wish) == WISHES[wish]
    assert not WISHES[wish] & UNDER_OUR_ROOF


@pytest.mark.parametrize(("carrier", "door", "as_if"), UNASKED)
def test_an_account_that_did_not_say_is_told_what_its_carrier_implies(carrier, door, as_if):
    assert told(carrier, door, None) == WISHES[as_if]


def test_every_wish_has_a_row():
    assert set(TOLD) == set(Receipts)


@pytest.mark.parametrize("wish", [None, *Receipts])
def test_an_account_without_a_carrier_is_owed_nothing(wish):
    assert not told(None, Door.REST, wish)


@pytest.mark.parametrize("wish", Receipts)
@pytest.mark.parametrize("state", State)
def test_no_change_is_no_news(wish, state):
    assert not owed("webhook", Door.REST, wish, state, state)


@pytest.mark.parametrize("was", sorted(NOT_DELIVERED))
def test_a_failure_that_was_none_is_put_right_for_whoever_was_told_of_it(was):
    for wish in (R.FAILURE, R.FINAL, R.ALL, R.SUCCESS):
        assert owed("smpp", Door.SMPP, wish, S.DELIVERED, was)
    assert not owed("smpp", Door.SMPP, R.NONE, S.DELIVERED, was)


def test_who_wants_only_failures_hears_nothing_of_a_plain_delivery():
    assert not owed("smpp", Door.SMPP, R.FAILURE, S.DELIVERED, S.SENT)


@pytest.mark.parametrize("wish", [None, *Receipts])
def test_that_the_centre_still_tries_is_told_to_whoever_wants_news_on_the_way(wish):
    wanted = wish is not None and WISHES[wish] >= ON_THE_WAY
    assert owed_on_the_way("smpp", wish) == wanted
    assert not owed_on_the_way(None, wish)
