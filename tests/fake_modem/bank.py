"""Several modems on pseudo-terminals, one network behind them, and the socket for control."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fake_modem.faults import ModemSettings
from tests.fake_modem.ledger import Ledger, LedgerWriter
from tests.fake_modem.modem import FakeModem
from tests.fake_modem.network import Network
from tests.fake_modem.personalities import PERSONALITIES, THE_SIX, Personality
from tests.fake_modem.pty import Ports, PtyPort
from tests.fake_modem.server import ControlServer
from tests.fake_modem.sim import Sim
from tests.fake_modem.usb import Tree

SMALL_TALK = (
    "Hello, when do you open tomorrow?",
    "Thanks, got it!",
    "Can I move my appointment to Friday?",
    "Ja, passt 👍",
    "Danke für die Nachricht, ich melde mich später.",
    "Please call me back.",
    "Спасибо!",
    "STOP",
)


class Bank:
    """``count`` modems in a directory: links modem0, modem1 …, ``control`` and ``ledger.jsonl``.

    Makes are taken from ``makes`` in turn. ``first``: serial number of the first modem and SIM, so
    that two banks need not look alike; the same number makes the same IMEIs and ICCIDs again.
    ``sysfs``: where each modem is shown as a USB device (see ``usb``), None: nowhere; with
    ``renumber``, one that comes back has another tty.
    """

    def __init__(
        self,
        directory: Path | str,
        makes: Sequence[str | Personality] = THE_SIX,
        count: int | None = None,
        *,
        settings: ModemSettings | None = None,
        first: int = 0,
        sysfs: Path | None = None,
        renumber: bool = False,
    ) -> None:
        self.directory = Path(directory)
        self.makes = [
            PERSONALITIES[make] if isinstance(make, str) else make
            for make in islice(cycle(makes), count or len(makes))
        ]
        self.settings = settings or ModemSettings()
        self.first = first
        self.sysfs = sysfs
        self.renumber = renumber
        self.modems: list[FakeModem] = []
        self.ports: list[PtyPort] = []

    async def start(self) -> None:
        """Make the ports, the ledger and the control socket."""
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / "ledger.jsonl"
        self.network = Network(LedgerWriter(path))
        self.ledger = Ledger(path)
        self._watch = Ports()
        self._tree = None
        if self.sysfs:
            self._tree = Tree(self.sysfs, self._watch.closings, renumber=self.renumber)
        for index, make in enumerate(self.makes):
            modem = FakeModem(
                make,
                self.network,
                sim=Sim.numbered(self.first + index),
                name=f"modem{index}",
                serial=self.first + index + 1,
                settings=replace(self.settings),
            )
            self.modems.append(modem)
            port = PtyPort(modem, self.directory / modem.name, self._watch)
            self.ports.append(port)
            if self._tree:
                self._tree.plug(port, index + 1)
        self._control = ControlServer(self.network, self.modems, self.ports)
        await self._control.start(self.directory / "control")

    async def close(self) -> None:
        """Take everything away but the ledger."""
        await self._control.close()
        for port in self.ports:
            port.close()
        if self._tree:
            self._tree.close()
        self._watch.close()
        self.network.ledger.close()

    def chat(self, every: float = 30.0) -> None:
        """Let somebody write to some modem now and then."""
        sender = f"+49151{random.randrange(10**8):08d}"
        modem = random.choice(self.modems)
        if modem.sim:
            self.network.inbound(modem.sim, sender, random.choice(SMALL_TALK))
        self.network.later(random.uniform(0.5, 1.5) * every, self.chat, every)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
