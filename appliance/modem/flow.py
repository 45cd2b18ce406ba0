"""How much a port says, and how much of that is no text. Pure: ``now`` is in seconds of a loop.

What a modem has to say is little, but for a full memory that is listed at once. A port that says
more without end is not read faster than ``RATE``, so that it takes no time from the others; the
device, or the kernel's buffer, has to keep the rest or lose it.
"""

from typing import Final

RATE: Final = 64 * 1024
"""Bytes a second that a port may say for long. A UART at 115200 baud says 11,520."""

BURST: Final = 128 * 1024
"""Bytes that it may say at once: more than 255 messages listed."""

PAUSE: Final = 0.05
"""Seconds for which a port is not read at least, once it has said too much."""

WINDOW: Final = 1.0
"""Seconds over which garbage is counted."""

MANY: Final = 1024
"""Bytes that are no text, in one window, from which on it is garbage ..."""

SHARE: Final = 1 / 8
"""... if they are such a part of all that was said."""

PATIENCE: Final = 5
"""Windows in a row in which a port says too much, from which on text is garbage too."""

TEXT: Final = bytes((*range(0x20, 0x7F), *b"\x00\t\n\r\x1a\x1b"))


class Flow:
    """What one port says. ``garbage`` counts the windows that were garbage."""

    def __init__(self) -> None:
        self.garbage = 0
        self._allowance = float(BURST)
        self._counted_at = 0.0
        self._window_ends = 0.0
        self._said = self._no_text = 0
        self._throttled = False
        self._floods = 0

    def take(self, data: bytes, now: float) -> float:
        """Count what was read; return for how many seconds to read no more, mostly 0."""
        if now >= self._window_ends:
            self._new_window(now)
        self._said += len(data)
        self._no_text += len(data.translate(None, TEXT))
        elapsed = max(now - self._counted_at, 0.0)
        self._allowance = min(self._allowance + elapsed * RATE, BURST) - len(data)
        self._counted_at = now
        if self._allowance > 0:
            return 0.0
        self._throttled = True
        return PAUSE - self._allowance / RATE

    def _new_window(self, now: float) -> None:
        self._floods = self._floods + 1 if self._throttled else 0
        noise = self._no_text >= MANY and self._no_text >= SHARE * self._said
        if noise or self._floods >= PATIENCE:
            self.garbage += 1
        self._said = self._no_text = 0
        self._throttled = False
        self._window_ends = now + WINDOW
