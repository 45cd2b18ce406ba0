"""One SMPP session without I/O: bytes in, events and bytes out, timers as values.

Whoever owns a session feeds it with ``receive_data``, takes events with ``next_event``
until there is none, answers each ``Requested`` with ``answer``, writes ``data_to_send``,
and calls ``tick`` at ``next_deadline``. When the window is full, ``next_event`` gives
nothing until something has been answered, and ``congested`` says to read no more.

Moments (``now``) are monotonic seconds, as ``Clock.monotonic`` gives them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from appliance.errors import SmppError
from appliance.smpp_server.names import GENERIC_NACK, RESPONSE, Command, Status
from appliance.smpp_server.pdu import Bind, Body, Framer, Pdu, Unframed, decode
from appliance.smpp_server.rules import (
    BOUND,
    BOUND_BY,
    FROM_AN_ESME,
    LOOKS,
    RECEIVES,
    State,
    Timing,
    refusal,
)
from appliance.smpp_server.tally import Direction, Tally

LAST_SEQUENCE: Final = 0x7FFFFFFF  # 5.1.4

DELIVER_ANSWERS: Final = frozenset({Command.DELIVER_SM | RESPONSE, GENERIC_NACK})
UNBIND_ANSWERS: Final = frozenset({Command.UNBIND | RESPONSE, GENERIC_NACK})


@dataclass(frozen=True, slots=True)
class Requested:
    """The peer asks for something that the application must ``answer``, once."""

    pdu: Pdu
    body: Body


@dataclass(frozen=True, slots=True)
class Answered:
    """The peer answered the deliver_sm of this sequence number."""

    sequence: int
    status: int


Event = Requested | Answered


class Session:
    """The SMSC's side of one connection.

    Attributes:
        state: where it is.
        version: the peer's interface_version (5.2.4), 0 before its bind.
        why: why it was closed: one line without texts, numbers or credentials.
        tally: what went over it.
        passed: is told of each PDU, as it is taken and as it is written.

    """

    def __init__(self, timing: Timing, *, window: int, now: float) -> None:
        """``window``: requests under way at once, in each direction (at least 1)."""
        self.state = State.OPEN
        self.version = 0
        self.why = ""
        self.tally = Tally()
        self.passed: Callable[[Direction, Pdu], None] = lambda _direction, _pdu: None
        self._timing = timing
        self._window = window
        self._framer = Framer()
        self._outbound = bytearray()
        self._unanswered = 0  # requests of the peer that the application has
        self._delivering: dict[int, float] = {}  # our deliver_sm: sequence → when sent
        self._sequence = 0
        self._parting: Pdu | None = None  # the peer's unbind
        self._unbind: int | None = None  # sequence of our unbind
        self._opened = self._heard = self._asked = self._left = now
        self._partial: float | None = None  # since when a PDU is incomplete
        self._stalled: float | None = None  # since when the peer does not read
        self._proving: float | None = None  # since when it is to show that it lives

    @property
    def unanswered(self) -> int:
        """Requests of the peer that wait for our answer."""
        return self._unanswered

    @property
    def delivering(self) -> int:
        """deliver_sm that wait for the peer's answer."""
        return len(self._delivering)

    @property
    def may_deliver(self) -> bool:
        """Whether ``deliver`` may be called now."""
        room = len(self._delivering) < self._window
        return room and self.state in RECEIVES and self._stalled is None

    @property
    def proving(self) -> bool:
        """Whether the peer is to show that it lives, and has not yet."""
        return self._proving is not None and self.state in BOUND

    @property
    def congested(self) -> bool:
        """Whether bytes wait here that cannot be taken now: read no more until they are."""
        return self._framer.pending > 0 and self.state is not State.CLOSED and not self._takes

    @property
    def _takes(self) -> bool:
        return self.state in LOOKS and self._unanswered < self._window and self._stalled is None

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the peer, however they were cut."""
        if self.state is not State.CLOSED:
            self._framer.feed(data)

    def next_event(self, now: float) -> Event | None:
        """Return what the application must hear next; None until more comes or is answered."""
        while self._takes:
            frame = self._framer.next()
            if frame is None:
                break
            if isinstance(frame, Unframed):
                self._write(GENERIC_NACK, Status.BAD_COMMAND_LENGTH, frame.sequence)
                self.close(f"command_length {frame.length}")
                return None
            self._heard, self._partial, self._proving = now, None, None
            self.tally.count(Direction.IN, frame)
            self.passed(Direction.IN, frame)
            if event := self._take(frame):
                return event
        if not self._takes or not self._framer.pending:
            self._partial = None
        elif self._partial is None:
            self._partial = now
        return None

    def answer(self, request: Pdu, now: float, status: int = Status.OK, body: bytes = b"") -> None:
        """Answer what was ``Requested``. An error has no body (3.2); a refused bind closes."""
        if self.state is State.CLOSED:
            return
        if not self._takes:  # silence was ours, not the peer's
            self._heard = now
        self._unanswered -= 1
        self._write(request.command | RESPONSE, status, request.sequence, body)
        if self.state is State.BINDING:
            if status == Status.OK:
                self.state = BOUND_BY[request.command]
            else:
                self.close(f"bind refused with 0x{status:02X}")
        self._part()

    def deliver(self, body: bytes, now: float) -> int:
        """Write a deliver_sm and return its sequence number. Only while ``may_deliver``."""
        sequence = self._next_sequence()
        self._delivering[sequence] = now
        self._write(Command.DELIVER_SM, Status.OK, sequence, body)
        return sequence

    def call(self, body: bytes) -> None:
        """Write an outbind (4.1.7), before anything else: the peer is asked to bind."""
        self._write(Command.OUTBIND, Status.OK, self._next_sequence(), body)

    def leave(self, now: float) -> None:
        """End the session in good order: answers in flight first, then unbind (4.2)."""
        if self.state in BOUND:
            self.state, self._left = State.LEAVING, now
            self._part()
        elif self.state is State.OPEN:
            self.close("the server stops")

    def prove(self, now: float) -> None:
        """Let the peer show that it lives, by any PDU, and close if it does not in time.

        Nothing happens while it is us who do not listen: then its silence shows nothing.
        """
        if self.state in BOUND and self._takes and self._proving is None:
            self._proving = now
            self._ask_life(now)

    def close(self, why: str) -> None:
        """End the session at once; what is written still goes out."""
        if self.state is not State.CLOSED:
            self.state, self.why = State.CLOSED, self.why or why

    def stall(self, now: float) -> None:
        """Begin nothing while the peer does not read, and close if that lasts."""
        self._stalled = now

    def resume(self, now: float) -> None:
        """Go on: the peer reads again."""
        self._stalled = None
        self._heard = now

    def data_to_send(self) -> bytes:
        """Return what to write to the peer now, and forget it."""
        data, self._outbound = bytes(self._outbound), bytearray()
        return data

    def next_deadline(self) -> float | None:
        """Return when ``tick`` has something to do; None if nothing is awaited."""
        return min((moment for moment, _ in self._alarms()), default=None)

    def tick(self, now: float) -> None:
        """Do what is due."""
        due = [act for moment, act in self._alarms() if moment <= now]
        for act in due:
            if self.state is not State.CLOSED:
                act(now)

    def _alarms(self) -> Iterator[tuple[float, Callable[[float], None]]]:
        wait = self._timing
        if self.state is State.CLOSED:
            return
        if self._stalled is not None:
            yield self._stalled + wait.response.total_seconds(), self._closing("it does not read")
        if self._partial is not None:
            yield self._partial + wait.pdu_read.total_seconds(), self._closing("half a PDU")
        if self.state is State.OPEN:
            yield self._opened + wait.session_init.total_seconds(), self._closing("no bind in time")
        elif self.state is State.LEAVING:
            leaving = wait.leaving.total_seconds()
            yield self._left + 2 * leaving, self._closing("no unbind_resp")
            if self._unbind is None:
                yield self._left + leaving, self._ask_unbind
        elif self.state in BOUND and self._takes:
            yield self._heard + wait.inactivity.total_seconds(), self._closing("silence")
            if self._proving is not None:
                yield self._proving + wait.proof.total_seconds(), self._closing("no sign of life")
            asked = max(self._heard, self._asked)
            yield asked + wait.enquire_link.total_seconds(), self._ask_life
            for sent in self._delivering.values():  # the first is the oldest
                due = sent + wait.response.total_seconds()
                yield due, self._give_up_on_answers
                break

    def _give_up_on_answers(self, now: float) -> None:
        """Go, but in good order: the answers that are on their way are taken."""
        self.leave(now)
        self.why = "no answer to deliver_sm"

    def _closing(self, why: str) -> Callable[[float], None]:
        return lambda _now: self.close(why)

    def _take(self, pdu: Pdu) -> Event | None:
        if pdu.command & RESPONSE:
            return self._take_response(pdu)
        if pdu.command not in FROM_AN_ESME:
            self._write(GENERIC_NACK, Status.UNKNOWN_COMMAND, pdu.sequence)
            return None
        if status := refusal(self.state, pdu.command):
            self._write(pdu.command | RESPONSE, status, pdu.sequence)
            return None
        try:
            return self._take_request(pdu, decode(pdu))
        except SmppError as error:
            self._write(pdu.command | RESPONSE, error.status, pdu.sequence)
            return None

    def _take_request(self, pdu: Pdu, body: Body) -> Event | None:
        if pdu.command == Command.ENQUIRE_LINK:
            self._write(pdu.command | RESPONSE, Status.OK, pdu.sequence)
            return None
        if pdu.command == Command.UNBIND:
            self.state, self._parting = State.UNBINDING, pdu
            self._part()
            return None
        if isinstance(body, Bind):
            self.state, self.version = State.BINDING, body.interface_version
        self._unanswered += 1
        return Requested(pdu, body)

    def _take_response(self, pdu: Pdu) -> Event | None:
        """Match an answer with its question; one that matches none is ignored."""
        known = pdu.command in DELIVER_ANSWERS
        if known and self._delivering.pop(pdu.sequence, None) is not None:
            self._part()
            return Answered(pdu.sequence, pdu.status)
        if pdu.command in UNBIND_ANSWERS and pdu.sequence == self._unbind:
            self.close("unbound by us")
        return None

    def _part(self) -> None:
        """Go on with a parting as soon as nothing is in flight."""
        if self.state is State.UNBINDING and self._parting and not self._unanswered:
            self._write(self._parting.command | RESPONSE, Status.OK, self._parting.sequence)
            self.close("unbound by the peer")
        in_flight = self._unanswered or self._delivering
        if self.state is State.LEAVING and self._unbind is None and not in_flight:
            self._ask_unbind(self._left)

    def _ask_unbind(self, _now: float) -> None:
        self._unbind = self._next_sequence()
        self._write(Command.UNBIND, Status.OK, self._unbind)

    def _ask_life(self, now: float) -> None:
        self._asked = now
        self._write(Command.ENQUIRE_LINK, Status.OK, self._next_sequence())

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % LAST_SEQUENCE + 1
        return self._sequence

    def _write(self, command: int, status: int, sequence: int, body: bytes = b"") -> None:
        pdu = Pdu(command, status, sequence, b"" if status else body)
        self._outbound += pdu.encode()
        self.tally.count(Direction.OUT, pdu)
        self.passed(Direction.OUT, pdu)
