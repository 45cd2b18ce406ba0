"""A pool in this process, with short waits, so that a whole climb up the ladder takes seconds."""

import asyncio
import socket
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, timedelta

from appliance.clock import SystemClock
from appliance.config.settings import Mending
from appliance.inbox import Inbox, reading
from appliance.intake import Intake, IntakeRules
from appliance.lines.allowances import Allowances
from appliance.lines.hands import Hands
from appliance.lines.keeper import Keeper
from appliance.lines.record import Record
from appliance.lines.roster import Roster
from appliance.lines.site import Site
from appliance.modem import discovery
from appliance.modem.driver import Modem
from appliance.modem.values import SimRules
from appliance.policy.contract import Contract
from appliance.policy.judgement import DEFAULT
from appliance.pool import Dispatcher, Pool
from appliance.store import Store
from appliance.store.accounts import NewAccount
from appliance.store.space import Space
from appliance.store.values import LineFacts
from appliance.submission import Submission
from tests.box import ROOT, until
from tests.fake_modem import Bank
from tests.modem.driving import QUICK, timing

HASTY = timing(open=2000, wake=250, answer=150, prompt=200, send=400, registration=1000)

SECONDS = 40


class Home:
    """A bank, a store and a pool. ``sysfs``: the bank's, and the helper works on it."""

    def __init__(self, folder, bank, store, clock):
        self.folder, self.bank, self.store = folder, bank, store
        self.clock = clock
        self.contract = Contract()
        self.modems = {}
        self.rules = SimRules()
        self.pin = None

    async def do(self, verb, **fields):
        return await self.bank._control.do(verb, fields)

    async def fault(self, kind, modem=0, **fields):
        return await self.do("fault", kind=kind, modem=modem, **fields)

    async def lines(self):
        return await self.store.views.lines(self.clock.now())

    async def line(self, number=0):
        return (await self.lines())[number]

    async def line_is(self, what, condition, number=0):
        async def there():
            found = await self.lines()
            return found[number] if len(found) > number and condition(found[number]) else None

        return await until(there, what, SECONDS)

    async def ready(self, number=0):
        return await self.line_is("it is ready", lambda line: line.state == "ready", number)

    async def incidents(self, *, lasting=False):
        """Return them by kind and sentence."""
        found = await self.store.incidents.shown(lasting=lasting)
        return [(one.kind, one.sentence) for one in found]

    async def stands(self, kind, *, standing=True):
        async def there():
            return any(kind == one for one, _ in await self.incidents(lasting=True)) is standing

        await until(there, f"{kind} stands: {standing}", SECONDS)

    async def submit(self, number, text="hello", **more):
        return await self.intake.submit(self.account, Submission(to=number, text=text, **more))

    async def on_air(self, number, count=1):
        async def there():
            return sum(one.recipient == number for one in self.bank.ledger.sent()) >= count

        await until(there, f"{number} is written to", SECONDS)


@asynccontextmanager
async def home(
    folder,
    *makes,
    modems=1,
    sysfs=False,
    renumber=False,
    mending=None,
    judging=DEFAULT,
    check_every=0.3,
    clock=None,
    **settings,
):
    """Run a pool on a bank until the end of the block; ``renumber``: as the bank has it."""
    root = folder / "sysfs" if sysfs else None
    bank = Bank(
        folder / "bank",
        makes or ("e3372",),
        modems,
        settings=replace(QUICK, **settings),
        sysfs=root,
        renumber=renumber,
    )
    clock = clock or SystemClock()
    (folder / "data").mkdir()
    store = await Store.open(
        f"sqlite:///{folder / 'data' / 'appliance.db'}",
        folder / "data",
        daemon="here",
        clock=clock,
        reading=reading({}),
    )
    async with bank:
        made = Home(folder, bank, store, clock)
        try:
            async with _running(made, mending or Mending(), judging, check_every, root):
                yield made
        finally:
            await store.close()


@asynccontextmanager
async def _running(made, mending, judging, check_every, root):
    store, clock = made.store, made.clock
    space = Space(made.folder, 0)
    dispatcher = Dispatcher(store, clock, space)
    record = Record(store)
    hands = Hands(
        store=store,
        inbox=Inbox(store, clock, None),
        clock=clock,
        record=record,
        nudge=dispatcher.nudge,
        again=dispatcher.again,
    )
    more = {"sysfs": root} if root else {}
    site = Site(
        number=lambda _iccid: None,
        zone=UTC,
        check_every=timedelta(seconds=check_every),
        mending=mending,
        judging=lambda: judging,
        **more,
    )
    allowances = made.allowances = Allowances(
        store, clock, lambda _iccid, _simulated: made.contract, UTC
    )
    roster = Roster(store, clock)

    def keep(found):
        facts = LineFacts(
            slot=found.slot,
            port=found.port,
            state="starting",
            cause="",
            next_step="",
            simulated=True,
            changed_at=clock.now(),
        )
        modem = made.modems[found.slot] = Modem(
            found.port,
            slot=found.slot,
            timing=HASTY,
            pin=lambda _sim: made.pin,
            rules=lambda _sim: made.rules,
            candidates=found.candidates,
            known=found.known,
            proofs=lambda model: store.proofs.of(model.maker, model.model, model.revision),
        )
        return Keeper(
            modem,
            facts,
            hands=hands,
            site=site,
            allowances=allowances,
            supply=dispatcher,
            roster=roster,
        )

    def find():
        if root:
            return discovery.ports("auto", sysfs=root, dev=root / "dev")
        return discovery.ports([str(port.link) for port in made.bank.ports])

    made.pool = pool = Pool(dispatcher, find, keep)
    made.intake = Intake(store, clock, _rules(), space)
    issued = await store.accounts.add(NewAccount(name="first"), clock.now())
    made.account = await store.accounts.by_id(issued.account_id)
    running = asyncio.create_task(pool.run())
    try:
        yield
    finally:
        await pool.stop(timedelta(seconds=2))
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await record.written()


def _rules():
    return IntakeRules(
        region=None,
        short_codes=False,
        countries=frozenset,
        max_parts=10,
        validity=timedelta(hours=1),
    )


@asynccontextmanager
async def helper(path, sysfs):
    """Start the real helper for each connection, as the socket unit does; note what was asked."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen(8)
    listening.setblocking(False)
    served, working = [], asyncio.Lock()

    async def serve():
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(listening)
            async with working:
                with connection:
                    connection.setblocking(True)
                    process = await asyncio.create_subprocess_exec(
                        sys.executable,
                        *("-I", str(ROOT / "appliance" / "usb_helper.py")),
                        *("--sysfs", str(sysfs), "--pause", "0.1"),
                        stdin=connection,
                        stdout=connection,
                    )
                served.append(await process.wait())

    serving = asyncio.create_task(serve())
    try:
        yield served
    finally:
        async with working:
            serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        listening.close()
