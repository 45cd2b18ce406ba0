"""The forecast against what a whole house then really does, with simulated modems and a fast clock.

Nothing is pretended but time: the store, the intake, the dispatcher, the lines, the modems' ports
and their dialogues are the real ones, in one process, in a loop whose time jumps.
"""

import asyncio
import os
from collections import Counter
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from appliance.config.reading import Config
from appliance.inbox import reading
from appliance.planning import Wish
from appliance.policy.categories import Category
from appliance.store import Store
from appliance.submission import Submission
from appliance.wiring import House
from tests.box import running_bank, running_box
from tests.fake_modem.bank import Bank
from tests.fake_modem.faults import ModemSettings
from tests.fake_modem.sim import Sim
from tests.forking import run
from tests.jumping import JumpingClock, run_jumping
from tests.rooms import add_account, sqlite_url

START = datetime(2026, 11, 23, 22, 50, tzinfo=UTC)  # ten minutes before a new day in Berlin

BERLIN = ZoneInfo("Europe/Berlin")

CONFIG = """
[storage]
data = "{data}"
keep_free_mb = 0

[site]
timezone = "Europe/Berlin"

[numbers]
region = "DE"

[modems]
ports = ["{ports}"]
simulated = ["{ports}"]
check_seconds = 86400

[[sims]]
iccid = "{sims[0]}"
name = "SIM A"
parts_per_minute = 4

[[sims]]
iccid = "{sims[1]}"
name = "SIM B"
parts_per_minute = 6
parts_per_day = 20

[[sims]]
iccid = "{sims[2]}"
name = "SIM C"
minimum_gap_seconds = 15
"""

MODEMS = ModemSettings(cmgs_delay=3.0, report_delay=2.0, noise=False)

FEW, MANY = 9, 110


class Site:
    """A house at work, who sends by it, and its modems."""

    def __init__(self, house, store, clock, account, bank):
        self.house, self.store, self.clock, self.account = house, store, clock, account
        self.bank = bank

    async def hand_in(self, first, count):
        for number in range(first, first + count):
            to = f"+49151{20_000_000 + number}"
            submission = Submission(to=to, text="Hello", category=Category.MARKETING)
            await self.house.intake.submit(self.account, submission)

    async def attempts(self):
        """Return what was sent, in the order in which the modems have answered."""
        listed = await self.store.views.messages(self.account.id, most=1000)
        stories = [await self.store.views.message(self.account.id, one.id) for one in listed]
        found = [attempt for story in stories for attempt in story.attempts]
        return sorted(found, key=lambda attempt: attempt.answered_at)

    async def left(self, every=5):
        """Wait until nothing is queued or under way."""
        while True:
            queue = await self.store.views.queue()
            if queue.queued == queue.sending == 0:
                return
            await asyncio.sleep(every)

    async def ready(self, count):
        while True:
            lines = await self.store.views.lines(self.clock.now())
            if sum(line.state == "ready" for line in lines) == count:
                return
            await asyncio.sleep(1)


@asynccontextmanager
async def working(loop, folder, clock, text=CONFIG):
    settings = folder / "appliance.toml"
    ports = folder / "bank" / "modem*"
    sims = [Sim.numbered(number).iccid for number in range(3)]
    settings.write_text(text.format(data=folder, ports=ports, sims=sims), "utf-8")
    config = Config.load(settings)
    store = await Store.open(
        sqlite_url(folder), folder, daemon="box", clock=clock, reading=reading({})
    )
    loop.busy = lambda: store.pending > 0
    async with Bank(folder / "bank", count=3, settings=replace(MODEMS)) as bank:
        house = House.build(config, store, clock, lambda _text: config)
        pool = asyncio.create_task(house.pool.run())
        try:
            yield Site(house, store, clock, await add_account(store, clock), bank)
        finally:
            await house.pool.stop(timedelta(seconds=5))
            pool.cancel()
            with suppress(asyncio.CancelledError):
                await pool
            await house.record.written()
            await store.close()


def test_the_forecast_is_what_the_modems_then_do_within_two_in_a_hundred(tmp_path):
    async def work(loop):
        clock = JumpingClock(loop, START)
        async with working(loop, tmp_path, clock) as site:
            await site.ready(3)
            await site.hand_in(0, FEW)  # so that the SIMs' pace is measured, and some counts
            await site.left()
            begun = clock.now()
            wish = Wish(
                messages=MANY,
                category=Category.MARKETING,
                account=site.account.name,
                account_id=site.account.id,
            )
            plan = await site.house.planning.plan(wish, begun)
            await site.hand_in(FEW, MANY)
            await site.left()
            return plan, begun, await site.attempts()

    plan, begun, attempts = run_jumping(work)
    assert len(attempts) == FEW + MANY
    foreseen, really = plan.outlook.done_at - begun, attempts[-1].answered_at - begun
    assert abs(foreseen - really) < 0.02 * really
    assert plan.outlook.done_at.astimezone(BERLIN).date() == date(2026, 11, 24)
    carried = Counter(attempt.sim for attempt in attempts[FEW:])
    for number, share in enumerate(plan.outlook.forecast.shares):
        assert abs(carried[Sim.numbered(number).iccid] - share.parts) <= 2
    assert plan.outlook.bottleneck.says.startswith("SIM A: minute limit 4 held it ")
    assert plan.notes[0].startswith("A part takes 3")  # measured


async def told(data, *arguments):
    """Return what the command line says of a plan."""
    env = os.environ | {"APPLIANCE_STORAGE__DATA": str(data), "COLUMNS": "200"}
    return (await run("appliance", "plan", *arguments, env=env)).out.decode()


async def test_a_running_daemon_forecasts_for_accounts_and_on_the_command_line(tmp_path):
    async with (
        running_bank(tmp_path / "bank", "--modems", "1") as bank,
        running_box(tmp_path / "data", bank.ports) as box,
    ):
        await box.account()
        await box.lines_ready(1)
        answer = (await box.http.post("/v1/plan", json={"messages": 900, "to": ["DE"]})).json()
        assert answer["says"].startswith("900 messages: done ")
        assert (answer["leave"], answer["expire"], answer["never"]) == (900, 0, 0)
        assert answer["bottleneck"]["limit"] is None
        assert [sim["parts"] for sim in answer["sims"]] == [900]
        assumed, left_out = answer["notes"]
        assert assumed == "4 s a part are assumed of 1 SIM."
        assert left_out.startswith("Not counted: ")

        other = await box.http.post("/v1/plan", json={"messages": 1, "account": "somebody"})
        assert other.status_code == 403
        wrong = await box.http.post("/v1/plan", json={"messages": 1, "to": ["Germany"]})
        assert (wrong.status_code, wrong.json()["field"]) == (422, "to.0")

        said = await told(box.data, "--messages", "900")
        assert said.startswith("900 messages: done ")
        assert "Bottleneck: SIM …" in said
        await box.stop()
        said = await told(box.data, "--messages", "900")
        assert said.startswith("900 messages: none leaves; 900 ")
        assert "No daemon was asked: by the configuration alone" in said
