"""What ``test_forking`` runs: says what it was given, and ends as it is told."""

import os
import signal
import sys

said = sys.argv[1]
if said == "forever":
    print(said, flush=True)
    signal.pause()
print(os.environ["WORD"], sys.stdin.read(), flush=True)
print("no more" if set(os.environ) <= {"PATH", "WORD", "LC_CTYPE"} else "", file=sys.stderr)
raise SystemExit(int(said))
