"""The control socket: one JSON object per line in, one per line out.

A request is ``{"do": NAME, ...}``; its ``id``, if it has one, stands in the answer. The answer has
``ok``, and ``error`` where that is false. Events (``{"event": "held", ...}``) come unasked to who
armed them. ``modem`` is a number, a name, or a list of these; left out, it means all. Requests,
with their fields and defaults:

- ``modems``, ``stats``, ``pending``: what is there, what was counted, what waits for a SIM
- ``set`` (any field of ModemSettings; ``imei``; ``reference``: the next TP-MR; of the SIM:
  ``balance``, ``price``, ``service_centre``; ``network``: fields of NetworkSettings)
- ``take_sim``; ``put_sim`` (``iccid`` of any SIM that was ever here, None: a new one): a SIM moves
  from modem to modem with all that is on it
- ``handset`` (``number``, ``mood``, ``seconds``, ``status``, ``reply``, ``code``);
  ``switch_on`` (``number``)
- ``inbound`` (``sender`` or ``senders``, ``text``, where ``{n}`` counts, ``count`` 1, ``reverse``,
  ``dcs``, ``pid``, ``flash``, ``mwi``, ``port``, ``language``, ``locking``: see ``messages.Kind``)
- ``broadcast`` (``text``, ``channel`` 50): +CBM; ``raw`` (``tpdu`` hex, ``report``); ``say``
  (``text``: any line)
- ``call`` (``number``, empty if withheld, ``rings`` 10, ``every`` 3 seconds); ``calls``: what came
  of them, ``ended_by`` "hangup" or "caller"
- ``fill`` (``memory`` "SM", ``what``: old, orphans, drafts or junk, ``count``, ``leave``,
  ``days``); ``storage``: by modem and memory, how many slots are used, and how many there are
- ``ussd`` (``code``, ``replies``: list of ``text``, ``m``, ``dcs``, ``delay``; see ``ussd``): what
  the network answers, to all or, with ``modem``, to the SIM of that one
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
from pathlib import Path
from typing import Any

from tests.fake_modem.bench import Bench, Fields
from tests.fake_modem.breaking import FAULTS
from tests.fake_modem.bringing import BRINGS
from tests.fake_modem.faults import Fate, ModemSettings, Planned
from tests.fake_modem.handsets import Handset, Mood
from tests.fake_modem.looking import LOOKS
from tests.fake_modem.modem import FakeModem
from tests.fake_modem.network import Network, NetworkSettings
from tests.fake_modem.pty import PtyPort
from tests.fake_modem.sim import Sim

Tell = Callable[[Fields], None]
VERBS: dict[str, Callable[..., Fields | None]] = LOOKS | BRINGS
FLOOD_STEP = 0.02  # seconds between two bursts
SIM_FIELDS = {"balance", "price"}


class ControlServer:
    """Carries out what tests ask of a bank."""

    def __init__(self, network: Network, modems: list[FakeModem], ports: list[PtyPort]) -> None:
        self.bench = Bench(network, modems, ports)
        self.network = network
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._path: Path | None = None

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
        chosen = self.bench.chosen(fields.pop("modem", None))
        if name in VERBS:
            return VERBS[name](self.bench, chosen, **fields) or {}
        act: Callable[..., Fields | None] = getattr(self, f"_do_{name}")
        if name in {"hold", "fault"}:
            fields["tell"] = tell
        return act(chosen, **fields) or {}

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
        imei: str | None = None,
        service_centre: str | None = None,
        **values: object,
    ) -> None:
        for name, value in (network or {}).items():
            _set(self.network.settings, name, value)
        for modem in chosen:
            for name, value in values.items():
                _set(modem.sim if name in SIM_FIELDS else modem.settings, name, value)
            if reference is not None:
                modem.start_references_at(reference)
            modem.imei = imei or modem.imei
            if service_centre is not None:
                assert modem.sim
                modem.sim.service_centre = modem.smsc = service_centre

    def _do_take_sim(self, chosen: list[FakeModem]) -> Fields:
        taken = [self.bench.remove(modem) for modem in chosen]
        return {"iccids": [sim.iccid for sim in taken if sim]}

    def _do_put_sim(self, chosen: list[FakeModem], iccid: str | None = None) -> Fields:
        """Put in a SIM that is known, wherever it is now, or a new one."""
        [modem] = chosen
        return {"iccid": self.bench.put(modem, iccid).iccid}

    def _do_handset(
        self, _chosen: list[FakeModem], number: str, mood: str = "delivers", **values: Any
    ) -> None:
        self.network.handsets[number] = Handset(Mood(mood), **values)

    def _do_switch_on(self, _chosen: list[FakeModem], number: str) -> Fields:
        return {"count": self.network.switch_on(number)}

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
        port = self.bench.ports[modem.name]
        if power:
            modem.power_off()
        port.vanish()
        if name:
            port.link = port.link.with_name(name)
        if seconds is not None:
            self.network.later(seconds, self._reappear, modem)

    def _reappear(self, modem: FakeModem) -> None:
        self.bench.ports[modem.name].appear()
        modem.power_on()

    def _swap(self, modem: FakeModem, other: int | str | None = None) -> str:
        """Change the SIM for a new one, or with that of another modem."""
        if other is None:
            modem.insert(self.bench.fresh_sim())
        else:
            partner = self.bench.chosen(other)[0]
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


def _set(settings: ModemSettings | NetworkSettings | Sim | None, name: str, value: object) -> None:
    assert settings is not None
    if name not in {field.name for field in dataclass_fields(settings)}:
        raise ValueError(f"{name}: no such setting")
    setattr(settings, name, value)
