"""The one way in for every door: number, parts, policy, then the store.

What ``submit`` returns is committed: it survives a power cut.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance import msisdn, text
from appliance.clock import Clock
from appliance.errors import BadField, TooManyParts
from appliance.models import Account
from appliance.policy.categories import PRIORITY
from appliance.store import Store
from appliance.store.space import Space
from appliance.store.values import NewMessage
from appliance.submission import Accepted, Submission, WhenUncertain
from appliance.text import Encoding

LONGEST_NAME: Final = 255
"""Characters of a reference or an idempotency key."""

LONGEST_HEADER: Final = 139
"""Octets of an app's own user data header, without its length octet (23.040 9.2.3.24)."""

FURTHEST: Final = timedelta(days=3650)
"""How far ahead a message may be asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRules:
    """What this site takes.

    ``countries`` is asked at each message, since SIMs come and go; an empty set allows all.
    """

    region: str | None
    short_codes: bool
    countries: Callable[[], frozenset[str]]
    max_parts: int
    validity: timedelta
    when_uncertain: WhenUncertain


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
        return await self._store.messages.accept(self._checked(account, submission))

    def _checked(self, account: Account, asked: Submission) -> NewMessage:
        assert account.id is not None
        rules, now = self._rules, self._clock.now()
        recipient = msisdn.parse(
            asked.to,
            region=rules.region,
            short_codes=rules.short_codes,
            countries=rules.countries(),
        )
        segments = self._segments(asked)
        _check_names(asked)
        not_before, expires_at = self._times(asked, now)
        return NewMessage(
            account_id=account.id,
            door=asked.door,
            category=asked.category,
            priority=_priority(asked),
            reference=asked.reference,
            idempotency_key=asked.idempotency_key,
            request_hash=self._request_hash(asked, recipient.e164),
            recipient=recipient.e164,
            suffix=msisdn.suffix(recipient.e164),
            text=asked.text,
            data=asked.data,
            udh=asked.udh or None,
            flash=asked.flash,
            encoding=segments[0].encoding,
            parts=len(segments),
            not_before=not_before,
            expires_at=expires_at,
            receipts=asked.receipts,
            when_uncertain=asked.when_uncertain or rules.when_uncertain,
            smpp=_smpp(asked),
            at=now,
        )

    def _times(self, asked: Submission, now: datetime) -> tuple[datetime, datetime]:
        """Return from when and until when it may leave."""
        validity = self._rules.validity if asked.validity is None else asked.validity
        ahead = {
            "not_before": (asked.not_before or now) - now,
            "expires_at": (asked.expires_at or now) - now,
            "validity": validity,
        }
        for field, time in ahead.items():
            if time > FURTHEST:
                raise BadField(field, "further away than ten years")
        not_before = max(asked.not_before or now, now)
        expires_at = asked.expires_at or not_before + validity
        if expires_at <= not_before:
            field = "expires_at" if asked.expires_at else "validity"
            raise BadField(field, "over before the message could be sent")
        return not_before, expires_at

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
        )

    def _segments(self, asked: Submission) -> tuple[text.Segment, ...]:
        if (asked.text is None) == (asked.data is None):
            raise BadField("text", "give either a text or data, and not both")
        if len(asked.udh) > LONGEST_HEADER:
            raise BadField("udh", f"longer than {LONGEST_HEADER} octets")
        header = len(asked.udh) + 1 if asked.udh else 0
        if asked.text is not None:
            _check_characters("text", asked.text)
            segments = text.split(asked.text, header=header)
        else:
            segments = text.split_data(asked.data or b"", header=header)
        if len(segments) > self._rules.max_parts:
            field = "data" if segments[0].encoding is Encoding.BINARY else "text"
            why = f"needs {len(segments)} parts; at most {self._rules.max_parts} are allowed"
            raise TooManyParts(field, why)
        return segments


def _check_names(asked: Submission) -> None:
    for field in ("reference", "idempotency_key"):
        value = getattr(asked, field)
        if value is not None and not 1 <= len(value) <= LONGEST_NAME:
            raise BadField(field, f"not between 1 and {LONGEST_NAME} characters")
        if value is not None:
            _check_characters(field, value)


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
    """Return the addresses as the ESME gave them, to be given back; None if it gave none."""
    if not (asked.smpp_source or asked.smpp_dest):
        return None
    return {
        "source": asked.smpp_source,
        "source_ton": asked.smpp_source_ton,
        "source_npi": asked.smpp_source_npi,
        "dest": asked.smpp_dest,
        "dest_ton": asked.smpp_dest_ton,
        "dest_npi": asked.smpp_dest_npi,
    }
