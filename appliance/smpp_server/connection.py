"""One socket: bytes, order and time for a session; it decides nothing.

Whatever happens asks for a turn of the event loop. A turn takes what the peer has sent,
writes what is to be said (all answers of one group commit in one go), reads on or not, and
sets the one timer. What is held in memory is bounded: a peer that does not read is
not read from, and a full window is emptied before more is taken.
"""

import asyncio
from datetime import datetime
from typing import Final, Protocol, cast

from appliance.clock import Clock
from appliance.errors import Undelivered
from appliance.models import Account
from appliance.smpp_server.binds import Underway
from appliance.smpp_server.names import Status
from appliance.smpp_server.pdu import SHORT_MESSAGE, Pdu, ShortMessage
from appliance.smpp_server.rules import RECEIVES, State
from appliance.smpp_server.session import Answered, Requested, Session

LINGER: Final = 2.0
"""Seconds for a peer to read our last words; closed at once, unread input would destroy them."""


class Desk(Protocol):
    """The server, as a connection knows it."""

    def connected(self, connection: "Connection") -> None:
        """Count it in."""
        ...

    def requested(self, connection: "Connection", request: Requested) -> None:
        """Answer the request, now or later."""
        ...

    def room(self, connection: "Connection") -> None:
        """Notice that the connection may carry more."""
        ...

    def closed(self, connection: "Connection") -> None:
        """Notice that its session has ended; its socket may live a moment longer."""
        ...

    def gone(self, connection: "Connection") -> None:
        """Count it out."""
        ...


class Connection(asyncio.Protocol):
    """A peer on a socket.

    Attributes:
        session: what is said on it.
        account: whose it is, once bound.
        since: when it was bound, else when it was opened; aware, UTC.
        peer: address and port of the other side.
        underway: its submits that are not yet answered.
        ended: set when its session is over; the socket may live a moment longer.
        gone: set when its socket is closed.

    """

    def __init__(self, desk: Desk, session: Session, clock: Clock) -> None:
        self.session = session
        self.account: Account | None = None
        self.since: datetime = clock.now()
        self.peer = "?"
        self.underway = Underway()
        self.ended = asyncio.Event()
        self.gone = asyncio.Event()
        self._desk = desk
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answers: dict[int, asyncio.Future[int]] = {}  # to our deliver_sm, by sequence
        self._turning = False
        self._reading = True
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # when the timer goes off

    @property
    def account_id(self) -> int:
        """Return whose it is, 0 before it is bound."""
        account_id: int | None = self.account.id if self.account else None
        return account_id or 0

    @property
    def receives(self) -> bool:
        """Tell whether it takes deliver_sm at all."""
        return self.session.state in RECEIVES

    @property
    def has_room(self) -> bool:
        """Tell whether it takes one more now."""
        return self.session.may_deliver

    def answer(self, request: Pdu, status: int = Status.OK, body: bytes = b"") -> None:
        """Answer what was requested; nothing happens if the peer is gone."""
        self.session.answer(request, self._clock.monotonic(), status, body)
        self._ask_turn()

    async def deliver(self, sm: ShortMessage) -> int:
        """Send a deliver_sm and return the command_status of its answer.

        Raises:
            Undelivered: it could not be written, or no answer came.

        """
        if not self.session.may_deliver:
            raise Undelivered(self.session.why or "the session takes no deliver_sm now")
        sequence = self.session.deliver(SHORT_MESSAGE.encode(sm), self._clock.monotonic())
        answer: asyncio.Future[int] = self._loop.create_future()
        self._answers[sequence] = answer
        self._ask_turn()
        return await answer

    def leave(self) -> None:
        """End the session in good order."""
        self.session.leave(self._clock.monotonic())
        self._ask_turn()

    def abort(self) -> None:
        """Close the socket at once."""
        if self._transport:
            self._transport.abort()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # that of a stream
        address = transport.get_extra_info("peername")
        self.peer = f"{address[0]}:{address[1]}" if address else "?"
        self._desk.connected(self)
        self._ask_turn()

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        self.session.receive_data(data)
        self._ask_turn()

    def pause_writing(self) -> None:
        """Begin nothing until the peer has read."""
        self.session.stall(self._clock.monotonic())
        self._ask_turn()

    def resume_writing(self) -> None:
        """Go on."""
        self.session.resume(self._clock.monotonic())
        self._desk.room(self)
        self._ask_turn()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits."""
        self.session.close(f"connection lost ({exc})" if exc else "closed by the peer")
        self._end()
        if self._timer:
            self._timer.cancel()
        self.gone.set()
        self._desk.gone(self)

    # A turn

    def _ask_turn(self) -> None:
        if not self._turning:
            self._turning = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._turning = False
        while event := self.session.next_event(self._clock.monotonic()):
            if isinstance(event, Answered):
                self._answered(event)
            else:
                self._desk.requested(self, event)
        if self._transport is None or self._transport.is_closing():
            return
        if data := self.session.data_to_send():
            self._transport.write(data)
        if self.session.state is State.CLOSED:
            self._part(self._transport)
        else:
            self._read_or_wait(self._transport)
            self._set_timer()

    def _answered(self, event: Answered) -> None:
        answer = self._answers.pop(event.sequence, None)
        if answer and not answer.done():
            answer.set_result(event.status)
        self._desk.room(self)

    def _read_or_wait(self, transport: asyncio.Transport) -> None:
        wanted = not self.session.congested
        if wanted != self._reading:
            self._reading = wanted
            (transport.resume_reading if wanted else transport.pause_reading)()

    def _set_timer(self) -> None:
        due = self.session.next_deadline()
        if due is None or (self._timer and self._due <= due):
            return  # one that goes off too early is set again then
        if self._timer:
            self._timer.cancel()
        self._due = due
        self._timer = self._loop.call_later(due - self._clock.monotonic(), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.session.tick(self._clock.monotonic())
        self._ask_turn()

    def _part(self, transport: asyncio.Transport) -> None:
        if self.ended.is_set():
            return
        self._end()
        if not self._reading:
            transport.resume_reading()
        if transport.can_write_eof():
            transport.write_eof()
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_later(LINGER, transport.abort)

    def _end(self) -> None:
        if self.ended.is_set():
            return
        self.ended.set()
        self._desk.closed(self)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Undelivered(self.session.why))
        self._answers.clear()
