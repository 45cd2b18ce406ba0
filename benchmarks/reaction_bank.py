"""A bank that notes for how long each modem waits after its answer until the next command comes.

``python -m benchmarks.reaction_bank``, with the options of ``python -m tests.fake_modem``; at its
end it writes the times, in milliseconds, each with when it was (seconds since 1970), to
``reactions.json`` in its directory. They hold what the bank's own event loop needs to see the
bytes.
"""

import asyncio
import json
import time
from typing import ClassVar

from tests.fake_modem import bank
from tests.fake_modem.__main__ import arguments, serve
from tests.fake_modem.pty import PtyPort

FINAL = b"\r\nOK\r\n"


class Stopwatch:
    """The times of one port: from +CMGS with its OK to the first byte of what follows."""

    times: ClassVar[list[tuple[float, float]]] = []  # of all ports

    def __init__(self, port: PtyPort) -> None:
        self._since: float | None = None
        self._say, self._receive = port.modem.say, port.modem.receive
        port.modem.say, port.modem.receive = self.say, self.receive  # type: ignore[method-assign]

    def say(self, data: bytes) -> None:
        """Pass on what the modem says."""
        self._say(data)
        if b"+CMGS:" in data and data.endswith(FINAL):
            self._since = time.perf_counter()

    def receive(self, data: bytes) -> None:
        """Pass on what it hears."""
        if self._since is not None:
            self.times.append((time.time(), (time.perf_counter() - self._since) * 1000))
            self._since = None
        self._receive(data)


class WatchedPort(PtyPort):
    """A port with a stopwatch."""

    def __init__(self, *arguments: object, **more: object) -> None:
        super().__init__(*arguments, **more)  # type: ignore[arg-type]
        Stopwatch(self)


def main() -> None:
    """Run a bank of watched ports."""
    bank.PtyPort = WatchedPort  # type: ignore[misc]
    chosen = arguments()
    asyncio.run(serve(chosen))
    (chosen.dir / "reactions.json").write_text(json.dumps(Stopwatch.times))


if __name__ == "__main__":
    main()
