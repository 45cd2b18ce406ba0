"""Who may bind, and what those are told who may not.

Clients give up for good on BAD_PASSWORD, and try again on BIND_FAILED: so the first is kept for
a password that was looked at and is wrong, and whatever may be otherwise later is the second.
That holds for a lock-out above all: who has to wait has not been looked at, and an app whose
password is put right must come in by itself when the wait is over.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from appliance.clock import Clock
from appliance.errors import NotNow, Unauthorised
from appliance.models import Account
from appliance.smpp_server.binds import Binds
from appliance.smpp_server.connection import Connection
from appliance.smpp_server.lockout import Lockout
from appliance.smpp_server.mishaps import log_unexpected
from appliance.smpp_server.names import Status
from appliance.smpp_server.pdu import Bind
from appliance.smpp_server.places import allowed, place_of
from appliance.smpp_server.settings import Members
from appliance.smpp_server.turns import Turns

logger: Final = logging.getLogger(__name__)

WRONG: Final[Mapping[str, Status]] = {
    "invalid_password": Status.BAD_PASSWORD,
    "bind_failed": Status.BIND_FAILED,
}
"""What those may be told whose credentials are wrong. SMPP 5.0 (4.7.6) has the second for that and
keeps the first for passwords that are too long; in the field the first is usual."""

UNKNOWN: Final = "there is no account with such a system_id (appliance account list shows them)"
"""For our log alone; and the system_id is not there, because it may be a password."""


class Admission:
    """Decides over binds.

    Attributes:
        stopping: nobody is let in any more.
        lockout: who has to wait after wrong passwords.

    """

    def __init__(
        self,
        members: Members,
        binds: Binds[Connection],
        clock: Clock,
        *,
        patience: timedelta,
        wrong: Status = Status.BAD_PASSWORD,
    ) -> None:
        """``patience``: how long it may take to find out who somebody is.

        ``wrong``: what somebody is told who is not who he says.
        """
        self.stopping = False
        self.lockout = Lockout()
        self._members = members
        self._binds = binds
        self._clock = clock
        self._patience = patience.total_seconds()
        self._wrong = wrong
        self._turns = Turns()
        self._drops = 0

    def dropped(self) -> None:
        """Let nobody in by what was looked up before now: an account is no longer allowed in."""
        self._drops += 1

    async def admit(self, connection: Connection, bind: Bind) -> Status:
        """Check who it is. One answer for all wrong credentials, so that no name is given away."""
        drops = self._drops
        try:
            async with asyncio.timeout(self._patience):
                account = await self._identify(connection, bind)
                await self._make_room(account.id or 0, account.max_binds)
            self._room_for(account, drops)
        except Unauthorised as error:
            logger.info("%s: bind refused: %s", connection.peer, error)
            return self._wrong
        except (NotNow, TimeoutError) as error:
            why = str(error) or "it takes too long to look it up"
            logger.info("%s: bind refused: %s", connection.peer, why)
            return Status.BIND_FAILED
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends one bind
            log_unexpected("bind", connection.peer, error)
            return Status.BIND_FAILED
        connection.account, connection.since = account, self._clock.now()
        return Status.OK

    def parted(self, connection: Connection) -> None:
        """Remember from where an account was bound until now."""
        if connection.account is not None:
            self._let_in(connection.account.system_id or "", place_of(connection.address))

    async def _identify(self, connection: Connection, bind: Bind) -> Account:
        name, password = bind.system_id.decode("latin-1"), bind.password.decode("latin-1")
        place = place_of(connection.address)
        self._wait_over(name, place)
        account = await self._members.find(name)
        if account is not None:
            _welcome_here(account, connection)
        if account is None or not self._members.recalls(account, password):
            async with self._turns.turn(place):
                self._wait_over(name, place)  # others may have failed meanwhile
                await self._verify(account, name, place, password)
        if account is None:
            raise Unauthorised(UNKNOWN)
        self._let_in(name, place)
        return account

    async def _make_room(self, account_id: int, most: int) -> None:
        """Where there is no room, end sessions whose peer is no longer there, and wait for that.

        A network that dies tells nobody. So an app comes back while its old session still stands,
        and that one is asked for a sign of life. Sessions that live stay: of two that fight for
        one place, the one that has it keeps it.
        """
        if self._staying(account_id) >= most:
            for one in self._binds.of(account_id):
                one.prove()
        while self._may_change(account_id, most):
            await self._binds.change(account_id)

    def _may_change(self, account_id: int, most: int) -> bool:
        """Tell whether there is no room, and there may be some in a moment."""
        if self._staying(account_id) >= most:
            return any(one.session.proving for one in self._binds.of(account_id))
        return self._is_full(account_id, most)

    def _staying(self, account_id: int) -> int:
        return sum(one.stays for one in self._binds.of(account_id))

    def _is_full(self, account_id: int, most: int) -> bool:
        """Tell whether an account has all its binds, not counting those that are being ended.

        As many of these as of the others, and no more: each may hold a window of requests.
        """
        everybody = len(self._binds.of(account_id))
        return self._staying(account_id) >= most or everybody >= 2 * most

    def _room_for(self, account: Account, drops: int) -> None:
        if self.stopping or self._drops != drops:  # perhaps it is this account that was dropped
            raise NotNow("the server stops, or the account was dropped")
        if self._is_full(account.id or 0, account.max_binds):
            most = account.max_binds
            raise NotNow(f"account {account.name} has all the {most} binds it may have")

    async def _verify(self, account: Account | None, name: str, place: str, password: str) -> None:
        if account is not None and self._members.recalls(account, password):
            return  # another bind of it was first
        try:
            await self._members.verify(account, password)
        except Unauthorised:
            self.lockout.failed(name, place, self._clock.monotonic())
            whose = f"wrong password of account {account.name}" if account else UNKNOWN
            raise Unauthorised(whose) from None

    def _wait_over(self, name: str, place: str) -> None:
        if wait := self.lockout.wait(name, place, self._clock.monotonic()):
            raise NotNow(f"too many wrong passwords: not looked at for another {wait:.0f} s")

    def _let_in(self, name: str, place: str) -> None:
        self.lockout.good(name, place, self._clock.monotonic())


def _welcome_here(account: Account, connection: Connection) -> None:
    """Look at what needs no password.

    Before it: else an answer to somebody who may not be here would say whether he knows it.

    Raises:
        NotNow: it may not bind from there, not without its certificate, or not at all now.

    """
    if account.paused_at is not None:
        raise NotNow(f"account {account.name} is paused")
    if not allowed(account.allowed_networks, connection.address):
        raise NotNow(f"account {account.name} may not bind from this address")
    wanted = account.client_certificate
    if wanted is not None and wanted not in connection.certificate:
        raise NotNow(f"account {account.name} may bind only with its certificate")
