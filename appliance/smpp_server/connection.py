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
from appliance.smpp_server.calls import OUTBIND, Outbind
from appliance.smpp_server.guests import Guest
from appliance.smpp_server.names import Status
from appliance.smpp_server.pdu import SHORT_MESSAGE, Pdu, ShortMessage
from appliance.smpp_server.rules import BOUND, RECEIVES, State
from appliance.smpp_server.session import Answered, Requested, Session
from appliance.smpp_server.tally import Direction
from appliance.smpp_server.tls import traits, version_of

LINGER: Final = 2.0
"""Seconds for a peer to read our last words; closed at once, unread input would destroy them."""


class Desk(Protocol):
    """The server, as a connection knows it."""

    def connected(self, connection: "Connection") -> None:
        """Count it in."""
        ...

    def passed(self, connection: "Connection", direction: Direction, pdu: Pdu) -> None:
        """Notice that a PDU was taken or written."""
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
        number: which connection it is since the daemon began, from 1.
        account: whose it is, once bound.
        since: when it was bound, else when it was opened; aware, UTC.
        peer: address and port of the other side.
        local: address and port of ours.
        address: the other side's address alone.
        guest: what it counts as where connections are counted; None: it is not counted.
        certificate: what an account may ask of the other side's certificate; empty: it has none.
        tls: version and cipher, such as "TLSv1.3 TLS_AES_256_GCM_SHA384"; None: plain TCP.
        underway: its submits that are not yet answered.
        decided: set when it is bound, or its session is over.
        ended: set when its session is over; the socket may live a moment longer.
        gone: set when its socket is closed.

    """

    def __init__(self, desk: Desk, session: Session, clock: Clock, *, number: int) -> None:
        self.session = session
        self.number = number
        self.account: Account | None = None
        self.since: datetime = clock.now()
        self.peer = self.local = "?"
        self.address = ""
        self.guest: Guest | None = None
        self.certificate: frozenset[str] = frozenset()
        self.tls: str | None = None
        self.underway = Underway()
        self.decided = asyncio.Event()
        self.ended = asyncio.Event()
        self.gone = asyncio.Event()
        self._desk = desk
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answers: dict[int, asyncio.Future[int]] = {}  # to our deliver_sm, by sequence
        self._turning = False
        self._standing = session.state, session.proving
        self._reading = True
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # when the timer goes off
        session.passed = self._passed

    @property
    def account_name(self) -> str:
        """Return whose it is in words; '' while it is not bound."""
        return self.account.name if self.account else ""

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

    @property
    def stays(self) -> bool:
        """Tell whether it is bound and neither side is about to end it."""
        return self.session.state in BOUND

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
            raise Undelivered(self.session.why or "the session takes no more now", lost=True)
        sequence = self.session.deliver(SHORT_MESSAGE.encode(sm), self._clock.monotonic())
        answer: asyncio.Future[int] = self._loop.create_future()
        self._answers[sequence] = answer
        self._ask_turn()
        return await answer

    def call(self, system_id: str) -> None:
        """Begin with an outbind under our name; before the socket is there."""
        self.session.call(OUTBIND.encode(Outbind(system_id=system_id.encode("ascii", "replace"))))

    def leave(self) -> None:
        """End the session in good order."""
        self.session.leave(self._clock.monotonic())
        self._ask_turn()

    def prove(self) -> None:
        """Let the peer show that it lives."""
        self.session.prove(self._clock.monotonic())
        self._ask_turn()

    def dismiss(self) -> None:
        """Close it at once: others have the better right to be here."""
        self.session.close("others wanted to come in")
        self.abort()

    def abort(self) -> None:
        """Close the socket at once."""
        if self._transport:
            self._transport.abort()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # that of a stream
        if self.guest:
            self.guest.leave = self.dismiss
        if address := transport.get_extra_info("peername"):
            self.address, self.peer = address[0], f"{address[0]}:{address[1]}"
        if secured := transport.get_extra_info("ssl_object"):
            self.tls, self.certificate = version_of(secured), traits(secured)
        ours = transport.get_extra_info("sockname")
        self.local = f"{ours[0]}:{ours[1]}" if ours else "?"
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
        """Take the answers that came before the end, and tell everybody who waits."""
        self.session.resume(self._clock.monotonic())
        while event := self.session.next_event(self._clock.monotonic()):
            if isinstance(event, Answered):  # requests of who has gone are dropped
                self._answered(event)
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
        if (standing := (self.session.state, self.session.proving)) != self._standing:
            self._standing = standing
            self._desk.room(self)  # whoever waits for it, or for its place, looks again
        if self._transport is None or self._transport.is_closing():
            return
        if data := self.session.data_to_send():
            self._transport.write(data)
        if self.session.state is State.CLOSED:
            self._part(self._transport)
        else:
            self._read_or_wait(self._transport)
            self._set_timer()

    def _passed(self, direction: Direction, pdu: Pdu) -> None:
        self._desk.passed(self, direction, pdu)

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
        else:
            transport.close()  # TLS has no half of a close; it reads on until the peer closes too
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_later(LINGER, transport.abort)

    def _end(self) -> None:
        if self.ended.is_set():
            return
        self.ended.set()
        self.decided.set()
        self._desk.closed(self)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Undelivered(self.session.why, lost=True))
        self._answers.clear()
