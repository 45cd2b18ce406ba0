"""Who is bound, here and at other daemons; ending one session; and who must be put out.

What an account may is in the database, and may be changed by any daemon on it. So who is bound
here is looked at whenever the accounts have changed, whoever has changed them.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client.core import Metric

from appliance.clock import Clock
from appliance.errors import ErrandFailed, NotFound, StoreClosed, StoreError
from appliance.models import Account
from appliance.sessions import LastError, SessionView, TraceView
from appliance.smpp_server.connection import Connection
from appliance.smpp_server.metrics import metrics
from appliance.smpp_server.pcap import capture
from appliance.smpp_server.rules import State, Timing
from appliance.smpp_server.server import SmppServer
from appliance.smpp_server.trace import Trace, command_name, status_name
from appliance.smpp_server.watch import Refusal, Watches
from appliance.store import Store
from appliance.store.bell import ACCOUNTS, CHANGES, TENURE, Bell

logger = logging.getLogger(__name__)

LOOK_AGAIN: Final = timedelta(minutes=1)
"""How often the accounts are looked at where no bell has rung: one may be missed."""

TELL_AGAIN: Final = timedelta(seconds=10)
"""How often other daemons are told how the sessions here go."""

NO_SOONER: Final = timedelta(seconds=1)
"""How long to wait after having told them."""

ENDED_WITHIN: Final = timedelta(seconds=20)
"""How long a session that is to end may take: twice ``leaving``, and more than that."""

EPOCH: Final = datetime(2024, 1, 1, tzinfo=UTC)


class Overview:
    """What people see of the SMPP server and do with it."""

    def __init__(self, server: SmppServer, store: Store, clock: Clock, daemon: str) -> None:
        """Look on from now on; ``daemon`` is this daemon's name."""
        self._server, self._store, self._clock, self._daemon = server, store, clock, daemon
        self._number = store.requests.daemon
        began = int((clock.now() - EPOCH).total_seconds())
        self.watches = Watches(clock, f"s{self._number}{began & 0xFFFFF:05x}", self._changed)
        self._changes = Bell()  # who is bound has changed
        server.desk.onlooker = self.watches

    def here(self) -> list[SessionView]:
        """Return who is bound at this daemon, in the order in which they came."""
        return [self._view(one, one.account) for one in self._bound() if one.account]

    async def sessions(self) -> list[SessionView]:
        """Return who is bound, at this daemon first."""
        return [*self.here(), *await self._store.sessions.others()]

    async def unbind(self, name: str) -> None:
        """End a session of this daemon in good order; return when it has ended.

        Raises:
            ErrandFailed: it is not there, or does not end.

        """
        for connection in self._bound():
            if self.watches.name(connection) == name:
                self._server.unbind(connection.number)
                try:
                    async with asyncio.timeout(ENDED_WITHIN.total_seconds()):
                        await connection.ended.wait()
                except TimeoutError:
                    raise ErrandFailed("it has not ended yet: it is being waited for") from None
                return
        raise ErrandFailed("there is no such session any more")

    # Traces

    def begin_trace(self, account: Account, span: timedelta, *, clear: bool, who: str) -> TraceView:
        """Begin to trace the sessions of an account at this daemon; ``who`` asks for it.

        Raises:
            BadField: it would be longer than may be.

        """
        trace = self.watches.trace(account.id or 0, span, clear=clear)
        logger.log(
            logging.WARNING if clear else logging.INFO,
            "account %s: PDUs are traced until %s%s, asked for by %s",
            account.name,
            f"{trace.until:%H:%M:%S} UTC",
            ", with numbers and texts as they are" if clear else "",
            who,
            extra={"event": "smpp.traced", "account": account.id, "clear": clear},
        )
        self._store.bells.ring([CHANGES])
        return self._trace(trace)

    def trace(self, account_id: int) -> TraceView | None:
        """Return how an account's last trace stands, None if there is none."""
        trace = self.watches.traced(account_id)
        return None if trace is None else self._trace(trace)

    def end_trace(self, account_id: int) -> TraceView | None:
        """End an account's trace; what it has is kept. None: there is none."""
        self.watches.stop(account_id)
        self._store.bells.ring([CHANGES])
        return self.trace(account_id)

    def lines(self, account_id: int) -> list[str]:
        """Return an account's trace as people read it, moments in UTC.

        Raises:
            NotFound: there is none.

        """
        return list(self._traced(account_id).lines(UTC))

    def capture(self, account_id: int) -> bytes:
        """Return an account's trace as a capture file.

        Raises:
            NotFound: there is none.

        """
        return b"".join(capture(self._traced(account_id).said()))

    async def metrics(self) -> list[Metric]:
        """Return what was counted here, for Prometheus."""
        names = {each.id or 0: each.name for each in await self._store.accounts.all()}
        return list(metrics(self._server.desk, names))

    # What goes on by itself

    async def run(self) -> None:
        """Put out who is shut out, and tell other daemons who is bound, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._put_out())
            if self._store.shared:
                group.create_task(self._tell())

    async def _put_out(self) -> None:
        bell = self._store.bells.listen(ACCOUNTS)
        known: frozenset[int] = frozenset()
        while True:
            self._store.accounts.doubt()
            try:
                shut = await self._store.pausing.shut_out()
            except StoreError as error:
                logger.warning("the accounts could not be read: %s", error)
                shut = known
            still = {connection.account_id for connection in self._bound()}
            for account_id in shut & (still | (shut - known)):
                self._server.drop(account_id)
            known = shut
            await bell.wait(LOOK_AGAIN)

    async def _tell(self) -> None:
        self._store.bells.join(self._changes, TENURE)
        told: list[SessionView] = []
        while True:
            here = self.here()
            if self._store.accompanied and (here or told):
                try:
                    await self._store.sessions.tell(here, self._clock.now())
                    told = here
                except StoreClosed:
                    return
                except StoreError as error:
                    logger.warning("who is bound could not be told: %s", error)
            await asyncio.sleep(NO_SOONER.total_seconds())
            await self._changes.wait(TELL_AGAIN if here else None)

    def _changed(self) -> None:
        self._changes.ring()
        self._store.bells.ring([CHANGES])

    def _bound(self) -> list[Connection]:
        return [
            one
            for one in self._server.desk.connections
            if one.account is not None and one.session.state is not State.CLOSED
        ]

    def _view(self, connection: Connection, account: Account) -> SessionView:
        session, watch = connection.session, self.watches.of(connection)
        now = self._clock.monotonic()
        return SessionView(
            id=self.watches.name(connection),
            daemon=self._daemon,
            daemon_id=self._number,
            account_id=connection.account_id,
            system_id=account.system_id or "",
            peer=connection.peer,
            bind=session.state.value,
            version=session.version,
            tls=connection.tls,
            since=connection.since,
            window=self._server.window,
            submits_per_second=watch.submits.per_second(now),
            receipts_per_second=watch.taken.per_second(now),
            submitting=session.unanswered,
            delivering=session.delivering,
            last_error=_error(watch.refusal),
            timers=_timers(self._server.timing),
        )

    def _trace(self, trace: Trace) -> TraceView:
        return TraceView(
            begun=trace.begun,
            until=trace.until,
            running=trace.runs(self._clock.now()),
            clear=trace.clear,
            pdus=trace.pdus,
            missed=trace.missed,
            daemon=self._daemon,
        )

    def _traced(self, account_id: int) -> Trace:
        trace = self.watches.traced(account_id)
        if trace is None:
            raise NotFound("trace", "")
        return trace


def _error(refusal: Refusal | None) -> LastError | None:
    if refusal is None:
        return None
    return LastError(
        at=refusal.at,
        request=command_name(refusal.command),
        status=refusal.status,
        name=status_name(refusal.status),
    )


def _timers(timing: Timing) -> dict[str, float]:
    names = ("session_init", "pdu_read", "enquire_link", "inactivity", "response")
    return {name: getattr(timing, name).total_seconds() for name in names}
