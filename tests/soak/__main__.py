"""A soak from the command line: ``python -m tests.soak --minutes 5 --modems 16 --seed N``."""

import argparse
import asyncio
import json
import logging
import random
import sys
from pathlib import Path

from tests.soak.soak import Findings, Plan, soak

PER_MINUTE = 1.0
"""Restarts of the daemon a minute, in a soak of minutes; one of hours has one in ten minutes."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=6, help="how long there is traffic")
    parser.add_argument("--hours", type=float, help="the same in hours")
    parser.add_argument("--modems", type=int, default=16)
    parser.add_argument("--seed", type=int, help="of the dice; none: any, and it is said")
    parser.add_argument("--rate", type=float, default=6, help="messages a second, both ways")
    parser.add_argument("--every", type=float, default=3, help="seconds between two faults")
    parser.add_argument("--keep", type=Path, help="leave data, logs and ledger in this folder")
    return parser.parse_args()


def plan_of(given: argparse.Namespace) -> Plan:
    """Return what was asked for."""
    minutes = given.hours * 60 if given.hours else given.minutes
    return Plan(
        minutes=minutes,
        modems=given.modems,
        seed=random.randrange(1_000_000) if given.seed is None else given.seed,
        rate=given.rate,
        every=given.every,
        restarts=round(min(minutes * PER_MINUTE, 6 + minutes / 10)),
    )


def summary(found: Findings) -> str:
    """Return what came of it, to be read by people."""
    assert found.audit is not None
    audit, faults = found.audit, ", ".join(f"{n} × {name}" for name, n in found.faults.items())
    lines = [
        f"seed {found.plan.seed}, {found.plan.modems} modems, {found.seconds:.0f} s",
        f"{found.kills} × kill -9, {found.stops} × SIGTERM; {faults}",
        ", ".join(f"{name} {count}" for name, count in found.numbers.items()),
        f"states: {audit.states}",
        f"uncertain: {audit.uncertain_sent} were sent, {audit.uncertain_not_sent} were not",
        f"doubts that the faults explain: {found.doubts}",
        f"without report: {audit.unreported} ({found.reports_lost} were lost on purpose)",
        f"drained in {found.drained} s",
        *(
            f"{name}: {one.first} -> {one.last} ({one.hourly:+} an hour, {one.allowed} allowed)"
            for name, one in found.growth.items()
        ),
        *(f"WRONG: {complaint}" for complaint in found.complaints()),
        "" if found.complaints() else "nothing lost, nothing twice, nothing growing",
    ]
    return "\n".join(line for line in lines if line)


def main() -> int:
    """Run, say what came of it, and print all of it as JSON on standard output."""
    given = arguments()
    plan = plan_of(given)
    logging.getLogger("smpp").setLevel(logging.ERROR)  # smpplib sees the daemon go, and says so

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    say(f"seed {plan.seed}: {plan.minutes:g} minutes with {plan.modems} modems")
    found = asyncio.run(soak(plan, say, given.keep))
    say(summary(found))
    print(json.dumps(found.as_json(), indent=2))
    return 1 if found.complaints() else 0


if __name__ == "__main__":
    sys.exit(main())
