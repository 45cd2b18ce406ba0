"""What is seen of sessions beside what they count themselves: rates, the last refusal, traces.

Every PDU passes here, so little is done with it unless its account is being traced.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance.clock import Clock
from appliance.errors import BadField
from appliance.logs import masked
from appliance.smpp_server.connection import Connection
from appliance.smpp_server.names import RESPONSE, Command, Status
from appliance.smpp_server.pcap import Ends
from appliance.smpp_server.pdu import Pdu
from appliance.smpp_server.tally import Direction
from appliance.smpp_server.trace import Trace

SUBMITS: Final = frozenset({Command.SUBMIT_SM, Command.SUBMIT_MULTI, Command.DATA_SM})

TAKEN: Final = Command.DELIVER_SM | RESPONSE

STEP: Final = 5.0

STEPS: Final = 12
"""A rate is counted over so many steps of so many seconds: a minute."""

OPENING: Final = 4
"""PDUs that are kept of what came before a bind, the last ones: a trace begins with it."""

LONGEST_OPENING: Final = 256
"""Octets of a body that is kept of them: a stranger must not fill memory."""

LONGEST_TRACE: Final = timedelta(minutes=60)

MOST_TRACES: Final = 8
"""Accounts whose traces are kept at once; a further one takes the place of the oldest."""


class Rate:
    """How often something happened over the last minute."""

    __slots__ = ("_counts", "_step")

    def __init__(self) -> None:
        self._counts = [0] * STEPS
        self._step = 0

    def count(self, now: float) -> None:
        """Count one at ``now`` (monotonic seconds)."""
        self._go_to(int(now // STEP))
        self._counts[self._step % STEPS] += 1

    def per_second(self, now: float) -> float:
        """Return the mean over the last minute."""
        self._go_to(int(now // STEP))
        return sum(self._counts) / (STEP * STEPS)

    def _go_to(self, step: int) -> None:
        for passed in range(max(self._step + 1, step - STEPS + 1), step + 1):
            self._counts[passed % STEPS] = 0
        self._step = step


@dataclass(frozen=True, slots=True)
class Refusal:
    """The last command_status of a session that was not 0, and what it answered."""

    at: datetime
    command: int
    status: int


class Watch:
    """What is seen of one session.

    Attributes:
        submits: requests for messages.
        taken: receipts and inbound messages that the peer has taken.
        refusal: the last one we gave; None if there was none.
        opening: what was said before the bind; None once it is bound.
        trace: who listens; None: nobody.

    """

    __slots__ = ("opening", "refusal", "submits", "taken", "trace")

    def __init__(self) -> None:
        self.submits, self.taken = Rate(), Rate()
        self.refusal: Refusal | None = None
        self.opening: list[tuple[datetime, Pdu, bool]] | None = []
        self.trace: Trace | None = None


NOTHING_SEEN: Final = Watch()


class Watches:
    """Looks on at all sessions of a server, and keeps the traces."""

    def __init__(
        self, clock: Clock, mark: str = "s", changed: Callable[[], None] = lambda: None
    ) -> None:
        """Begin to look on.

        Args:
            clock: tells the time.
            mark: begins the names of sessions: those of another run or daemon have another.
            changed: is called when somebody was bound, or is no longer.

        """
        self._clock, self._mark, self._changed = clock, mark, changed
        self._watches: dict[Connection, Watch] = {}
        self._traces: dict[int, Trace] = {}  # by account, the oldest first

    def name(self, connection: Connection) -> str:
        """Return what a session is called: here, in traces, and when it is to be ended."""
        return f"{self._mark}-{connection.number}"

    def of(self, connection: Connection) -> Watch:
        """Return what was seen of a session."""
        return self._watches.get(connection, NOTHING_SEEN)

    def passed(self, connection: Connection, direction: Direction, pdu: Pdu) -> None:
        """Take note of a PDU."""
        watch = self._watches.get(connection)
        if watch is None:
            watch = self._watches[connection] = Watch()
        if direction is Direction.OUT:
            if pdu.status:
                watch.refusal = Refusal(self._clock.now(), pdu.command & ~RESPONSE, pdu.status)
        elif pdu.command in SUBMITS:
            watch.submits.count(self._clock.monotonic())
        elif pdu.command == TAKEN and pdu.status == Status.OK:
            watch.taken.count(self._clock.monotonic())
        if watch.trace is not None or watch.opening is not None:
            self._follow(connection, watch, pdu, sent=direction is Direction.OUT)

    def bound(self, connection: Connection) -> None:  # noqa: ARG002 - whoever it is
        """Take note that somebody is bound."""
        self._changed()

    def closed(self, connection: Connection) -> None:
        """Take note that nothing more is said."""
        watch = self._watches.pop(connection, NOTHING_SEEN)
        if watch.trace is not None:
            name, why = self.name(connection), connection.session.why
            watch.trace.ended(self._clock.now(), name, _ends(connection), why)
        if connection.account_id:
            self._changed()

    def trace(self, account_id: int, span: timedelta, *, clear: bool) -> Trace:
        """Begin a trace of an account, in place of the one it may have; return it.

        Args:
            account_id: whose sessions, those that come included.
            span: after which it ends by itself.
            clear: keep numbers and texts as they are; passwords never.

        Raises:
            BadField: it would be longer than may be.

        """
        if not timedelta() < span <= LONGEST_TRACE:
            longest = LONGEST_TRACE // timedelta(minutes=1)
            raise BadField("minutes", f"must be more than 0 and at most {longest}")
        now = self._clock.now()
        trace = Trace(now, now + span, masked, clear=clear)
        self._traces.pop(account_id, None)
        self._traces[account_id] = trace
        while len(self._traces) > MOST_TRACES:
            self.forget(next(iter(self._traces)))
        self._let_follow(account_id, trace)
        return trace

    def traced(self, account_id: int) -> Trace | None:
        """Return the last trace of an account, under way or over; None if there is none."""
        return self._traces.get(account_id)

    def stop(self, account_id: int) -> None:
        """End a trace; what it has is kept."""
        trace = self._traces.get(account_id)
        if trace is not None:
            trace.until = min(trace.until, self._clock.now())
            self._let_follow(account_id, None)

    def forget(self, account_id: int) -> None:
        """End a trace and throw away what it has."""
        self._traces.pop(account_id, None)
        self._let_follow(account_id, None)

    def _let_follow(self, account_id: int, trace: Trace | None) -> None:
        for connection, watch in self._watches.items():
            if connection.account_id == account_id and watch.opening is None:
                watch.trace = trace

    def _follow(self, connection: Connection, watch: Watch, pdu: Pdu, *, sent: bool) -> None:
        at, name = self._clock.now(), self.name(connection)
        if watch.opening is not None:
            if len(pdu.body) <= LONGEST_OPENING:
                watch.opening = [*watch.opening[1 - OPENING :], (at, pdu, sent)]
            if connection.account_id:
                self._bound(connection, watch, at)
        elif watch.trace is not None:
            watch.trace.pdu(at, name, _ends(connection), pdu, sent=sent)
            if not watch.trace.runs(at):
                watch.trace = None

    def _bound(self, connection: Connection, watch: Watch, at: datetime) -> None:
        """Let a trace that runs begin with the bind."""
        opening, watch.opening = watch.opening, None
        trace = self._traces.get(connection.account_id)
        if trace is None or not trace.runs(at):
            return
        watch.trace = trace
        for moment, pdu, sent in opening or ():
            trace.pdu(moment, self.name(connection), _ends(connection), pdu, sent=sent)


def _ends(connection: Connection) -> Ends:
    return Ends(_end(connection.peer), _end(connection.local))


def _end(written: str) -> tuple[str, int]:
    """Return address and port of ``address:port``."""
    address, _, port = written.rpartition(":")
    return address, int(port) if port.isdigit() else 0
