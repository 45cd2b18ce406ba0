"""The control socket: one JSON object per line in, one per line out.

A request is ``{"do": NAME, ...}``; its ``id``, if it has one, stands in the answer. The answer has
``ok``, and ``error`` where that is false. Events (``{"event": "held", ...}``) come unasked to who
armed them. ``modem`` is a number, a name, or a list of these; left out, it means all. Requests,
with their fields and defaults:

- ``modems``, ``stats``, ``pending``: what is there, what was counted, what waits for a SIM
- ``set`` (any field of ModemSettings; ``network``: fields of NetworkSettings; ``reference``: the
  next TP-MR)
- ``handset`` (``number``, ``mood``, ``seconds``, ``status``, ``reply``, ``code``);
  ``switch_on`` (``number``)
- ``inbound`` (``sender`` or ``senders``, ``text``, where ``{n}`` counts, ``count`` 1, ``reverse``,
  ``dcs``); ``raw`` (``tpdu`` hex, ``report``); ``call`` (``number``); ``say`` (``text``: any line)
- ``hold`` (``count`` 1, ``number``): the next PDU is put in the ledger, its answer held, and the
  event ``held`` told; ``go``: the answer is given
- ``wait_sent``, ``wait_reports``, ``wait_messages`` (``count``, ``timeout`` 30): answered when so
  many were taken by the network, or by modems from the network
- ``fault`` (``kind`` and what it needs: see ``breaking``, and ``vanish``, ``swap`` and ``flood``
  here); ``mend``: end all faults that last
"""

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields as dataclass_fields
from itertools import count
from pathlib import Path
from typing import Any

from tests.fake_modem import calls
from tests.fake_modem.breaking import FAULTS
from tests.fake_modem.faults import Fate, ModemSettings, Planned
from tests.fake_modem.handsets import Handset, Mood
from tests.fake_modem.modem import FakeModem
from tests.fake_modem.network import Network, NetworkSettings
from tests.fake_modem.pty import PtyPort
from tests.fake_modem.sim import Sim

Fields = dict[str, Any]
Tell = Callable[[Fields], None]
FLOOD_STEP = 0.02  # seconds between two bursts


class ControlServer:
    """Carries out what tests ask of a bank."""

    def __init__(self, network: Network, modems: list[FakeModem], ports: list[PtyPort]) -> None:
        self.network = network
        self.modems = modems
        self.ports = {port.modem.name: port for port in ports}
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._path: Path | None = None
        self._spares = count(100_000)  # serial numbers of SIMs that are put in later

    async def start(self, path: Path) -> None:
        """Listen on a Unix socket."""
        path.unlink(missing_ok=True)
        self._path = path
        self._server = await asyncio.start_unix_server(self._serve, path)

    async def close(self) -> None:
        """Stop listening and let all clients go."""
        assert self._server
        assert self._path
        self._server.close()
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)

        def tell(fields: Fields) -> None:
            if not writer.is_closing():
                writer.write(json.dumps(fields).encode() + b"\n")

        with suppress(ConnectionError, asyncio.CancelledError):
            while line := await reader.readline():
                task = asyncio.create_task(self._answer(line, tell))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        self._writers.discard(writer)
        writer.close()

    async def _answer(self, line: bytes, tell: Tell) -> None:
        identity = None
        try:
            request = json.loads(line)
            identity = request.pop("id", None)
            result = await self.do(request.pop("do"), request, tell)
            tell({"ok": True, "id": identity} | result)
        except Exception as error:  # noqa: BLE001  (whatever is wrong, the client is told)
            tell({"ok": False, "id": identity, "error": f"{type(error).__name__}: {error}"})

    async def do(self, name: str, fields: Fields, tell: Tell = lambda _fields: None) -> Fields:
        """Carry out one request. Raises what is wrong with it."""
        if name.startswith("wait_"):
            return await self._wait(name, **fields)
        chosen = self._chosen(fields.pop("modem", None))
        act: Callable[..., Fields | None] = getattr(self, f"_do_{name}")
        if name in {"hold", "fault"}:
            fields["tell"] = tell
        return act(chosen, **fields) or {}

    def _chosen(self, which: object) -> list[FakeModem]:
        if which is None:
            return self.modems
        if isinstance(which, list):
            return [modem for one in which for modem in self._chosen(one)]
        if isinstance(which, int):
            return [self.modems[which]]
        return [next(modem for modem in self.modems if modem.name == which)]

    # Looking

    def _do_modems(self, chosen: list[FakeModem]) -> Fields:
        return {
            "modems": [
                {
                    "name": modem.name,
                    "port": str(self.ports[modem.name].link),
                    "present": self.ports[modem.name].present,
                    "make": modem.personality.name,
                    "imei": modem.imei,
                    "iccid": modem.sim.iccid if modem.sim else None,
                    "imsi": modem.sim.imsi if modem.sim else None,
                    "number": modem.sim.number if modem.sim else None,
                    "pin_tries": modem.sim.tries if modem.sim else None,
                    "registration": modem.registration(),
                    "cnmi": modem.cnmi,
                    "csms": modem.csms,
                    "stored": {
                        name: len(memory.slots)
                        for name in ("SM", "ME", "SR")
                        if (memory := modem.memory(name))
                    },
                }
                for modem in chosen
            ]
        }

    def _do_stats(self, chosen: list[FakeModem]) -> Fields:
        counts = {
            modem.name: modem.stats
            | {"discarded": self.ports[modem.name].discarded, "lost": self.ports[modem.name].lost}
            for modem in chosen
        }
        return {
            "sent": self.network.ledger.count,
            "reports": self.network.delivered_reports,
            "messages": self.network.delivered_messages,
            "modems": counts,
        } | self._do_pending(chosen)

    def _do_pending(self, _chosen: list[FakeModem]) -> Fields:
        return {
            "pending_reports": self.network.pending(reports=True),
            "pending_messages": self.network.pending(reports=False),
        }

    async def _wait(self, name: str, count: int, timeout: float = 30.0) -> Fields:
        network = self.network
        counts: dict[str, Callable[[], int]] = {
            "wait_sent": lambda: network.ledger.count,
            "wait_reports": lambda: network.delivered_reports,
            "wait_messages": lambda: network.delivered_messages,
        }
        now = counts[name]
        grown = asyncio.Event()
        network.watchers.append(grown.set)
        try:
            async with asyncio.timeout(timeout):
                while now() < count:
                    grown.clear()
                    await grown.wait()
        finally:
            network.watchers.remove(grown.set)
        return {"count": now()}

    # Setting

    def _do_set(
        self,
        chosen: list[FakeModem],
        network: Fields | None = None,
        reference: int | None = None,
        **values: object,
    ) -> None:
        for name, value in (network or {}).items():
            _set(self.network.settings, name, value)
        for modem in chosen:
            for name, value in values.items():
                _set(modem.settings, name, value)
            if reference is not None:
                modem.start_references_at(reference)

    def _do_handset(
        self, _chosen: list[FakeModem], number: str, mood: str = "delivers", **values: Any
    ) -> None:
        self.network.handsets[number] = Handset(Mood(mood), **values)

    def _do_switch_on(self, _chosen: list[FakeModem], number: str) -> Fields:
        return {"count": self.network.switch_on(number)}

    # Bringing

    def _do_inbound(
        self,
        chosen: list[FakeModem],
        text: str,
        sender: str | None = None,
        senders: list[str] | None = None,
        count: int = 1,
        *,
        reverse: bool = False,
        dcs: int | None = None,
    ) -> Fields:
        """Send ``count`` messages to the modems in turn, from the senders in turn."""
        from_whom = senders or [sender or "+4915112345678"]
        parts = 0
        for index in range(count):
            sim = chosen[index % len(chosen)].sim
            assert sim is not None
            said = text.replace("{n}", str(index))
            parts += self.network.inbound(
                sim, from_whom[index % len(from_whom)], said, dcs=dcs, reverse=reverse
            )
        return {"parts": parts}

    def _do_raw(self, chosen: list[FakeModem], tpdu: str, *, report: bool = False) -> None:
        for modem in chosen:
            assert modem.sim is not None
            self.network.inbound_raw(modem.sim, bytes.fromhex(tpdu), report=report)

    def _do_call(self, chosen: list[FakeModem], number: str, rings: int = 10) -> None:
        for modem in chosen:
            calls.ring(modem, number, rings)

    def _do_say(self, chosen: list[FakeModem], text: str) -> None:
        for modem in chosen:
            modem.indicate(text)

    # Holding answers, and breaking things

    def _do_hold(
        self, chosen: list[FakeModem], tell: Tell, count: int = 1, number: str | None = None
    ) -> None:
        for modem in chosen:
            modem.faults.planned.append(Planned(Fate.HOLD, count, number, tell=tell))

    def _do_go(self, chosen: list[FakeModem]) -> Fields:
        return {"released": sum(modem.release() for modem in chosen)}

    def _do_mend(self, chosen: list[FakeModem]) -> None:
        for modem in chosen:
            modem.recover()
            self._reappear(modem)

    def _do_fault(self, chosen: list[FakeModem], kind: str, tell: Tell, **fields: Any) -> Fields:
        own: dict[str, Callable[..., object]] = {
            "vanish": self._vanish,
            "swap": self._swap,
            "flood": self._flood,
        }
        fault = own.get(kind) or FAULTS[kind]
        results = [fault(modem, **fields) for modem in chosen]
        return {"result": results[0] if len(results) == 1 else None}

    def _vanish(
        self,
        modem: FakeModem,
        seconds: float | None = None,
        name: str | None = None,
        *,
        power: bool = True,
    ) -> None:
        """Pull the plug; back after ``seconds`` (None: at ``mend``), as ``name`` if given.

        Without ``power``, only the port goes and the modem lives on, as when a hub drops out.
        """
        port = self.ports[modem.name]
        if power:
            modem.power_off()
        port.vanish()
        if name:
            port.link = port.link.with_name(name)
        if seconds is not None:
            self.network.later(seconds, self._reappear, modem)

    def _reappear(self, modem: FakeModem) -> None:
        self.ports[modem.name].appear()
        modem.power_on()

    def _swap(self, modem: FakeModem, other: int | str | None = None) -> str:
        """Change the SIM for a new one, or with that of another modem."""
        if other is None:
            modem.insert(Sim.numbered(next(self._spares)))
        else:
            partner = self._chosen(other)[0]
            mine, theirs = modem.eject(), partner.eject()
            for device, sim in ((modem, theirs), (partner, mine)):
                if sim:
                    device.insert(sim)
        return modem.sim.iccid if modem.sim else ""

    def _flood(self, modem: FakeModem, rate: float = 500_000, seconds: float = 1.0) -> None:
        """Say garbage, ``rate`` octets a second."""
        if seconds > 0:
            modem.emit(random.randbytes(int(rate * FLOOD_STEP)))
            self.network.later(FLOOD_STEP, self._flood, modem, rate, seconds - FLOOD_STEP)


def _set(settings: ModemSettings | NetworkSettings, name: str, value: object) -> None:
    if name not in {field.name for field in dataclass_fields(settings)}:
        raise ValueError(f"{name}: no such setting")
    setattr(settings, name, value)
