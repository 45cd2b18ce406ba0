"""Hostile bytes for the SMPP door: ``python -m tests.fuzz``, or ``make fuzz HOURS=24 SEED=7``.

Without a time: 100,000 mutated requests, 20,000 streams, 2,000 peers of a server that listens, and
some minutes of the state machine. With one: the same again and again, until it is over.
"""

import argparse
import asyncio
import logging
import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.fuzz.listening import listening, orderly_peer, storm
from tests.fuzz.machine import SessionMachine
from tests.fuzz.sessions import Found, one_request, one_stream

REQUESTS, STREAMS, PEERS, RUNS = 100_000, 20_000, 2_000, 2_000


class Errors(logging.Handler):
    """Keeps what is logged as an error: something that nobody has foreseen."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.kept.append(record.getMessage())


def requests(dice: random.Random) -> Found:
    """Send mutated requests to sessions."""
    found = Found()
    for sequence in range(1, REQUESTS + 1):
        found.add(one_request(dice, sequence))
    return found


def streams(dice: random.Random) -> Found:
    """Send streams of bytes to sessions."""
    found = Found()
    for _ in range(STREAMS):
        found.add(one_stream(dice))
    return found


async def peers(dice: random.Random) -> list[str]:
    """Let hostile peers come to a server that listens; return what is wrong with it then."""
    errors = Errors()
    logging.getLogger().addHandler(errors)
    try:
        with TemporaryDirectory() as folder:
            async with listening(Path(folder)) as house:
                await storm(house, PEERS, dice)
                await orderly_peer(house.server.port)
    finally:
        logging.getLogger().removeHandler(errors)
    return errors.kept


def machine() -> None:
    """Run the state machine over the session; it raises what it finds, with the way to it."""
    run_state_machine_as_test(
        SessionMachine,
        settings=settings(max_examples=RUNS, stateful_step_count=60, deadline=None, database=None),
    )


def round_of(dice: random.Random) -> list[str]:
    """Do everything once; return what is wrong."""
    wrong = []
    for name, work in (("requests", requests), ("streams", streams)):
        found = work(dice)
        print(f"{name}: {found}", flush=True)
        wrong += found.wrong
    complaints = asyncio.run(peers(dice))
    print(f"peers: {PEERS}, {len(complaints)} errors logged", flush=True)
    machine()
    print(f"state machine: {RUNS} runs", flush=True)
    return wrong + complaints


def main() -> int:
    """Fuzz as the command line says; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--hours", type=float, help="go on for so long")
    parser.add_argument("--seed", type=int, help="of the dice; none: any, and it is said")
    given = parser.parse_args()
    seed = random.randrange(1_000_000) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    dice, until = random.Random(seed), time.monotonic() + 3600 * (given.hours or 0)
    while True:
        if wrong := round_of(dice):
            print("\n".join(f"WRONG: {each}" for each in wrong[:50]))
            return 1
        if time.monotonic() >= until:
            return 0


if __name__ == "__main__":
    sys.exit(main())
