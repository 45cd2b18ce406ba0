"""A receipt never comes before the answer to its submit_sm, whichever bind carries it."""

import asyncio

from tests.smpp_server.esme import (
    ACCOUNT,
    BIND_RX,
    BIND_TRX,
    BIND_TX,
    DELIVER_SM,
    INBOUND,
    PATIENCE,
    RESP,
    SUBMIT_SM,
    frame,
    notice,
    submit_body,
)


def delivering(house, what):
    return asyncio.create_task(house.server.deliver(ACCOUNT, what))


async def under_way(house, client, count=1):
    client.send(frame(SUBMIT_SM, submit_body(), sequence=5))
    async with asyncio.timeout(PATIENCE):
        while house.intake.waiting < count:
            await asyncio.sleep(0)


async def passed(client):
    """Let everything go round that is on its way."""
    client.send(frame(0x15, sequence=99))
    heard = await client.receive()
    return heard.command


async def test_not_by_another_bind_either(house):
    house.intake.gate.clear()
    sender, receiver = await house.client(BIND_TX), await house.client(BIND_RX)
    await under_way(house, sender)
    delivery = delivering(house, notice())

    assert await passed(receiver) == 0x15 | RESP  # nothing else has come

    house.intake.gate.set()
    assert (await sender.receive()).command == SUBMIT_SM | RESP
    asked = await receiver.receive()
    assert asked.command == DELIVER_SM
    await receiver.answer(asked)
    await delivery


async def test_it_waits_for_several_binds_and_for_no_longer_than_they_take(house):
    house.intake.gate.clear()
    senders = [await house.client(BIND_TRX) for _ in range(3)]
    for count, sender in enumerate(senders, 1):
        await under_way(house, sender, count)
    delivery = delivering(house, notice())
    await asyncio.sleep(0)
    gone = senders.pop()
    gone.writer.transport.abort()  # its submit goes on, and ends
    house.intake.gate.set()

    for sender in senders:
        assert (await sender.receive()).command == SUBMIT_SM | RESP
    readers = [asyncio.create_task(sender.receive()) for sender in senders]
    done, waiting = await asyncio.wait(readers, return_when=asyncio.FIRST_COMPLETED)
    (first,) = done
    assert first.result().command == DELIVER_SM
    await senders[readers.index(first)].answer(first.result())
    await delivery
    for task in waiting:
        task.cancel()


async def test_an_inbound_message_waits_for_no_submit(house):
    house.intake.gate.clear()
    sender, receiver = await house.client(BIND_TX), await house.client(BIND_RX)
    await under_way(house, sender)
    delivery = delivering(house, notice(INBOUND))
    asked = await receiver.receive()
    assert asked.command == DELIVER_SM
    await receiver.answer(asked)
    await delivery
