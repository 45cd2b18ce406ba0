"""The faults that concern one modem alone, by the names that the control socket knows them by."""

import random
from collections.abc import Callable
from typing import Any

from tests.fake_modem import hanging, stock
from tests.fake_modem.faults import Fate, Garbage, Hang, Mute, Planned
from tests.fake_modem.modem import FakeModem

GARBAGE_STEP = 0.02  # seconds between two bursts


def plan(fate: Fate) -> Callable[..., None]:
    def planned(modem: FakeModem, **fields: Any) -> None:
        modem.faults.planned.append(Planned(fate, **fields))

    return planned


def hang(modem: FakeModem, seconds: float | None = None, **fields: Any) -> None:
    """Swallow everything, for ``seconds`` or until it is cured (the fields of Hang)."""
    hanging.hang(modem, Hang(**fields), seconds)


def mute_network(modem: FakeModem, **fields: Any) -> None:
    """Have every AT+CMGS fail, with nothing on the air, though all looks well (fields of Mute)."""
    modem.faults.mute = Mute(**fields)
    hanging.known(modem.faults.mute.cure)


def no_reports(modem: FakeModem) -> None:
    """Lose what the network reports for it from now on, until ``mend``."""
    modem.faults.no_reports = True


def garbage(modem: FakeModem, seconds: float | None = None, **fields: Any) -> None:
    """Say random octets, for ``seconds`` or until ``mend`` (fields of Garbage)."""
    started = modem.faults.garbage = Garbage(**fields)
    hanging.known(started.cure)
    _say_garbage(modem, started, seconds)


def _say_garbage(modem: FakeModem, started: Garbage, left: float | None) -> None:
    if modem.faults.garbage is not started:
        return
    if left is not None and left <= 0:
        modem.faults.garbage = None
        return
    modem.emit(random.randbytes(round(started.rate * GARBAGE_STEP)))
    left = None if left is None else left - GARBAGE_STEP
    modem.network.later(GARBAGE_STEP, _say_garbage, modem, started, left)


def deaf(modem: FakeModem) -> None:
    """Stop reading, so that the port's buffer fills, until ``mend``."""
    modem.faults.deaf = True


def interrupt(modem: FakeModem, text: str, after: int = 1) -> None:
    """Say ``text`` within the next answer that has lines, after so many of them."""
    modem.interruptions.append((text, after))


def no_prompt(modem: FakeModem, count: int = 1) -> None:
    """Leave the prompt out for the next ``count`` AT+CMGS; -1: until ``mend``."""
    modem.faults.no_prompt = count


def late_prompt(modem: FakeModem, seconds: float) -> None:
    modem.faults.late_prompt = seconds


def sim_out(modem: FakeModem) -> str | None:
    sim = modem.eject()
    modem.drawer = sim or modem.drawer
    return sim.iccid if sim else None


def sim_in(modem: FakeModem) -> str:
    """Put back the SIM that was taken out."""
    assert modem.drawer is not None
    modem.insert(modem.drawer)
    return modem.drawer.iccid


def pin(modem: FakeModem, pin: str = "1234", tries: int = 3) -> None:
    """Have the SIM ask for a PIN from now on; with no tries left, for the PUK."""
    sim = modem.eject()
    assert sim is not None
    sim.pin, sim.tries = pin, tries
    modem.insert(sim)


def coverage(modem: FakeModem, coverage: str) -> None:
    """home, roaming, searching, denied, unknown or none."""
    modem.cover(coverage)


def fill(modem: FakeModem, memory: str = "SM", leave: int = 0) -> int:
    """Fill a memory with old messages but for ``leave`` slots."""
    return stock.fill(modem, memory, leave=leave)


def cnmi(modem: FakeModem, values: list[int] | None = None) -> None:
    """Forget what AT+CNMI had set."""
    modem.cnmi = list(values or modem.personality.cnmi_default)


def reset(modem: FakeModem) -> None:
    modem.reset()


FAULTS: dict[str, Callable[..., object]] = {
    "lost": plan(Fate.LOST),  # count, number; and the same for the next two
    "late": plan(Fate.LATE),  # seconds, busy
    "error": plan(Fate.ERROR),  # code (None: plain ERROR), sent, count (None: always)
    "hang": hang,
    "mute_network": mute_network,
    "no_reports": no_reports,
    "garbage": garbage,
    "deaf": deaf,
    "interrupt": interrupt,
    "no_prompt": no_prompt,
    "late_prompt": late_prompt,
    "sim_out": sim_out,
    "sim_in": sim_in,
    "pin": pin,
    "coverage": coverage,
    "fill": fill,
    "cnmi": cnmi,
    "reset": reset,
}
