"""The whole of it: a daemon that is killed in between, until everything has been taken."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from appliance.clock import SystemClock
from tests.box import running_box, until
from tests.receipts.filling import filled
from tests.receipts.hostile import FIRST, LAST, Bind, Books
from tests.rooms import opened

BINDS = 3

WINDOW = 50

SETTINGS = {
    "SMPP__RETRY_SECONDS": "0.05",
    "SMPP__RETRY_LONGEST_SECONDS": "0.5",
    "SMPP__RESPONSE_SECONDS": "0.5",
    "SMPP__LEAVING_SECONDS": "0.3",
    "SMPP__WINDOW": str(WINDOW),
}


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        books: what the ESME has seen.
        owed: receipts that should have been taken, as (id, word).
        left: how much was still owed or parked at the end.
        kills: how often the daemon was killed.
        filling, delivering: seconds.

    """

    books: Books
    owed: frozenset[tuple[str, str]]
    left: int
    kills: int
    filling: float
    delivering: float

    def complaints(self) -> list[str]:
        """Return what is wrong."""
        wrong = list(self.books.wrong)
        if lost := self.owed - set(self.books.taken):
            wrong.append(f"{len(lost)} receipts were never taken: {sorted(lost)[:5]}")
        if more := set(self.books.taken) - self.owed:
            wrong.append(f"{len(more)} receipts of nothing: {sorted(more)[:5]}")
        if self.left:
            wrong.append(f"{self.left} notices are still owed")
        alive = [one for one, taken, again in self.books.repeated if taken == again]
        if alive:
            wrong.append(f"{len(alive)} receipts came again though the daemon lived")
        for life in range(self.kills):
            again = sum(taken == life for _, taken, _ in self.books.repeated)
            if again > WINDOW:
                wrong.append(f"{again} receipts came again after kill {life + 1}")
        return wrong

    def __str__(self) -> str:
        books = self.books
        refused = ", ".join(f"0x{one:02X} {count}" for one, count in sorted(books.refused.items()))
        return (
            f"{len(self.owed)} receipts of {len(self.owed) // 2} messages, {self.kills} kills;"
            f" {books.binds} binds, refused {refused}, {books.ignored} not answered,"
            f" {books.left} times left, {books.aborted} times aborted;"
            f" {len(books.repeated)} came again after a kill;"
            f" filled in {self.filling:.1f} s, taken in {self.delivering:.1f} s"
        )


async def prove(folder: Path, *, messages: int, kills: int, seed: int) -> Outcome:
    """Do it."""
    data, begun = folder / "data", time.monotonic()
    made = await filled(data, messages)
    owed = frozenset((name, word) for name in made.messages for word in (FIRST, LAST))
    books, filling = Books(), time.monotonic() - begun
    begun = time.monotonic()
    async with running_box(data, str(folder / "no-modem*"), **SETTINGS) as box:
        binds = [
            Bind(box.smpp_port, made.system_id, made.password, books, seed + number)
            for number in range(BINDS)
        ]
        tasks = [asyncio.create_task(bind.run()) for bind in binds]

        async def taken(share: float) -> bool:
            for task in tasks:
                if task.done():
                    task.result()  # raises what it has ended by
            return len(books.taken) >= share * len(owed)

        for number in range(1, kills + 1):
            share = number / (kills + 1)
            await until(
                lambda share=share: taken(share), f"{share:.0%} are taken", 120 + messages / 50
            )
            await box.kill()
            books.life += 1
            await box.start()
        await until(lambda: taken(1), "everything is taken", 120 + messages / 50)
        delivering = time.monotonic() - begun
        await box.stop()
        for task in tasks:
            task.cancel()
    clock = SystemClock()
    async with opened(data, clock) as store:
        left = sum(one.waiting + one.refused + one.expired for one in await store.owing.counts())
    return Outcome(books, owed, left, kills, filling, delivering)
