"""The proof at full length: ``python -m tests.receipts``, or ``make receipts``."""

import argparse
import asyncio
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.receipts.proof import prove


def main() -> int:
    """Do it as the command line says; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.receipts", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=10, help="kill -9 of the daemon")
    parser.add_argument("--seed", type=int, help="of the dice; none: any, and it is said")
    given = parser.parse_args()
    seed = random.randrange(1_000_000) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    with TemporaryDirectory() as folder:
        plan = {"messages": given.messages, "kills": given.kills, "seed": seed}
        outcome = asyncio.run(prove(Path(folder), **plan))
    print(outcome)
    wrong = outcome.complaints()
    for complaint in wrong:
        print(f"WRONG: {complaint}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
