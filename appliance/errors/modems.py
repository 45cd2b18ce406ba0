"""What a modem did not do."""

from datetime import timedelta

from appliance.errors.base import ApplianceError


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
    """No final answer within ``timeout``, or none to be expected after what the modem ``said``."""

    def __init__(self, port: str, command: str, timeout: timedelta, said: str = "") -> None:
        super().__init__(port, command, timeout, said)
        self.timeout, self.said = timeout, said

    @property
    def why(self) -> str:
        """What went unanswered, without the port."""
        if self.said:
            return f"no answer to {self.command}: it has restarted and says {self.said}"
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
