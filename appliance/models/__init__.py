"""The tables. Each index says which question it answers.

Numbers and texts stand in ``message`` and ``inbound`` only, and numbers that were opted out by a
list in ``opt_out``, nullable, so that they can be erased; every look-up by number goes through
keyed hashes (``recipient_key``, ``recipient_suffix_key``, ``sender_key``). History, notices,
attempts and reports hold ids and hashes.

The ids of rows that come in numbers are made by the store before they are written
(``appliance.store.ids``): they grow with time, and a row can name another one of its own
transaction without asking the database first.
"""

from appliance.models.accounts import Account, ApiKey, Daemon, DaemonSessions, Setting
from appliance.models.columns import ConsentEvent, InboundState, NoticeKind, Outcome, RequestState
from appliance.models.lines import Incident, Line, ModelProof, Request, ServiceCentre, Sim
from appliance.models.messages import (
    Attempt,
    Bundle,
    ConcatCounter,
    History,
    Lane,
    Message,
    Part,
    Withdrawal,
)
from appliance.models.network import (
    Call,
    Consent,
    Contact,
    Inbound,
    InboundPart,
    OptOut,
    Ported,
    Report,
)
from appliance.models.notices import Notice

__all__ = [
    "Account",
    "ApiKey",
    "Attempt",
    "Bundle",
    "Call",
    "ConcatCounter",
    "Consent",
    "ConsentEvent",
    "Contact",
    "Daemon",
    "DaemonSessions",
    "History",
    "Inbound",
    "InboundPart",
    "InboundState",
    "Incident",
    "Lane",
    "Line",
    "Message",
    "ModelProof",
    "Notice",
    "NoticeKind",
    "OptOut",
    "Outcome",
    "Part",
    "Ported",
    "Report",
    "Request",
    "RequestState",
    "ServiceCentre",
    "Setting",
    "Sim",
    "Withdrawal",
]
