"""The daemon is killed again and again while messages go out and come in; then all is counted.

The fake modems discard what they say while their port is closed, as real ones do.
"""

import asyncio
import json
import random
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.box import Bank, Box, running_bank, running_box, until
from tests.fake_modem.ledger import OnAir
from tests.webhooks import Listener

MAKES = "e3372,sim7600,ec25,zte"  # all of them keep a report until it is settled

LONG = " and more" * 20  # makes a second part


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done. ``in_mid_send`` kills come between a PDU and its final answer."""

    messages: int
    inbound: int = 0
    in_mid_send: int
    anywhere: int
    lines: int = 4
    seed: int = 20261121

    @property
    def kills(self) -> int:
        """How often the daemon is killed."""
        return self.in_mid_send + self.anywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What came of it. Parts are named ``message/ordinal``, messages by their numbers.

    Attributes:
        held: how many kills really came between a PDU and its answer.
        twice: parts that were on the air more than once.
        lost: parts that were never on the air, though nothing says so.
        uncertain: parts of which nobody knows, and which were not on the air.
        reports_lost: parts that were on the air and are not delivered, but for ``untellable`` ones.
        untellable: parts whose only report fits another lost part of their message as well, which
            was never on the air: nothing tells which one it means.
        unmatched: how many reports are kept that fit nothing: those of ``untellable`` parts.
        untold: delivered messages whose account was not told.
        told_twice: fates that were told under more than one id.
        inbound: how often each inbound message was told.

    """

    held: int
    twice: set[str]
    lost: set[str]
    uncertain: set[str]
    reports_lost: set[str]
    untellable: set[str]
    unmatched: int
    untold: set[str]
    told_twice: set[str]
    inbound: Counter[str]


async def kill_again_and_again(folder: Path, plan: Plan) -> Count:
    """Do it, wait until everything has its fate, and count."""
    receiver = Receiver()
    async with (
        receiver.listening() as url,
        running_bank(
            folder / "bank",
            *("--modems", str(plan.lines), "--makes", MAKES),
            *("--cmgs-delay", "0.15", "--report-delay", "0.3"),
        ) as bank,
        running_box(folder / "data", bank.ports, MODEMS__CHECK_SECONDS="2") as box,
    ):
        await bank.control.do("set", network={"retry_seconds": 5})
        await box.account(webhook_url=url)
        accepted: dict[int, str] = {}
        submitting = asyncio.create_task(_submit_all(box, plan.messages, accepted))
        held = await _kill(box, bank, plan)
        await submitting
        await until(lambda: _settled(box, bank, accepted), "every message has its fate", 120)
        await until(lambda: _told(box, accepted, receiver), "every fate was told", 60)
        await until(lambda: _heard(receiver, plan.inbound), "all inbound messages were told", 60)
        return await _count(box, bank, accepted, receiver, held)


class Receiver(Listener):
    """An account's webhook: answers 200, and remembers what it was told."""

    def __init__(self) -> None:
        self.told: Counter[tuple[str, str]] = Counter()  # message and state: by how many ids
        self.inbound: Counter[str] = Counter()
        self._ids: set[str] = set()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Count what a notice says, unless it came before."""
        if headers["webhook-id"] not in self._ids:
            self._ids.add(headers["webhook-id"])
            self._note(json.loads(body))
        return 200

    def _note(self, notice: dict[str, Any]) -> None:
        data = notice["data"]
        if notice["type"].startswith("message."):
            self.told[data["id"], data["state"]] += 1
        else:
            self.inbound[data["text"]] += 1


async def _submit_all(box: Box, messages: int, accepted: dict[int, str]) -> None:
    """Submit, and repeat what was not answered: the key makes that harmless."""
    for number in range(messages):
        text = f"message {number}{LONG if number % 10 == 0 else ''}"
        while number not in accepted:
            with suppress(httpx.TransportError):
                answer = await box.http.post(
                    "/v1/messages",
                    json={"to": f"+49151234{number:05d}", "text": text},
                    headers={"Idempotency-Key": f"key-{number}"},
                )
                if answer.status_code == 202:
                    accepted[number] = answer.json()["id"]
                    continue
            await asyncio.sleep(0.05)


async def _kill(box: Box, bank: Bank, plan: Plan) -> int:
    """Kill and start again; return how many kills came between a PDU and its answer."""
    rng = random.Random(plan.seed)
    kinds = [True] * plan.in_mid_send + [False] * plan.anywhere
    rng.shuffle(kinds)
    held = 0
    for number, mid_send in enumerate(kinds):
        for count in range(number, plan.inbound, len(kinds)):
            await bank.control.do(
                "inbound",
                modem=count % plan.lines,
                sender=f"+49170{count:07d}",
                text=f"inbound {count}",
            )
        if mid_send:
            held += await _kill_in_mid_send(box, bank, rng.randrange(plan.lines))
        else:
            await asyncio.sleep(rng.uniform(0, 0.5))
        await box.kill()
        await bank.control.do("go")
        await box.start()
    return held


async def _kill_in_mid_send(box: Box, bank: Bank, modem: int) -> bool:
    """Kill when a PDU is on the air and its answer is not said; False if none went in time."""
    await bank.control.do("hold", modem=modem)
    try:
        async with asyncio.timeout(20):
            await bank.control.event()
    except TimeoutError:
        return False
    await box.kill()
    return True


async def _states(box: Box, accepted: dict[int, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    before: dict[str, str] = {}
    while True:
        query = {"limit": "200", **before}
        answer = (await box.http.get("/v1/messages", params=query)).json()
        found |= {one["id"]: one["state"] for one in answer["messages"]}
        if answer["next"] is None:
            return {identity: found[identity] for identity in accepted.values()}
        before = {"before": answer["next"]}


async def _settled(box: Box, bank: Bank, accepted: dict[int, str]) -> bool:
    """Return whether nothing is on its way any more, in the network, on a SIM or here."""
    stats = await bank.control.do("stats")
    modems = (await bank.control.do("modems"))["modems"]
    if stats["pending_reports"] or any(sum(modem["stored"].values()) for modem in modems):
        return False
    return set((await _states(box, accepted)).values()) <= {"delivered", "uncertain"}


async def _told(box: Box, accepted: dict[int, str], receiver: Receiver) -> bool:
    return not await _untold(box, accepted, receiver)


async def _untold(box: Box, accepted: dict[int, str], receiver: Receiver) -> set[str]:
    states = await _states(box, accepted)
    delivered = {identity for identity, state in states.items() if state == "delivered"}
    return {identity for identity in delivered if not receiver.told[identity, "delivered"]}


async def _heard(receiver: Receiver, inbound: int) -> bool:
    return sum(receiver.inbound.values()) >= inbound


async def _count(
    box: Box, bank: Bank, accepted: dict[int, str], receiver: Receiver, held: int
) -> Count:
    on_air = Counter(_name_of(entry) for entry in bank.ledger.sent())
    parts = {
        f"{number}/{part['ordinal']}": part["state"]
        for number, identity in accepted.items()
        for part in (await box.message(identity))["story"]["parts"]
    }
    unknown = {name for name, state in parts.items() if state == "uncertain"}
    never = {_message_of(name) for name in unknown - set(on_air)}
    untellable = {name for name in on_air if name in unknown and _message_of(name) in never}
    undelivered = {name for name in on_air if parts[name] != "delivered"}
    return Count(
        held=held,
        twice={name for name, count in on_air.items() if count > 1},
        lost={name for name in parts if name not in on_air and name not in unknown},
        uncertain=unknown - set(on_air),
        reports_lost=undelivered - untellable,
        untellable=untellable,
        unmatched=_unmatched(box),
        untold=await _untold(box, accepted, receiver),
        told_twice={f"{name} {state}" for (name, state), n in receiver.told.items() if n > 1},
        inbound=receiver.inbound,
    )


def _unmatched(box: Box) -> int:
    """Return how many reports are kept that fit nothing."""
    with closing(sqlite3.connect(box.data / "appliance.db")) as store:
        (count,) = store.execute("SELECT count(*) FROM report WHERE attempt_id IS NULL").fetchone()
    return int(count)


def _message_of(name: str) -> str:
    return name.partition("/")[0]


def _name_of(entry: OnAir) -> str:
    """Name a part that was on the air; its message's number stands in its recipient's."""
    return f"{int(entry.recipient[-5:])}/{entry.concat.ordinal if entry.concat else 1}"
