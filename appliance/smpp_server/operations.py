"""What a transmitter may ask for, carried out: each request of it becomes the body of its answer.

What is answered is committed.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from appliance.clock import Clock
from appliance.errors import (
    ApplianceError,
    BadNumber,
    NotFound,
    NumberNotAllowed,
    SmppError,
    TooLate,
)
from appliance.lifecycle import FINAL, State, message_state
from appliance.models import Account
from appliance.smpp_server.content import Content, content
from appliance.smpp_server.fields import Address, Tlv
from appliance.smpp_server.manner import Manner
from appliance.smpp_server.messages import manner_of
from appliance.smpp_server.names import V50, Status, Tag, Ton
from appliance.smpp_server.network_errors import octet_of
from appliance.smpp_server.pdu import (
    MESSAGE_ANSWER,
    MULTI_ANSWER,
    NOTHING,
    QUERY_ANSWER,
    Asked,
    Cancel,
    Data,
    MessageAnswer,
    Multi,
    MultiAnswer,
    Nothing,
    Query,
    QueryAnswer,
    Replace,
    ShortMessage,
)
from appliance.smpp_server.receipts import FATES
from appliance.smpp_server.times import written
from appliance.smpp_server.translate import (
    as_short_message,
    each,
    receipts,
    recipient,
    status_of,
    submission,
    times,
)
from appliance.store.enquiry import Handed
from appliance.store.withdrawal import Withdrawn
from appliance.submission import Accepted, Submission
from appliance.text import numbering_in
from appliance.withdrawal import Replacement

SCHEDULED: Final = 0
"""message_state of what may not leave yet (5.0, 4.7.15)."""

ENDED: Final = FINAL | {State.NO_REPORT}
"""States that have a final_date."""


class Messages(Protocol):
    """Where messages go, and where one asks for them."""

    def current(self, account: Account, /) -> Account:
        """Return the account as it is set now."""
        ...

    def load(self, account: Account, /) -> int:
        """Return how near queue and store are to their bounds, the worse of both: 0-99."""
        ...

    async def submit(self, account: Account, asked: Submission, /) -> Accepted:
        """Store a message; return only when it would survive a power cut."""
        ...

    def check(self, account: Account, asked: Submission, /) -> None:
        """Raise what is wrong with a message, as ``submit`` would."""
        ...

    def recipient(self, number: str, region: str | None, /) -> str:
        """Return a number as messages to it are stored."""
        ...

    def new_group(self) -> str:
        """Return an id for several messages that are submitted together."""
        ...

    async def sim(self, number: str, /) -> int | None:
        """Return the SIM whose own number this is, None if it is none of ours."""
        ...

    async def of(self, account: Account, name: str, /) -> list[Handed]:
        """Return what the account knows by this id; raises NotFound."""
        ...

    async def waiting_for(self, account: Account, recipient: str, /) -> list[Handed]:
        """Return what of the account waits for a number, oldest first."""
        ...

    async def cancel(self, account: Account, names: Sequence[str], /) -> Withdrawn:
        """Cancel messages as far as they have not left."""
        ...

    async def change(self, account: Account, name: str, wanted: Replacement, /) -> None:
        """Change a message that has not left; raises TooLate."""
        ...

    async def supersede(self, account: Account, name: str, asked: Submission, /) -> None:
        """Let a message that has not left be wholly another; raises TooLate."""
        ...


@dataclass(frozen=True, slots=True)
class _Asker:
    """Who asks, and when.

    Attributes:
        version: the interface_version of the bind.
        tlvs: what each good answer carries.

    """

    account: Account
    manner: Manner
    version: int
    now: datetime
    tlvs: tuple[Tlv, ...]


class Operations:
    """Carries out requests."""

    def __init__(self, messages: Messages, clock: Clock, *, gsm0: str) -> None:
        """``gsm0``: what data_coding 0 is for accounts that have not set it."""
        self._messages, self._clock, self._gsm0 = messages, clock, gsm0
        self._manners: dict[int, tuple[Account, Manner]] = {}

    def manner(self, account: Account) -> Manner:
        """Return how an account speaks SMPP now."""
        return self._manner(self._messages.current(account))

    def _manner(self, account: Account) -> Manner:
        """Return how it speaks, read from what is set once for each setting."""
        known, manner = self._manners.get(account.id or 0, (None, None))
        if manner is None or known is not account:
            manner = manner_of(account, self._gsm0)
            self._manners[account.id or 0] = (account, manner)
        return manner

    async def answer(self, account: Account, request: Asked, *, version: int, load: int) -> bytes:
        """Carry out a request and return the body of its answer.

        Args:
            account: who asks.
            request: the body of what is asked.
            version: the interface_version of the bind.
            load: 0-99, how full the window is; peers of 5.0 are told the worst of it, of the
                queue and of the store.

        Raises:
            ApplianceError: it is refused; ``translate.status_of`` says with which status.

        """
        account = self._messages.current(account)
        tlvs: tuple[Tlv, ...] = ()
        if version >= V50:
            worst = max(load, self._messages.load(account))
            tlvs = (Tlv(Tag.CONGESTION_STATE, bytes((worst,))),)
        asker = _Asker(account, self._manner(account), version, self._clock.now(), tlvs)
        match request:
            case ShortMessage():
                return await self._one(asker, request)
            case Data():
                return await self._one(asker, as_short_message(request, asker.now))
            case Multi():
                return await self._several(asker, request)
            case Query():
                return await self._query(asker, request)
            case Cancel():
                return await self._cancel(asker, request)
            case Replace():
                return await self._replace(asker, request)

    # submit_sm, data_sm, submit_multi

    async def _one(self, asker: _Asker, sm: ShortMessage) -> bytes:
        wanted = submission(sm, now=asker.now, version=asker.version, manner=asker.manner)
        if (sim := await self._sim(asker, sm)) is not None:
            wanted = wanted._replace(only_sim=sim)
        name = await self._submit(asker, wanted, replaces=bool(sm.replace_if_present_flag))
        return MESSAGE_ANSWER.encode(
            MessageAnswer(message_id=name.encode("ascii"), tlvs=asker.tlvs)
        )

    async def _several(self, asker: _Asker, multi: Multi) -> bytes:
        """Submit to each destination a message of its own; all go by one id."""
        pairs = each(multi)
        said = content(pairs[0][1], version=asker.version, manner=asker.manner)
        sim, group = await self._sim(asker, multi), self._messages.new_group()
        failed: list[tuple[Address, ApplianceError]] = []
        wanted: list[tuple[Address, Submission]] = []
        for address, sm in pairs:
            try:
                asked = _addressed(asker, sm, said)
            except SmppError as error:
                failed.append((address, error))
            else:
                named = asked._replace(only_sim=sim, batch=group, smpp_name=group)
                wanted.append((address, named))
        self._check(asker, [asked for _, asked in wanted])

        async def submit(address: Address, asked: Submission) -> None:
            try:
                await self._submit(asker, asked, replaces=bool(multi.replace_if_present_flag))
            except ApplianceError as error:
                failed.append((address, error))

        await asyncio.gather(*(submit(*one) for one in wanted))
        if len(failed) == len(pairs):  # nothing was taken: then there is nothing to have an id
            raise failed[0][1]
        refused = tuple((address, status_of(error)) for address, error in failed)
        return MULTI_ANSWER.encode(
            MultiAnswer(message_id=group.encode("ascii"), unsuccessful=refused, tlvs=asker.tlvs)
        )

    def _check(self, asker: _Asker, wanted: Sequence[Submission]) -> None:
        """Refuse at once what is wrong with the text: it is wrong for every destination."""
        for asked in wanted:
            try:
                return self._messages.check(asker.account, asked)
            except (BadNumber, NumberNotAllowed):
                continue  # that is wrong with this one only
        return None

    async def _sim(self, asker: _Asker, sm: ShortMessage | Multi) -> int | None:
        """Return the SIM that the source address names, None: any.

        Raises:
            SmppError: the address names none, and the account is to name one.

        """
        rule = asker.account.source_rule or "ignore"
        if rule == "ignore" or not sm.source_addr:
            return None
        found = None
        if sm.source_addr_ton != Ton.ALPHANUMERIC:
            try:
                number = recipient(sm.source_addr_ton, sm.source_addr)
                found = await self._messages.sim(
                    self._messages.recipient(number, asker.manner.region)
                )
            except (SmppError, BadNumber, NumberNotAllowed):
                found = None
        if found is None and rule == "refuse":
            raise SmppError(Status.BAD_SOURCE, "source_addr is the number of no SIM here")
        return found

    async def _submit(self, asker: _Asker, asked: Submission, *, replaces: bool) -> str:
        """Submit a message, or let one that waits be it; return the id its ESME knows it by."""
        if replaces and (name := await self._replaced(asker, asked)):
            return name
        accepted = await self._messages.submit(asker.account, asked)
        return asked.smpp_name or accepted.id

    async def _replaced(self, asker: _Asker, asked: Submission) -> str | None:
        numbered = numbering_in(asked.udh)
        if numbered is not None and numbered.total > 1:
            raise SmppError(Status.REPLACE_REFUSED, "a segment replaces nothing")
        to = self._messages.recipient(asked.to, asked.region)
        same = (asked.smpp_source, asked.smpp_service_type)
        for one in reversed(await self._messages.waiting_for(asker.account, to)):
            if one.segment or same != (_given(one, "source"), _given(one, "service_type")):
                continue
            known_as = _given(one, "name")
            try:
                wanted = asked._replace(smpp_name=known_as)
                await self._messages.supersede(asker.account, one.id, wanted)
            except (TooLate, NotFound):
                continue  # it has left meanwhile
            return known_as or one.id
        return None

    # query_sm, cancel_sm, replace_sm

    async def _query(self, asker: _Asker, query: Query) -> bytes:
        found = await self._known(asker, query.message_id, query.source_addr)
        state = message_state(one.state for one in found)
        deciding = next((one for one in found if one.state is state), found[0])
        scheduled = state is State.QUEUED and min(one.not_before for one in found) > asker.now
        number = FATES[state].number
        ended = max(one.changed_at for one in found)
        return QUERY_ANSWER.encode(
            QueryAnswer(
                message_id=(_given(found[0], "name") or found[0].id).encode("ascii"),
                final_date=written(ended) if state in ENDED else b"",
                message_state=SCHEDULED if scheduled and asker.version >= V50 else number,
                error_code=octet_of(state, deciding.cause_code),
                tlvs=asker.tlvs,
            )
        )

    async def _cancel(self, asker: _Asker, cancel: Cancel) -> bytes:
        if cancel.message_id:
            found = await self._known(asker, cancel.message_id, cancel.source_addr)
            found = [one for one in found if _is_to(one, cancel.destination_addr)]
        else:
            found = await self._alike(asker, cancel)
        if not found:
            raise SmppError(Status.BAD_MESSAGE_ID, "no such message")
        withdrawn = await self._messages.cancel(asker.account, [one.id for one in found])
        if not withdrawn.cancelled:
            raise SmppError(Status.CANCEL_FAILED, "it has left, or its fate is known")
        return NOTHING.encode(Nothing(tlvs=asker.tlvs))

    async def _alike(self, asker: _Asker, cancel: Cancel) -> list[Handed]:
        """Return what waits from and to these addresses, of this service_type (4.9.1)."""
        number = recipient(cancel.dest_addr_ton, cancel.destination_addr)
        to = self._messages.recipient(number, asker.manner.region)
        service_type = _text(cancel.service_type)
        return [
            one
            for one in await self._messages.waiting_for(asker.account, to)
            if _is_from(one, cancel.source_addr)
            and service_type in ("", _given(one, "service_type"))
        ]

    async def _replace(self, asker: _Asker, request: Replace) -> bytes:
        if request.sm_default_msg_id:
            raise SmppError(Status.BAD_DEFAULT_MESSAGE, "sm_default_msg_id cannot be used")
        not_before, expires_at = times(request, asker.now)
        wished = receipts(request.registered_delivery, asker.version)
        for one in await self._known(asker, request.message_id, request.source_addr):
            said = _said(asker, one, request)
            wanted = Replacement(
                text=said.text,
                data=said.data,
                udh=said.udh or one.udh,
                not_before=not_before,
                expires_at=expires_at,
                receipts=wished,
            )
            await self._messages.change(asker.account, one.id, wanted)
        return NOTHING.encode(Nothing(tlvs=asker.tlvs))

    async def _known(self, asker: _Asker, name: bytes, source: bytes) -> list[Handed]:
        """Return what the account knows by this id and has sent from this source, '' any.

        Raises:
            NotFound: there is none.

        """
        found = await self._messages.of(asker.account, _text(name))
        if source and not _is_from(found[0], source):
            raise NotFound("message", _text(name))
        return found


def _addressed(asker: _Asker, sm: ShortMessage, said: Content) -> Submission:
    """Return a submission to one of several; what is wrong with all of them ends the request."""
    return submission(sm, now=asker.now, version=asker.version, manner=asker.manner, said=said)


def _said(asker: _Asker, one: Handed, request: Replace) -> Content:
    """Return what a message is to say instead, read as it was at first; of nothing: nothing."""
    sm = ShortMessage(
        esm_class=one.smpp.get("esm_class", 0),
        data_coding=one.smpp.get("coding", 0),
        short_message=request.short_message,
        tlvs=request.tlvs,
    )
    if not request.short_message and sm.optional(Tag.MESSAGE_PAYLOAD) is None:
        return Content(None, None, b"", flash=False)
    return content(sm, version=asker.version, manner=asker.manner)


def _given(one: Handed, name: str) -> str:
    return str(one.smpp.get(name, ""))


def _is_from(one: Handed, source: bytes) -> bool:
    return _given(one, "source").lstrip("+") == _text(source).lstrip("+")


def _is_to(one: Handed, destination: bytes) -> bool:
    """Tell whether a message goes to what an ESME has written, '' anywhere."""
    given = _text(destination).lstrip("+")
    return given in ("", _given(one, "dest").lstrip("+"), one.recipient.lstrip("+"))


def _text(octets: bytes) -> str:
    return octets.decode("latin-1")
