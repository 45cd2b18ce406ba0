"""Every reason for which a message waits, read as people read it: REST, command line, page.

One row, one reason, one SIM: each has a route of its own, told by the recipient's number.
"""

import asyncio
import html
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from smpplib import consts
from typer.testing import CliRunner

from appliance.cli.app import cli
from tests.apps import Esme
from tests.box import running_bank, running_box, until
from tests.fake_modem.sim import Sim

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR = datetime.now(UTC).hour
ZONE = f"Etc/GMT{HOUR - 12:+d}"  # in which it is noon, and midnight far away

NEXT = "next at"
REFUSED, CONGESTED = 8, 42  # +CMS: operator determined barring; network congested

UNSET_CLOCK = "tests.whole.unset_clock"


@dataclass(frozen=True)
class Reason:
    """``says`` is a pattern of what is read where ``sim`` is set for the SIM.

    ``before`` messages are sent first; ``asked`` is of the message itself; ``fault`` is what the
    modem has.
    """

    says: str
    sim: str = ""
    before: int = 1
    asked: dict[str, Any] = field(default_factory=dict)
    fault: dict[str, Any] = field(default_factory=dict)


OF_A_SIM = {
    "minute": Reason(f"minute limit 1/1, {NEXT} ..:..", "parts_per_minute = 1"),
    "hour": Reason(f"hour limit 1/1, {NEXT} ..:..", "parts_per_hour = 1"),
    "day": Reason(f"day limit 1/1, {NEXT} 00:00", "parts_per_day = 1"),
    "month": Reason(f"month limit 1/1, {NEXT} .*00:00", "parts_per_month = 1"),
    "rolling": Reason(
        f"48 h limit 1/1, {NEXT} ", "parts_per_rolling = [{ parts = 1, hours = 48 }]"
    ),
    "people a day": Reason(f"recipients of the day 1/1, {NEXT} 00:00", "recipients_per_day = 1"),
    "people a month": Reason(f"recipients of the month 1/1, {NEXT} ", "recipients_per_month = 1"),
    "gap": Reason(f"minimum gap 600 s, {NEXT} ..:..", "minimum_gap_seconds = 600"),
    "hours": Reason(f"allowed hours 20:00-21:00, {NEXT} 20:00", "hours = ['20:00-21:00']", 0),
    "budget": Reason(
        f"budget of the month 0.05/0.05, {NEXT} ", "price_per_part = 0.05\nbudget_per_month = 0.05"
    ),
    "bundle": Reason(
        "bundle 1/1, until 31 December 2099",
        "bundle = { parts = 1, from = 2020-01-01, until = 2099-12-31 }",
    ),
    "bundle over": Reason(
        "bundle of 9 parts ended on 31 January 2020",
        "bundle = { parts = 9, from = 2020-01-01, until = 2020-01-31 }",
        0,
    ),
    "ramp-up": Reason(f"ramp-up day 1: 1/1, {NEXT} 00:00", "ramp_up = [1, 2]"),
    "too long": Reason(
        "needs 2 parts, day limit 1", "parts_per_day = 1", 0, {"text": "long " * 40}
    ),
    "category": Reason("it carries only marketing messages", "categories = ['marketing']", 0),
    "account": Reason("it carries messages of somebody only", "accounts = ['somebody']", 0),
    "place": Reason(r"it writes only to \+44", "destinations = ['+44']", 0),
    "paused": Reason("paused by somebody on this box: the card is wet", before=0),
    "judged": Reason("judged: 2 parts in a row were refused", "", 2, fault={"code": REFUSED}),
    "tried in vain": Reason(
        f"tried in vain: the network is congested, {NEXT} ", "", 0, fault={"code": CONGESTED}
    ),
}
"""Reasons that lie in a SIM, which has the reason's name."""

NAMES = list(OF_A_SIM)
PAIR = len(NAMES)  # the place of the first of two SIMs that share their recipients
VAIN = PAIR + 2  # that of the first of two SIMs that are refused
ROOM = VAIN + 2  # that of a SIM with room for three parts a day
HANGS = ROOM + 1  # that of a SIM in a modem that hangs
LOCKED = HANGS + 1  # that of a SIM that wants its PIN
MODEMS = LOCKED + 1
ABSENT = MODEMS  # that of a SIM that is in no modem
FREE = ABSENT + 1  # that of numbers which every SIM may write to


def sim(place, name, more="", group=None):
    group = f"of {place}" if group is None else group
    return (
        f"[[sims]]\niccid = '{Sim.numbered(place).iccid}'\nname = '{name}'\n"
        f"group = '{group}'\n{more}\n"
    )


def way(place, name):
    """Return the group of one SIM, and the route to it."""
    return (
        f"[[groups]]\nname = 'of {place}'\n"
        f"[[routes]]\nname = 'to {name}'\nprefixes = ['{prefix(place)}']\n"
        f"groups = ['of {place}']\n"
    )


def prefix(place):
    return f"+49151{place:02d}"


CONFIG = "\n".join(
    [
        "[quiet]\nmarketing = '20:00-21:00'",
        "[judging]\nconsecutive = 2\nprobe_after_minutes = 600",
        "[limits]\nparts_per_minute = 'none'\nparts_per_day = 'none'",
        *(sim(place, name, OF_A_SIM[name].sim) for place, name in enumerate(NAMES)),
        sim(PAIR, "known", "minimum_gap_seconds = 30"),
        sim(PAIR + 1, "dear", "price_per_part = 9", group=f"of {PAIR}"),
        *(sim(VAIN + each, f"vain {each}", group=f"of {VAIN}") for each in range(2)),
        sim(ROOM, "room", "parts_per_day = 3"),
        sim(HANGS, "hangs"),
        sim(LOCKED, "locked"),
        sim(ABSENT, "absent"),
        *(way(place, name) for place, name in enumerate(NAMES)),
        way(PAIR, "pair"),
        way(VAIN, "vain"),
        way(ROOM, "room"),
        way(HANGS, "hangs"),
        way(LOCKED, "locked"),
        way(ABSENT, "absent"),
    ]
)


class Site:
    def __init__(self, bank, box, account):
        self.bank, self.box, self.account = bank, box, account
        self._serial = count(1)

    def number(self, place):
        """Return a number that was not written to."""
        return f"{prefix(place)}{next(self._serial):06d}"

    async def ask(self, place, **asked):
        asked = {"text": "hello", "to": self.number(place)} | asked
        return (await self.box.send(**asked))["id"]

    @asynccontextmanager
    async def again(self, *, module="appliance", **settings):
        """Run the daemon anew with other settings."""
        await self.box.stop()
        self.box.module = module
        self.box._env.update({f"APPLIANCE_{name}": value for name, value in settings.items()})
        await self.box.start()
        yield

    async def read_everywhere(self, name, says, seconds=10):
        """Wait until it is said over REST why a message waits, and find the same elsewhere."""

        async def told():
            waits = (await self.box.message(name))["waits"] or ""
            return waits if re.search(says, waits) else None

        try:
            waits = await until(told, f"{name} waits: {says}", seconds)
        except AssertionError:
            raise AssertionError((await self.box.message(name), says)) from None
        page = html.unescape((await self.box.http.get("/")).text)
        assert waits in page
        shown = await command(self.box, "messages", name)
        assert re.search(rf"^Waits +{re.escape(waits)}$", shown, re.MULTILINE), shown
        return waits


async def command(box, *arguments):
    """Return what the command line says; in this process, since starting one takes its time."""
    env = {"APPLIANCE_STORAGE__DATA": str(box.data), "COLUMNS": "400"}
    ran = await asyncio.to_thread(CliRunner().invoke, cli, arguments, env=env)
    assert ran.exit_code == 0, ran.output
    return ran.output


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("waits")
    options = ("--modems", str(MODEMS), "--makes", "e3372", "--cmgs-delay", "0.02")
    async with running_bank(folder / "bank", *options) as bank:
        await bank.control.do("fault", modem=LOCKED, kind="pin", pin="1234", tries=3)
        for place, name in enumerate(NAMES):
            if fault := OF_A_SIM[name].fault:
                await bank.control.do("fault", kind="mute_network", modem=place, **fault)
        for place in (VAIN, VAIN + 1):
            await bank.control.do("fault", kind="mute_network", modem=place, code=REFUSED)
        async with running_box(
            folder / "data", bank.ports, config=CONFIG, SITE__TIMEZONE=ZONE
        ) as box:
            account = await box.account()
            await box.lines_ready(MODEMS - 1)
            site = Site(bank, box, account)
            await bank.control.do("hold", modem=HANGS)
            await site.ask(HANGS)  # what it says of that takes its time, and is read at the end
            yield site


@pytest.mark.parametrize("name", NAMES)
async def test_what_a_message_waits_for_is_read_where_people_look(site, name):
    place, reason = NAMES.index(name), OF_A_SIM[name]
    if name == "paused":
        body = {"reason": "the card is wet"}
        await site.box.local.post(f"/local/lines/modem{place}/pause", json=body)
    for _ in range(reason.before):
        await site.ask(place)
    waits = await site.read_everywhere(await site.ask(place, **reason.asked), reason.says)
    if name != "tried in vain":
        assert waits.startswith(f"{name}: ")


async def test_the_sim_that_its_recipient_knows_is_waited_for(site):
    to = site.number(PAIR)
    await site.box.becomes(await site.ask(PAIR, to=to), "sent", "delivered")
    waits = await site.read_everywhere(await site.ask(PAIR, to=to), "knows this SIM")
    assert re.match(
        f"known: minimum gap 30 s, {NEXT} .*; its recipient knows this SIM, which has 60 s", waits
    )


async def test_after_several_sims_were_refused_all_of_them_wait(site):
    says = f"^(vain 0, vain 1|vain 1, vain 0): it has tried this message in vain, {NEXT} "
    await site.read_everywhere(await site.ask(VAIN), says)


async def test_room_that_is_kept_for_a_longer_message_is_said_to_be(site):
    await site.box.becomes(await site.ask(ROOM), "sent", "delivered")
    long = await site.ask(ROOM, text="long " * 80)
    says = f"^room: day limit 1/3 for 3 parts, {NEXT} 00:00"
    await site.read_everywhere(long, says)
    for _ in range(2):  # they fill this day; the next one is that of the long message
        await site.box.becomes(await site.ask(ROOM), "sent", "delivered")
    kept = "room is kept for messages that have waited longer"
    await site.read_everywhere(await site.ask(ROOM), rf"^room: day limit 3/3 \({kept}\), {NEXT} ")


async def test_a_route_whose_sims_are_in_no_modem_or_not_ready_says_so(site):
    says = "route to absent: none of its SIMs is ready; "
    await site.read_everywhere(await site.ask(ABSENT), says)
    says = f"none of its SIMs is ready; modem{LOCKED}: The SIM wants its PIN"
    await site.read_everywhere(await site.ask(LOCKED), says)


async def test_what_time_alone_brings_says_when(site):
    asked = {"category": "marketing", "time_zone": ZONE}
    says = f"quiet hours: marketing messages go 20:00-21:00 .*, {NEXT} .*20:00"
    await site.read_everywhere(await site.ask(FREE, **asked), says)
    later = {"send_at": (datetime.now(UTC) + timedelta(days=2)).isoformat()}
    says = f"sent later, as asked, {NEXT} "
    await site.read_everywhere(await site.ask(FREE, **later), says)


async def test_the_segments_of_an_app_say_that_they_wait_for_each_other(site):
    async with Esme.bound(site.box, site.account) as esme:
        (answer,) = await esme.submit_parts(
            [b"\x05\x00\x03\x07\x02\x02the end"],
            site.number(FREE).removeprefix("+"),
            esm_class=consts.SMPP_GSMFEAT_UDHI,
        )
    says = "waits a few seconds for the other segments of its message"
    await site.read_everywhere(answer.message_id, says)


async def test_what_only_a_modem_that_hangs_may_carry_says_so(site):
    says = "^hangs( has it)?: the modem has not answered to a part for more than 15 s"
    names = [await site.ask(HANGS) for _ in range(4)]  # one more than it is given at once
    for name in (names[0], names[-1]):
        await site.read_everywhere(name, says, 20)
    await site.bank.control.do("go")
    await site.box.becomes(names[-1], "sent", "delivered")


async def test_a_full_disk_and_a_clock_that_is_not_set_hold_what_waits(site):
    """The last one here: the daemon ends, and another one begins where it was."""
    async with site.again(SITE__TRUST_CLOCK="auto", module=UNSET_CLOCK):
        name = await site.ask(FREE, category="marketing")
        await site.read_everywhere(name, "^the clock is not synchronised yet$")
    async with site.again(STORAGE__KEEP_FREE_MB="1000000000"):
        says = "^the disk is nearly full: nothing is sent until there is room$"
        await site.read_everywhere(name, says)
