"""What accounts have not taken is shown as what it is, and can be let go again."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from appliance.errors import NotFound
from appliance.lifecycle import Event, State
from appliance.models import Outcome
from appliance.store.chores import CHUNK
from appliance.store.engine import open_engine
from appliance.store.notices import CHUNK as AT_ONCE
from appliance.store.owing import OwedCount, Standing
from tests.store.steps import HOURS, begun, end, report, told
from tests.store.test_messages import stop
from tests.store.test_notices import account_of, owed, sent

DAYS = 24 * HOURS


async def shown(world, **given):
    found = await world.store.owing.shown(world.account.id, **given)
    return [(one.state, one.standing, one.last_error) for one in found]


async def refuse(world, notice, why="deliver_sm_resp 0x65"):
    await world.store.notices.parked(notice.id, why, world.clock.now())


async def test_what_waits_what_was_refused_and_what_is_too_old_is_told_apart(world):
    old = await sent(world)
    world.clock.advance(8 * DAYS)
    now = world.clock.now()
    assert await world.store.notices.park_older(now - 7 * DAYS, now) == 1
    await sent(world)
    await refuse(world, (await owed(world))[0])
    await sent(world)

    assert await shown(world) == [
        (State.SENT, Standing.WAITING, None),
        (State.SENT, Standing.REFUSED, "deliver_sm_resp 0x65"),
        (State.SENT, Standing.EXPIRED, None),
    ]
    (expired,) = await world.store.owing.shown(None, standing=Standing.EXPIRED)
    assert (expired.about, expired.account, expired.parked_at) == (old.id, "shop", now)
    assert await world.store.owing.counts() == [OwedCount("shop", 1, 1, 1, now)]


async def test_an_account_sees_its_own_ones_page_by_page(world):
    other = await account_of(world, name="bank", webhook_url="http://127.0.0.1:1/")
    for account_id in (None, other, None):
        given = {} if account_id is None else {"account_id": account_id}
        await sent(world, **given)
    first, second = await world.store.owing.shown(world.account.id)
    assert {first.account, second.account} == {"shop"}
    assert await world.store.owing.shown(world.account.id, before=first.id) == [second]
    assert len(await world.store.owing.shown(None, most=2)) == 2
    assert [one.account for one in await world.store.owing.counts()] == ["bank", "shop"]
    with pytest.raises(NotFound):
        await world.store.owing.shown(None, before="m12")


async def test_inbound_messages_are_shown_too(world):
    taken = await world.store.inbound.take(stop(world, "Hello"))
    (one,) = await world.store.owing.shown(None)
    assert (one.kind.value, one.about[0], one.state) == ("inbound", "i", None)
    assert taken.complete


async def test_what_is_taken_is_shown_no_more(world):
    await sent(world)
    await world.store.notices.done((await owed(world))[0].id, world.clock.now())
    assert await shown(world) == []
    assert await world.store.owing.counts() == []


async def test_what_is_released_goes_again_as_if_it_were_new(world):
    await sent(world)
    (notice,) = await owed(world)
    await world.store.notices.failed(notice.id, "0x64", world.clock.now())
    await refuse(world, notice)
    world.clock.advance(9 * DAYS)
    now = world.clock.now()

    assert await world.store.owing.release(world.account.id, now) == 1
    assert await world.store.owing.release(world.account.id, now) == 0
    (again,) = await owed(world)
    assert (again.public_id, again.tries, again.created_at) == (
        notice.public_id,
        0,
        notice.created_at,
    )
    assert await world.store.notices.park_older(now - 7 * DAYS, now) == 0  # it has its time anew
    later = now + 8 * DAYS
    assert await world.store.notices.park_older(later - 7 * DAYS, later) == 1


async def test_only_those_named_and_only_ones_own_are_released(world):
    other = await account_of(world, name="bank", webhook_url="http://127.0.0.1:1/")
    for _ in range(3):
        await sent(world)
    notices = await owed(world)
    for notice in notices:
        await refuse(world, notice)
    now, names = world.clock.now(), [notice.public_id for notice in notices]

    assert await world.store.owing.release(other, now, names) == 0
    assert await world.store.owing.release(world.account.id, now, names[1:2]) == 1
    assert [one.public_id for one in await owed(world)] == names[1:2]
    with pytest.raises(NotFound):
        await world.store.owing.release(world.account.id, now, ["m12"])


async def test_a_parked_one_is_not_released_behind_what_was_taken_of_its_message(world):
    await sent(world)
    (early,) = await owed(world)
    await refuse(world, early)
    await world.store.reports.take(report(world))
    (late,) = await owed(world)
    await world.store.notices.done(late.id, world.clock.now())

    assert await world.store.owing.release(world.account.id, world.clock.now()) == 0
    assert await told(world) == []


async def test_a_parked_one_goes_before_what_still_waits_of_its_message(world):
    await sent(world)
    await refuse(world, (await owed(world))[0])
    await world.store.reports.take(report(world))
    assert await world.store.owing.release(world.account.id, world.clock.now()) == 1
    assert await told(world) == [State.SENT, State.DELIVERED]


async def test_all_are_released_however_many_they_are(world):
    many = CHUNK + 1
    takes = (stop(world, "Hello", fingerprint=(number,)) for number in range(many))
    await asyncio.gather(*map(world.store.inbound.take, takes))
    notices = await owed(world, most=many)
    await asyncio.gather(*(refuse(world, notice) for notice in notices))

    assert await world.store.owing.release(world.account.id, world.clock.now()) == many
    assert await owed(world, most=many) == notices


@pytest.mark.parametrize("reported", [True, False])
async def test_a_notice_says_whether_its_number_is_of_a_report_or_of_a_refusal(world, reported):
    await world.accept()
    beginning = await begun(world)
    if reported:
        await end(world, *beginning, reference=7)
        await world.store.reports.take(report(world, Event.REFUSE))
    else:
        await end(world, *beginning, Outcome.REFUSED, Event.REFUSE, code=0x41, cause="no")
    news = (await owed(world))[-1].news
    assert (news.state, news.cause_code, news.reported) == (State.FAILED, 0x41, reported)


async def test_what_the_centre_still_tries_is_of_a_report(world):
    await sent(world, receipts="all")
    world.clock.advance(timedelta(seconds=1))
    await world.store.reports.take(report(world, None))
    news = (await owed(world))[-1].news
    assert (news.state, news.cause_code, news.reported) == (State.SENT, 0x20, True)


async def all_parked(world):
    return [one.standing for one in await world.store.owing.shown(None, most=10_000)]


async def test_the_writer_parks_a_few_at_a_time_however_many_are_too_old(world, url):
    """A million of them must not keep modems waiting for their answers to be written."""
    other = await account_of(world, name="bank", webhook_url="http://127.0.0.1:1/")
    many = 2 * AT_ONCE + 2
    await world.store.inbound.take(stop(world, "Hello"))
    copy = """
        INSERT INTO notice (id, account_id, kind, inbound_id, parts_delivered, tries, reported,
            expired, parts_taken, created_at, due_at)
        SELECT id + :number, :account, kind, inbound_id, 0, 0, reported, expired, 0, created_at,
            due_at FROM notice WHERE id = :row
    """
    (first,) = await owed(world)
    accounts = (world.account.id, other)
    engine = open_engine(url)
    with engine.begin() as connection:
        copies = [
            {"number": number, "row": first.id, "account": accounts[number % 2]}
            for number in range(1, many)
        ]
        connection.execute(text(copy), copies)
    engine.dispose()
    world.clock.advance(timedelta(days=8))
    await world.store.inbound.take(stop(world, "young", fingerprint=("young",)))
    beat = world.store.beat

    later = world.clock.now()
    assert await world.store.notices.park_older(later - 7 * DAYS, later) == many

    assert world.store.beat - beat == 3  # transactions
    assert (await all_parked(world)).count(Standing.EXPIRED) == many
    assert len(await owed(world)) == 1


async def test_what_is_taken_in_the_moment_it_is_too_old_is_taken(world):
    """Its account has it: to release it would tell it twice."""
    await sent(world)
    (notice,) = await owed(world)
    world.clock.advance(8 * DAYS)
    now = world.clock.now()
    assert await world.store.notices.park_older(now - 7 * DAYS, now) == 1
    await world.store.notices.done(notice.id, now)

    assert await shown(world) == []
    assert await world.store.owing.counts() == []
    assert await world.store.owing.release(world.account.id, now) == 0


async def test_what_was_taken_of_several_parts_is_kept_and_goes_with_the_notice(world):
    await world.store.inbound.take(stop(world, "Hello"))
    (notice,) = await owed(world)
    assert (notice.parts_taken, notice.parts_form) == (0, "")
    await world.store.notices.part_taken(notice.id, 2, "3/40/0/400")
    await world.store.notices.failed(notice.id, "0x64", world.clock.now())
    (notice,) = await owed(world)
    assert (notice.parts_taken, notice.parts_form) == (2, "3/40/0/400")

    await refuse(world, notice)
    assert await world.store.owing.release(world.account.id, world.clock.now()) == 1
    assert (await owed(world))[0].parts_taken == 0  # as if it were new
