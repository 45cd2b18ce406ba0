"""What the network said becomes facts in the store: reports, and inbound messages."""

from collections.abc import Mapping, Sequence

from appliance import logs, msisdn, text
from appliance.clock import Clock
from appliance.modem import causes
from appliance.modem.pdu import Deliver, StatusReport
from appliance.policy.consent import SHIPPED_RULES, KeywordRules
from appliance.policy.countries import country_of_imsi
from appliance.policy.keywords import Keyword, keyword
from appliance.store import Store
from appliance.store.answering import Answer
from appliance.store.inbound import Reading
from appliance.store.values import CallFacts, InboundFacts, ReportFacts, Taken
from appliance.text import Encoding, alphabet_of


def reading(
    extra: Mapping[Keyword, Sequence[str]],
    rules: KeywordRules = SHIPPED_RULES,
    reply: Answer | None = None,
) -> Reading:
    """Return how inbound messages are decoded and understood.

    Args:
        extra: the site's own words.
        rules: what a STOP covers.
        reply: what is answered to keywords; None: nothing.

    """
    return Reading(
        decode=_decode,
        understand=lambda words: keyword(words, extra=extra),
        rules=rules,
        reply=reply,
    )


class Inbox:
    """Takes what the pool hears from its modems. What is taken is committed."""

    def __init__(self, store: Store, clock: Clock, region: str | None) -> None:
        """``region``: whose national numbers networks write; None: each SIM's own country."""
        self._store, self._clock, self._region = store, clock, region

    async def report(self, sim_id: int, report: StatusReport) -> bool:
        """Take a status report; twice is harmless. Return whether it is news of a known part."""
        recipient = self._normal(sim_id, report.recipient)
        event = causes.report_event(report.status)
        good = report.status == 0
        facts = ReportFacts(
            sim_id=sim_id,
            service_centre=report.smsc,
            reference=report.reference,
            recipient=recipient,
            suffix=msisdn.suffix(recipient),
            status=report.status,
            event=event,
            cause=None if good else causes.status_sentence(report.status),
            submitted_at=report.sent_at,
            discharged_at=report.discharged_at,
            received_at=self._clock.now(),
            fingerprint=(
                report.reference,
                recipient,
                report.sent_at,
                report.discharged_at,
                report.status,
            ),
        )
        matched = await self._store.reports.take(facts)
        logs.report_came(sim_id, recipient, report.reference, report.status, matched=matched)
        return matched

    async def inbound(self, sim_id: int, deliver: Deliver) -> Taken:
        """Take one inbound part; twice is harmless."""
        sender = self._normal(sim_id, deliver.sender)
        concat = deliver.concat
        facts = InboundFacts(
            sim_id=sim_id,
            sender=sender,
            encoding=deliver.encoding,
            payload=deliver.payload,
            language=deliver.languages[0] * 256 + deliver.languages[1],
            udh=deliver.udh,
            concat_reference=concat.reference if concat else None,
            concat_wide=concat.wide if concat else False,
            total=concat.total if concat else 1,
            ordinal=concat.ordinal if concat else 1,
            sent_at=deliver.sent_at,
            received_at=self._clock.now(),
            message_class=deliver.message_class,
            indication=_indication(deliver),
            fingerprint=(
                sender,
                deliver.sent_at,
                deliver.udh,
                (concat.reference, concat.total, concat.ordinal) if concat else None,
                deliver.payload,
            ),
            suffix=msisdn.suffix(sender),
            loose=msisdn.is_loose(sender),
        )
        taken = await self._store.inbound.take(facts)
        logs.inbound_came(sim_id, sender, taken.inbound_id, new=taken.new, whole=taken.complete)
        return taken

    async def call(self, sim_id: int, number: str | None) -> int:
        """Take a call that was hung up (``number`` None: withheld); return its id."""
        caller = self._normal(sim_id, number) if number else None
        facts = CallFacts(sim_id=sim_id, caller=caller, received_at=self._clock.now())
        call_id = await self._store.calls.take(facts)
        logs.call_came(sim_id, caller, call_id)
        return call_id

    def _normal(self, sim_id: int, number: str) -> str:
        """Return a number as we write it, read as it is dialled where the SIM is at home."""
        imsi = self._store.lines.imsi(sim_id)
        return msisdn.normalise_network(number, self._region or (imsi and country_of_imsi(imsi)))

    async def undecodable(self, sim_id: int, raw: bytes, why: str) -> Taken:
        """Keep what cannot be decoded as it is, and show it."""
        facts = InboundFacts(
            sim_id=sim_id,
            sender=None,
            encoding=None,
            payload=b"",
            language=0,
            udh=b"",
            concat_reference=None,
            concat_wide=False,
            total=1,
            ordinal=1,
            sent_at=None,
            received_at=self._clock.now(),
            raw=raw,
            fingerprint=(raw,),
        )
        logs.undecodable_came(sim_id, why)
        return await self._store.inbound.take(facts)


def _indication(deliver: Deliver) -> str | None:
    """Return what the message says is waiting elsewhere, or no longer is."""
    waiting = deliver.waiting
    if waiting is None:
        return None
    return waiting.kind.value if waiting.active else f"no {waiting.kind.value}"


def _decode(encoding: str, language: int, payload: bytes) -> str | None:
    if encoding == Encoding.BINARY:
        return None
    alphabet = alphabet_of(*divmod(language, 256))
    words = text.decode(Encoding(encoding), payload, alphabet)
    return words.replace("\0", "\N{REPLACEMENT CHARACTER}")  # PostgreSQL stores no U+0000
