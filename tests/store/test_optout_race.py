"""Two daemons on one PostgreSQL: no part is begun once a STOP is committed, in whatever order.

A trigger is the witness: it looks at the moment at which an attempt is committed, in a snapshot
of its own, for a committed opt-out that forbids it. What a daemon does in one transaction is
committed as one, in the order in which it was asked for: that is not too late.
"""

import asyncio
import itertools
import random

import pytest
from sqlalchemy import text

from appliance.errors import OptedOut
from appliance.inbox import reading
from appliance.policy.consent import KeywordRules, Per, Source
from appliance.store.accounts import NewAccount
from appliance.store.engine import open_engine
from appliance.store.lines import SeenSim
from appliance.store.optout_list import NewOptOut
from appliance.store.values import Begun, NotBegun
from tests.store.conftest import ALICE, World
from tests.store.steps import rows
from tests.store.test_dispatch import begin
from tests.store.test_keywords_obeyed import line
from tests.store.test_messages import stop
from tests.store.test_optouts import MESSAGE_LOCK, in_this_order, recipient_lock

ROUNDS = 40
"""Per way to opt out and setting: some hundreds in all."""

WITNESS = """
CREATE TABLE too_late (attempt_id bigint);
CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO too_late SELECT NEW.id FROM opt_out o WHERE o.ended_at IS NULL
    AND o.xmin <> pg_current_xact_id()::xid
    AND (o.sim_id IS NULL OR o.sim_id = NEW.sim_id)
    AND (o.recipient_key = NEW.recipient_key
         OR o.recipient_suffix_key = NEW.recipient_suffix_key);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER witness AFTER INSERT ON attempt
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION witness();
"""

DISMISSED = "DROP TRIGGER witness ON attempt; DROP FUNCTION witness(); DROP TABLE too_late"

_different = itertools.count()


def _execute(url, statements):
    engine = open_engine(url)
    with engine.connect() as connection, connection.begin():
        connection.execute(text(statements))
    engine.dispose()


@pytest.fixture
def url(migrated_postgres, request):
    """Give PostgreSQL, emptied afterwards, with the witness in it."""
    from tests.store.conftest import _wiping

    _execute(migrated_postgres, WITNESS)
    yield migrated_postgres
    seen = rows(migrated_postgres, "SELECT * FROM too_late")
    _execute(migrated_postgres, f"{DISMISSED}; {_wiping()}")
    assert seen == [], "begun after an opt-out was committed"


@pytest.fixture(params=Per)
async def two(request, open_store, clock):
    """Give the same database as two daemons see it, with one SIM in a modem."""
    how = reading({}, KeywordRules(per=request.param))
    ours, theirs = await open_store(how=how), await open_store("other", how=how)
    new = NewAccount(name="shop", local=True, is_default=True)
    issued = await ours.accounts.add(new, clock.now())
    account = await ours.accounts.by_id(issued.account_id)
    sim = await ours.lines.saw(
        SeenSim(iccid="8949020000", imsi=None, number=None, simulated=False, at=clock.now())
    )
    worlds = World(ours, account, sim, clock), World(theirs, account, sim, clock)
    await line(worlds[0], "1-1", sim)
    return worlds


def by_sms(world, number):
    facts = stop(world, sender=number, fingerprint=(next(_different),))
    return world.store.inbound.take(facts)


def by_sms_in_another_form(world, number):
    """Let the STOP come from a number that cannot be made E.164."""
    facts = stop(
        world,
        sender=f"0{number[3:]}",
        suffix=number[-8:],
        loose=True,
        fingerprint=(next(_different),),
    )
    return world.store.inbound.take(facts)


def by_hand(world, number):
    new = NewOptOut(
        recipient=number,
        suffix=number[-8:],
        account_id=None,
        category=None,
        until=None,
        reason="by letter",
        source=Source.API,
        at=world.clock.now(),
    )
    return world.store.opt_outs.add([new])


WAYS = [by_sms, by_sms_in_another_form, by_hand]

each_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


async def waiting_for(world, number):
    found = await world.store.dispatch.waiting(world.clock.now(), 100)
    return [one for one in found if one.recipient == number]


async def nothing_leaves(world, number):
    for waiting in await waiting_for(world, number):
        assert isinstance(await world.store.dispatch.begin(begin(world, waiting)), NotBegun)
    with pytest.raises(OptedOut):
        await world.accept(recipient=number, suffix=number[-8:])
    assert await waiting_for(world, number) == []


@each_way
async def test_a_claim_that_comes_before_stop_is_committed_before_it(two, url, way):
    """The claim has read that there is no opt-out, and waits: STOP must wait for it."""
    ours, theirs = two
    await ours.accept()
    (waiting,) = await waiting_for(ours, ALICE)
    claim = ours.store.dispatch.begin(begin(ours, waiting))
    result, _ = await in_this_order(url, MESSAGE_LOCK, claim, way(theirs, ALICE))
    assert isinstance(result, Begun)
    await nothing_leaves(ours, ALICE)


@each_way
async def test_a_claim_that_comes_after_stop_sees_it(two, url, way):
    ours, theirs = two
    await ours.accept()
    (waiting,) = await waiting_for(ours, ALICE)
    claim = ours.store.dispatch.begin(begin(ours, waiting))
    _, result = await in_this_order(url, recipient_lock(ours), way(theirs, ALICE), claim)
    assert isinstance(result, NotBegun)
    await nothing_leaves(ours, ALICE)


@each_way
@pytest.mark.parametrize("stop_first", [True, False])
async def test_the_next_part_of_a_message_is_begun_before_stop_or_never(two, url, way, stop_first):
    ours, theirs = two
    await ours.accept(text="x" * 200, parts=2)
    (waiting,) = await waiting_for(ours, ALICE)
    first = await ours.store.dispatch.begin(begin(ours, waiting))
    assert isinstance(first, Begun)
    following = begin(ours, waiting, 2, first=False, reference=first.concat_reference)
    verbs = [ours.store.dispatch.begin(following), way(theirs, ALICE)]
    lock = MESSAGE_LOCK
    if stop_first:
        verbs.reverse()
        lock = recipient_lock(ours)
    results = await in_this_order(url, lock, *verbs)
    assert isinstance(results[1 if stop_first else 0], NotBegun if stop_first else Begun)
    await nothing_leaves(ours, ALICE)


@each_way
async def test_a_message_is_taken_before_stop_and_cancelled_or_after_it_and_refused(two, url, way):
    ours, theirs = two
    for number, stop_first in (("+4915100000001", True), ("+4915100000002", False)):
        asked = ours.accept(recipient=number, suffix=number[-8:])
        verbs = [asked, way(theirs, number)]
        if stop_first:
            verbs.reverse()
        key = ours.store._base.keys.suffix(number[-8:])
        held = ("SELECT pg_advisory_xact_lock(:key)", {"key": _number(key)})
        results = await in_this_order(url, held, *verbs)
        assert isinstance(results[1], OptedOut) is stop_first
        await nothing_leaves(ours, number)


def _number(key):
    return int.from_bytes(key[:8], "big", signed=True)


@each_way
async def test_hundreds_of_races_begin_nothing_after_stop(two, way):
    ours, theirs = two
    dice = random.Random(way.__name__)
    outcomes = {Begun: 0, NotBegun: 0, OptedOut: 0}
    for count in range(ROUNDS):
        number = f"+49151{count:08}"
        to = {"recipient": number, "suffix": number[-8:]}
        await asyncio.gather(*(ours.accept(text=str(n), **to) for n in range(2)))
        waiting = await waiting_for(ours, number)
        verbs = [
            world.store.dispatch.begin(begin(world, one))
            for world, one in zip(two, waiting, strict=True)
        ]
        verbs += [ours.accept(**to), theirs.accept(**to), way(dice.choice(two), number)]
        dice.shuffle(verbs)
        results = await asyncio.gather(*verbs, return_exceptions=True)
        for result in results:
            assert not isinstance(result, Exception) or isinstance(result, OptedOut)
            outcomes[type(result)] = outcomes.get(type(result), 0) + 1
        await nothing_leaves(theirs, number)
    assert min(outcomes[Begun], outcomes[NotBegun] + outcomes[OptedOut]) > 0  # both did happen
