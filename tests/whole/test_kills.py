"""Nothing lost, nothing twice: the daemon is killed again and again, and the ledger is compared.

The fake modems discard what they say while their port is closed, as real ones do.
"""

import asyncio
import json
import random
from collections import Counter
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from tests.box import running_bank, running_box, until

MAKES = "e3372,sim7600,ec25,zte"  # all of them keep a report until it is settled

LINES = 4
KILLS_IN_MID_SEND = 20
KILLS_ANYWHERE = 10
MESSAGES = 300
INBOUND = 200
SEED = 20261121


class Receiver:
    """An account's webhook: answers 200, and remembers what it was told."""

    def __init__(self):
        self.told = Counter()  # (message, state) → distinct notices
        self.inbound = Counter()
        self._ids = set()

    @asynccontextmanager
    async def listening(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        finally:
            server.close()

    async def _serve(self, reader, writer):
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                headers = dict(
                    line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line
                )
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
                self._note(headers["webhook-id"], body)
        writer.close()

    def _note(self, identity, body):
        if identity in self._ids:
            return
        self._ids.add(identity)
        data = body["data"]
        if body["type"].startswith("message."):
            self.told[data["id"], data["state"]] += 1
        else:
            self.inbound[data["text"]] += 1


async def submit_all(box, accepted):
    """Submit, and repeat what was not answered: the key makes that harmless."""
    for number in range(MESSAGES):
        text = f"message {number} " + "long " * (40 if number % 10 == 0 else 0)
        while text not in accepted:
            with suppress(httpx.TransportError):
                answer = await box.http.post(
                    "/v1/messages",
                    json={"to": f"+49151234{number:05d}", "text": text},
                    headers={"Idempotency-Key": f"key-{number}"},
                )
                if answer.status_code == 202:
                    accepted[text] = answer.json()["id"]
                    continue
            await asyncio.sleep(0.05)


async def kill_in_mid_send(box, bank, modem):
    """Kill between a PDU and its final answer."""
    await bank.control.do("hold", modem=modem)
    held = asyncio.create_task(bank.control.event())
    done, _ = await asyncio.wait([held], timeout=20)
    held.cancel()
    if not done:
        return False
    await box.kill()
    await bank.control.do("go", modem=modem)
    return True


async def kill_again_and_again(box, bank, rng):
    kinds = ["mid"] * KILLS_IN_MID_SEND + ["any"] * KILLS_ANYWHERE
    rng.shuffle(kinds)
    in_mid_send = 0
    for number, kind in enumerate(kinds):
        per_kill = INBOUND // len(kinds) + 1
        for one in range(per_kill):
            count = number * per_kill + one
            if count < INBOUND:
                await bank.control.do(
                    "inbound",
                    modem=count % LINES,
                    sender=f"+49170{count:07d}",
                    text=f"inbound {count}",
                )
        if kind == "mid":
            in_mid_send += await kill_in_mid_send(box, bank, rng.randrange(LINES))
        else:
            await asyncio.sleep(rng.uniform(0, 0.5))
            await box.kill()
        if box.process.returncode is not None:
            await box.start()
    return in_mid_send


@pytest.mark.timeout(400)
async def test_kill_9_loses_nothing_and_sends_nothing_twice(tmp_path):
    rng = random.Random(SEED)
    receiver = Receiver()
    async with (
        receiver.listening() as url,
        running_bank(
            tmp_path / "bank",
            "--modems",
            str(LINES),
            "--makes",
            MAKES,
            "--cmgs-delay",
            "0.15",
            "--report-delay",
            "0.3",
        ) as bank,
        running_box(tmp_path / "data", bank.ports, MODEMS__CHECK_SECONDS="2") as box,
    ):
        await bank.control.do("set", network={"retry_seconds": 5})
        await box.account(webhook_url=url)
        accepted: dict[str, str] = {}
        submitting = asyncio.create_task(submit_all(box, accepted))
        in_mid_send = await kill_again_and_again(box, bank, rng)
        await submitting

        async def settled():
            found = await states(box, accepted)
            return set(found.values()) <= {"delivered", "uncertain"} and found

        await until(settled, "every message has its fate", 90)
        fates = await states(box, accepted)

        async def told():
            return {
                identity
                for identity, state in fates.items()
                if state == "delivered" and not receiver.told[identity, "delivered"]
            } == set()

        await until(told, "every fate was told", 60)
        await until(lambda: heard(receiver), "every inbound message was told", 60)

        on_air = Counter(name_of(entry) for entry in bank.ledger.sent())
        assert {what: count for what, count in on_air.items() if count > 1} == {}
        assert in_mid_send >= KILLS_IN_MID_SEND
        uncertain = await uncertain_parts(box, fates)
        assert len(uncertain) <= LINES * (KILLS_ANYWHERE + KILLS_IN_MID_SEND)
        # All these modems keep a report until it is settled: what is uncertain was never sent.
        expected = {name for text in accepted for name in names_of(text)}
        assert expected - uncertain == set(on_air)
        assert {what: count for what, count in receiver.told.items() if count > 1} == {}
        assert receiver.inbound == Counter(f"inbound {count}" for count in range(INBOUND))


async def uncertain_parts(box, fates):
    """Return the names of the parts that nobody knows to be on the air."""
    found = set()
    for identity, state in fates.items():
        if state == "uncertain":
            message = await box.message(identity)
            names = names_of(message["text"])
            parts = message["story"]["parts"]
            found |= {
                name
                for name, part in zip(names, parts, strict=True)
                if part["state"] == "uncertain"
            }
    return found


async def states(box, accepted):
    found = {}
    before = None
    while True:
        query = {"limit": 200, **({"before": before} if before else {})}
        answer = (await box.http.get("/v1/messages", params=query)).json()
        found |= {one["id"]: one["state"] for one in answer["messages"]}
        before = answer["next"]
        if before is None:
            return {identity: found[identity] for identity in accepted.values()}


async def heard(receiver):
    return sum(receiver.inbound.values()) >= INBOUND


def names_of(text):
    """Name a message's parts, in order: its number in this test, and the part's place."""
    parts = 1 if len(text) <= 160 else 2
    return [f"{text.split()[1]}/{ordinal + 1}" for ordinal in range(parts)]


def name_of(entry):
    """Name a part that was on the air; the number is known from its recipient."""
    return f"{int(entry.recipient[-5:])}/{entry.concat.ordinal if entry.concat else 1}"
