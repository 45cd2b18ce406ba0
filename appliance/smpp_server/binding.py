"""A session as the page shows it."""

from dataclasses import dataclass
from datetime import datetime

from appliance.smpp_server.connection import Connection
from appliance.smpp_server.tally import Tally


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
    number: int  # of the connection since the daemon began; what it is called when it is ended
    tls: str | None  # version and cipher; None: plain TCP
    tally: Tally  # what went over it, still counting


def info(connection: Connection, window: int) -> BindInfo:
    """Return what is to be shown of a connection that is bound."""
    session = connection.session
    return BindInfo(
        system_id=(connection.account and connection.account.system_id) or "",
        account_id=connection.account_id,
        bind=session.state.value,
        version=session.version,
        peer=connection.peer,
        since=connection.since,
        window=window,
        submitting=session.unanswered,
        delivering=session.delivering,
        number=connection.number,
        tls=connection.tls,
        tally=session.tally,
    )
