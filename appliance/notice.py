"""What we owe an account, as its carrier gets it. Pure values."""

from dataclasses import dataclass
from datetime import datetime

from appliance.lifecycle import State


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageNews:
    """What became of a message: enough for a webhook and for an SMPP receipt."""

    message_id: str
    reference: str | None
    state: State
    final: bool
    cause: str | None  # a sentence, None if all is well
    cause_code: int | None  # TP-Status or +CMS number; None if no network gave one
    recipient: str | None  # E.164 with +; None once erased
    text_start: str  # the first 20 characters, '' once erased
    parts: int
    parts_delivered: int
    accepted_at: datetime
    changed_at: datetime
    reported: bool = False  # ``cause_code`` is the TP-Status of a report
    smpp_source: str = ""
    smpp_source_ton: int = 0
    smpp_source_npi: int = 0
    smpp_dest: str = ""
    smpp_dest_ton: int = 0
    smpp_dest_npi: int = 0
    smpp_service_type: str = ""
    smpp_reference: int | None = None  # user_message_reference
    smpp_name: str = ""  # the id that the ESME knows it by, '' if it is ``message_id``


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundNews:
    """An SMS that came to one of our SIMs; parts are ``missing`` that did not come in time.

    What is told of such a one is the text so far, with … for what is missing. Should the rest
    come, the same message is told once more, whole.
    """

    inbound_id: str
    sender: str | None  # E.164 with +, a short code, or an alphanumeric name; None once erased
    sim_number: str | None  # our number, None if the SIM does not know it
    sim: str  # ICCID
    text: str | None  # None if it is 8-bit data
    data: bytes | None  # None if it is text
    sent_at: datetime  # the service centre's time stamp
    received_at: datetime
    opt_out: bool = False  # it was understood as STOP
    missing: int = 0
    message_class: int | None = None  # 0-3; 0: to be shown at once (23.038 clause 4)
    indication: str | None = None  # what is waiting elsewhere, such as "voicemail"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNews:
    """A call to one of our SIMs, which was hung up."""

    call_id: str
    caller: str | None  # E.164 with +, or as the network gave it; None: withheld, or erased
    sim_number: str | None  # our number, None if the SIM does not know it
    sim: str  # ICCID
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentNews:
    """Something that happened to a line or to the box: for accounts that look after it."""

    incident_id: str
    kind: str
    slot: str | None  # None: the box itself
    sim: str | None  # ICCID
    sentence: str
    next_step: str  # '' if nothing is to be done
    lasting: bool  # it stands until it is ended
    at: datetime


News = MessageNews | InboundNews | CallNews | IncidentNews


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing owed to one account. ``public_id`` never changes over retries."""

    id: int
    public_id: str
    account_id: int
    tries: int  # before this one
    created_at: datetime
    news: News
    parts_taken: int = 0  # of several PDUs: how many the other side has acknowledged
    parts_form: str = ""  # how those were cut; where they are cut otherwise now, all go again
