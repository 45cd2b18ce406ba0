"""How a modem says things: at once or in pieces, and what it mutters unasked."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fake_modem.modem import FakeModem


class Voice:
    """Says bytes in order through ``modem.say``."""

    def __init__(self, modem: "FakeModem") -> None:
        self._modem = modem
        self._pieces: deque[bytes] = deque()
        self._turn = 0
        self._noise: asyncio.TimerHandle | None = None

    def emit(self, data: bytes) -> None:
        """Say bytes, in pieces with a little time between them if so set."""
        size = self._modem.settings.chunk
        if not size and not self._pieces:
            self._modem.say(data)
            return
        idle = not self._pieces
        size = size or len(data)
        self._pieces += [data[start : start + size] for start in range(0, len(data), size)]
        if idle:
            self._next_piece()

    def _next_piece(self) -> None:
        self._modem.say(self._pieces[0])
        self._modem.network.later(self._modem.settings.chunk_gap, self._piece_said)

    def _piece_said(self) -> None:
        self._pieces.popleft()
        if self._pieces:
            self._next_piece()

    def start_noise(self) -> None:
        """Somebody listens: say what nobody asked for, now and then, until muted."""
        make = self._modem.personality
        if self._noise is None and make.noise:
            self._noise = self._modem.network.later(make.noise_seconds, self._make_noise)

    def stop_noise(self) -> None:
        """Nobody listens."""
        if self._noise:
            self._noise.cancel()
            self._noise = None

    def _make_noise(self) -> None:
        self._noise = None
        modem = self._modem
        if modem.muted or not modem.settings.noise:
            return
        modem.indicate(modem.personality.noise[self._turn % len(modem.personality.noise)])
        self._turn += 1
        self.start_noise()
