"""One handing of a part to a SIM: what goes to the modem, and what its answer means. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from appliance import text
from appliance.lifecycle import Event
from appliance.models import Outcome
from appliance.modem.causes import Kind
from appliance.modem.pdu import Concat, EncodedSubmit, Submit, encode_submit
from appliance.modem.values import MaybeSent, NotSent, Refused, Sent
from appliance.policy.retries import Again
from appliance.store.values import AttemptEnd, Begin, Begun, Waiting

NO_VALIDITY: Final = frozenset({198, 199})
"""+CMS numbers of a service centre that does not support (this form of) validity periods
(23.040 clause 9.2.3.22): the part goes once more without one."""

SOON: Final = timedelta(seconds=5)
"""How long a message waits that a modem did not even begin to send."""

AGAIN: Final[Mapping[Kind, Again]] = {
    Kind.NUMBER: Again.NEVER,
    Kind.SIM: Again.ANOTHER_SIM,
    Kind.PASSING: Again.TIME,
    Kind.DEVICE: Again.ANOTHER_SIM,
}
"""What a refusal of each kind needs for another try."""

DOUBTED: Final = frozenset({30})
"""+CMS numbers that one SIM alone is not believed: subscribers that one network does not know,
another one does."""

Answer = Sent | NotSent | Refused | MaybeSent


def segments_of(waiting: Waiting) -> tuple[text.Segment, ...]:
    """Return what each part of a message carries, as intake counted them."""
    header = len(waiting.udh) + 1 if waiting.udh else 0
    if waiting.text is not None:
        return text.split(waiting.text, header=header, wide=waiting.wide, language=waiting.language)
    return text.split_data(waiting.data or b"", header=header, wide=waiting.wide)


def encode(begin: Begin, segment: text.Segment, reference: int | None) -> EncodedSubmit:
    """Encode a part; ``reference`` is that of its concatenation header, None for an only part."""
    waiting = begin.waiting
    concat, udh = None, waiting.udh
    if waiting.bundle_id is not None:
        udh = text.renumbered(udh, reference or 0)
    elif waiting.parts > 1:
        concat = Concat(reference or 0, waiting.parts, begin.ordinal, waiting.wide)
    return encode_submit(
        Submit(
            recipient=waiting.recipient,
            segment=segment,
            concat=concat,
            udh=udh,
            language=0 if waiting.udh else waiting.language,  # its own header names its tables
            flash=waiting.flash,
            validity=None if waiting.without_validity else waiting.expires_at - begin.at,
            smsc=waiting.service_centre,
            protocol=waiting.protocol,
            report=begin.unreported is None,
        )
    )


def understand(begin: Begin, begun: Begun, answer: Answer, at: datetime) -> AttemptEnd:
    """Return what a modem's answer means for the part.

    Only "this number, for good" fails a part. What this SIM may not, what passes and what is
    the device's own trouble goes back to the queue (``policy.retries`` says until when); what
    may be on the air never does.
    """
    end = AttemptEnd(
        attempt_id=begun.attempt_id,
        begin=begin,
        outcome=Outcome.UNCERTAIN,
        event=Event.LOSE,
        at=at,
    )
    match answer:
        case Sent(reference):
            return replace(end, outcome=Outcome.SENT, event=Event.ACCEPT, reference=reference)
        case MaybeSent(why):
            return replace(end, cause=why)
        case NotSent(why, code):
            return replace(
                end,
                outcome=Outcome.RELEASED,
                event=Event.RELEASE,
                code=code,
                cause=why,
                not_before=at + SOON,
            )
        case Refused(cause, code) if cause.kind is Kind.MAYBE_SENT:
            return replace(end, code=code, cause=cause.sentence)
        case Refused(cause, code):
            end = replace(end, outcome=Outcome.REFUSED, code=code, cause=cause.sentence)
            return _refused(end, cause.kind)


def _refused(end: AttemptEnd, kind: Kind) -> AttemptEnd:
    validity = kind is Kind.PASSING and end.code in NO_VALIDITY
    if validity and not end.begin.waiting.without_validity:
        again = Again.AS_IT_IS
    elif kind is Kind.NUMBER and end.code in DOUBTED:
        again = Again.SECOND_OPINION
    else:
        again = AGAIN[kind]
    return replace(
        end,
        event=Event.REFUSE if again is Again.NEVER else Event.RELEASE,
        again=again,
        without_validity=again is Again.AS_IT_IS,
    )
