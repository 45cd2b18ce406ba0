"""One handing of a part to a SIM: what goes to the modem, and what its answer means. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from appliance import text
from appliance.lifecycle import Event
from appliance.models import Outcome
from appliance.modem.causes import Kind
from appliance.modem.pdu import Concat, EncodedSubmit, Submit, encode_submit
from appliance.modem.values import MaybeSent, NotSent, Refused, Sent
from appliance.policy.retries import back_off
from appliance.store.values import AttemptEnd, Begin, Begun, Waiting

SOON: Final = timedelta(seconds=5)
"""How long a message waits that a modem did not even begin to send."""

Answer = Sent | NotSent | Refused | MaybeSent


def segments_of(waiting: Waiting) -> tuple[text.Segment, ...]:
    """Return what each part of a message carries, as intake counted them."""
    header = len(waiting.udh) + 1 if waiting.udh else 0
    if waiting.text is not None:
        return text.split(waiting.text, header=header)
    return text.split_data(waiting.data or b"", header=header)


def encode(begin: Begin, segment: text.Segment, reference: int | None) -> EncodedSubmit:
    """Encode a part; ``reference`` is that of its concatenation header, None for an only part."""
    waiting = begin.waiting
    concat = None
    if waiting.parts > 1:
        concat = Concat(reference=reference or 0, total=waiting.parts, ordinal=begin.ordinal)
    return encode_submit(
        Submit(
            recipient=waiting.recipient,
            segment=segment,
            concat=concat,
            udh=waiting.udh,
            flash=waiting.flash,
            validity=waiting.expires_at - begin.at,
        )
    )


def understand(begin: Begin, begun: Begun, answer: Answer, at: datetime) -> AttemptEnd:
    """Return what a modem's answer means for the part.

    Only "this number, for good" fails a part. What this SIM may not, what passes and what is
    the device's own trouble goes back to the queue; what may be on the air never does.
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
            final = cause.kind is Kind.NUMBER
            return replace(
                end,
                outcome=Outcome.REFUSED,
                event=Event.REFUSE if final else Event.RELEASE,
                code=code,
                cause=cause.sentence,
                not_before=None if final else at + back_off(1),
            )
