"""The one way in for every door: number, parts, policy, then the store.

What ``submit`` returns is committed: it survives a power cut.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from appliance import msisdn, text
from appliance.clock import Clock
from appliance.errors import BadField, NotAllowedHere, SubmissionRefused, TooManyParts, TooOften
from appliance.models import Account
from appliance.policy.categories import PRIORITY, Category
from appliance.policy.origins import network_of
from appliance.policy.quiet import Verdict
from appliance.policy.routes import Destination
from appliance.policy.rules import SiteRules
from appliance.store import Store
from appliance.store.lanes import LaneKey
from appliance.store.space import Space
from appliance.store.values import NewMessage, Segment
from appliance.submission import SERVICE_CENTRE, Accepted, Submission
from appliance.text import Encoding

logger = logging.getLogger(__name__)

LONGEST_NAME: Final = 255
"""Characters of a reference or an idempotency key."""

LONGEST_HEADER: Final = 139
"""Octets of an app's own user data header, without its length octet (23.040 9.2.3.24)."""

SMPP: Final = tuple(
    field.name.removeprefix("smpp_")
    for field in fields(Submission)
    if field.name.startswith("smpp_")
)
"""What is kept with a message of what its ESME gave."""

FURTHEST: Final = timedelta(days=3650)
"""How far ahead a message may be asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRules:
    """What this site takes.

    ``countries`` is asked at each message, since SIMs come and go; an empty set allows all.
    ``national`` are the national languages (``text.LANGUAGES``) whose 7-bit tables may be used,
    ``wide`` says that parts are numbered with 16-bit references. ``site`` is asked at each
    message too: it changes while we run.
    """

    region: str | None
    short_codes: bool
    countries: Callable[[], frozenset[str]]
    max_parts: int
    validity: timedelta
    national: tuple[int, ...] = ()
    wide: bool = False
    site: Callable[[], SiteRules] = SiteRules


@dataclass(frozen=True, slots=True)
class _Checked:
    """A message as it is to be stored, its recipient's country, and what is to be told of it.

    ``too_late`` is for new messages only: what is repeated may have been in time at first.
    """

    new: NewMessage
    country: str | None
    warnings: tuple[str, ...]
    too_late: BadField | None


class Intake:
    """Checks and stores what accounts ask for."""

    def __init__(self, store: Store, clock: Clock, rules: IntakeRules, space: Space) -> None:
        self._store, self._clock, self._rules, self._space = store, clock, rules, space

    async def submit(self, account: Account, submission: Submission) -> Accepted:
        """Take one message.

        Raises:
            SubmissionRefused: something is wrong with it; ``field`` says what.
            NoRoom: nothing can be taken just now.
            StoreError: nothing was stored.

        """
        self._space.check()
        site = self._rules.site()
        checked = self._checked(account, submission, site)
        new = checked.new
        if refusal := checked.too_late or _flood(site, new):
            return await self._answered_before(new, refusal)
        to = Destination(
            account=account.name,
            category=submission.category,
            recipient=new.recipient,
            country=checked.country,
            operator=await self._operator(new.recipient, site),
        )
        key = LaneKey(new.account_id, new.category, new.priority, site.routes.of(to).name)
        lane_id = await self._store.lanes.of(key)
        new = replace(new, lane_id=lane_id, network=to.operator)
        accepted = await self._store.messages.accept(new)
        accepted = replace(accepted, warnings=(*accepted.warnings, *checked.warnings))
        for warning in accepted.warnings:
            logger.warning("%s was taken, but: %s", accepted.id, warning)
        return accepted

    async def _operator(self, recipient: str, site: SiteRules) -> str | None:
        """Return the recipient's network, where a route asks for it: as imported, else a guess."""
        if not site.routes.ask_for_operator:
            return None
        return await self._store.ported.operator(recipient) or network_of(recipient)

    def checked(self, account: Account, asked: Submission) -> NewMessage:
        """Return a message as it would be stored, by the rules for new ones.

        Raises:
            SubmissionRefused: something is wrong with it; ``field`` says what.

        """
        checked = self._checked(account, asked, self._rules.site())
        if checked.too_late:
            raise checked.too_late
        return checked.new

    def recipient(self, number: str, region: str | None = None) -> str:
        """Return a number as messages to it are stored: E.164, or a short code.

        ``region``: whose national numbers are understood; None: the site's.

        Raises:
            BadNumber: it is none.

        """
        anywhere: frozenset[str] = frozenset()
        region = region or self._rules.region
        return msisdn.parse(number, region=region, short_codes=True, countries=anywhere).e164

    async def _answered_before(self, new: NewMessage, refusal: SubmissionRefused) -> Accepted:
        """Answer a repetition as the first time, whatever has come to be wrong with it since."""
        found = await self._store.messages.repeated(new)
        if found is None:
            raise refusal
        return found

    def _checked(self, account: Account, asked: Submission, site: SiteRules) -> _Checked:
        rules, now = self._rules, self._clock.now()
        recipient = msisdn.parse(
            asked.to,
            region=asked.region or rules.region,
            short_codes=rules.short_codes,
            countries=rules.countries(),
        )
        words, warnings = _by_content(site, asked)
        written = self._written(replace(asked, text=words))
        segment = _segment(asked, len(written.segments))
        _check_names(asked)
        quiet = _quiet(site, asked, recipient, now)
        not_before, expires_at, too_late = self._times(asked, now, quiet.at)
        new = replace(
            self._new(account, asked, recipient.e164, written, site),
            text=words,
            not_before=not_before,
            expires_at=expires_at,
            cause=quiet.why or None,
            caps=site.caps,
            at=now,
            segment=segment,
            wide=segment.wide if segment else rules.wide,
        )
        return _Checked(new, recipient.country, warnings, too_late)

    def _new(
        self,
        account: Account,
        asked: Submission,
        recipient: str,
        written: text.Choice,
        site: SiteRules,
    ) -> NewMessage:
        """Return a message as it is to be stored, as far as what is asked says it."""
        assert account.id is not None
        segments, now = written.segments, self._clock.now()
        return NewMessage(
            account_id=account.id,
            door=asked.door,
            category=asked.category,
            priority=_priority(asked),
            reference=asked.reference,
            idempotency_key=asked.idempotency_key,
            request_hash=self._request_hash(asked, recipient),
            recipient=recipient,
            suffix=msisdn.suffix(recipient),
            text=asked.text,
            data=asked.data,
            udh=asked.udh or None,
            flash=asked.flash,
            language=written.language,
            service_centre=asked.service_centre,
            pinned_sim_id=asked.only_sim,
            encoding=segments[0].encoding,
            parts=len(segments),
            not_before=now,
            expires_at=now,
            receipts=asked.receipts,
            when_uncertain=site.uncertain.of(asked.when_uncertain, account.name, asked.category),
            smpp=_smpp(asked),
            at=now,
            time_zone=asked.time_zone,
            batch=asked.batch,
            protocol=asked.protocol,
        )

    def _times(
        self, asked: Submission, now: datetime, allowed_at: datetime
    ) -> tuple[datetime, datetime, BadField | None]:
        """Return from when and until when it may leave; ``allowed_at``: not in quiet hours.

        The last is what is wrong with a new message that could not leave in time.
        """
        validity = self._rules.validity if asked.validity is None else asked.validity
        ahead = {
            "not_before": (asked.not_before or now) - now,
            "expires_at": (asked.expires_at or now) - now,
            "validity": validity,
        }
        for field, time in ahead.items():
            if time > FURTHEST:
                raise BadField(field, "further away than ten years")
        not_before = max(asked.not_before or now, now, allowed_at)
        expires_at = asked.expires_at or not_before + validity
        if expires_at > not_before:
            return not_before, expires_at, None
        field = "expires_at" if asked.expires_at else "validity"
        return not_before, expires_at, BadField(field, "over before the message could be sent")

    def _request_hash(self, asked: Submission, recipient: str) -> bytes:
        return self._store.messages.fingerprint(
            recipient,
            asked.text,
            asked.data,
            asked.udh,
            asked.flash,
            asked.category.value,
            asked.priority,
            asked.not_before,
            asked.expires_at,
            asked.validity,
            # Left out where there is none, so that a repetition from before there were any fits.
            *((asked.service_centre,) if asked.service_centre else ()),
            *((("batch", asked.batch),) if asked.batch else ()),
            *((("time_zone", asked.time_zone),) if asked.time_zone else ()),
            *((("protocol", asked.protocol),) if asked.protocol else ()),
        )

    def _written(self, asked: Submission) -> text.Choice:
        """Return what its parts carry, and in which tables."""
        if (asked.text is None) == (asked.data is None):
            raise BadField("text", "give either a text or data, and not both")
        if len(asked.udh) > LONGEST_HEADER:
            raise BadField("udh", f"longer than {LONGEST_HEADER} octets")
        if text.elements_of(asked.udh) is None:
            raise BadField("udh", "no sequence of elements (3GPP TS 23.040 clause 9.2.3.24)")
        header = len(asked.udh) + 1 if asked.udh else 0
        if asked.text is not None:
            _check_characters("text", asked.text)
            written = self._worded(asked.text, asked.udh, header)
        else:
            data = text.split_data(asked.data or b"", header=header, wide=self._rules.wide)
            written = text.Choice(data, 0)
        segments = written.segments
        if len(segments) > self._rules.max_parts:
            field = "data" if segments[0].encoding is Encoding.BINARY else "text"
            why = f"needs {len(segments)} parts; at most {self._rules.max_parts} are allowed"
            raise TooManyParts(field, why)
        return written

    def _worded(self, words: str, udh: bytes, header: int) -> text.Choice:
        """Return ``words`` in the tables that the app's own header names, or the best there are."""
        wide = self._rules.wide
        if named := text.tables_in(udh):
            return text.Choice(text.split(words, header=header, wide=wide, language=named), named)
        return text.choose(words, self._rules.national, header=header, wide=wide)


def _flood(site: SiteRules, new: NewMessage) -> TooOften | None:
    """Return why there are too many of its kind just now, None if there are not."""
    if site.floods is None:
        return None
    flood = site.floods.judge(new.account_id, Category(new.category), new.at)
    return TooOften(flood.field, flood.why) if flood else None


def _by_content(site: SiteRules, asked: Submission) -> tuple[str | None, tuple[str, ...]]:
    """Return the text that is to be sent by the site's rules, and what is to be told of it.

    Raises:
        NotAllowedHere: the text breaks one.

    """
    if asked.text is None:
        return None, ()
    checked = site.content.check(asked.text, asked.category)
    if checked.refusal:
        raise NotAllowedHere("text", checked.refusal)
    return checked.text, checked.warnings


def _quiet(site: SiteRules, asked: Submission, to: msisdn.Recipient, now: datetime) -> Verdict:
    """Return from when on the recipient may be written to."""
    zone = _zone(asked.time_zone)
    at = max(asked.not_before or now, now)
    if site.quiet is None:
        return Verdict(at)
    return site.quiet.allows(asked.category, to.e164, to.country, at, zone)


def _segment(asked: Submission, parts: int) -> Segment | None:
    """Return of what a message is a segment, if its app has split that itself."""
    found = text.numbering_in(asked.udh)
    if found is None or found.total == 1:
        return None
    if parts > 1:
        raise TooManyParts("udh", "it numbers a segment, which must fit into one part")
    return Segment(asked.smpp_source, found.reference, found.total, found.ordinal, found.wide)


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise BadField("time_zone", "no such time zone; Europe/Berlin is one") from None


def _check_names(asked: Submission) -> None:
    for field in ("reference", "idempotency_key", "batch"):
        value = getattr(asked, field)
        if value is not None and not 1 <= len(value) <= LONGEST_NAME:
            raise BadField(field, f"not between 1 and {LONGEST_NAME} characters")
        if value is not None:
            _check_characters(field, value)
    if asked.service_centre is not None and not re.fullmatch(SERVICE_CENTRE, asked.service_centre):
        raise BadField("service_centre", "no international number such as +491710760000")


def _check_characters(field: str, words: str) -> None:
    """Refuse what is no character: no phone shows it, and not every database keeps it."""
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in words):
        raise BadField(field, "holds U+0000 or half of a surrogate pair")


def _priority(asked: Submission) -> int:
    if asked.priority is None:
        return PRIORITY[asked.category]
    if not 0 <= asked.priority <= 3:
        raise BadField("priority", "not between 0 and 3")
    return asked.priority


def _smpp(asked: Submission) -> dict[str, str | int] | None:
    """Return what the ESME gave with it, to be given back; None if it came by another door."""
    if not (asked.smpp_source or asked.smpp_dest):
        return None
    return {name: getattr(asked, f"smpp_{name}") for name in SMPP}
