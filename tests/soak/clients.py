"""The two apps of a soak: one by REST and webhook, one by SMPP. Both may refuse what they are told.

They remember no texts: a soak of hours has many.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from smpplib import consts
from smpplib.exceptions import ConnectionError as NoConnection
from smpplib.exceptions import PDUError

from tests.apps import Answer, Esme
from tests.box import Box
from tests.webhooks import Listener

REFUSED = 503


class Told:
    """What an app was told, whatever the way: each thing by how many notices, or receipts."""

    def __init__(self) -> None:
        self.refusing = False
        self.fates: Counter[tuple[str, str]] = Counter()  # message and state
        self.inbound: Counter[tuple[str, str]] = Counter()  # sender and text
        self.others: Counter[str] = Counter()  # notices of other kinds, by type
        self.repeated = 0  # what came again under the id that it had before


class Webhook(Told, Listener):
    """A webhook. A notice that comes again with its id is the same: it is counted once."""

    def __init__(self) -> None:
        super().__init__()
        self._ids: set[str] = set()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Count what a notice says; refuse it while that is what this app does."""
        if self.refusing:
            return REFUSED
        self._note(headers["webhook-id"], json.loads(body))
        return 200

    def _note(self, identity: str, body: dict[str, Any]) -> None:
        if identity in self._ids:
            self.repeated += 1
            return
        self._ids.add(identity)
        data, kind = body["data"], body["type"]
        if kind.startswith("message."):
            self.fates[data["id"], data["state"]] += 1
        elif kind == "inbound.received":
            self.inbound[data["sender"], data["text"] or ""] += 1
        else:
            self.others[kind] += 1


WORDS = {"DELIVRD": "delivered", "UNDELIV": "failed", "EXPIRED": "expired", "DELETED": "cancelled"}


class _Bind(Esme):
    """One bind of smpplib; what it hears goes to ``told``, which all binds share."""

    told: Told

    @property
    def alive(self) -> bool:
        """Whether its connection stands."""
        return self._reader.is_alive()

    def bind(self, kind: str, system_id: str, password: str) -> Any:
        """Connect and bind; smpplib leaves its socket open where it cannot connect."""
        try:
            return super().bind(kind, system_id, password)
        except NoConnection:
            self.client.disconnect()
            raise

    async def ask(self, pdu_fields: dict[str, Any]) -> Answer | None:
        """Submit; return the answer, None if the connection went before it came."""
        with suppress(NoConnection, OSError, PDUError):
            pdu = await asyncio.to_thread(self.client.send_message, **pdu_fields)
            while self.alive:
                if answer := self._answers.pop(pdu.sequence, None):
                    return answer
                await asyncio.sleep(0.01)
        return None

    def _received(self, pdu: Any) -> int:
        if self.told.refusing:
            return int(consts.SMPP_ESME_RX_T_APPN)
        super()._received(pdu)
        while self.receipts:
            receipt = self.receipts.pop()
            self.told.fates[receipt["id"], WORDS.get(receipt["stat"], receipt["stat"])] += 1
        while self.inbound:
            heard = self.inbound.pop()
            sender = f"+{heard.source_addr.decode()}"
            self.told.inbound[sender, heard.short_message.decode()] += 1
        return int(consts.SMPP_ESME_ROK)


class Smpp(Told):
    """An app with one bind, which it makes anew whenever it was lost."""

    def __init__(self) -> None:
        super().__init__()
        self._bind: _Bind | None = None
        self.binds = 0

    @asynccontextmanager
    async def bound(self, box: Box, account: dict[str, Any]) -> AsyncIterator[None]:
        """Stay bound until the end of the block, as far as the daemon lets it."""
        keeping = asyncio.create_task(self._keep(box, account))
        try:
            yield
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    @property
    def is_bound(self) -> bool:
        """Whether it can submit just now."""
        return self._bind is not None and self._bind.alive

    async def submit(self, text: bytes, to: str) -> str | None:
        """Submit; return the message's id, None if it is not known whether it was taken."""
        bind = self._bind
        assert bind is not None
        answer = await bind.ask(
            {
                "source_addr_ton": consts.SMPP_TON_ALNUM,
                "source_addr": "Soak",
                "dest_addr_ton": consts.SMPP_TON_INTL,
                "dest_addr_npi": consts.SMPP_NPI_ISDN,
                "destination_addr": to,
                "registered_delivery": 1,
                "short_message": text,
            }
        )
        return answer.message_id if answer and answer.status == consts.SMPP_ESME_ROK else None

    async def _keep(self, box: Box, account: dict[str, Any]) -> None:
        mine = type("_Mine", (_Bind,), {"told": self})  # its reader starts before we have it
        while True:
            with suppress(NoConnection, OSError, PDUError):
                async with mine.bound(box, account) as bind:
                    self._bind = bind
                    self.binds += 1
                    while bind.alive:
                        await asyncio.sleep(0.1)
            await asyncio.sleep(0.2)
