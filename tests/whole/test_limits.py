"""What a SIM may send holds against what was on the air, also when the daemon dies meanwhile."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tests.box import running_bank, running_box, until
from tests.fake_modem.sim import Sim

DAY, MINUTE, GAP, REAL = (f"modem{number}" for number in range(4))

CONFIG = f"""
[[sims]]
iccid = "{Sim.numbered(0).iccid}"
parts_per_day = 3

[[sims]]
iccid = "{Sim.numbered(1).iccid}"
parts_per_minute = 4

[[sims]]
iccid = "{Sim.numbered(2).iccid}"
minimum_gap_seconds = 0.4
"""

PER_MINUTE = {MINUTE: 4, REAL: 6}


def noon_zone():
    """Return a time zone in which midnight is far away."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


class Limited:
    def __init__(self, bank, box):
        self.bank, self.box = bank, box

    def on_air(self):
        """Return by modem when its PDUs were on the air."""
        found = defaultdict(list)
        for entry in self.bank.ledger.entries():
            found[entry.modem].append(entry.at)
        return found

    async def sent(self, **least):
        """Wait until modems have sent so many."""

        async def there():
            found = self.on_air()
            return all(len(found[modem]) >= count for modem, count in least.items())

        await until(there, f"{least} are sent")

    async def says(self, slot, cause):
        async def there():
            lines = (await self.box.local.get("/local/lines")).json()
            line = next(line for line in lines if line["slot"] == slot)
            return line if cause in line["cause"] else None

        line = await until(there, f"{slot} says {cause}")
        assert line["state"] == "ready"
        assert line["cause"] in (await self.box.http.get("/")).text

    async def hold(self):
        """Look whether every limit held."""
        found = self.on_air()
        assert len(found[DAY]) == 3
        for modem, most in PER_MINUTE.items():
            starts = await self.starts(modem)
            for early, late in zip(starts, starts[most:], strict=False):
                assert late - early >= timedelta(minutes=1)
        gaps = [late - early for early, late in pairwise(await self.starts(GAP))]
        assert min(gaps) >= timedelta(seconds=0.4)

    async def starts(self, modem):
        """Return when the attempts of a modem's SIM began, as the customer is told."""
        listed = (await self.box.http.get("/v1/messages", params={"limit": 200})).json()
        iccid = Sim.numbered(int(modem[-1])).iccid
        begun = []
        for message in listed["messages"]:
            story = (await self.box.message(message["id"]))["story"]
            begun += [one["started_at"] for one in story["attempts"] if one["sim"] == iccid]
        return sorted(datetime.fromisoformat(moment) for moment in begun)


async def test_limits_hold_over_a_crash_and_the_line_says_why_it_waits(tmp_path):
    async with (
        running_bank(tmp_path / "bank", "--modems", "4", "--cmgs-delay", "0.02") as bank,
        running_box(
            tmp_path / "data",
            bank.ports,
            config=CONFIG,
            MODEMS__SIMULATED=str(tmp_path / "bank" / "modem[0-2]"),  # the last one is real
            SITE__TIMEZONE=noon_zone(),
        ) as box,
    ):
        limited = Limited(bank, box)
        await box.account()
        await box.lines_ready(4)
        for number in range(60):
            await box.send(f"+49151{number:08d}", f"no. {number}")

        await limited.sent(**{DAY: 3, MINUTE: 4, REAL: 6, GAP: 4})
        await limited.says(DAY, "day limit 3/3, next at 00:00")
        await limited.says(MINUTE, "minute limit 4/4, next at ")
        await limited.says(REAL, "minute limit 6/6, next at ")
        await limited.says(GAP, "minimum gap 0.4 s, next at ")
        await box.kill()
        gone = len(limited.on_air()[GAP])

        await box.start()
        await limited.sent(**{GAP: gone + 4})
        await limited.says(DAY, "day limit 3/3, next at 00:00")
        await limited.says(MINUTE, "minute limit 4/4, next at ")
        await limited.hold()
