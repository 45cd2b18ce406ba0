"""What of the configuration the SMPP door needs, and what it needs besides."""

from typing import Protocol

from appliance.models import Account
from appliance.notice import Notice


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
    def plain(self) -> bool:
        """Tell whether there is a port without TLS."""
        ...

    @property
    def tls_certificate(self) -> str:
        """Return the file of our certificate and of those that vouch for it; "": no TLS."""
        ...

    @property
    def tls_key(self) -> str:
        """Return the file of its key; "": it is in the same file."""
        ...

    @property
    def tls_client_ca(self) -> str:
        """Return the file of who signs for clients; "": clients are asked for no certificate."""
        ...

    @property
    def tls_port(self) -> int:
        """Return the port for TLS; 0: any that is free."""
        ...

    @property
    def tls_handshake_seconds(self) -> float:
        """Return how long a TLS handshake may take."""
        ...

    @property
    def wrong_credentials(self) -> str:
        """Return how wrong credentials are told, one of ``admission.WRONG``."""
        ...

    @property
    def most_connections(self) -> int:
        """Return how many connections there may be in all."""
        ...

    @property
    def most_unbound_per_address(self) -> int:
        """Return how many connections of one address may be without a bind."""
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
    def pdu_read_seconds(self) -> float:
        """Return how long a peer may take for the rest of a PDU."""
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
    def retry_seconds(self) -> float:
        """Return how long what a peer did not take waits at first."""
        ...

    @property
    def retry_longest_seconds(self) -> float:
        """Return how long it waits at most."""
        ...

    @property
    def leaving_seconds(self) -> float:
        """Return how long answers in flight are awaited, and then the answer to our unbind."""
        ...

    @property
    def proof_seconds(self) -> float:
        """Return how long a peer may take to show that it lives, when another wants its place."""
        ...

    @property
    def window(self) -> int:
        """Return how many requests may be under way on a session, in each direction."""
        ...


class Members(Protocol):
    """Who is allowed in."""

    async def find(self, system_id: str) -> Account | None:
        """Return the account of that system_id, None if there is none or it is revoked."""
        ...

    def recalls(self, account: Account, password: str) -> bool:
        """Tell at once whether this password was found good before, and is still one."""
        ...

    async def verify(self, account: Account | None, password: str) -> None:
        """Check a password; None, who is nobody, takes as long as anybody.

        Raises:
            Unauthorised: it is wrong.

        """
        ...


class Books(Protocol):
    """What is written down of notices on their way, and read of other daemons' answers."""

    async def part_taken(self, notice: Notice, parts: int, form: str, /) -> None:
        """Store that the first ``parts`` of the PDUs of a notice are acknowledged.

        ``form``: how they were cut.
        """
        ...

    async def answered(self, notice: Notice, /) -> None:
        """Wait until no other daemon owes the answer to the submit that a notice tells of."""
        ...
