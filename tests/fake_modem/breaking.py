"""The faults that concern one modem alone, by the names that the control socket knows them by."""

from collections.abc import Callable
from typing import Any

from tests.fake_modem import receiving
from tests.fake_modem.faults import Fate, Planned
from tests.fake_modem.modem import FakeModem


def plan(fate: Fate) -> Callable[..., None]:
    def planned(modem: FakeModem, **fields: Any) -> None:
        modem.faults.planned.append(Planned(fate, **fields))

    return planned


def hang(modem: FakeModem, seconds: float | None = None) -> None:
    """Swallow everything, for ``seconds`` or until ``mend``."""
    modem.hang(seconds)


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
    return receiving.fill(modem, memory, leave=leave)


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
