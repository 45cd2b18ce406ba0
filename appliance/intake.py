"""The one way in for every door: number, parts, policy, then the store.

What ``submit`` returns is committed: it survives a power cut.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from appliance import msisdn, text
from appliance.asked import check_characters, check_names, priority_of, segment_of, smpp_of, zone_of
from appliance.clock import Clock
from appliance.errors import (
    AccountPaused,
    ApplianceError,
    BadField,
    NotAllowedHere,
    SubmissionRefused,
    TooManyParts,
    TooOften,
)
from appliance.gate import Gate
from appliance.models import Account
from appliance.policy.categories import Category
from appliance.policy.origins import network_of
from appliance.policy.quiet import Verdict
from appliance.policy.routes import Destination
from appliance.policy.rules import SiteRules
from appliance.store import Store
from appliance.store.lanes import LaneKey
from appliance.store.space import Space
from appliance.store.values import NewMessage
from appliance.submission import Accepted, Submission
from appliance.text import Encoding

logger = logging.getLogger(__name__)

LONGEST_HEADER: Final = 139
"""Octets of an app's own user data header, without its length octet (23.040 9.2.3.24)."""

FURTHEST: Final = timedelta(days=3650)
"""How far ahead a message may be asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRules:
    """What this site takes.

    ``countries`` is asked at each message, since SIMs come and go; an empty set allows all.
    ``national`` are the national languages (``text.LANGUAGES``) whose 7-bit tables may be used,
    ``wide`` says that parts are numbered with 16-bit references. ``site`` is asked at each
    message too: it changes while we run. ``burst`` is for accounts whose submits are counted but
    that have set none, ``most_queued`` is how many messages may wait in all (0: any number).
    """

    region: str | None
    short_codes: bool
    countries: Callable[[], frozenset[str]]
    max_parts: int
    validity: timedelta
    national: tuple[int, ...] = ()
    wide: bool = False
    site: Callable[[], SiteRules] = SiteRules
    burst: int = 1
    most_queued: int = 0


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
        self.gate = Gate(store.lanes.queued, clock, burst=rules.burst, ceiling=rules.most_queued)

    async def submit(self, account: Account, submission: Submission) -> Accepted:
        """Take one message.

        Raises:
            SubmissionRefused: something is wrong with it; ``field`` says what.
            AccountPaused: it may hand in nothing until it is resumed.
            TooFast: the account submits faster than it may.
            NoRoom: nothing can be taken just now.
            StoreError: nothing was stored.

        """
        if account.paused_at is not None:
            raise AccountPaused(account.pause_reason or "")
        self.gate.pace(account)
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
        new.lane_id, new.network = lane_id, to.operator
        accepted = await self._accept(account, new)
        if checked.warnings:
            accepted = replace(accepted, warnings=(*accepted.warnings, *checked.warnings))
        for warning in accepted.warnings:
            logger.warning("%s was taken, but: %s", accepted.id, warning)
        return accepted

    async def _accept(self, account: Account, new: NewMessage) -> Accepted:
        """Store a message, if there is room in the queue."""
        await self.gate.enter(account)
        stored = True  # what is cancelled while it waits for its commit is stored all the same
        try:
            accepted = await self._store.messages.accept(new)
            stored = not accepted.repeated
        except ApplianceError:
            stored = False
            raise
        finally:
            self.gate.leave(account, stored=stored)
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
        written = self._written(asked, words)
        segment = segment_of(asked, len(written.segments))
        check_names(asked)
        quiet = _quiet(site, asked, recipient, now)
        not_before, expires_at, too_late = self._times(asked, now, quiet.at)
        new = self._new(
            account,
            asked,
            recipient.e164,
            written,
            site,
            text=words,
            not_before=not_before,
            expires_at=expires_at,
            cause=quiet.why or None,
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
        **decided: Any,  # noqa: ANN401 - what else there is, as it was decided
    ) -> NewMessage:
        """Return a message as it is to be stored."""
        assert account.id is not None
        segments = written.segments
        return NewMessage(
            account_id=account.id,
            door=asked.door,
            category=asked.category,
            priority=priority_of(asked),
            reference=asked.reference,
            idempotency_key=asked.idempotency_key,
            request_hash=self._request_hash(asked, recipient),
            recipient=recipient,
            suffix=msisdn.suffix(recipient),
            data=asked.data,
            udh=asked.udh or None,
            flash=asked.flash,
            language=written.language,
            service_centre=asked.service_centre,
            pinned_sim_id=asked.only_sim,
            encoding=segments[0].encoding,
            parts=len(segments),
            receipts=asked.receipts,
            when_uncertain=site.uncertain.of(asked.when_uncertain, account.name, asked.category),
            smpp=smpp_of(asked),
            time_zone=asked.time_zone,
            batch=asked.batch,
            protocol=asked.protocol,
            caps=site.caps,
            **decided,
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
        """Return what tells a repetition; nothing where there is no name to repeat it under."""
        if asked.reference is None and asked.idempotency_key is None:
            return b""
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

    def _written(self, asked: Submission, words: str | None) -> text.Choice:
        """Return what its parts carry, and in which tables; ``words``: its text as it is sent."""
        if (words is None) == (asked.data is None):
            raise BadField("text", "give either a text or data, and not both")
        if len(asked.udh) > LONGEST_HEADER:
            raise BadField("udh", f"longer than {LONGEST_HEADER} octets")
        if text.elements_of(asked.udh) is None:
            raise BadField("udh", "no sequence of elements (3GPP TS 23.040 clause 9.2.3.24)")
        header = len(asked.udh) + 1 if asked.udh else 0
        if words is not None:
            check_characters("text", words)
            written = self._worded(words, asked.udh, header)
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
    zone = zone_of(asked.time_zone)
    at = max(asked.not_before or now, now)
    if site.quiet is None:
        return Verdict(at)
    return site.quiet.allows(asked.category, to.e164, to.country, at, zone)
