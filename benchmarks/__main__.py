"""Run the benchmarks and print what they found as one JSON document."""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import blocked, choosing, doors, flood, kills, reaction, sending, smpp, starting
from benchmarks.measure import machine

Bench = Callable[[Path], Awaitable[dict[str, Any]]]

SUBMITS = (
    *((1, 1, 3_000), (1, 10, 10_000), (1, 100, 20_000)),
    *((10, 1, 10_000), (10, 10, 20_000), (10, 100, 20_000)),
    *((50, 1, 20_000), (50, 10, 20_000), (50, 100, 20_000)),
)
"""Window, binds and messages."""

BENCHES: dict[str, Bench] = {
    "rate, 1 modem": lambda at: sending.rate(at, modems=1, messages=50, seconds=0.2),
    "rate, 4 modems": lambda at: sending.rate(at, modems=4, messages=200, seconds=0.2),
    "rate, 16 modems": lambda at: sending.rate(at, modems=16, messages=512, seconds=0.2),
    "rate, 16 modems, REST": lambda at: sending.rate(
        at, modems=16, messages=512, seconds=0.2, door="rest"
    ),
    "rate, 64 modems": lambda at: sending.rate(at, modems=64, messages=3200, seconds=0.2),
    "rate, 16 modems at 3 s, sync 20 ms": sending.rate_on_a_slow_disk,
    "reaction, 64 modems": lambda at: reaction.reaction(at, modems=64, messages=1280, seconds=1),
    "reaction, 64 modems and 3 bad ones": lambda at: reaction.reaction(
        at, modems=64, messages=1280, seconds=1, bad=True
    ),
    "flood, 64 modems, without and with 4 bad ones": lambda at: flood.flood(
        at, modems=64, messages=1280, seconds=1, rounds=2
    ),
    "idle, 16 modems": lambda at: sending.idle(at, modems=16, seconds=30),
    "idle, 4 modems": lambda at: sending.idle(at, modems=4, seconds=30),
    "200 inbound, 4 modems": lambda at: sending.inbound(at, modems=4, messages=200),
    "120 messages, 10 kills": lambda at: kills.kills(at, messages=120, times=10),
    **{
        f"submits, SMPP window {window}, {binds} binds": partial(
            smpp.submits, messages=count, window=window, binds=binds
        )
        for window, binds, count in SUBMITS
    },
    "submits, SMPP window 50, 4 binds, sync 20 ms": lambda at: smpp.submits(
        at, messages=20_000, window=50, binds=4, sync=timedelta(milliseconds=20)
    ),
    "submits, SMPP window 50, 1 binds, PostgreSQL": lambda at: smpp.submits_to_postgresql(
        at, messages=10_000, window=50, binds=1
    ),
    "receipts, SMPP, 10,000": lambda at: smpp.receipts(at, messages=10_000),
    "idle binds, SMPP, 1,000": lambda at: smpp.idle(at, binds=1_000),
    "submits, REST": lambda at: doors.rest(at, messages=4_000),
    "choosing, 100 queued": lambda at: choosing.choosing(at, queued=100),
    "choosing, 10,000 queued": lambda at: choosing.choosing(at, queued=10_000),
    "choosing, 100,000 queued": lambda at: choosing.choosing(at, queued=100_000),
    "choosing, 1,000,000 queued": lambda at: choosing.choosing(at, queued=1_000_000),
    "choosing, 100 queued, PostgreSQL": lambda at: choosing.choosing(
        at, queued=100, postgresql=True
    ),
    "choosing, 1,000,000 queued, PostgreSQL": lambda at: choosing.choosing(
        at, queued=1_000_000, accounts=(1, 100), postgresql=True
    ),
    "blocked, 1,000,000 queued": lambda at: blocked.blocked(at, queued=1_000_000),
    "blocked one by one, 1,000,000 queued": lambda at: blocked.blocked(
        at, queued=1_000_000, one_by_one=True
    ),
    "blocked, 1,000,000 before it in its lane": lambda at: blocked.behind(at, queued=1_000_000),
    "start, 100,000 queued": lambda at: starting.ready(at, queued=100_000),
}


async def run(names: list[str]) -> dict[str, Any]:
    """Run the benchmarks whose name contains one of ``names``, one after another."""
    results: dict[str, Any] = {}
    for name, bench in BENCHES.items():
        if not names or any(each in name for each in names):
            print(f"{name} …", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(prefix="appliance-bench-") as folder:
                results[name] = await bench(Path(folder))
            print(f"  {results[name]}", file=sys.stderr, flush=True)
    return {"machine": machine(), "results": results}


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="only those whose name contains one of these")
    names = parser.parse_args().names
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(run(names)), indent=2))


if __name__ == "__main__":
    main()
