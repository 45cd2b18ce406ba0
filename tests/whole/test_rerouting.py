"""Routes change while many messages are queued, and the daemon is killed in the midst of it."""

import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

from tests.box import running_bank, running_box, until
from tests.crowd import crowd
from tests.fake_modem.sim import Sim
from tests.rooms import sqlite_url

MANY, A_DAY = 4_000, 4

SIMS = f"""
[[groups]]
name = "there"

[[groups]]
name = "gone"

[[sims]]
iccid = "{Sim.numbered(0).iccid}"
group = "there"
parts_per_day = {A_DAY}

[[sims]]
iccid = "{Sim.numbered(1).iccid}"
group = "gone"
"""

OLD, NEW = (
    f'{SIMS}\n[[routes]]\nname = "{name}"\ngroups = ["{group}"]\n'
    for name, group in (("old", "gone"), ("new", "there"))
)


class Queue:
    """What the tables hold, read beside the daemon."""

    def __init__(self, folder):
        self._file = folder / "appliance.db"

    def rows(self, statement):
        with closing(sqlite3.connect(self._file)) as connection:
            return connection.execute(statement).fetchall()

    def by_route(self):
        """Return by route how many messages are queued."""
        return dict(
            self.rows(
                "SELECT lane.sim_group, count(*) FROM message JOIN lane ON lane.id = lane_id"
                " WHERE message.state = 'queued' GROUP BY 1"
            )
        )

    async def reaches(self, condition, what):
        async def there():
            return condition(self.by_route())

        await until(there, what)


def both(queued):
    return len(queued) == 2


async def killed_in_the_midst(box, queue, path, config):
    """Let other routes hold, and kill the daemon when some messages have changed their lanes."""
    path.write_text(config)
    box.process.send_signal(signal.SIGHUP)
    await queue.reaches(both, "some go another way")
    await box.kill()
    found = queue.by_route()
    assert both(found), "it was killed too late"
    assert sum(found.values()) > MANY - A_DAY


async def test_messages_that_change_lanes_over_a_kill_are_all_in_the_lane_of_the_rules(tmp_path):
    async with (
        running_bank(tmp_path / "bank", "--modems", "1", "--cmgs-delay", "0.02") as bank,
        running_box(tmp_path / "data", bank.ports, config=OLD) as box,
    ):
        path, queue = tmp_path / "data.toml", Queue(box.data)
        await box.account()
        await box.lines_ready(1)
        await box.send("+4915100000001", "hello")
        ((account_id, lane_id),) = queue.rows("SELECT account_id, lane_id FROM message")
        crowd(
            sqlite_url(box.data),
            account_id=account_id,
            lane_id=lane_id,
            count=MANY,
            now=datetime.now(UTC),
            category="transactional",
            priority=1,
        )
        assert queue.by_route() == {"old": MANY + 1}

        await killed_in_the_midst(box, queue, path, NEW)
        path.write_text(OLD)  # what was begun is undone
        await box.start()
        await queue.reaches(lambda found: set(found) == {"old"}, "all are back")

        await killed_in_the_midst(box, queue, path, NEW)
        await box.start()
        await queue.reaches(lambda found: set(found) == {"new"}, "all go the new way")

        async def full():
            (line,) = (await box.local.get("/local/lines")).json()
            return f"day limit {A_DAY}/{A_DAY}" in line["cause"]

        await until(full, "as many as the SIM may are sent")
        assert sum(queue.by_route().values()) == MANY + 1 - A_DAY
        air = [entry.recipient for entry in bank.ledger.sent()]
        assert len(air) == len(set(air))
        assert A_DAY - 2 <= len(air) <= A_DAY  # each kill may have come before a Ctrl-Z
