"""Who is allowed in by SMPP, as the store knows it; their passwords, checked off the event loop."""

import asyncio
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from appliance import credentials
from appliance.clock import Clock
from appliance.errors import Unauthorised
from appliance.models import Account
from appliance.store.accounts import Accounts

REMEMBERED: Final = 1024
"""Passwords found good that are remembered; the longest unused is forgotten first."""


class MembersOnRecord:
    """The accounts of a store.

    A password found good is remembered, so that a client that comes back costs nothing: not the
    password but a keyed hash of it and of what it was checked against. So nothing is remembered
    of a password that has been rotated, and nothing of it can be read in memory.
    """

    def __init__(self, accounts: Accounts, clock: Clock, remembered: int = REMEMBERED) -> None:
        self._accounts, self._clock, self._most = accounts, clock, remembered
        self._key = secrets.token_bytes(32)
        self._good: OrderedDict[bytes, None] = OrderedDict()

    async def find(self, system_id: str) -> Account | None:
        """Return the account of that system_id, None if there is none or it is revoked."""
        return await self._accounts.by_system_id(system_id)

    def recalls(self, account: Account, password: str) -> bool:
        """Tell whether this password was found good before, and is still one."""
        for hashed in self._hashes(account):
            digest = self._digest(hashed, password)
            if digest in self._good:
                self._good.move_to_end(digest)
                return True
        return False

    async def verify(self, account: Account | None, password: str) -> None:
        """Check a password; None, who is nobody, takes as long as anybody.

        Raises:
            Unauthorised: it is wrong.

        """
        hashes = list(self._hashes(account)) if account else []
        if not hashes:
            await asyncio.to_thread(credentials.verify_password, None, password)
        for hashed in hashes:
            if await asyncio.to_thread(credentials.verify_password, hashed, password):
                self._remember(self._digest(hashed, password))
                return
        raise Unauthorised("system_id or password is wrong")

    def _hashes(self, account: Account) -> Iterator[str]:
        """Yield what the account's passwords hash to: its own, and the one before for a while."""
        if account.password_hash:
            yield account.password_hash
        ends = account.old_password_until
        if account.old_password_hash and ends is not None and self._clock.now() < ends:
            yield account.old_password_hash

    def _digest(self, hashed: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{hashed}\0{password}".encode(), sha256)

    def _remember(self, digest: bytes) -> None:
        self._good[digest] = None
        if len(self._good) > self._most:
            self._good.popitem(last=False)
