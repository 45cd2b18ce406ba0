"""How fast and how much an account may submit, on raw sockets and into a real store."""

import asyncio
import logging

import pytest

from appliance.clock import ManualClock
from appliance.store.messages import BEHIND
from tests.smpp_server.esme import (
    BIND_TRX,
    ENQUIRE_LINK,
    RESP,
    SUBMIT_MULTI,
    SUBMIT_SM,
    frame,
    multi_body,
    submit_body,
    tlv,
)
from tests.smpp_server.test_checklist import sar

THROTTLED = 0x58

CONGESTION = 0x0428


def destinations(count):
    return [(1, 1, b"49151123456%02d" % number) for number in range(count)]


@pytest.fixture(autouse=True)
def still(request):
    """Let the gate's time stand still, so that no bucket fills on a busy machine."""
    if "real" in request.fixturenames:
        real = request.getfixturevalue("real")
        real.real_intake.gate._clock = ManualClock(real.clock.now())


@pytest.fixture
async def client(real):
    return await real.client(BIND_TRX)


async def answer_to(client, sequence):
    """Return the answer to this sequence number; what came before it is to its neighbours."""
    while (answer := await client.receive()).sequence != sequence:
        assert answer.command == ENQUIRE_LINK | RESP
    return answer


async def limited(real, **settings):
    for key, value in settings.items():
        await real.set(key, value)


async def statuses(client, count, command=SUBMIT_SM, body=None):
    """Send so many at once; return how each was answered, in the order of their sending."""
    for sequence in range(1, count + 1):
        client.send(frame(command, body or submit_body(), sequence=sequence))
    answers = [await client.receive() for _ in range(count)]
    return [one.status for one in sorted(answers, key=lambda one: one.sequence)]


async def test_a_burst_of_the_segments_of_a_long_message_passes_at_any_rate(real, client):
    await limited(real, submits_per_second=1, burst=10)
    parts = [submit_body(tail=sar(total=b"\x0a", ordinal=bytes((n,)))) for n in range(1, 11)]
    for sequence, body in enumerate(parts, 1):
        client.send(frame(SUBMIT_SM, body, sequence=sequence))

    assert {(await client.receive()).status for _ in parts} == {0}


async def test_each_destination_of_several_counts_and_those_too_many_are_named(real, client):
    await limited(real, submits_per_second=1, burst=3)
    body = multi_body(destinations(5))

    answer = await client.ask(frame(SUBMIT_MULTI, body))

    assert answer.status == 0
    rest = answer.body.partition(b"\0")[2]
    assert (rest[0], rest.count(b"\0\0\0\x58")) == (2, 2)
    assert len(await real.all_stored()) == 3


async def test_a_message_that_replaces_one_counts_as_any_other(real, client):
    await limited(real, submits_per_second=1, burst=2)

    assert await statuses(client, 1) == [0]
    again = submit_body(replace=1)
    assert sorted(await statuses(client, 3, body=again)) == [0, THROTTLED, THROTTLED]


async def test_a_limit_that_is_set_or_lifted_holds_for_sessions_that_are_bound(real, client):
    await limited(real, submits_per_second=1, burst=1)
    assert await statuses(client, 2) == [0, THROTTLED]

    await limited(real, submits_per_second=0)

    assert await statuses(client, 20) == [0] * 20


async def test_a_flood_that_is_throttled_writes_one_log_line(real, client, caplog):
    await limited(real, submits_per_second=1, burst=1)
    caplog.set_level(logging.INFO)

    assert (await statuses(client, 200)).count(THROTTLED) == 199

    told = [one for one in caplog.records if "held back" in one.getMessage()]
    assert len(told) == 1
    assert not any("refused with" in one.getMessage() for one in caplog.records)


async def test_binds_of_one_account_share_its_bucket(real, client):
    await limited(real, submits_per_second=1, burst=4)
    other = await real.client(BIND_TRX)

    found = await asyncio.gather(statuses(client, 4), statuses(other, 4))

    assert [status for each in found for status in each].count(0) == 4


def congestion(answer):
    return answer.body[-1] if answer.body[-5:-1] == tlv(CONGESTION, b"\0")[:4] else None


async def test_a_peer_of_5_0_is_told_the_worst_of_window_queue_and_store(real):
    await limited(real, queue_ceiling=10)
    client = await real.client(BIND_TRX, version=0x50)

    told = [congestion(await client.ask(frame(SUBMIT_SM, submit_body()))) for _ in range(10)]

    assert told == [2, 10, 20, 30, 40, 50, 60, 70, 80, 90]
    full = real.store.accounts.current(real.account)
    assert real.real_intake.gate.load(full) == 99


async def test_a_store_that_is_behind_is_told_too(house):
    client = await house.client(BIND_TRX, version=0x50)
    house.intake.busy = 77

    assert congestion(await client.ask(frame(SUBMIT_SM, submit_body()))) == 77
    assert BEHIND >= 256


async def test_sar_references_of_16_bits_are_told_apart_by_all_of_them(real, client):
    for high in (b"\1\7", b"\2\7"):
        await real.submitted(client, tail=sar(reference=high, ordinal=b"\1"))
    for high in (b"\1\7", b"\2\7"):
        await real.submitted(client, tail=sar(reference=high, ordinal=b"\2"))

    found = await real.store.lanes.heads([(1, 10)], real.clock.now())

    bundles = [(one.bundle_id, one.bundle_ordinal) for one in found[1].waiting]
    assert len({bundle for bundle, _ in bundles}) == 2
    assert sorted(ordinal for _, ordinal in bundles) == [1, 1, 2, 2]
