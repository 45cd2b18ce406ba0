"""A session of the SMPP server as people see it, whichever daemon it is bound at. Pure."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LastError:
    """The last command_status that was not 0, and the request it answered.

    Attributes:
        at: when; aware, UTC.
        request: the request's name, such as ``submit_sm``.
        status: the number.
        name: our word for it, such as ``throttled``; ``other`` if we have none.

    """

    at: datetime
    request: str
    status: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """Who is bound, from where, how, and how it goes.

    Attributes:
        id: what it is called; no two sessions are called alike, over restarts too.
        daemon: the name of the daemon that it is bound at.
        daemon_id: its number.
        account_id: whose it is.
        system_id: what it has bound as.
        peer: address and port it comes from.
        bind: tx, rx or trx; leaving and unbinding on its way out.
        version: the peer's interface_version, 0x34 for SMPP 3.4.
        tls: version of TLS and its cipher; None: plain TCP.
        since: when it was bound; aware, UTC.
        window: requests that may be under way, in each direction.
        submits_per_second: requests for messages, the mean over the last minute.
        receipts_per_second: receipts and inbound messages that it took, likewise.
        submitting: requests that wait for our answer.
        delivering: receipts and inbound messages that wait for its answer.
        last_error: None if there was none.
        timers: what it is given how many seconds for.

    """

    id: str
    daemon: str
    daemon_id: int
    account_id: int
    system_id: str
    peer: str
    bind: str
    version: int
    tls: str | None = None
    since: datetime
    window: int
    submits_per_second: float = 0.0
    receipts_per_second: float = 0.0
    submitting: int = 0
    delivering: int = 0
    last_error: LastError | None = None
    timers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What an account is owed.

    Attributes:
        queued: notices that wait: receipts, inbound messages and others.
        parked: notices that are kept and not tried again by themselves.

    """

    queued: int = 0
    parked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceView:
    """How a trace of an account's PDUs stands.

    Attributes:
        begun: when it was switched on; aware, UTC.
        until: when it ends, or ended.
        running: it goes on.
        clear: numbers and texts are in it as they are.
        pdus: how many it has.
        missed: how many earlier ones had to make room.
        daemon: whose sessions are traced: each daemon traces its own.

    """

    begun: datetime
    until: datetime
    running: bool
    clear: bool
    pdus: int
    missed: int
    daemon: str
