"""Why a message is not taken, or not changed any more."""

from appliance.errors.base import ApplianceError


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


class QueueFull(NoRoom):
    """As many messages of this account wait as may; ``most``."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most

    def __str__(self) -> str:
        return f"{self.most} messages of this account wait, as many as may"


class TooFast(ApplianceError):
    """The account submits faster than it may; the next one may come in ``wait`` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(wait)
        self.wait = wait

    def __str__(self) -> str:
        return f"too many submits: the next one may come in {self.wait:.3f} s"


class AccountPaused(ApplianceError):
    """An admin has paused the account; ``why`` in the admin's words, '' if none were given."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"the account is paused: {self.why}" if self.why else "the account is paused"


class TooLate(ApplianceError):
    """A message can be cancelled or replaced no more; ``why`` in words."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"too late: {self.why}"
