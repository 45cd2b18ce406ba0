"""Every error of ours, in one tree. Errors carry facts; ``__str__`` makes the sentence.

::

    ApplianceError
    ├── BadConfig                 the configuration cannot be used
    ├── CannotListen              a door's address or port cannot be had
    ├── SubmissionRefused         a message is not taken; ``field`` says what is wrong with it
    │   ├── BadField              a field is malformed
    │   ├── BadNumber             the recipient is no phone number
    │   ├── NumberNotAllowed      a number, but not one that may be written to
    │   ├── TooManyParts          the text is too long
    │   ├── OptedOut              the recipient said STOP
    │   ├── TooOften              the recipient was written to often enough
    │   ├── NotAllowedHere        the text breaks a rule of the site
    │   └── ReferenceUsed         reference or idempotency key stands for another message
    ├── NoRoom                    nothing can be taken just now; later it can
    ├── TooLate                   a message has left, or its fate is known: nothing to change
    ├── NotFound                  no such thing, or not this account's
    ├── LineUnclear               no line is called that, or several are
    ├── NameTaken                 an account of that name is there already
    ├── Unauthorised              the credentials are wrong
    ├── Forbidden                 the account may not do that
    ├── ErrandFailed              what was asked of a line was not done; says why
    ├── StoreError
    │   ├── StoreClosed           the store is shut, the verb did not run
    │   ├── StoreLocked           another daemon holds the data directory
    │   └── NameInUse             another daemon of this name works on the database
    ├── IllegalTransition         the life cycle has no such step
    ├── Undelivered               a carrier could not hand over a notice; it is tried again
    │   └── NobodyThere           nobody is bound to take it; it waits for a bind
    ├── PduError                  an SMS TPDU is malformed (3GPP TS 23.040)
    ├── SmppError                 an SMPP PDU or its content is wrong; carries the status to answer
    └── ModemError                a modem did not do what it was asked
        ├── CommandRefused        ERROR, +CME ERROR or +CMS ERROR
        ├── ModemSilent           no final answer in time
        ├── PortGone              the port vanished or was closed
        │   └── PortHangs         it does not open, or does not close
        ├── PortBusy              another process holds the port
        ├── UssdFailed            a USSD code or answer came to nothing
        │   └── UssdBusy          a dialogue is under way on this modem
        ├── NotReady              the modem answers, but has no usable SIM or network
        └── ModemUnwell           the modem answers, but does not do its work; must be mended
"""

from collections.abc import Sequence
from datetime import timedelta


class ApplianceError(Exception):
    """Whatever this project raises on purpose."""


class BadConfig(ApplianceError):
    """The configuration cannot be used. ``complaints`` names every wrong key at once."""

    def __init__(self, source: str, complaints: Sequence[str]) -> None:
        super().__init__(source, *complaints)
        self.source = source
        self.complaints = tuple(complaints)

    def __str__(self) -> str:
        return "\n".join(f"{self.source}: {complaint}" for complaint in self.complaints)


class CannotListen(ApplianceError):
    """A door's address or port cannot be had, mostly because another process has it."""

    def __init__(self, door: str, host: str, port: int, why: str) -> None:
        super().__init__(door, host, port, why)
        self.door, self.host, self.port, self.why = door, host, port, why

    def __str__(self) -> str:
        return f"{self.door} cannot listen on {self.host} port {self.port}: {self.why}"


class SubmissionRefused(ApplianceError):
    """A message is not taken. ``field`` names what is wrong with it, ``reason`` says why.

    ``reason`` never holds a text or a whole number, so it may be logged.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


class BadField(SubmissionRefused):
    """A field is malformed."""


class BadNumber(SubmissionRefused):
    """The recipient is no phone number."""


class NumberNotAllowed(SubmissionRefused):
    """A phone number, but not one that may be written to (emergency, short code, country)."""


class TooManyParts(SubmissionRefused):
    """The text needs more parts than a message may have."""


class OptedOut(SubmissionRefused):
    """The recipient said STOP."""


class TooOften(SubmissionRefused):
    """The recipient was written to often enough, or with this very text, by what is set."""


class NotAllowedHere(SubmissionRefused):
    """The text breaks a rule of this site."""


class ReferenceUsed(SubmissionRefused):
    """The reference or the idempotency key stands for a different message already."""


class NoRoom(ApplianceError):
    """Nothing can be taken just now (disk nearly full, queue full); later it can."""


class TooLate(ApplianceError):
    """A message can be cancelled or replaced no more; ``why`` in words."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"too late: {self.why}"


class NotFound(ApplianceError):
    """There is no such thing, or it is not this account's (which is told the same)."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(kind, name)
        self.kind = kind
        self.name = name

    def __str__(self) -> str:
        return f"no {self.kind} {self.name!r}"


class LineUnclear(ApplianceError):
    """A name stands for no line, or for several; ``candidates`` are those that it may stand for."""

    def __init__(self, candidates: Sequence[str], *, several: bool) -> None:
        super().__init__(*candidates)
        self.candidates = tuple(candidates)
        self.several = several

    def __str__(self) -> str:
        if not self.candidates:
            return "there is no line yet: plug a modem in, or name its port under [modems]"
        said = "several lines are called that" if self.several else "no line is called that"
        return f"{said}; name one of: {', '.join(self.candidates)}"


class NameTaken(ApplianceError):
    """An account of that name is there already."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"there is an account {self.name!r} already"


class Unauthorised(ApplianceError):
    """The credentials are wrong, or the account is revoked."""


class Forbidden(ApplianceError):
    """The account is known, and may not do this."""


class ErrandFailed(ApplianceError):
    """What was asked of a line was not done; the sentence says why, without a PIN or a number."""


class StoreError(ApplianceError):
    """The database did not do what it was asked."""


class StoreClosed(StoreError):
    """The store is shut; the verb did not run."""


class StoreLocked(StoreError):
    """Another daemon holds the data directory."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.directory = directory

    def __str__(self) -> str:
        return f"{self.directory}: another daemon uses this data directory"


class NameInUse(StoreError):
    """Another daemon of this name works on the database."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"another daemon named {self.name!r} works on this database;"
            " give each its own name ([storage] daemon)"
        )


class IllegalTransition(ApplianceError):
    """The life cycle has no such step."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(state, event)
        self.state = state
        self.event = event

    def __str__(self) -> str:
        return f"a part that is {self.state} cannot {self.event}"


class Undelivered(ApplianceError):
    """A carrier could not hand over a notice; it is tried again.

    Attributes:
        reason: one line for the page, such as ``HTTP 503`` or ``deliver_sm_resp 0x64``.
        parked: the other side refused it for good; it is kept and shown, not tried again.

    """

    def __init__(self, reason: str, *, parked: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.parked = parked

    def __str__(self) -> str:
        return self.reason


class NobodyThere(Undelivered):
    """Nobody is bound to take the notice; it waits for a bind and costs no attempt."""


class PduError(ApplianceError):
    """An SMS TPDU is malformed (3GPP TS 23.040). ``pdu`` is left out of the sentence."""

    def __init__(self, reason: str, pdu: bytes = b"") -> None:
        super().__init__(reason)
        self.reason = reason
        self.pdu = pdu

    def __str__(self) -> str:
        return self.reason


class SmppError(ApplianceError):
    """An SMPP PDU or its content is wrong. ``status`` is the command_status to answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason

    def __str__(self) -> str:
        return f"0x{self.status:08X}: {self.reason}"


class ModemError(ApplianceError):
    """A modem did not do what it was asked. ``port`` says which one."""

    def __init__(self, port: str, command: str, *facts: object) -> None:
        super().__init__(port, command, *facts)
        self.port = port
        self.command = command


class CommandRefused(ModemError):
    """The modem answered a command with an error.

    Attributes:
        final: the result line as the modem wrote it, such as ``+CMS ERROR: 38``.
        code: its number, or None where the modem gave none (plain ``ERROR``).
            For +CMS: 3GPP TS 27.005 clause 3.2.5; for +CME: 27.007 clause 9.2.

    """

    def __init__(self, port: str, command: str, final: str) -> None:
        super().__init__(port, command, final)
        self.final = final
        _, _, number = final.rpartition(" ")
        self.code = int(number) if number.isascii() and number.isdigit() else None

    def __str__(self) -> str:
        return f"{self.port}: {self.command} refused: {self.final}"


class ModemSilent(ModemError):
    """No final answer within ``timeout``."""

    def __init__(self, port: str, command: str, timeout: timedelta) -> None:
        super().__init__(port, command, timeout)
        self.timeout = timeout

    @property
    def why(self) -> str:
        """What went unanswered, without the port."""
        return f"no answer to {self.command} in {self.timeout.total_seconds():g} s"

    def __str__(self) -> str:
        return f"{self.port}: {self.why}"


class PortGone(ModemError):
    """The port vanished, or was closed while a command was in flight."""

    def __init__(self, port: str, command: str, why: str) -> None:
        super().__init__(port, command, why)
        self.why = why

    def __str__(self) -> str:
        return f"{self.port}: {self.why}"


class PortHangs(PortGone):
    """The port is there, but does not open, or does not close: the driver or the device hangs."""


class PortBusy(ModemError):
    """Another process holds the port; ``holder`` names it where that can be found out."""

    def __init__(self, port: str, holder: str | None) -> None:
        super().__init__(port, "open", holder)
        self.holder = holder

    def __str__(self) -> str:
        return f"{self.port} is held by {self.holder or 'another process'}"


class UssdFailed(ModemError):
    """A USSD code or answer came to nothing. ``why`` holds neither it nor the network's words."""

    def __init__(self, port: str, why: str) -> None:
        super().__init__(port, "AT+CUSD", why)
        self.why = why

    def __str__(self) -> str:
        return f"{self.port}: USSD: {self.why}"


class UssdBusy(UssdFailed):
    """A USSD dialogue is under way on this modem; there is one at a time."""


class NotReady(ModemError):
    """The modem answers, but cannot send: ``why`` in words, for the page."""

    def __init__(self, port: str, why: str) -> None:
        super().__init__(port, "", why)
        self.why = why

    def __str__(self) -> str:
        return f"{self.port}: {self.why}"


class ModemUnwell(ModemError):
    """The modem answers, but does not do its work; ``why`` in words, for the page.

    Attributes:
        symptom: what it suffers from, a value of ``modem.ladder.Symptom``.

    """

    def __init__(self, port: str, symptom: str, why: str) -> None:
        super().__init__(port, "", symptom, why)
        self.symptom = symptom
        self.why = why

    def __str__(self) -> str:
        return f"{self.port}: {self.why}"
