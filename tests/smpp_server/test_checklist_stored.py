"""The checklist's rows on what is kept: one id everywhere, and what waits for who is not there."""

import asyncio
import re
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from appliance.errors import NobodyThere
from appliance.outbox import Outbox
from tests.smpp_server.esme import (
    BIND_RX,
    BIND_TRX,
    BIND_TX,
    DATA_SM,
    DELIVER_SM,
    PATIENCE,
    QUERY_SM,
    RESP,
    SUBMIT_SM,
    UNBIND,
    data_body,
    fields_of,
    frame,
    query_body,
    submit_body,
    tlv,
)
from tests.smpp_server.test_checklist import PAYLOAD
from tests.smpp_server.ways import Play, Scenes, in_every_way
from tests.store.steps import report
from tests.store.test_dispatch import send as put_on_air

ROWS = Scenes()

RECEIPTED = 0x1E

ASKED = {
    SUBMIT_SM: lambda to: submit_body(to=to, registered=1),
    DATA_SM: lambda to: data_body(to=to, registered=1, tail=tlv(PAYLOAD, b"hello")),
}

NUMBERS = (b"4915112345678", b"4915112345679")


async def submitted(on, client, command=SUBMIT_SM, to=NUMBERS[0]):
    """Submit a message that asks for its receipt; return its id."""
    answer = await on.ask(client, command, ASKED[command]((1, 1, to)))
    assert answer[:2] == (command | RESP, 0)
    return answer.body.partition(b"\0")[0]


async def delivered(on, to=NUMBERS[0]):
    """Let what is submitted go out and arrive: its receipt is owed."""
    await put_on_air(on.house)
    number = f"+{to.decode()}"
    await on.house.store.reports.take(report(on.house, recipient=number, suffix=number[-8:]))


async def owed(on):
    return await on.house.store.notices.owed(on.house.account.id, 100)


class Carrier:
    """The server as the outbox knows it; ``vain``: nobody was there for what is owed."""

    def __init__(self, server):
        self.name, self.window, self.waits = server.name, server.window, server.waits
        self.vain = asyncio.Event()
        self._server = server

    async def deliver(self, account, notice):
        try:
            await self._server.deliver(account, notice)
        except NobodyThere:
            self.vain.set()
            raise


@asynccontextmanager
async def outbox(on):
    """Tell what is owed as the daemon does; it has found nobody yet."""
    outbox, carrier = Outbox(on.house.store, on.house.clock), Carrier(on.server)
    outbox.add(carrier)
    on.house.woken = _Waking(outbox)
    task = asyncio.create_task(outbox.run())
    async with asyncio.timeout(PATIENCE):
        await carrier.vain.wait()
    yield outbox
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


class _Waking(list):
    """Wakes the workers of an outbox, and remembers whose."""

    def __init__(self, outbox):
        super().__init__()
        self._outbox = outbox

    def append(self, account_id):
        super().append(account_id)
        self._outbox.wake(account_id)


async def done(on):
    """Wait until nothing is owed any more."""
    async with asyncio.timeout(PATIENCE):
        while await owed(on):
            await asyncio.sleep(0.005)


@ROWS.rows("M19 one id everywhere, by 0x{:03x}", ASKED)
async def one_id_stands_in_the_answer_the_receipt_and_the_query(on, command):
    client = await on.bound(BIND_TRX)
    name = await submitted(on, client, command)
    assert re.fullmatch(rb"[a-z][a-z0-9_-]{0,63}", name)
    assert (await on.house.stored(name)).id == name.decode()  # it is stored before it is answered
    await delivered(on)

    (waiting,) = await owed(on)
    telling = asyncio.ensure_future(on.server.deliver(on.house.account, waiting.notice))
    asked = await on.hear(client)
    await on.takes(client, asked)
    await telling

    receipt = fields_of(asked.body)
    assert re.match(rb"id:(\S+) ", receipt["short_message"])[1] == name
    assert receipt["tlvs"][RECEIPTED] == name + b"\0"
    answer = await on.ask(client, QUERY_SM, query_body(name))
    assert answer.body.partition(b"\0")[0] == name


@ROWS.row("M19 no id comes twice")
async def no_id_comes_twice(on):
    client = await on.bound(BIND_TX)
    names = [await submitted(on, client) for _ in range(5)]
    assert len({name.lower() for name in names}) == 5  # nor for who minds no case


@ROWS.rows("R7 what was owed comes behind the answer to a bind 0x{:02x}", [BIND_RX, BIND_TRX])
async def what_waits_for_an_app_comes_when_it_binds_and_not_before_the_answer(on, command):
    sender = await on.bound(BIND_TX)
    names = [await submitted(on, sender, to=to) for to in NUMBERS]
    for to in NUMBERS:
        await delivered(on, to)
    async with outbox(on):
        receiver = await on.bound(command)  # its answer is what came first
        told = []
        for _ in names:
            asked = await on.hear(receiver)
            assert asked.command == DELIVER_SM
            told.append(fields_of(asked.body)["tlvs"][RECEIPTED])
            await on.takes(receiver, asked)
        await done(on)

    assert told == [name + b"\0" for name in names]


@ROWS.row("R7 what was not acknowledged comes again at the next bind")
async def what_was_told_and_not_acknowledged_comes_again(on):
    sender = await on.bound(BIND_TX)
    name = await submitted(on, sender)
    await delivered(on)
    async with outbox(on):
        first = await on.bound(BIND_RX)
        assert (await on.hear(first)).command == DELIVER_SM
        await on.say(first, frame(UNBIND, sequence=9))
        assert (UNBIND | RESP, 0, 9, b"") in await on.closed(first)
        assert len(await owed(on)) == 1

        second = await on.bound(BIND_RX)
        asked = await on.hear(second)
        assert fields_of(asked.body)["tlvs"][RECEIPTED] == name + b"\0"
        await on.takes(second, asked)
        await done(on)


@ROWS.row("R7 what nobody has fetched in the set time is parked, not lost")
async def what_nobody_has_fetched_in_time_is_parked(on):
    sender = await on.bound(BIND_TX)
    await submitted(on, sender)
    await delivered(on)
    notices, now = on.house.store.notices, on.house.clock.now()

    assert await notices.park_older(now - timedelta(days=1), now) == 0
    assert len(await owed(on)) == 1
    assert await notices.park_older(now + timedelta(seconds=1), now) == 1
    assert await owed(on) == []


@in_every_way(ROWS)
async def test_each_scene_goes_as_the_checklist_says(real, row, cut):
    await row.play(Play(real, cut))
