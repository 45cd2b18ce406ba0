"""A person at a terminal, for the tests of the fake modem: types, and waits for what is said."""

import asyncio
import os
import re
import tty
from collections.abc import Callable
from pathlib import Path

from tests.fake_modem import FakeModem

FINAL = r"\r\n(OK|ERROR|COMMAND NOT SUPPORT|\+CM[ES] ERROR: [^\r]*)\r\n"
REPORT = r"\+CDS: ,?\d+\r\n([0-9A-F]+)\r\n"
PATIENCE = 5.0  # seconds


class Talk:
    """What was heard and not yet looked at is in ``heard``."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self.heard = bytearray()
        self._write = write
        self._news = asyncio.Event()

    def hear(self, data: bytes) -> None:
        """Take what the modem says."""
        self.heard += data
        self._news.set()

    def type(self, text: str | bytes) -> None:
        """Write to the modem."""
        self._write(text.encode() if isinstance(text, str) else text)

    async def until(self, pattern: str) -> re.Match[str]:
        """Wait until ``pattern`` was said; forget that and what was before it."""
        async with asyncio.timeout(PATIENCE):
            while not (match := re.search(pattern, self.heard.decode("latin-1"))):
                self._news.clear()
                await self._news.wait()
        del self.heard[: match.end()]
        return match

    async def ask(self, command: str) -> str:
        """Type a command and return all that is said up to its final line, without line ends."""
        self.type(f"{command}\r")
        match = await self.until(FINAL)
        return "|".join(line for line in match.string[: match.end()].split("\r\n") if line)

    async def hand_over(self, pdu: str, prompt: str = "\r\n> ") -> None:
        """Type AT+CMGS and, at the prompt, a PDU without a service centre (``00`` in front)."""
        self.type(f"AT+CMGS={len(pdu) // 2 - 1}\r")
        await self.until(re.escape(prompt))
        self.type(f"{pdu}\x1a")

    async def send(self, pdu: str, prompt: str = "\r\n> ") -> str:
        """Do that, and return the answer."""
        await self.hand_over(pdu, prompt)
        match = await self.until(FINAL)
        return "|".join(line for line in match.string[: match.end()].split("\r\n") if line)


def in_memory(modem: FakeModem) -> Talk:
    """Talk to a modem without a port."""
    talk = Talk(modem.receive)
    modem.say = talk.hear
    return talk


class Port(Talk):
    """The same over a real port, opened and read as any program would."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._fd)
        super().__init__(lambda data: os.write(self._fd, data))
        asyncio.get_running_loop().add_reader(self._fd, self._read)

    def _read(self) -> None:
        try:
            self.hear(os.read(self._fd, 4096))
        except OSError:  # it vanished
            asyncio.get_running_loop().remove_reader(self._fd)

    def stop_reading(self) -> None:
        """Leave what is said lying in the port."""
        asyncio.get_running_loop().remove_reader(self._fd)

    def close(self) -> None:
        """Close the port."""
        self.stop_reading()
        os.close(self._fd)


def submit(number: str = "+4915100000001", text: str = "E8373B0C", *, first: int = 0x21) -> str:
    """Return an SMS-SUBMIT made by hand: with a report, "hola" unless other septets are given."""
    digits = number.removeprefix("+")
    padded = digits + "F" * (len(digits) % 2)
    swapped = "".join(high + low for low, high in zip(padded[::2], padded[1::2], strict=True))
    kind = "91" if number.startswith("+") else "81"
    return f"00{first:02X}00{len(digits):02X}{kind}{swapped}000004{text}"
