"""Listening in on a port: the last pieces of its dialogue, and the next as they come.

While nobody listens this keeps references to what was read and written anyhow, and does
nothing else: no line is cut, no text is made.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from appliance.clock import Clock
from appliance.modem.masking import Masker

KEPT: Final = 200
"""Pieces kept for whoever begins to listen: a line or a few each."""

KEPT_BYTES: Final = 65_536

MOST_BEHIND: Final = 2000
"""Pieces that a listener may lag behind; of more it misses the oldest, and is told so."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What was written (``sent``) or read at once."""

    at: datetime
    sent: bool
    data: bytes


class _Follower:
    """Somebody who listens."""

    def __init__(self, begin: "deque[Piece]") -> None:
        self.pieces = deque(begin)
        self.news = asyncio.Event()
        self.missed = 0

    def put(self, piece: Piece) -> None:
        if len(self.pieces) >= MOST_BEHIND:
            self.pieces.popleft()
            self.missed += 1
        self.pieces.append(piece)
        self.news.set()


class Tap:
    """What is said on one modem's port, over as many openings of it as there are."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: deque[Piece] = deque()
        self._bytes = 0
        self._followers: list[_Follower] = []

    def wrote(self, data: bytes) -> None:
        """Note what was written to the port."""
        self._add(Piece(self._clock.now(), sent=True, data=data))

    def read(self, data: bytes) -> None:
        """Note what was read from it."""
        self._add(Piece(self._clock.now(), sent=False, data=data))

    async def follow(self, *, show_numbers: bool = False, raw: bool = False) -> AsyncIterator[str]:
        """Yield the lines of the dialogue: the last ones, then the next as they come; no end.

        Args:
            show_numbers: also numbers, texts and PDUs; a PIN is hidden all the same.
            raw: with control characters and line ends, escaped.

        """
        follower, transcript = _Follower(self._kept), Transcript(show_numbers=show_numbers, raw=raw)
        self._followers.append(follower)
        try:
            while True:
                while follower.pieces:
                    for line in transcript.lines(follower.pieces.popleft()):
                        yield line
                if follower.missed:
                    yield f"({follower.missed} pieces came too fast and are not shown)"
                    follower.missed = 0
                follower.news.clear()
                await follower.news.wait()
        finally:
            self._followers.remove(follower)

    def _add(self, piece: Piece) -> None:
        self._kept.append(piece)
        self._bytes += len(piece.data)
        while len(self._kept) > KEPT or (self._bytes > KEPT_BYTES and len(self._kept) > 1):
            self._bytes -= len(self._kept.popleft().data)
        for follower in self._followers:
            follower.put(piece)


class Transcript:
    """Makes lines of pieces: ``12:00:01.250 > AT+CSQ``; ``>`` is ours, ``<`` the modem's.

    A line is shown when it is whole, or when the other side speaks (as after a prompt). What
    is masked, is masked by whole lines.
    """

    def __init__(self, *, show_numbers: bool, raw: bool) -> None:
        self._raw = raw
        self._pending = b""
        self._sent = True  # whose the pending piece is
        self._at: datetime | None = None
        self._maskers = {sent: Masker(show_numbers=show_numbers) for sent in (True, False)}

    def lines(self, piece: Piece) -> Iterator[str]:
        """Yield what has become whole with this piece."""
        if piece.sent is not self._sent:
            yield from self.end()
        self._sent = piece.sent
        self._at = self._at if self._pending else piece.at
        *whole, self._pending = _cut(self._pending + piece.data)
        for line in whole:
            yield from self._shown(line)
            self._at = piece.at

    def end(self) -> Iterator[str]:
        """Yield what is left, a line or not."""
        line, self._pending = self._pending, b""
        yield from self._shown(line)

    def _shown(self, line: bytes) -> Iterator[str]:
        body = line.rstrip(b"\r\n")
        text = "".join(map(_printable, body.decode("latin-1")))
        text = self._maskers[self._sent].line(text)
        if self._raw:
            text += line[len(body) :].decode("ascii").encode("unicode_escape").decode("ascii")
        if text.strip() and self._at is not None:
            moment = self._at.astimezone().strftime("%H:%M:%S.%f")[:-3]
            yield f"{moment} {'>' if self._sent else '<'} {text}"


def _cut(data: bytes) -> list[bytes]:
    """Return lines with their ends, and last what is no whole line yet (perhaps nothing)."""
    lines = data.splitlines(keepends=True)
    return lines if lines and not lines[-1].endswith((b"\r", b"\n")) else [*lines, b""]


def _printable(letter: str) -> str:
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
