"""What the page says for what the store knows: words for technicians, never a name of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from appliance.lifecycle import State
from appliance.logs import masked


@dataclass(frozen=True, slots=True)
class Word:
    """What is shown, and how it looks: ``good``, ``busy``, ``warn``, ``bad`` or ``idle``."""

    text: str
    tone: str


STATES: Final[Mapping[State, Word]] = {
    State.QUEUED: Word("waiting", "idle"),
    State.SENDING: Word("being sent", "busy"),
    State.SENT: Word("sent, unconfirmed", "busy"),
    State.UNCERTAIN: Word("perhaps sent", "warn"),
    State.NO_REPORT: Word("sent, never confirmed", "warn"),
    State.DELIVERED: Word("delivered", "good"),
    State.FAILED: Word("failed", "bad"),
    State.EXPIRED: Word("too late", "bad"),
    State.CANCELLED: Word("cancelled", "idle"),
}

LINES: Final[Mapping[str, Word]] = {
    "ready": Word("ready", "good"),
    "sending": Word("sending", "good"),
    "roaming": Word("abroad (roaming)", "warn"),
    "starting": Word("starting", "busy"),
    "recovering": Word("being restarted", "busy"),
    "searching": Word("looking for a network", "warn"),
    "denied": Word("refused by the network", "bad"),
    "no_answer": Word("does not answer", "bad"),
    "sim_missing": Word("no SIM", "bad"),
    "pin_needed": Word("needs its PIN", "bad"),
    "puk_needed": Word("needs its PUK", "bad"),
    "blocked": Word("SIM blocked", "bad"),
    "disabled": Word("switched off", "idle"),
}

PAUSED: Final = Word("paused", "warn")
"""A SIM that sends nothing until it is resumed or tried; its modem may be ready all the same."""

CAN_SEND: Final = frozenset({"ready", "sending"})

INBOUND: Final[Mapping[str, Word]] = {
    "complete": Word("complete", "good"),
    "waiting": Word("parts are missing", "busy"),
    "undecodable": Word("cannot be read", "warn"),
}

INBOUND_NOTES: Final = {"undecodable": "Kept as it came; the log says what is wrong with it."}
"""What a technician needs to know besides."""

KEYWORDS: Final[Mapping[str, tuple[Word, str]]] = {
    "stop": (Word("STOP", "warn"), "Is not written to any more."),
    "start": (Word("START", "good"), "May be written to again."),
}
"""What an inbound message was understood as, and what follows from it."""

RUNGS: Final[Mapping[str, str]] = {
    "reopen": "port reopened",
    "reset": "restarted",
    "usb": "unplugged by software",
    "power": "power cut",
    "rest": "given up",
}
"""What was done to mend a modem, finishing "… 3 times"."""

REPORTS: Final = {
    "none": Word("it gives none", "warn"),
    "off": Word("not asked for, as set for this SIM", "idle"),
}
"""Why no report comes."""

COUNTED: Final[Mapping[str, str]] = {
    "restarts": "restarted by itself",
    "full": "memory full",
    "drafts_deleted": "draft deleted for want of room",
    "silent_listings": "fell silent at a listing",
    "broadcasts": "cell broadcast ignored",
}
"""What is counted of a modem (``Modem.counts``), in words."""

REPORTS_UNSEEN: Final = Word("not seen yet", "idle")

SIGNAL: Final = ((-70, "very good", 4), (-85, "good", 3), (-100, "weak", 2))
"""From so many dBm on: in words, and as bars."""

BINDS: Final[Mapping[str, Word]] = {
    "tx": Word("sends", "good"),
    "rx": Word("receives", "good"),
    "trx": Word("sends and receives", "good"),
}
"""What a session is bound for; other states are on its way out."""

SHOWN_OF_ICCID: Final = 4


@dataclass(frozen=True, slots=True)
class Signal:
    """Received strength in words, and as 0 to 4 bars."""

    text: str
    bars: int


def line_word(state: str, *, paused: bool = False) -> Word:
    """Return the word for a line's state; ``paused``: its SIM is."""
    if paused and state in CAN_SEND:
        return PAUSED
    return LINES.get(state) or Word(state.replace("_", " "), "warn")


def sentence(said: str) -> str:
    """Return words of a log or an error as a sentence among others; '' stays as it is."""
    if not said:
        return ""
    ended = said if said[-1] in ".!?:…" else f"{said}."
    return ended[0].upper() + ended[1:]


def bind(state: str) -> Word:
    """Return the word for what a session is bound for."""
    return BINDS.get(state) or Word("is leaving", "warn")


def signal(dbm: int | None) -> Signal:
    """Return what a received strength means; None: the modem does not know."""
    if dbm is None:
        return Signal("unknown", 0)
    words, bars = next(
        ((words, bars) for least, words, bars in SIGNAL if dbm >= least), ("very weak", 1)
    )
    return Signal(f"{words}, \N{MINUS SIGN}{-dbm} dBm" if dbm < 0 else f"{words}, {dbm} dBm", bars)


def short_sim(iccid: str | None) -> str:
    """Return the end of an ICCID, enough to tell the SIMs in one box apart."""
    return f"…{iccid[-SHOWN_OF_ICCID:]}" if iccid else "none"


def hidden(number: str | None) -> str:
    """Return a number as whoever stands before the page may see it."""
    return masked(number) if number else "–"


def counted(counts: Mapping[str, int] | None) -> str:
    """Return what else was seen of a modem, and how often; empty if nothing was."""
    found = counts or {}
    return ", ".join(
        f"{words} {_times(found[what])}" for what, words in COUNTED.items() if found.get(what)
    )


def mended(counts: Mapping[str, int] | None) -> str:
    """Return how often what was done to mend a modem; empty if nothing was."""
    found = counts or {}
    return ", ".join(
        f"{words} {_times(found[rung])}" for rung, words in RUNGS.items() if found.get(rung)
    )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def incident(*, lasting: bool, over: bool) -> Word:
    """Return whether something that happened needs attention."""
    if not lasting:
        return Word("happened", "idle")
    return Word("over", "good") if over else Word("now", "bad")
