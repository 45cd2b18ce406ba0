"""A modem that hangs, in full or only towards the network, and what brings it round.

``CURED_BY``: the rungs of a ladder of mending, as far as they cure. ``escape``: an ESC octet;
``reopen``: the port is closed; ``cfun``: AT+CFUN=1,1 (which a hung modem hears only where that is
its cure); ``usb``: the USB device is authorised again; ``power``: off and on.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tests.fake_modem.faults import Hang

if TYPE_CHECKING:
    from tests.fake_modem.modem import FakeModem

CURED_BY: Mapping[str | None, frozenset[str]] = {
    None: frozenset({"cfun", "usb", "power"}),
    "escape": frozenset({"escape", "reopen", "usb", "power"}),
    "reopen": frozenset({"reopen", "usb", "power"}),
    "cfun": frozenset({"cfun", "usb", "power"}),
    "usb": frozenset({"usb", "power"}),
    "power": frozenset({"power"}),
    "never": frozenset(),  # only ``mend``
}
RESTART = re.compile(rb"(?i)AT\+CFUN=1,1\r")
ESC = b"\x1b"


def known(cure: str | None) -> str | None:
    """Return a cure. Raises ValueError if there is none of this name."""
    if cure not in CURED_BY:
        raise ValueError(f"{cure}: no such cure")
    return cure


def hang(modem: "FakeModem", hang: Hang, seconds: float | None = None) -> None:
    """Hang now, or once ``hang.after`` has passed; for ``seconds`` from now if given."""
    known(hang.cure)
    modem.faults.hang = hang
    if hang.after == 0:
        _begin(modem, hang)
    if seconds is not None:
        modem.network.later(seconds, _end, modem, hang)


def _begin(modem: "FakeModem", hang: Hang) -> None:
    hang.begun = True
    modem.inbox.clear()
    modem.prompting = None


def _end(modem: "FakeModem", hang: Hang) -> None:
    if modem.faults.hang is hang:
        modem.faults.hang = None
        modem.come_back()


def swallows_command(modem: "FakeModem", octets: int) -> bool:
    """Count a command of so many octets; True if the modem hangs at it."""
    hang = modem.faults.hang
    if hang is None or not isinstance(hang.after, int):
        return False
    hang.after -= 1
    if hang.after >= 0:
        return False
    _begin(modem, hang)
    modem.stats["swallowed"] += octets
    return True


def at_ctrl_z(modem: "FakeModem") -> bool:
    """Hang at Ctrl-Z where that is planned; True if the PDU is lost with it."""
    hang = modem.faults.hang
    if hang is None or hang.after != "ctrl-z":
        return False
    _begin(modem, hang)
    return not hang.sent


def overhear(modem: "FakeModem", data: bytes) -> None:
    """Take bytes while hung: nothing is done with them, unless they are the cure."""
    hang = modem.faults.hang
    assert hang is not None
    modem.stats["swallowed"] += len(data)
    if hang.cure == "escape" and ESC in data:
        cured(modem, "escape")
        modem.receive(data[data.index(ESC) + 1 :])
    elif hang.cure == "cfun":
        hang.heard = (hang.heard + data)[-64:]
        if RESTART.search(hang.heard):
            modem.reset()


def cured(modem: "FakeModem", rung: str) -> None:
    """End what this rung of the ladder cures, as it has been tried."""
    faults = modem.faults
    if faults.hang and faults.hang.begun and rung in CURED_BY[faults.hang.cure]:
        faults.hang = None
        modem.come_back()
    if faults.mute and rung in CURED_BY[faults.mute.cure]:
        faults.mute = None
    if faults.garbage and rung in CURED_BY[faults.garbage.cure]:
        faults.garbage = None
