"""What a modem says of itself while it is bad, and what it finds of an earlier run."""

import asyncio

import pytest

from appliance.errors import ModemSilent, PortGone
from appliance.modem.values import LineState, NotSent, ReportArrived
from tests.modem.driving import arrival, committed, encoded, timing


async def test_a_known_trouble_is_told_until_the_modem_answers_again(rig):
    await rig.bank()
    modem = rig.modem(timing=timing(wake=100, answer=50))
    await rig.fault("vanish")
    with pytest.raises(PortGone):
        await modem.start()
    cause = modem.health.cause
    told = []
    modem.on_health = told.append
    with pytest.raises(PortGone):
        await modem.start()
    assert [health.cause for health in told if health.cause != cause] == []
    await rig.do("mend")
    await modem.start()
    assert LineState.starting in {health.state for health in told}
    assert modem.health.state is LineState.ready


async def test_a_line_that_went_silent_says_so_while_it_is_looked_after(rig):
    await rig.bank()
    modem = await rig.started(timing=timing(wake=300, answer=100, prompt=100))
    await rig.fault("hang")
    assert isinstance(await modem.send(encoded(), committed()), NotSent)
    told = []
    modem.on_health = told.append
    with pytest.raises(ModemSilent):
        await modem.check()
    assert [health.state for health in told] == [LineState.recovering, LineState.no_answer]
    assert "no answer to AT+CMGS in 0.1 s" in told[0].cause
    await rig.do("mend")
    await modem.check()
    assert modem.health.state is LineState.ready


@pytest.mark.parametrize("make", ["ec25", "sim7600"])
async def test_a_report_that_a_dead_process_left_unacknowledged_comes_again(rig, make):
    """Without its refusal the modem would end all notifications when its time is over."""
    await rig.bank(make, cnma_seconds=0.5)
    await rig.do("set", network={"retry_seconds": 0.01})
    first = await rig.started()
    await first.send(encoded(), committed())
    assert isinstance(await arrival(first), ReportArrived)
    first._line.link._die("as if killed")
    await first.close()
    second = await rig.started()
    assert isinstance(await arrival(second), ReportArrived)
    assert rig.fake.stats["cnma_missed"] == 0


async def test_no_more_than_a_few_threads_hang_in_opening_a_port(rig):
    await rig.bank()
    opened, go_on = [], asyncio.Event()
    loop = asyncio.get_running_loop()

    def never_opens(port):
        opened.append(port)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
        raise PortGone(port, "open", "at last")

    modem = rig.modem(timing=timing(open=30), opener=never_opens)
    for _ in range(5):
        with pytest.raises(PortGone, match="does not open"):
            await modem.start()
    assert len(opened) == 2
    go_on.set()

    async def told():
        with pytest.raises(PortGone) as caught:
            await modem.start()
        return caught.value.why

    async with asyncio.timeout(10):
        while await told() != "at last":
            await asyncio.sleep(0)


async def test_a_port_that_hangs_in_closing_is_not_opened_again_until_it_is_closed(rig):
    await rig.bank()
    modem = rig.modem(timing=timing(open=100))
    await modem.start()
    closing, go_on = [], asyncio.Event()
    loop, device = asyncio.get_running_loop(), modem._line.link._device
    close = device.close

    def never_closes():
        closing.append(1)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
        close()

    device.close = never_closes
    with pytest.raises(PortGone, match="does not close"):
        await modem.start()
    assert modem.health.state is LineState.no_answer
    go_on.set()

    async def starts():
        try:
            await modem.start()
        except PortGone:
            return False
        return True

    async with asyncio.timeout(10):
        while not await starts():
            await asyncio.sleep(0.01)
