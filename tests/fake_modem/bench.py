"""What the control verbs work on: the network, the modems, their ports, and the SIMs there are."""

from itertools import count
from typing import Any

from tests.fake_modem.modem import FakeModem
from tests.fake_modem.network import Network
from tests.fake_modem.pty import PtyPort
from tests.fake_modem.sim import Sim

Fields = dict[str, Any]


class Bench:
    """All that belongs to one bank. ``sims``: every SIM known, by ICCID, in a modem or not."""

    def __init__(self, network: Network, modems: list[FakeModem], ports: list[PtyPort]) -> None:
        self.network = network
        self.modems = modems
        self.ports = {port.modem.name: port for port in ports}
        self.sims = {modem.sim.iccid: modem.sim for modem in modems if modem.sim}
        self._spares = count(100_000)  # serial numbers of SIMs that are put in later

    def chosen(self, which: object) -> list[FakeModem]:
        """Return the modems that a request means: a number, a name, a list of these, None: all."""
        if which is None:
            return self.modems
        if isinstance(which, list):
            return [modem for one in which for modem in self.chosen(one)]
        if isinstance(which, int):
            return [self.modems[which]]
        return [next(modem for modem in self.modems if modem.name == which)]

    def fresh_sim(self) -> Sim:
        """Make a SIM that was in no modem yet."""
        sim = Sim.numbered(next(self._spares))
        self.sims[sim.iccid] = sim
        return sim

    def put(self, modem: FakeModem, iccid: str | None = None) -> Sim:
        """Put a SIM into a modem, taken from wherever it is; None: a new one."""
        sim = self.sims[iccid] if iccid else self.fresh_sim()
        for device in (*self.modems, modem):
            if device.sim and (device.sim is sim or device is modem):
                self.remove(device)
        modem.insert(sim)
        return sim

    def remove(self, modem: FakeModem) -> Sim | None:
        """Take a modem's SIM out; it stays known."""
        sim = modem.eject()
        if sim:
            self.sims[sim.iccid] = sim
        return sim
