"""The other side of the socket, as raw as it gets: frames made by hand, not by the product."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

from appliance.clock import SystemClock
from appliance.errors import Unauthorised
from appliance.lifecycle import State
from appliance.models import Account
from appliance.notice import InboundNews, MessageNews, Notice
from appliance.smpp_server.operations import Operations
from appliance.submission import Accepted, Submission
from tests.smpp_server.tap import TappedServer

PATIENCE = 10  # seconds, until a test that waits in vain fails

OCTETS, PIECE = 1000, 127
"""How many octets go one by one, and in what pieces those behind them."""

BIND_RX, BIND_TX, BIND_TRX = 0x01, 0x02, 0x09
SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK = 0x04, 0x05, 0x06, 0x15
QUERY_SM, REPLACE_SM, CANCEL_SM, SUBMIT_MULTI, DATA_SM = 0x03, 0x07, 0x08, 0x21, 0x103
GENERIC_NACK = 0x80000000
RESP = 0x80000000


class Frame(NamedTuple):
    command: int
    status: int
    sequence: int
    body: bytes = b""


def frame(command, body=b"", *, sequence=1, status=0, length=None):
    length = 16 + len(body) if length is None else length
    return struct.pack(">IIII", length, command, status, sequence) + body


def tlv(tag, value):
    return struct.pack(">HH", tag, len(value)) + value


def bind_body(
    system_id=b"acme", password=b"secret", system_type=b"", version=0x34, address_range=b""
):
    head = system_id + b"\0" + password + b"\0" + system_type + b"\0"
    return head + bytes((version, 0, 0)) + address_range + b"\0"


def submit_body(
    *,
    service_type=b"",
    source=(1, 1, b"4915100000"),
    to=(1, 1, b"4915112345678"),
    esm_class=0,
    protocol_id=0,
    priority=0,
    schedule=b"",
    validity=b"",
    registered=0,
    replace=0,
    coding=0,
    default_id=0,
    text=b"hello",
    sm_length=None,
    tail=b"",
):
    sm_length = len(text) if sm_length is None else sm_length
    return (
        service_type
        + b"\0"
        + bytes(source[:2])
        + source[2]
        + b"\0"
        + bytes(to[:2])
        + to[2]
        + b"\0"
        + bytes((esm_class, protocol_id, priority))
        + schedule
        + b"\0"
        + validity
        + b"\0"
        + bytes((registered, replace, coding, default_id, sm_length))
        + text
        + tail
    )


def address(ton=0, npi=0, number=b""):
    return bytes((ton, npi)) + number + b"\0"


def data_body(
    *,
    to=(1, 1, b"4915112345678"),
    source=(1, 1, b"4915100000"),
    esm_class=0,
    registered=0,
    coding=0,
    tail=b"",
):
    flags = bytes((esm_class, registered, coding))
    return b"\0" + address(*source) + address(*to) + flags + tail


def multi_body(destinations, *, count=None, **fields):
    """As ``submit_body``; ``destinations``: addresses, or octets with their dest_flag."""
    written = b"".join(
        one if isinstance(one, bytes) else b"\1" + address(*one) for one in destinations
    )
    one = submit_body(to=(0, 0, b"@"), **fields)
    count = len(destinations) if count is None else count
    return one.replace(b"\0\0@\0", bytes((count,)) + written, 1)


def query_body(name, source=(0, 0, b"")):
    return name + b"\0" + address(*source)


def cancel_body(name=b"", *, service_type=b"", source=(0, 0, b""), to=(0, 0, b"")):
    return service_type + b"\0" + name + b"\0" + address(*source) + address(*to)


def replace_body(
    name,
    *,
    source=(0, 0, b""),
    schedule=b"",
    validity=b"",
    registered=0,
    default_id=0,
    text=b"new",
    sm_length=None,
    tail=b"",
):
    sm_length = len(text) if sm_length is None else sm_length
    head = name + b"\0" + address(*source) + schedule + b"\0" + validity + b"\0"
    return head + bytes((registered, default_id, sm_length)) + text + tail


@dataclass(frozen=True)
class Settings:
    host: str = "127.0.0.1"
    port: int = 0
    system_id: str = "appliance"
    session_init_seconds: float = 30
    tls_handshake_seconds: float = 10
    pdu_read_seconds: float = 30
    enquire_link_seconds: float = 30
    inactivity_seconds: float = 300
    response_seconds: float = 60
    retry_seconds: float = 5
    retry_longest_seconds: float = 300
    leaving_seconds: float = 2
    proof_seconds: float = 5
    wrong_credentials: str = "invalid_password"
    most_connections: int = 2000
    most_unbound_per_address: int = 100
    plain: bool = True
    tls_certificate: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    tls_port: int = 0
    window: int = 50


@dataclass
class MemoryIntake:
    """An intake that keeps what it is given. ``gate`` closed: it is as slow as a full disk."""

    taken: list[Submission] = field(default_factory=list)
    refusal: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0
    most_waiting: int = 0
    busy: int = 0  # how near queue and store are to their bounds
    accepted: Callable[[str], Awaitable[None]] | None = None  # after the commit, before the answer

    def __post_init__(self):
        self.gate.set()

    def current(self, account):
        return account

    def load(self, account):
        return self.busy

    def recipient(self, number, region):
        return number

    async def waiting_for(self, account, recipient):
        return []

    async def submit(self, account, submission):
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        try:
            await self.gate.wait()
        finally:
            self.waiting -= 1
        if self.refusal:
            raise self.refusal
        self.taken.append(submission)
        public_id = f"m{len(self.taken)}"
        if self.accepted:
            await self.accepted(public_id)
        return Accepted(id=public_id, state=State.QUEUED, parts=1, encoding="gsm7")


ACCOUNT = Account(
    id=7, name="Acme", system_id="acme", carrier="smpp", created_at=datetime(2026, 1, 1, tzinfo=UTC)
)


class House:
    """A server with all it needs, and the clients that are connected to it."""

    def __init__(self, **settings):
        self.intake = MemoryIntake()
        self.accounts = {("acme", "secret"): ACCOUNT}
        self.woken = []
        self.parts = []  # of a notice, as they were taken: which, how many, cut how
        self.checking = 0  # binds whose credentials are being checked
        self.may_check = asyncio.Event()
        self.may_check.set()
        self.failure = None  # of the check itself
        self.clients = []
        self.server = TappedServer(
            Settings(**settings),
            operations=self.operations(),
            members=self.members(),
            wake=self.wake,
            books=self.books(),
            clock=SystemClock(),
        )

    def books(self):
        """Return what keeps the books of notices on their way."""
        return self

    async def answered(self, notice):
        """Know of no other daemon."""

    async def part_taken(self, notice, parts, form):
        """Write down that the first parts of a notice are taken."""
        self.parts.append((notice.id, parts, form))

    def operations(self):
        """Return what carries requests out."""
        return Operations(self.intake, SystemClock(), gsm0="gsm0338")

    def members(self):
        """Return what knows who is allowed in."""
        return self

    def wake(self, account_id):
        """Remember who is to be told what is owed."""
        self.woken.append(account_id)

    async def find(self, system_id):
        """Return the account of a system_id; of several passwords, the first."""
        return next((one for (name, _), one in self.accounts.items() if name == system_id), None)

    def recalls(self, account, password):
        """Remember nothing."""
        return False

    async def verify(self, account, password):
        """Check a password, as slowly as ``may_check`` says."""
        self.checking += 1
        await self.may_check.wait()
        self.checking -= 1
        if self.failure:
            raise self.failure
        if not account or (account.system_id, password) not in self.accounts:
            raise Unauthorised

    async def client(self, bind=None, *, room=None, **bind_fields):
        """Connect, and bind if asked to; ``room``: octets that the kernel keeps for it unread."""
        own = socket.socket(proto=socket.IPPROTO_TCP)  # else asyncio lets small pieces wait
        own.setblocking(False)
        if room:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", self.server.port))
        reader, writer = await asyncio.open_connection(sock=own)
        client = Client(reader, writer)
        self.clients.append(client)
        if bind:
            await client.bind(bind, **bind_fields)
        return client

    async def close(self):
        for client in self.clients:
            client.writer.transport.abort()
        self.intake.gate.set()
        await self.server.stop()


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def bind(self, command=BIND_TRX, *, sequence=1, **fields):
        self.send(frame(command, bind_body(**fields), sequence=sequence))
        answer = await self.receive()
        assert answer[:3] == (command | RESP, 0, sequence)
        return answer

    def send(self, data):
        self.writer.write(data)

    async def trickle(self, data):
        """Send byte by byte, and let the other side read each of them.

        Of much data only the first octets: the rest, which nobody looks at before its end, goes in
        pieces, because all its octets would take seconds.
        """
        for octet in data[:OCTETS]:
            self.writer.write(bytes((octet,)))
            await asyncio.sleep(0)  # what is ready to be read is found at the end of this turn
            await asyncio.sleep(0)  # and read at the end of this one
        for start in range(OCTETS, len(data), PIECE):
            self.writer.write(data[start : start + PIECE])
            await asyncio.sleep(0)

    async def receive(self):
        async with asyncio.timeout(PATIENCE):
            length, *words = struct.unpack(">IIII", await self.reader.readexactly(16))
            return Frame(*words, await self.reader.readexactly(length - 16))

    async def ask(self, data):
        self.send(data)
        return await self.receive()

    async def closed(self):
        """Wait until the other side has closed, and return what it said before."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    async def answer(self, request, status=0):
        body = b"" if status else b"\0"
        answered = frame(request.command | RESP, body, sequence=request.sequence, status=status)
        self.send(answered)

    async def close(self):
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

NEWS = MessageNews(
    message_id="m1",
    reference=None,
    state=State.DELIVERED,
    final=True,
    cause=None,
    cause_code=None,
    recipient="+4915112345678",
    text_start="hello",
    parts=1,
    parts_delivered=1,
    accepted_at=WHEN,
    changed_at=WHEN.replace(minute=9),
    smpp_source="Acme",
    smpp_source_ton=5,
    smpp_source_npi=0,
    smpp_dest="4915112345678",
    smpp_dest_ton=1,
    smpp_dest_npi=1,
)

INBOUND = InboundNews(
    inbound_id="i1",
    sender="+4915112345678",
    sim_number="+4915100000",
    sim="8949000000000000001",
    text="hello",
    data=None,
    sent_at=WHEN,
    received_at=WHEN,
)


def notice(news=NEWS, number=1, **changes):
    return Notice(
        id=number,
        public_id=f"n{number}",
        account_id=7,
        tries=0,
        created_at=WHEN,
        news=replace(news, **changes),
    )


def fields_of(body):
    """Read the body of a deliver_sm, octet by octet."""
    values, rest = {}, body

    def string(name):
        nonlocal rest
        values[name], _, rest = rest.partition(b"\0")

    def octet(name):
        nonlocal rest
        values[name], rest = rest[0], rest[1:]

    for name, read in DELIVER:
        (string if read else octet)(name)
    length = values["sm_length"]
    values["short_message"], rest = rest[:length], rest[length:]
    values["tlvs"] = {}
    while rest:
        tag, size = struct.unpack(">HH", rest[:4])
        values["tlvs"][tag], rest = rest[4 : 4 + size], rest[4 + size :]
    return values


DELIVER = (
    ("service_type", True),
    ("source_addr_ton", False),
    ("source_addr_npi", False),
    ("source_addr", True),
    ("dest_addr_ton", False),
    ("dest_addr_npi", False),
    ("destination_addr", True),
    ("esm_class", False),
    ("protocol_id", False),
    ("priority_flag", False),
    ("schedule_delivery_time", True),
    ("validity_period", True),
    ("registered_delivery", False),
    ("replace_if_present_flag", False),
    ("data_coding", False),
    ("sm_default_msg_id", False),
    ("sm_length", False),
)
