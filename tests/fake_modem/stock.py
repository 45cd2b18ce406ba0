"""What may lie in a memory from earlier times, put there at a stroke."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.fake_modem import pdu
from tests.fake_modem.sim import Stored

if TYPE_CHECKING:
    from tests.fake_modem.modem import FakeModem

SENDER = "+4915100000000"
PARTS_THERE, PARTS = 2, 3  # of each message that will never be complete
JUNK = random.Random(23040)


def _old(modem: "FakeModem", index: int, _days: float) -> Stored:
    made = pdu.Deliver(SENDER, modem.network.time(), pdu.Body(f"old message {index}"))
    return _received(modem, made)


def _orphan(modem: "FakeModem", index: int, days: float) -> Stored:
    """Make the first or second of three parts; the third never came."""
    message, ordinal = divmod(index, PARTS_THERE)
    concat = pdu.Concat(message % 256, PARTS, ordinal + 1)
    body = pdu.Body(f"part {ordinal + 1} of message {message}", concat=concat)
    sent_at = modem.network.time() - timedelta(days=days)
    return _received(modem, pdu.Deliver(SENDER, sent_at, body))


def _received(modem: "FakeModem", deliver: pdu.Deliver) -> Stored:
    tpdu = pdu.encode_deliver(deliver)
    octets = pdu.encode_smsc(modem.network.settings.smsc) + tpdu
    return Stored(octets.hex().upper(), len(tpdu), read=True)


def _draft(_modem: "FakeModem", index: int, _days: float) -> Stored:
    """Make an SMS-SUBMIT as AT+CMGW or a phone's drafts leave it."""
    body = pdu.encode_body(pdu.Body(f"draft {index}"), 0)
    tpdu = bytes([0x01, 0]) + pdu.encode_address(SENDER) + bytes([0, 0]) + body
    return Stored("00" + tpdu.hex().upper(), len(tpdu), draft=True)


def _junk(_modem: "FakeModem", _index: int, _days: float) -> Stored:
    """Make a PDU whose service centre is longer than all of it."""
    octets = b"\xff" + JUNK.randbytes(JUNK.randrange(1, 40))
    return Stored(octets.hex().upper(), len(octets) - 1)


KINDS: dict[str, Callable[["FakeModem", int, float], Stored]] = {
    "old": _old,
    "orphans": _orphan,
    "drafts": _draft,
    "junk": _junk,
}


def fill(
    modem: "FakeModem",
    name: str,
    what: str = "old",
    *,
    count: int | None = None,
    leave: int = 0,
    days: float = 7,
) -> int:
    """Put ``count`` things into a memory (None: as many as fit), but leave ``leave`` slots free.

    ``what``: see ``KINDS``. ``days``: the age of parts. Returns how many were put in.
    """
    memory = modem.memory(name)
    if memory is None:
        raise ValueError(f"{name}: no such memory")
    room = memory.size - len(memory.slots) - leave
    number = max(room if count is None else min(count, room), 0)
    for index in range(number):
        memory.put(KINDS[what](modem, index, days))
    return number
