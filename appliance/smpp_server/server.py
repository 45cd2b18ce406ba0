"""The SMPP door: a listener, the binds of each account, and a carrier of notices."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Final

from appliance.clock import Clock
from appliance.errors import NobodyThere, Undelivered
from appliance.models import Account
from appliance.notice import MessageNews, Notice
from appliance.smpp_server.admission import WRONG, Admission
from appliance.smpp_server.binding import BindInfo, info
from appliance.smpp_server.binds import Binds
from appliance.smpp_server.connection import Connection
from appliance.smpp_server.desk import Desk
from appliance.smpp_server.guests import Guests
from appliance.smpp_server.listener import Listener
from appliance.smpp_server.names import Status
from appliance.smpp_server.operations import Operations
from appliance.smpp_server.outbind import Caller
from appliance.smpp_server.pdu import ShortMessage
from appliance.smpp_server.receipts import deliver_sms, form_of, refused
from appliance.smpp_server.rules import State, Timing
from appliance.smpp_server.session import Session
from appliance.smpp_server.settings import Books, Members, Settings
from appliance.smpp_server.tls import NOBODY, Onlooker, certificates_of

logger: Final = logging.getLogger(__name__)

GRACE: Final = timedelta(seconds=1)
"""What a stop waits beyond the timers of its sessions."""


def timing_of(settings: Settings) -> Timing:
    """Return the timers of every session, as they are set."""
    return Timing(
        session_init=timedelta(seconds=settings.session_init_seconds),
        pdu_read=timedelta(seconds=settings.pdu_read_seconds),
        enquire_link=timedelta(seconds=settings.enquire_link_seconds),
        inactivity=timedelta(seconds=settings.inactivity_seconds),
        response=timedelta(seconds=settings.response_seconds),
        leaving=timedelta(seconds=settings.leaving_seconds),
        proof=timedelta(seconds=settings.proof_seconds),
    )


def waits_of(settings: Settings) -> tuple[timedelta, ...]:
    """Return how long a notice waits after each failure: twice as long, up to the longest."""
    waits, longest = [settings.retry_seconds], settings.retry_longest_seconds
    while waits[-1] < longest:
        waits.append(min(2 * waits[-1], longest))
    return tuple(timedelta(seconds=each) for each in waits)


class SmppServer:
    """The server. As a carrier it takes notices for accounts that have a receiver bound.

    Attributes:
        window: requests under way at once on a session, in each direction.
        waits: how long what was not taken waits, after its first, second ... failure.
        timing: the timers of every session.
        desk: where all connections are known: counts, and who looks on.

    """

    name = "smpp"

    def __init__(
        self,
        settings: Settings,
        *,
        operations: Operations,
        members: Members,
        wake: Callable[[int], object],
        books: Books,
        clock: Clock,
        certificate: Onlooker = NOBODY,
    ) -> None:
        """``wake`` is called with an account's id when somebody can take its notices.

        ``certificate`` hears how it is with the files for TLS.
        """
        self.window = settings.window
        self.waits = waits_of(settings)
        self.timing = timing_of(settings)
        self._settings, self._operations, self._clock = settings, operations, clock
        self._certificate, self._books = certificate, books
        self._binds: Binds[Connection] = Binds()
        patience, wrong = self.timing.session_init, WRONG[settings.wrong_credentials]
        self._admission = Admission(members, self._binds, clock, patience=patience, wrong=wrong)
        self._guests = Guests(settings.most_connections, settings.most_unbound_per_address)
        self.desk = Desk(
            system_id=settings.system_id,
            window=self.window,
            operations=operations,
            admission=self._admission,
            binds=self._binds,
            guests=self._guests,
            wake=wake,
            clock=clock,
        )
        self._connections, self._tasks = self.desk.connections, self.desk.tasks
        self._plain = Listener("SMPP", self._make, self._guests)
        self._secure: Listener | None = None
        self._caller = Caller(self._make, settings.system_id, wake, clock)
        self._made = 0

    @property
    def port(self) -> int:
        """Return the port it listens at without TLS, 0 while it does not."""
        return self._plain.port

    @property
    def tls_port(self) -> int:
        """Return the port it listens at with TLS, 0 while it does not."""
        return self._secure.port if self._secure else 0

    async def start(self) -> None:
        """Listen.

        Raises:
            CannotListen: the address or a port cannot be had.
            BadCertificate: the files for TLS cannot be used.

        """
        settings = self._settings
        self._admission.stopping = False
        self._certificate.troubled(None)
        if not settings.tls_certificate:
            self._certificate.ends(None)
        else:
            certificates = certificates_of(settings, self._certificate)
            self._secure = Listener(
                "SMPP over TLS",
                self._make,
                self._guests,
                certificates=certificates,
                handshake=settings.tls_handshake_seconds,
            )
            certificates.refresh()
            await self._secure.start(settings.host, settings.tls_port)
        if settings.plain:
            await self._plain.start(settings.host, settings.port)

    async def stop(self, within: timedelta | None = None) -> None:
        """Take nobody new, end every session in good order, and close what has not ended.

        ``within``: after how long; None: as long as sessions may take to leave.
        """
        within = 2 * self.timing.leaving + GRACE if within is None else within
        self._admission.stopping = True
        await self._caller.stop()
        await self._plain.stop()
        if self._secure:
            await self._secure.stop()
        for connection in tuple(self._connections):
            connection.leave()
        try:
            async with asyncio.timeout(within.total_seconds()):
                for connection in tuple(self._connections):
                    await connection.ended.wait()
        except TimeoutError:
            logger.info("closing SMPP sessions that have not ended")
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in tuple(self._connections):
            connection.abort()
            await connection.gone.wait()

    def drop(self, account_id: int) -> None:
        """End the sessions of an account that is no longer allowed in."""
        self._admission.dropped()
        for connection in self._binds.of(account_id):
            connection.leave()

    def sessions(self) -> list[BindInfo]:
        """Return who is bound, in the order in which they came."""
        return [info(one, self.window) for one in self._connections if _is_in(one)]

    def unbind(self, number: int) -> bool:
        """End one session in good order; False if there is none of that number."""
        for connection in self._connections:
            if connection.number == number and _is_in(connection):
                connection.leave()
                return True
        return False

    async def deliver(self, account: Account, notice: Notice) -> None:
        """Carry a notice to a receiver of the account; return when it has taken it.

        Raises:
            NobodyThere: no receiver is bound.
            Undelivered: it was refused, not answered in time, or the connection was lost.

        """
        try:
            connection = await self._ready(account.id or 0, notice)
        except NobodyThere:
            self._caller.want(account)
            raise
        manner = self._operations.manner(account)
        sms = deliver_sms(notice, version=connection.session.version, manner=manner)
        if not sms:
            raise Undelivered("SMPP has no PDU for it", parked=True)
        if notice.tries:
            self.desk.again[connection.account_id] += 1
        if len(sms) == 1:
            return await _tell(connection, sms[0])
        return await self._tell_parts(connection, notice, sms)

    async def _tell_parts(
        self, connection: Connection, notice: Notice, sms: Sequence[ShortMessage]
    ) -> None:
        """Carry the parts one after the other; what was acknowledged before goes not again."""
        form = form_of(sms)
        taken = notice.parts_taken if notice.parts_form == form else 0
        for number, sm in enumerate(sms[taken:], taken + 1):
            await self._binds.room_on(connection)
            await _tell(connection, sm)
            if number < len(sms):
                await self._books.part_taken(notice, number, form)

    async def _ready(self, account_id: int, notice: Notice) -> Connection:
        while True:
            connection = await self._binds.next(account_id)
            if isinstance(notice.news, MessageNews):
                await settled(self._binds.of(account_id))
                await self._books.answered(notice)
            if connection.has_room:
                return connection

    async def settled(self) -> None:
        """Wait until whatever was submitted by now is answered, whoever has submitted it."""
        await settled(self._connections)

    def _make(self) -> Connection:
        session = Session(self.timing, window=self.window, now=self._clock.monotonic())
        self._made += 1
        return Connection(self.desk, session, self._clock, number=self._made)


async def settled(connections: Iterable[Connection]) -> None:
    """Wait until whatever was submitted by now over these is answered."""
    settling = [one.underway.settling() for one in connections]
    for waiting in filter(None, settling):
        await waiting


async def _tell(connection: Connection, sm: ShortMessage) -> None:
    status = await connection.deliver(sm)
    if status != Status.OK:
        raise refused(status)


def _is_in(connection: Connection) -> bool:
    return connection.account is not None and connection.session.state is not State.CLOSED
