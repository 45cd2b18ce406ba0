"""The verbs that look at a bank and change nothing."""

from collections.abc import Callable

from tests.fake_modem.bench import Bench, Fields
from tests.fake_modem.modem import FakeModem


def modems(bench: Bench, chosen: list[FakeModem]) -> Fields:
    return {"modems": [_shown(bench, modem) for modem in chosen]}


def _shown(bench: Bench, modem: FakeModem) -> Fields:
    port, sim = bench.ports[modem.name], modem.sim
    return {
        "name": modem.name,
        "port": str(port.link),
        "present": port.present,
        "usb": port.usb,
        "tty": port.tty,
        "hung": modem.faults.hung,
        "make": modem.personality.name,
        "imei": modem.imei,
        "iccid": sim.iccid if sim else None,
        "imsi": sim.imsi if sim else None,
        "number": sim.number if sim else None,
        "pin_tries": sim.tries if sim else None,
        "balance": sim.balance if sim else None,
        "registration": modem.registration(),
        "cnmi": modem.cnmi,
        "csms": modem.csms,
        "stored": {name: used for name, (used, _size) in _storage(modem).items()},
    }


def stats(bench: Bench, chosen: list[FakeModem]) -> Fields:
    counts = {}
    for modem in chosen:
        port = bench.ports[modem.name]
        counts[modem.name] = modem.stats | {"discarded": port.discarded, "lost": port.lost}
    return {
        "sent": bench.network.ledger.count,
        "reports": bench.network.delivered_reports,
        "messages": bench.network.delivered_messages,
        "modems": counts,
    } | pending(bench, chosen)


def pending(bench: Bench, _chosen: list[FakeModem]) -> Fields:
    return {
        "pending_reports": bench.network.pending(reports=True),
        "pending_messages": bench.network.pending(reports=False),
    }


def storage(_bench: Bench, chosen: list[FakeModem]) -> Fields:
    return {"storage": {modem.name: _storage(modem) for modem in chosen}}


def _storage(modem: FakeModem) -> dict[str, tuple[int, int]]:
    """Return how many slots of each memory are used, and how many there are."""
    names = ["SM", *modem.memories]
    return {
        name: (len(memory.slots), memory.size)
        for name in names
        if (memory := modem.memory(name)) is not None
    }


def calls(_bench: Bench, chosen: list[FakeModem]) -> Fields:
    return {"calls": [made for modem in chosen for made in modem.calls]}


LOOKS: dict[str, Callable[..., Fields]] = {
    "modems": modems,
    "stats": stats,
    "pending": pending,
    "storage": storage,
    "calls": calls,
}
