"""Ports that are bad in every way: the others go on, the daemon answers, and says which it is."""

import asyncio
import html
from collections import Counter
from contextlib import suppress

import pytest
import pytest_asyncio

from appliance.api.words import sentence
from tests.apps import Hook
from tests.box import running_bank, running_box, until
from tests.whole.blocking import Blocking

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

MAKES = "e3372,sim7600,ec25,zte"  # all of them keep a report until it is settled
MODEMS = 9
DEAF, HUNG, MUTE, NEVER_OPENS, NEVER_CLOSES = (f"modem{number}" for number in range(4, 9))
GOOD = ("modem0", "modem1", "modem2", "modem3")


class Traffic:
    """Messages without end, some waiting at any time, so that every line has something to do."""

    WAITING = 16

    def __init__(self, box, hook):
        self.ids = []
        self._box, self._hook = box, hook
        self._task = asyncio.create_task(self._go_on())

    async def _go_on(self):
        while True:
            settled = {one["data"]["id"] for one in self._hook.notices if one["data"]["final"]}
            for _ in range(len(set(self.ids) - settled), self.WAITING):
                sent = await self._box.send(f"+49160{len(self.ids):07d}", f"no. {len(self.ids)}")
                self.ids.append(sent["id"])
            await asyncio.sleep(0.05)

    async def end(self):
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


class Trouble:
    """A bank some of whose modems are bad from the start, and a daemon with a lot to send."""

    def __init__(self, bank, box, blocking, hook):
        self.bank, self.box, self.blocking = bank, box, blocking
        self.traffic = Traffic(box, hook)

    async def fault(self, modem, kind, **fields):
        await self.bank.control.do("fault", modem=modem, kind=kind, **fields)

    async def mend(self, modem):
        await self.bank.control.do("mend", modem=modem)

    async def line(self, slot):
        found = (await self.box.local.get("/local/lines")).json()
        return next((line for line in found if line["slot"] == slot), None)

    async def line_becomes(self, slot, state, cause=""):
        """Wait until a line is in that state for that cause, and look whether the page says so."""

        async def there():
            line = await self.line(slot)
            return line if line and line["state"] == state and cause in line["cause"] else None

        line = await until(there, f"{slot} becomes {state}: {cause}", 60)
        if cause:
            page = html.unescape((await self.box.http.get("/")).text)
            assert sentence(line["cause"]) in page
            assert line["port"] in page
        return line

    async def others_go_on(self):
        """Wait until each good line has sent something more, twice over."""
        before = self._sent_by()

        async def more():
            sent = self._sent_by() - before
            return all(sent[modem] >= 2 for modem in GOOD)

        await until(more, "the others go on")

    async def sends_again(self, modem):
        before = self._sent_by()

        async def more():
            return (self._sent_by() - before)[modem]

        await until(more, f"{modem} sends again", 60)

    async def hold(self, number, text):
        """Submit; return the message, and the modem that has put it on the air and not answered."""
        await self.bank.control.do("hold", number=number)
        sent = await self.box.send(number, text)
        held = await self.bank.control.event()
        assert held["recipient"] == number
        return sent["id"], held["modem"]

    def on_air(self, number):
        return sum(entry.recipient == number for entry in self.bank.ledger.entries())

    async def history(self, message):
        return [step["state"] for step in (await self.box.message(message))["story"]["history"]]

    def _sent_by(self):
        return Counter(entry.modem for entry in self.bank.ledger.sent())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trouble(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ports")
    blocking = Blocking(folder / "blocking", folder / "bank")
    blocking.block("open", NEVER_OPENS)
    hook = Hook()
    options = ("--modems", str(MODEMS), "--makes", MAKES, "--report-delay", "0.1")
    async with (
        hook.listening() as url,
        running_bank(folder / "bank", *options, "--cmgs-delay", "0.1") as bank,
        running_box(
            folder / "data",
            bank.ports,
            process_env=blocking.environment,
            MODEMS__CHECK_SECONDS="2",
            MENDING__GIVE_UP_MINUTES="0.05",
        ) as box,
    ):
        await bank.control.do("set", network={"retry_seconds": 1}, boot_pace=0.1)
        await box.account(webhook_url=url)
        await box.lines_ready(MODEMS - 1)
        found = Trouble(bank, box, blocking, hook)
        await found.fault(DEAF, "deaf")
        await found.fault(HUNG, "hang")
        await found.fault(MUTE, "lost")
        blocking.block("close", NEVER_CLOSES)
        await found.fault(NEVER_CLOSES, "swap")
        try:
            yield found
        finally:
            await found.traffic.end()


async def test_a_port_that_blocks_on_open_holds_up_nobody_and_is_named(trouble):
    line = await trouble.line_becomes(NEVER_OPENS, "no_answer", "does not open")
    await trouble.others_go_on()
    assert line["next_step"]
    trouble.blocking.let_go("open", NEVER_OPENS)
    await trouble.sends_again(NEVER_OPENS)


async def test_a_port_that_blocks_on_close_holds_up_nobody_and_is_named(trouble):
    await trouble.line_becomes(NEVER_CLOSES, "no_answer", "does not close")
    await trouble.others_go_on()
    trouble.blocking.let_go("close", NEVER_CLOSES)
    await trouble.sends_again(NEVER_CLOSES)


async def test_a_modem_that_never_answers_is_named_and_only_the_part_it_has_waits(trouble):
    await trouble.line_becomes(MUTE, "sending", "has not answered")
    await trouble.others_go_on()
    entry = [one for one in trouble.bank.ledger.entries() if one.modem == MUTE][-1]
    message = trouble.traffic.ids[int(entry.recipient[-7:])]
    assert await trouble.box.state(message) in {"sending", "delivered"}  # by its report
    for early in trouble.traffic.ids[: Traffic.WAITING]:
        if early != message:
            await trouble.box.becomes(early, "delivered")
    await trouble.fault(MUTE, "vanish", seconds=0.1)  # so that nobody waits for two minutes
    assert await trouble.box.becomes(message, "delivered")
    assert trouble.on_air(entry.recipient) == 1
    await trouble.sends_again(MUTE)


async def test_a_stick_that_stops_reading_is_named_and_comes_back(trouble):
    line = await trouble.line_becomes(DEAF, "no_answer", "does not answer")
    await trouble.others_go_on()
    assert line["next_step"]
    await trouble.mend(DEAF)
    await trouble.sends_again(DEAF)


async def test_a_modem_that_hangs_is_named_and_comes_back(trouble):
    await trouble.line_becomes(HUNG, "no_answer", "does not answer")
    await trouble.others_go_on()
    await trouble.mend(HUNG)
    await trouble.sends_again(HUNG)


async def test_a_port_that_vanishes_in_mid_send_comes_back_and_the_report_settles_it(trouble):
    number = "+4915200000001"
    await trouble.bank.control.do("handset", number=number, mood="off")
    message, modem = await trouble.hold(number, "plug pulled")
    await trouble.fault(modem, "vanish", seconds=0.5)
    assert await trouble.box.becomes(message, "uncertain") == "uncertain"
    await trouble.sends_again(modem)
    await trouble.bank.control.do("switch_on", number=number)
    assert await trouble.box.becomes(message, "delivered") == "delivered"
    assert trouble.on_air(number) == 1


async def test_a_port_that_comes_back_under_another_name_is_the_same_sim(trouble):
    number = "+4915200000002"
    await trouble.bank.control.do("handset", number=number, mood="off")
    message, modem = await trouble.hold(number, "another socket")
    before = await trouble.line(modem)
    await trouble.fault(modem, "vanish", seconds=0.1, name="modem-elsewhere")
    assert await trouble.box.becomes(message, "uncertain") == "uncertain"
    await trouble.line_becomes(modem, "no_answer", "No such file")
    line = await trouble.line_becomes("modem-elsewhere", "ready")
    assert (line["sim"], line["number"]) == (before["sim"], before["number"])
    await trouble.bank.control.do("switch_on", number=number)
    assert await trouble.box.becomes(message, "delivered") == "delivered"
    assert trouble.on_air(number) == 1
    await trouble.sends_again(modem)


async def test_what_was_perhaps_sent_and_never_reported_stays_uncertain(trouble):
    number = "+4915200999007"  # never yields a report
    message, modem = await trouble.hold(number, "no word of it")
    await trouble.fault(modem, "vanish", seconds=0.1)
    assert await trouble.box.becomes(message, "uncertain") == "uncertain"
    await trouble.sends_again(modem)
    await trouble.others_go_on()
    assert await trouble.history(message) == ["queued", "sending", "uncertain"]
    assert trouble.on_air(number) == 1
    page = (await trouble.box.http.get("/")).text
    assert "perhaps sent" in page


async def test_nothing_waits_for_a_bad_line_and_nothing_goes_twice(trouble):
    await trouble.traffic.end()
    for message in trouble.traffic.ids:
        assert await trouble.box.becomes(message, "delivered", "failed") == "delivered"
    on_air = Counter(entry.recipient for entry in trouble.bank.ledger.entries())
    assert {number: count for number, count in on_air.items() if count > 1} == {}
    assert set(trouble._sent_by()) == {f"modem{number}" for number in range(MODEMS)}
