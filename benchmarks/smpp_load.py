"""The load for the SMPP door, in a process of its own: as cheap as asyncio allows.

Submits are written beforehand; of an answer, or of a receipt, only its header is looked at. So one
costs this side some five microseconds, and what is measured is the daemon.
"""

import argparse
import asyncio
import json
import struct
import sys
import time
from typing import Final, cast

import uvloop

from benchmarks.esme import (
    BIND_TRANSCEIVER,
    DELIVER_SM,
    ENQUIRE_LINK,
    RESPONSE,
    SUBMIT_SM,
    submit_pdu,
)
from benchmarks.esme import pdu as pdu_of

HEADER: Final = struct.Struct(">IIII")

SUBMIT_ANSWER, BIND_ANSWER = RESPONSE | SUBMIT_SM, RESPONSE | BIND_TRANSCEIVER


class Bind(asyncio.Protocol):
    """One bind. It submits ``submits`` within ``window``, at ``rate`` in a second (0: at once).

    ``took`` is how long each answer took, in seconds; ``came`` is when each receipt came.
    """

    def __init__(self, credentials: tuple[str, str], submits: list[bytes], window: int) -> None:
        self.took: list[float] = []
        self.came: list[float] = []
        self.wanted = 0  # receipts to wait for
        self.bound = asyncio.get_running_loop().create_future()
        self.done = asyncio.get_running_loop().create_future()
        self._credentials, self._submits, self._window = credentials, submits, window
        self._sent_at: dict[int, float] = {}
        self._next = 0
        self._allowed = 0  # how many may have been sent by now
        self._read = b""
        self._said: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bind."""
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's own is no subclass
        system_id, password = self._credentials
        body = f"{system_id}\0{password}\0\0".encode() + bytes([0x34, 0, 0, 0])
        transport.write(pdu_of(BIND_TRANSCEIVER, 1, body))

    def data_received(self, data: bytes) -> None:
        """Take answers, and submit as many again."""
        data = self._read + data
        at, now = 0, time.perf_counter()
        while len(data) - at >= HEADER.size:
            length, command, status, sequence = HEADER.unpack_from(data, at)
            if len(data) - at < length:
                break
            at += length
            self._took(command, status, sequence, now)
        self._read = data[at:]
        if self._said:
            self._transport.write(b"".join(self._said))
            self._said.clear()
        self._submit()

    async def run(self, rate: float, after: float) -> None:
        """Submit everything, at a rate from ``after`` seconds on; return when all is answered."""
        if rate:
            await asyncio.sleep(after)
            started = time.perf_counter()
            while self._allowed < len(self._submits):
                self._allowed = min(
                    int((time.perf_counter() - started) * rate) + 1, len(self._submits)
                )
                self._submit()
                await asyncio.sleep(1 / rate)
        else:
            self._allowed = len(self._submits)
            self._submit()
        await self.done

    def _took(self, command: int, status: int, sequence: int, now: float) -> None:
        if command == SUBMIT_ANSWER:
            assert status == 0, hex(status)
            self.took.append(now - self._sent_at.pop(sequence))
            if len(self.took) == len(self._submits):
                self.done.set_result(None)
        elif command == BIND_ANSWER:
            assert status == 0, hex(status)
            self.bound.set_result(None)
        elif command in (DELIVER_SM, ENQUIRE_LINK):
            body = b"\0" if command == DELIVER_SM else b""
            self._said.append(pdu_of(RESPONSE | command, sequence, body))
            if command == DELIVER_SM:
                self.came.append(now)
                if len(self.came) == self.wanted:
                    self.done.set_result(None)

    def _submit(self) -> None:
        room = self._window - len(self._sent_at)
        last = min(self._next + room, self._allowed)
        if last > self._next:
            now = time.perf_counter()
            self._sent_at.update(dict.fromkeys(range(self._next, last), now))
            self._transport.write(b"".join(self._submits[self._next : last]))
            self._next = last


async def take(port: int, credentials: tuple[str, str], receipts: int) -> None:
    """Say so, bind after a line of input, and take so many receipts."""
    print("bound", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    cpu = time.process_time()
    bind = Bind(credentials, [], 0)
    bind.wanted = receipts
    await asyncio.get_running_loop().create_connection(lambda: bind, "127.0.0.1", port)
    await bind.done
    cpu, lasted = time.process_time() - cpu, bind.came[-1] - bind.came[0]
    found = {"receipts_per_s": round(receipts / lasted)}
    print(json.dumps(found | {"load_cpu_s_per_1000": round(cpu / receipts * 1000, 3)}), flush=True)
    await asyncio.to_thread(sys.stdin.readline)  # whoever looks at what it cost


async def load(
    port: int, who: list[tuple[str, str]], *, messages: int, window: int, rate: float, hold: bool
) -> None:
    """Bind, say so, and after a line of input submit; ``hold``: only stay until there is one."""
    loop = asyncio.get_running_loop()
    each = messages // len(who)
    binds = []
    for number, credentials in enumerate(who):
        submits = [submit_pdu(n, number * each + n) for n in range(each)]
        _, bind = await loop.create_connection(
            lambda credentials=credentials, submits=submits: Bind(credentials, submits, window),
            "127.0.0.1",
            port,
        )
        await bind.bound
        binds.append(bind)
    print("bound", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    if hold:
        return
    cpu, started = time.process_time(), time.perf_counter()
    # At a rate the binds take turns: they are as many applications, not one that has a pulse.
    turns = (number / rate if rate else 0 for number in range(len(binds)))
    each_at = rate / len(binds)
    await asyncio.gather(
        *(bind.run(each_at, turn) for bind, turn in zip(binds, turns, strict=True))
    )
    lasted, cpu = time.perf_counter() - started, time.process_time() - cpu
    took = sorted(one for bind in binds for one in bind.took)
    print(
        json.dumps(
            {
                "submits_per_s": round(len(took) / lasted),
                "answer_median_ms": round(took[len(took) // 2] * 1000, 1),
                "answer_p99_ms": round(took[len(took) * 99 // 100] * 1000, 1),
                "load_cpu_s_per_1000": round(cpu / len(took) * 1000, 3),
            }
        )
    )


def main() -> None:
    """Read what to do from the arguments, and credentials from the first line of input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smpp_load", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--messages", type=int, default=0)
    parser.add_argument("--window", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("--take", type=int, default=0)
    said = parser.parse_args()
    who = [(name, password) for name, password in json.loads(sys.stdin.readline())]
    if said.take:
        work = take(said.port, who[0], said.take)
    else:
        work = load(
            said.port,
            who,
            messages=said.messages,
            window=said.window,
            rate=said.rate,
            hold=said.hold,
        )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


if __name__ == "__main__":
    main()
