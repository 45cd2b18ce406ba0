"""What is remembered of PINs that were tried: each is given to a SIM once, over restarts too.

A SIM blocks after three wrong ones, and not every modem tells how many are left: a daemon that
whoever watches it starts again and again must not use them up. A try is noted before it is made.
"""

import hashlib
from typing import Final, Protocol

ALL_TRIES: Final = 3
"""Tries of a SIM to which no wrong PIN was given since the last right one (TS 31.101)."""

BEGUN: Final = b"?"  # the modem did not say what came of it

REFUSED: Final = b"!"


class Notes(Protocol):
    """Where it is remembered; ``write`` returns when it cannot be lost any more."""

    async def read(self, name: str) -> bytes | None:
        """Return a note, None if there is none."""
        ...

    async def write(self, name: str, value: bytes) -> None:
        """Note something in place of what was there."""
        ...

    def seal(self, *facts: str) -> bytes:
        """Return what the same facts always give, and what tells none of them."""
        ...


class NotesInMemory:
    """Notes that end with the process."""

    def __init__(self) -> None:
        self._notes: dict[str, bytes] = {}

    async def read(self, name: str) -> bytes | None:
        """Return a note, None if there is none."""
        return self._notes.get(name)

    async def write(self, name: str, value: bytes) -> None:
        """Note something in place of what was there."""
        self._notes[name] = value

    def seal(self, *facts: str) -> bytes:
        """Return what the same facts always give."""
        return hashlib.blake2b(repr(facts).encode()).digest()


class Pins:
    """The PINs that were tried; of each card the last one. What ``notes`` raise goes through.

    A card is a SIM by its ICCID, or a slot where the ICCID is locked too.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._refused_here: set[bytes] = set()  # since the process was started, sealed

    async def was_refused(
        self, card: str, pin: str, *, tries: int | None = None, by_hand: bool = False
    ) -> bool:
        """Say whether the card has refused this PIN, or may have.

        Args:
            card: the card.
            pin: the PIN.
            tries: how many it has left, None if the modem does not tell. Where it has all of
                them, it was given the right one meanwhile, and what was before is forgotten.
            by_hand: somebody has just typed it, who may know that the SIM's PIN was changed: what
                was before this process does not count.

        """
        sealed = self._notes.seal("pin", card, pin)
        if sealed in self._refused_here:
            return True
        if by_hand or (tries is not None and tries >= ALL_TRIES):
            return False
        return (await self._notes.read(_name(card)) or b"")[1:] == sealed

    async def begin(self, card: str, pin: str) -> None:
        """Note that a PIN is about to be tried. Until more is known it counts as refused."""
        sealed = self._notes.seal("pin", card, pin)
        await self._notes.write(_name(card), BEGUN + sealed)
        self._refused_here.add(sealed)

    async def refuse(self, card: str, pin: str) -> None:
        """Note that the card has refused it."""
        sealed = self._notes.seal("pin", card, pin)
        self._refused_here.add(sealed)
        await self._notes.write(_name(card), REFUSED + sealed)

    async def take(self, card: str, pin: str) -> None:
        """Note that the card has taken it."""
        self._refused_here.discard(self._notes.seal("pin", card, pin))
        await self._notes.write(_name(card), b"")

    async def opened(self, *cards: str) -> None:
        """Note that a card is open: a PIN whose answer was lost was the right one."""
        for card in cards:
            note = await self._notes.read(_name(card)) or b""
            if note.startswith(BEGUN):
                self._refused_here.discard(note[1:])
                await self._notes.write(_name(card), b"")


def _name(card: str) -> str:
    return f"pin {card}"


def in_memory() -> Pins:
    """Return what remembers for as long as the process lives."""
    return Pins(NotesInMemory())
