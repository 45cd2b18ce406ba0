"""Log lines: one fact a line, for people, with a name for machines. Never a text or a number."""

import logging
import sys
import traceback
from collections.abc import Iterator
from typing import Final, TextIO

logger = logging.getLogger(__name__)

NUMBER_SHOWN: Final = 10
"""Characters from which on a number is long enough to show some of it."""

PRIORITY: Final = {
    logging.CRITICAL: 2,
    logging.ERROR: 3,
    logging.WARNING: 4,
    logging.INFO: 6,
    logging.DEBUG: 7,
}
"""syslog's, which the journal reads from the start of a line (sd-daemon(3))."""

TALKATIVE: Final = ("alembic", "apscheduler", "httpcore", "httpx", "uvicorn")
"""Libraries whose every step is no news; their warnings are."""

SPEAKING_OF_DATA: Final = ("sqlalchemy.engine", "sqlalchemy.pool")
"""Libraries that write texts and numbers when they are talkative: never let, at any level."""


def masked(number: str) -> str:
    """Return a phone number as logs may show it: ``+49151******78``. Texts are never logged.

    At least four characters of what is shown in part are hidden. Names (alphanumeric senders)
    are masked alike; what has fewer than five characters is hidden whole.
    """
    length = len(number)
    start = min(6, length - 6) if length >= NUMBER_SHOWN else 0
    end = 2 if length > 4 else 0
    return f"{number[:start]}{'*' * (length - start - end)}{number[length - end :]}"


def setup(level: str, *, journal: bool = False, stream: TextIO | None = None) -> None:
    """Send log lines of ``level`` and above to ``stream``, replacing what was set up before.

    Args:
        level: debug, info, warning or error. The trace of the ports, which holds numbers and
            texts, is written at debug.
        journal: systemd's journal reads the stream: it has its own time stamps, and takes a
            line's priority from its start.
        stream: None: the standard error output.

    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Journal() if journal else _Lines())
    _note_only_what_is_shown()
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in TALKATIVE:
        quiet = logging.NOTSET if level == "debug" else logging.WARNING
        logging.getLogger(name).setLevel(quiet)
    for name in SPEAKING_OF_DATA:
        logging.getLogger(name).setLevel(logging.WARNING)


def _note_only_what_is_shown() -> None:
    """Have no record say where it comes from: no line shows it, and finding out is half its cost.

    As "Optimization" in Python's logging guide says.
    """
    logging._srcfile = None  # noqa: SLF001 - that guide's own way
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class _Lines(logging.Formatter):
    """``2026-05-04T12:00:00+0000 info part.sent: part 17 to +49151******78 sent``."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z")
        return "\n  ".join([f"{stamp} {_fact(record)}", *self._trace(record)])

    def _trace(self, record: logging.LogRecord) -> list[str]:
        """Return the lines of an exception, which stand indented below their fact."""
        return self.formatException(record.exc_info).splitlines() if record.exc_info else []


class _Journal(_Lines):
    """The same without a time stamp; each line says its priority."""

    def format(self, record: logging.LogRecord) -> str:
        priority = f"<{PRIORITY.get(record.levelno, 6)}>"
        lines = [_fact(record), *(f"  {line}" for line in self._trace(record))]
        return "\n".join(priority + line for line in lines)


def _fact(record: logging.LogRecord) -> str:
    """Return level, event (else the logger's name) and sentence, on one line whatever is in it."""
    name = getattr(record, "event", record.name)
    sentence = record.getMessage()
    if sentence.isprintable():
        return f"{record.levelname.lower()} {name}: {sentence}"
    sentence = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in sentence
    )
    return f"{record.levelname.lower()} {name}: {sentence}"


def part_ended(part: str, recipient: str, line: str, outcome: str, detail: str) -> None:
    """Record what a modem answered to a part: sent, refused, released or uncertain.

    ``part`` is its message's public id with its ordinal; ``detail`` the reference or the cause.
    """
    logger.info(
        "message %s to %s by %s: %s%s",
        part,
        masked(recipient),
        line,
        outcome,
        f", {detail}" if detail else "",
        extra={"event": f"part.{outcome}"},
    )


def report_came(sim: int, recipient: str, reference: int, status: int, *, matched: bool) -> None:
    """Record a status report, and whether it fitted an attempt."""
    logger.info(
        "SIM %d: report on reference %d to %s, status 0x%02x%s",
        sim,
        reference,
        masked(recipient),
        status,
        "" if matched else "; known already, or it fits no attempt yet",
        extra={"event": "report.came"},
    )


def inbound_came(sim: int, sender: str, inbound: int, *, new: bool, whole: bool) -> None:
    """Record an inbound message or a part of one."""
    logger.info(
        "SIM %d: inbound message %d from %s%s%s",
        sim,
        inbound,
        masked(sender),
        "" if whole else ", parts are missing",
        "" if new else ", read again",
        extra={"event": "inbound.came"},
    )


def call_came(sim: int, caller: str | None, call: int) -> None:
    """Record a call, which was hung up; ``caller`` None: withheld."""
    logger.info(
        "SIM %d: call %d from %s",
        sim,
        call,
        masked(caller) if caller else "a withheld number",
        extra={"event": "call.came"},
    )


def undecodable_came(sim: int, why: str) -> None:
    """Record that something is kept raw."""
    logger.warning(
        "SIM %d: what came cannot be decoded and is kept as it is: %s",
        sim,
        why,
        extra={"event": "inbound.undecodable"},
    )


def unexpected(slot: str, error: Exception) -> None:
    """Log where it happened, but not the error's own words: they may hold a text or a number."""
    kinds = ", ".join(type(each).__name__ for each in _leaves(error))
    where = "".join(traceback.format_tb(next(_leaves(error)).__traceback__))
    logger.error("%s: %s at\n%s", slot, kinds, where)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error
