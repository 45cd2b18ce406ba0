"""What holds messages and who is who: SIM cards, message memories, numbers with check digits."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fake_modem.ussd import Script


def luhn(digits: str) -> str:
    """Return ``digits`` with the check digit that makes them valid (ISO/IEC 7812-1 annex B)."""
    doubled = [int(digit) * (2 - index % 2) for index, digit in enumerate(reversed(digits))]
    return f"{digits}{-sum(number // 10 + number % 10 for number in doubled) % 10}"


def imei(tac: str, serial: int) -> str:
    """Return a valid IMEI: type allocation code (8 digits), serial number, check digit."""
    return luhn(f"{tac}{serial:06d}")


@dataclass(slots=True)
class Stored:
    """A message in a memory. ``pdu``: the service centre and the TPDU, in hex."""

    pdu: str
    length: int  # octets of the TPDU, without the service centre
    read: bool = False
    report: bool = False
    draft: bool = False  # written here and not sent

    @property
    def state(self) -> int:
        """Return <stat>: 0 received unread, 1 received read, 2 stored unsent (27.005, 3.1)."""
        return 2 if self.draft else int(self.read)


class Memory:
    """Slots for messages, numbered from 0; a make's own first index is added by the modem."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.slots: dict[int, Stored] = {}

    @property
    def full(self) -> bool:
        """Tell whether nothing more fits."""
        return len(self.slots) >= self.size

    def put(self, stored: Stored) -> int | None:
        """Keep a message in the lowest free slot and return it; None if there is none."""
        for slot in range(self.size):
            if slot not in self.slots:
                self.slots[slot] = stored
                return slot
        return None


@dataclass
class Sim:
    """A card; its messages travel with it. ``locked``: no PIN given yet since power-on."""

    iccid: str
    imsi: str
    number: str
    pin: str = ""  # empty: the PIN is not asked for
    puk: str = "12345678"
    tries: int = 3
    puk_tries: int = 10
    locked: bool = False
    memory: Memory = field(default_factory=lambda: Memory(50))
    service_centre: str | None = None  # None: the network's own; empty: none is stored
    balance: float = 10.0  # what the network says it has left
    price: float = 0.0  # of each part that the network takes
    ussd: dict[str, "Script"] = field(default_factory=dict)  # what it is answered to its own codes

    @classmethod
    def numbered(cls, serial: int) -> "Sim":
        """Make the German SIM with this serial number; its number is +4915123456700 plus that."""
        return cls(
            iccid=luhn(f"894902{serial:013d}"),
            imsi=f"26201{serial:010d}",
            number=f"+{4915123456700 + serial}",
        )

    def power_on(self) -> None:
        """Ask for the PIN again, if there is one."""
        self.locked = bool(self.pin)

    @property
    def asks_for(self) -> str:
        """Return what AT+CPIN? says."""
        if not self.tries:
            return "SIM PUK"
        return "SIM PIN" if self.locked else "READY"

    def unlock(self, pin: str) -> bool:
        """Try a PIN; a wrong one costs a try, the third blocks."""
        if not self.tries:
            return False
        if pin != self.pin:
            self.tries -= 1
            self.locked = True
            return False
        self.tries, self.locked = 3, False
        return True

    def unblock(self, puk: str, new_pin: str) -> bool:
        """Try a PUK, which sets a new PIN."""
        if not self.puk_tries or puk != self.puk:
            self.puk_tries = max(self.puk_tries - 1, 0)
            return False
        self.pin, self.tries, self.puk_tries, self.locked = new_pin, 3, 10, False
        return True
