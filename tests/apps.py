"""Applications as customers have them: a webhook that is listened to, an ESME by smpplib."""

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, Self

from smpplib import consts, gsm, smpp
from smpplib.client import Client
from smpplib.exceptions import ConnectionError as NoConnection
from standardwebhooks import Webhook

from tests.box import Box, until
from tests.webhooks import Listener

PATIENCE = 5  # seconds that smpplib waits before it asks whether the other side is there

RECEIPT_CLASS, INTERMEDIATE_CLASS = 0x04, 0x20  # bits of esm_class (SMPP 3.4, 5.2.12)

RECEIPT = re.compile(
    r"id:(?P<id>\S+) sub:(?P<sub>\d{3}) dlvrd:(?P<dlvrd>\d{3}) submit date:(?P<submit>\d{10})"
    r" done date:(?P<done>\d{10}) stat:(?P<stat>[A-Z]{7}) err:(?P<err>\d{3}) text:(?P<text>.*)"
)


class Hook(Listener):
    """A webhook. ``answer``: the status it gives; ``notices``: what it took, each once."""

    def __init__(self) -> None:
        self.answer = 200
        self.secret = ""  # to check signatures with, once it is known
        self.calls = 0
        self.notices: list[dict[str, Any]] = []
        self._seen: set[str] = set()

    def states(self, identity: str) -> list[str]:
        """Return the states of a message that were told, in their order."""
        told = (notice["data"] for notice in self.notices if notice["type"].startswith("message."))
        return [data["state"] for data in told if data["id"] == identity]

    def told(self, identity: str, state: str) -> dict[str, Any]:
        """Return what was told of a message in a state."""
        return next(
            notice["data"]
            for notice in self.notices
            if notice["data"]["id"] == identity and notice["data"].get("state") == state
        )

    @property
    def inbound(self) -> list[dict[str, Any]]:
        """Return the inbound messages that were told."""
        return [one["data"] for one in self.notices if one["type"] == "inbound.received"]

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Take a notice if it is signed as agreed."""
        self.calls += 1
        if self.secret:
            Webhook(self.secret).verify(body, headers)
        if self.answer == 200 and headers["webhook-id"] not in self._seen:
            self._seen.add(headers["webhook-id"])
            self.notices.append(json.loads(body))
        return self.answer


class Answer(NamedTuple):
    """What a submit_sm was answered."""

    status: int
    message_id: str


class Esme:
    """An application by smpplib, which reads in a thread of its own."""

    def __init__(self, port: int) -> None:
        self.client = Client("127.0.0.1", port, timeout=PATIENCE, allow_unknown_opt_params=True)
        self.client.set_message_sent_handler(self._sent)
        self.client.set_message_received_handler(self._received)
        self.client.set_error_pdu_handler(self._sent)
        self.receipts: list[dict[str, Any]] = []  # the fields of the text, and of the TLVs
        self.inbound: list[Any] = []  # deliver_sm as smpplib has them
        self.takes = consts.SMPP_ESME_ROK  # what deliver_sm is answered
        self._answers: dict[int, Answer] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)

    @classmethod
    @asynccontextmanager
    async def bound(
        cls, box: Box, account: dict[str, Any], kind: str = "transceiver"
    ) -> AsyncIterator[Self]:
        """Bind as ``transmitter``, ``receiver`` or ``transceiver``, and unbind at the end."""
        esme = cls(box.smpp_port)
        await asyncio.to_thread(esme.bind, kind, account["system_id"], account["password"])
        esme._reader.start()
        try:
            yield esme
        finally:
            await asyncio.to_thread(esme.close)

    def bind(self, kind: str, system_id: str, password: str) -> Any:
        """Connect and bind. Raises smpplib's PDUError where it is refused."""
        self.client.connect()
        try:
            bind = getattr(self.client, f"bind_{kind}")
            return bind(system_id=system_id, password=password)
        except Exception:
            self.client.disconnect()
            raise

    async def submit(
        self, text: str, to: str, encoding: int = consts.SMPP_ENCODING_DEFAULT, **fields: Any
    ) -> Answer:
        """Submit a text that fits one submit_sm, as smpplib encodes it; return the answer."""
        (part,), encoding, _ = gsm.make_parts(text, encoding)
        return (await self.submit_parts([part], to, data_coding=encoding, **fields))[0]

    async def submit_long(
        self, text: str, to: str, encoding: int = consts.SMPP_ENCODING_DEFAULT
    ) -> list[Answer]:
        """Submit a text in as many parts as smpplib makes of it."""
        parts, encoding, esm_class = gsm.make_parts(text, encoding)
        return await self.submit_parts(parts, to, data_coding=encoding, esm_class=esm_class)

    async def submit_parts(self, parts: list[bytes], to: str, **fields: Any) -> list[Answer]:
        """Submit octets as they are, one submit_sm each."""
        usual = {
            "source_addr_ton": consts.SMPP_TON_ALNUM,
            "source_addr": "Acme",
            "dest_addr_ton": consts.SMPP_TON_INTL,
            "dest_addr_npi": consts.SMPP_NPI_ISDN,
            "destination_addr": to,
            "registered_delivery": 1,
        }
        pdus = [
            await asyncio.to_thread(
                self.client.send_message, **(usual | {"short_message": part} | fields)
            )
            for part in parts
        ]

        async def answered() -> bool:
            return all(pdu.sequence in self._answers for pdu in pdus)

        await until(answered, "submit_sm is answered")
        return [self._answers[pdu.sequence] for pdu in pdus]

    def receipt(self, identity: str) -> dict[str, Any] | None:
        """Return the last receipt for a message, None if there is none yet."""
        return next((one for one in self.receipts[::-1] if one["id"] == identity), None)

    async def receipt_of(self, identity: str) -> dict[str, Any]:
        """Wait for a receipt and return it."""

        async def there() -> dict[str, Any] | None:
            return self.receipt(identity)

        return dict(await until(there, f"a receipt for {identity}"))

    def close(self) -> None:
        """Unbind, and let the reader end."""
        if self._reader.is_alive():
            with suppress(NoConnection, OSError):
                self.client.send_pdu(smpp.make_pdu("unbind", client=self.client))
            self._reader.join(PATIENCE)
        self.client.disconnect()

    def _read(self) -> None:
        bound = consts.SMPP_CLIENT_STATE_BOUND_TX, consts.SMPP_CLIENT_STATE_BOUND_RX
        bound = (*bound, consts.SMPP_CLIENT_STATE_BOUND_TRX)
        with suppress(NoConnection, OSError):
            while self.client.state in bound:
                self.client.read_once()

    def _sent(self, pdu: Any) -> None:
        name = (getattr(pdu, "message_id", None) or b"").rstrip(b"\0").decode()
        self._answers[pdu.sequence] = Answer(pdu.status, name)

    def _received(self, pdu: Any) -> int:
        if self.takes == consts.SMPP_ESME_ROK:
            if pdu.esm_class & (RECEIPT_CLASS | INTERMEDIATE_CLASS):
                self.receipts.append(_receipt(pdu))
            else:
                self.inbound.append(pdu)
        return int(self.takes)


def _receipt(pdu: Any) -> dict[str, Any]:
    found = RECEIPT.fullmatch(pdu.short_message.decode("ascii"))
    assert found, pdu.short_message
    return found.groupdict() | {
        "tlv_id": pdu.receipted_message_id.rstrip(b"\0").decode(),
        "state": pdu.message_state,
        "esm_class": pdu.esm_class,
        "from": pdu.source_addr.decode(),
        "to": pdu.destination_addr.decode(),
    }
