"""A call that comes in: it rings until it is hung up, answered, or the caller gives up."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fake_modem.modem import FakeModem


@dataclass(slots=True)
class Call:
    """A call under way. ``number``: empty if it is withheld. ``every``: seconds between rings."""

    number: str
    every: float
    answered: bool = False


def ring(modem: "FakeModem", number: str, rings: int = 10, every: float = 3.0) -> None:
    """Ring so many times; a call that is answered ends when the ringing would have."""
    if modem.call is not None:
        raise ValueError("there is a call already")
    modem.call = Call(number, every)
    _ring(modem, modem.call, rings)


def _ring(modem: "FakeModem", call: Call, rings: int) -> None:
    if modem.call is not call:
        return
    if not rings:
        _end(modem, "caller")
        modem.indicate("NO CARRIER")
        return
    if not call.answered:
        shown = f'"{call.number}",145,,,,0' if call.number else '"",128,,,,1'
        modem.indicate("RING", *([f"+CLIP: {shown}"] if modem.clip else []))
    modem.later(call.every, _ring, modem, call, rings - 1)


def answer(modem: "FakeModem") -> bool:
    """Take the call that rings; False if there is none."""
    if modem.call is None:
        return False
    modem.call.answered = True
    return True


def hang_up(modem: "FakeModem") -> None:
    """End the call, if there is one."""
    if modem.call is not None:
        _end(modem, "hangup")


def _end(modem: "FakeModem", by: str) -> None:
    assert modem.call is not None
    modem.calls.append({"modem": modem.name, "number": modem.call.number, "ended_by": by})
    modem.call = None
