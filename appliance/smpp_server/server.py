"""The SMPP door: a listener, the binds of each account, and a carrier of notices."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from appliance.clock import Clock
from appliance.errors import ApplianceError, SmppError, SubmissionRefused, Unauthorised, Undelivered
from appliance.models import Account
from appliance.notice import MessageNews, Notice
from appliance.smpp_server.binds import Binds
from appliance.smpp_server.connection import Connection
from appliance.smpp_server.fields import Tlv
from appliance.smpp_server.names import V34, V50, Command, Status, Tag
from appliance.smpp_server.operations import Operations
from appliance.smpp_server.pdu import BIND_ANSWER, Asked, Bind, BindAnswer
from appliance.smpp_server.receipts import deliver_sms, refused
from appliance.smpp_server.rules import BOUND, State, Timing
from appliance.smpp_server.session import Requested, Session
from appliance.smpp_server.translate import status_of

logger: Final = logging.getLogger(__name__)


class Settings(Protocol):
    """What of the configuration this door needs."""

    @property
    def host(self) -> str:
        """Return the address to listen at."""
        ...

    @property
    def port(self) -> int:
        """Return the port to listen at; 0: any that is free."""
        ...

    @property
    def system_id(self) -> str:
        """Return our own name, at most 15 ASCII characters."""
        ...

    @property
    def session_init_seconds(self) -> float:
        """Return how long a peer may take to bind."""
        ...

    @property
    def enquire_link_seconds(self) -> float:
        """Return after how much silence we ask whether the peer lives."""
        ...

    @property
    def inactivity_seconds(self) -> float:
        """Return after how much silence we close."""
        ...

    @property
    def response_seconds(self) -> float:
        """Return how long a peer may take to answer a deliver_sm, or to read at all."""
        ...

    @property
    def window(self) -> int:
        """Return how many requests may be under way on a session, in each direction."""
        ...


Authenticate = Callable[[str, str], Awaitable[Account]]
"""system_id and password in, the account out; raises Unauthorised."""


@dataclass(frozen=True, slots=True)
class BindInfo:
    """A session as the page shows it."""

    system_id: str
    account_id: int
    bind: str  # "tx", "rx", "trx"; "leaving" and "unbinding" on its way out
    version: int  # the peer's interface_version
    peer: str
    since: datetime
    window: int
    submitting: int  # submits that wait for our answer
    delivering: int  # deliver_sm that wait for the peer's answer


class SmppServer:
    """The server. As a carrier it takes notices for accounts that have a receiver bound."""

    name = "smpp"

    def __init__(
        self,
        settings: Settings,
        *,
        operations: Operations,
        authenticate: Authenticate,
        wake: Callable[[int], object],
        clock: Clock,
    ) -> None:
        """``wake`` is called with an account's id when somebody can take its notices."""
        self.window = settings.window
        self._settings = settings
        self._operations = operations
        self._authenticate = authenticate
        self._wake = wake
        self._clock = clock
        self._timing = Timing(
            session_init=timedelta(seconds=settings.session_init_seconds),
            enquire_link=timedelta(seconds=settings.enquire_link_seconds),
            inactivity=timedelta(seconds=settings.inactivity_seconds),
            response=timedelta(seconds=settings.response_seconds),
        )
        self._listener: asyncio.Server | None = None
        self._connections: dict[Connection, None] = {}  # in the order in which they came
        self._binds: Binds[Connection] = Binds()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._drops = 0

    @property
    def port(self) -> int:
        """Return the port it listens at, 0 while it does not."""
        sockets = self._listener.sockets if self._listener else ()
        return int(sockets[0].getsockname()[1]) if sockets else 0

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address or the port cannot be had.

        """
        loop = asyncio.get_running_loop()
        host, port = self._settings.host, self._settings.port
        self._stopping = False
        self._listener = await loop.create_server(self._accept, host, port, backlog=1024)
        logger.info("SMPP on %s port %d", host, self.port, extra={"event": "smpp.listening"})

    async def stop(self, within: timedelta = timedelta(seconds=5)) -> None:
        """Take nobody new, end every session in good order, and close after ``within``."""
        self._stopping = True
        if self._listener:
            self._listener.close()
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
        self._listener = None

    def drop(self, account_id: int) -> None:
        """End the sessions of an account that is no longer allowed in."""
        self._drops += 1
        for connection in self._binds.of(account_id):
            connection.leave()

    def sessions(self) -> list[BindInfo]:
        """Return who is bound, in the order in which they came."""
        return [self._info(one) for one in self._connections if _is_in(one)]

    def _info(self, connection: Connection) -> BindInfo:
        session = connection.session
        return BindInfo(
            system_id=(connection.account and connection.account.system_id) or "",
            account_id=connection.account_id,
            bind=session.state.value,
            version=session.version,
            peer=connection.peer,
            since=connection.since,
            window=self.window,
            submitting=session.unanswered,
            delivering=session.delivering,
        )

    async def deliver(self, account: Account, notice: Notice) -> None:
        """Carry a notice to a receiver of the account; return when it has taken it.

        Raises:
            NobodyThere: no receiver is bound.
            Undelivered: it was refused, not answered in time, or the connection was lost.

        """
        connection = await self._ready(account.id or 0, notice)
        manner = self._operations.manner(account)
        sms = deliver_sms(notice, version=connection.session.version, manner=manner)
        if not sms:
            raise Undelivered("SMPP has no PDU for it", parked=True)
        for sm in sms:
            status = await connection.deliver(sm)
            if status != Status.OK:
                raise refused(status)

    async def _ready(self, account_id: int, notice: Notice) -> Connection:
        while True:
            connection = await self._binds.next(account_id)
            if isinstance(notice.news, MessageNews):
                await connection.underway.settled()
            if connection.has_room:
                return connection

    # What connections tell

    def _accept(self) -> Connection:
        session = Session(self._timing, window=self.window, now=self._clock.monotonic())
        return Connection(self, session, self._clock)

    def connected(self, connection: Connection) -> None:
        """Count a connection in; one that was made while we stop is closed again."""
        self._connections[connection] = None
        if self._stopping:
            connection.leave()

    def requested(self, connection: Connection, request: Requested) -> None:
        """Begin the answer to a bind or an operation."""
        if isinstance(request.body, Bind):
            self._spawn(self._bind(connection, request, request.body))
        elif isinstance(request.body, Asked) and connection.account:
            ticket = connection.underway.begin()
            account, asked = connection.account, request.body
            self._spawn(self._operate(connection, account, request, asked, ticket))

    def room(self, connection: Connection) -> None:
        """Let waiting notices look again."""
        self._binds.changed(connection.account_id)

    def closed(self, connection: Connection) -> None:
        """Count a bind out."""
        self._binds.remove(connection)
        logger.info(
            "%s: SMPP session closed: %s",
            connection.peer,
            connection.session.why,
            extra={"event": "smpp.closed", "account": connection.account_id},
        )

    def gone(self, connection: Connection) -> None:
        """Count a connection out."""
        self._connections.pop(connection)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # A bind

    async def _bind(self, connection: Connection, request: Requested, bind: Bind) -> None:
        status = await self._admit(connection, bind)
        if status != Status.OK:
            connection.answer(request.pdu, status)
            return
        connection.answer(request.pdu, body=self._welcome(bind.interface_version))
        if connection.session.state not in BOUND:
            return  # the peer has gone meanwhile
        self._binds.add(connection)
        logger.info(
            "%s: account %d bound as %s",
            connection.peer,
            connection.account_id,
            connection.session.state,
            extra={"event": "smpp.bound", "account": connection.account_id},
        )
        if connection.receives:
            self._wake(connection.account_id)

    async def _admit(self, connection: Connection, bind: Bind) -> Status:
        """Check who it is. One answer for all wrong credentials, so that no name is given away.

        Clients give up for good on BAD_PASSWORD, and try again on BIND_FAILED.
        """
        drops = self._drops
        try:
            account = await self._authenticate(
                bind.system_id.decode("latin-1"), bind.password.decode("latin-1")
            )
        except Unauthorised:
            return Status.BAD_PASSWORD
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends one bind
            _log_unexpected("bind", connection, error)
            return Status.BIND_FAILED
        if self._stopping or self._drops != drops:  # perhaps it is this account that was dropped
            return Status.BIND_FAILED
        if len(self._binds.of(account.id or 0)) >= account.max_binds:
            return Status.BIND_FAILED
        connection.account, connection.since = account, self._clock.now()
        return Status.OK

    def _welcome(self, version: int) -> bytes:
        ours = V50 if version >= V50 else V34
        tlvs = (Tlv(Tag.SC_INTERFACE_VERSION, bytes((ours,))),) if version >= V34 else ()
        name = self._settings.system_id.encode("ascii", "replace")
        return BIND_ANSWER.encode(BindAnswer(system_id=name, tlvs=tlvs))

    # An operation

    async def _operate(
        self,
        connection: Connection,
        account: Account,
        request: Requested,
        asked: Asked,
        ticket: int,
    ) -> None:
        version, load = connection.session.version, self._load(connection)
        try:
            body = await self._operations.answer(account, asked, version=version, load=load)
            connection.answer(request.pdu, body=body)
        except ApplianceError as error:
            self._refuse(connection, request, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends one request
            _log_unexpected(_name(request), connection, error)
            connection.answer(request.pdu, Status.SYSTEM_ERROR)
        finally:
            connection.underway.end(ticket)

    def _load(self, connection: Connection) -> int:
        """Return how full the window of a session is, 0-99."""
        return min(100 * connection.session.unanswered // self.window, 99)

    def _refuse(self, connection: Connection, request: Requested, error: ApplianceError) -> None:
        status = status_of(error)
        connection.answer(request.pdu, status)
        logger.info(
            "%s: %s refused with 0x%02X: %s",
            connection.peer,
            _name(request),
            status,
            _reason(error),
            extra={"event": "smpp.refused", "account": connection.account_id, "status": status},
        )


def _name(request: Requested) -> str:
    return Command(request.pdu.command).name.lower()


def _is_in(connection: Connection) -> bool:
    return connection.account is not None and connection.session.state is not State.CLOSED


def _reason(error: ApplianceError) -> str:
    """Return what may be logged of a refusal: the words of these errors hold no text or number."""
    kept = isinstance(error, SubmissionRefused | SmppError)
    return str(error) if kept else type(error).__name__


def _log_unexpected(what: str, connection: Connection, error: Exception) -> None:
    """Log where it happened, but not the error's own words: they may hold a text or a number."""
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s: %s: %s at\n%s", connection.peer, what, type(error).__name__, where)
