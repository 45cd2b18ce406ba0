"""Every error of ours, in one tree. Errors carry facts; ``__str__`` makes the sentence.

::

    ApplianceError
    ├── BadConfig                 the configuration cannot be used
    ├── CannotListen              a door's address or port cannot be had
    ├── BadCertificate            TLS files cannot be used
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
    │   └── QueueFull             as many messages of the account wait as may
    ├── TooFast                   the account submits faster than it may
    ├── AccountPaused             the account may hand in nothing until it is resumed
    ├── TooLate                   a message has left, or its fate is known: nothing to change
    ├── NotFound                  no such thing, or not this account's
    ├── LineUnclear               no line is called that, or several are
    ├── NameTaken                 an account of that name is there already
    ├── Unauthorised              the credentials are wrong
    ├── Forbidden                 the account may not do that
    ├── NotNow                    a bind is refused whose password is not even looked at
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

from appliance.errors.base import ApplianceError
from appliance.errors.modems import (
    CommandRefused,
    ModemError,
    ModemSilent,
    ModemUnwell,
    NotReady,
    PortBusy,
    PortGone,
    PortHangs,
    UssdBusy,
    UssdFailed,
)
from appliance.errors.refusals import (
    AccountPaused,
    BadField,
    BadNumber,
    NoRoom,
    NotAllowedHere,
    NumberNotAllowed,
    OptedOut,
    QueueFull,
    ReferenceUsed,
    SubmissionRefused,
    TooFast,
    TooLate,
    TooManyParts,
    TooOften,
)

__all__ = [
    "AccountPaused",
    "ApplianceError",
    "BadCertificate",
    "BadConfig",
    "BadField",
    "BadNumber",
    "CannotListen",
    "CommandRefused",
    "ErrandFailed",
    "Forbidden",
    "IllegalTransition",
    "LineUnclear",
    "ModemError",
    "ModemSilent",
    "ModemUnwell",
    "NameInUse",
    "NameTaken",
    "NoRoom",
    "NobodyThere",
    "NotAllowedHere",
    "NotFound",
    "NotNow",
    "NotReady",
    "NumberNotAllowed",
    "OptedOut",
    "PduError",
    "PortBusy",
    "PortGone",
    "PortHangs",
    "QueueFull",
    "ReferenceUsed",
    "SmppError",
    "StoreClosed",
    "StoreError",
    "StoreLocked",
    "SubmissionRefused",
    "TooFast",
    "TooLate",
    "TooManyParts",
    "TooOften",
    "Unauthorised",
    "Undelivered",
    "UssdBusy",
    "UssdFailed",
]


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


class BadCertificate(ApplianceError):
    """A certificate, its key or the certificates of those who sign for clients cannot be used."""

    def __init__(self, key: str, path: str, why: str) -> None:
        """``key``: the setting that names the file."""
        super().__init__(key, path, why)
        self.key, self.path, self.why = key, path, why

    def __str__(self) -> str:
        return f"[smpp] {self.key} = {self.path}: {self.why}"


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


class NotNow(ApplianceError):
    """A bind is refused for a reason that may pass; its password is not looked at."""


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
        lost: there was no answer, since the connection went: the first time it is tried at once.

    """

    def __init__(self, reason: str, *, parked: bool = False, lost: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.parked = parked
        self.lost = lost

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
