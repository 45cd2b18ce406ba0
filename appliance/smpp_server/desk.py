"""What the connections of the SMPP door tell, and what is done about it."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from appliance.clock import Clock
from appliance.errors import (
    ApplianceError,
    QueueFull,
    SmppError,
    SubmissionRefused,
    TooFast,
)
from appliance.models import Account
from appliance.smpp_server.admission import Admission
from appliance.smpp_server.binds import Binds
from appliance.smpp_server.connection import Connection
from appliance.smpp_server.fields import Tlv
from appliance.smpp_server.guests import Guests
from appliance.smpp_server.mishaps import log_unexpected
from appliance.smpp_server.names import V34, V50, Command, Status, Tag
from appliance.smpp_server.operations import Operations
from appliance.smpp_server.pdu import BIND_ANSWER, Asked, Bind, BindAnswer, Pdu
from appliance.smpp_server.rules import BOUND
from appliance.smpp_server.session import Requested
from appliance.smpp_server.tally import Direction, Tally
from appliance.smpp_server.translate import status_of

logger: Final = logging.getLogger(__name__)


class Onlooker(Protocol):
    """Sees what goes on; it must be quick."""

    def passed(self, connection: Connection, direction: Direction, pdu: Pdu) -> None:
        """See a PDU, as it is taken and as it is written."""
        ...

    def bound(self, connection: Connection) -> None:
        """See that an account is bound."""
        ...

    def closed(self, connection: Connection) -> None:
        """See that a session has ended, bound or not."""
        ...


class Desk:
    """Knows every connection, lets binds in, and has operations answered.

    Attributes:
        connections: all of them, in the order in which they came.
        binds: those that are bound, by account.
        tasks: what is being answered now.
        past: what went over the sessions that have ended, by account; 0: never bound.
        onlooker: who sees all of that; None: nobody.
        again: receipts and inbound messages that were sent once more, by account.

    """

    def __init__(
        self,
        *,
        system_id: str,
        window: int,
        operations: Operations,
        admission: Admission,
        binds: Binds[Connection],
        guests: Guests,
        wake: Callable[[int], object],
        clock: Clock,
    ) -> None:
        self.connections: dict[Connection, None] = {}
        self.binds = binds
        self.tasks: set[asyncio.Task[None]] = set()
        self.past: defaultdict[int, Tally] = defaultdict(Tally)
        self.onlooker: Onlooker | None = None
        self.again: Counter[int] = Counter()
        self._name = system_id.encode("ascii", "replace")
        self._window = window
        self._operations = operations
        self._admission = admission
        self._guests = guests
        self._wake = wake
        self._clock = clock

    def connected(self, connection: Connection) -> None:
        """Count a connection in; one that was made while we stop is closed again."""
        self.connections[connection] = None
        if self._admission.stopping:
            connection.leave()

    def passed(self, connection: Connection, direction: Direction, pdu: Pdu) -> None:
        """Let whoever looks on see a PDU."""
        if self.onlooker is not None:
            self.onlooker.passed(connection, direction, pdu)

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
        self.binds.changed(connection.account_id)

    def closed(self, connection: Connection) -> None:
        """Count a bind out."""
        self.binds.remove(connection)
        self._admission.parted(connection)
        if self.onlooker is not None:
            self.onlooker.closed(connection)
        logger.info(
            "%s: SMPP session closed: %s",
            connection.peer,
            connection.session.why,
            extra={"event": "smpp.closed", "account": connection.account_id},
        )

    def gone(self, connection: Connection) -> None:
        """Count a connection out."""
        self.connections.pop(connection)
        if connection.guest:
            self._guests.gone(connection.guest)
        self.past[connection.account_id].add(connection.session.tally)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # A bind

    async def _bind(self, connection: Connection, request: Requested, bind: Bind) -> None:
        status = await self._admission.admit(connection, bind)
        if status != Status.OK:
            connection.answer(request.pdu, status)
            return
        connection.answer(request.pdu, body=self._welcome(bind.interface_version))
        if connection.session.state not in BOUND:
            return  # the peer has gone meanwhile
        self.binds.add(connection)
        connection.decided.set()
        if connection.guest:
            self._guests.bound(connection.guest)
        if self.onlooker is not None:
            self.onlooker.bound(connection)
        logger.info(
            "%s: account %s bound as %s",
            connection.peer,
            connection.account_name,
            connection.session.state,
            extra={"event": "smpp.bound", "account": connection.account_id},
        )
        if connection.receives:
            self._wake(connection.account_id)

    def _welcome(self, version: int) -> bytes:
        ours = V50 if version >= V50 else V34
        tlvs = (Tlv(Tag.SC_INTERFACE_VERSION, bytes((ours,))),) if version >= V34 else ()
        return BIND_ANSWER.encode(BindAnswer(system_id=self._name, tlvs=tlvs))

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
            log_unexpected(_name(request), connection.peer, error)
            connection.answer(request.pdu, Status.SYSTEM_ERROR)
        finally:
            connection.underway.end(ticket)

    def _load(self, connection: Connection) -> int:
        """Return how full the window of a session is, 0-99."""
        return min(100 * connection.session.unanswered // self._window, 99)

    def _refuse(self, connection: Connection, request: Requested, error: ApplianceError) -> None:
        status = status_of(error)
        connection.answer(request.pdu, status)
        if isinstance(error, TooFast | QueueFull):
            return  # the gate has told it, once for many
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


def _reason(error: ApplianceError) -> str:
    """Return what may be logged of a refusal: the words of these errors hold no text or number."""
    if isinstance(error, SmppError):
        return error.reason  # the status stands before it
    return str(error) if isinstance(error, SubmissionRefused) else type(error).__name__
