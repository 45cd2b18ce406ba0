"""Other people's SMS codecs behind one face, for what they think of ours.

Each opinion encodes a :class:`Letter` into PDUs and reads a PDU into what all of them can tell.
python-gammu 3.5.1 is libGammu's codec in C, python-gsmmodem-new 0.13.0 and python-messaging 0.5.13
are pure Python; all three were run on Python 3.11. None is used by the product.
"""

import contextlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from appliance.modem.pdu import Concat, Deliver, StatusReport, Submit, decode, encode_submit
from appliance.text import Encoding, encoding_of, split

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # their regular expressions have invalid escapes
    import gsmmodem.pdu as gsmmodem
    import messaging.sms as messaging

gammu: Any = None
with contextlib.suppress(ImportError):  # no wheels but for x86-64 and 64-bit ARM
    import gammu


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is to be sent."""

    number: str = "+4915112345678"
    text: str = "hello"
    validity: timedelta | None = timedelta(days=3)
    flash: bool = False
    report: bool = True
    smsc: str | None = None
    wide: bool = False


Read = dict[str, Any]
"""``sender``, ``text``, ``sent_at`` (UTC, naive), ``concat`` (reference, total, ordinal), ``smsc``;
of a report ``reference``, ``recipient``, ``status``, ``sent_at``, ``discharged_at``. What an
opinion does not tell is left out."""


def our_pdus(letter: Letter, reference: int = 0) -> tuple[str, ...]:
    """Encode with the product; ``reference`` is that of the parts."""
    parts = split(letter.text, wide=letter.wide)
    numbers = [Concat(reference, len(parts), at + 1, letter.wide) for at in range(len(parts))]
    made = [
        encode_submit(
            Submit(
                letter.number,
                part,
                concat=number if len(parts) > 1 else None,
                report=letter.report,
                flash=letter.flash,
                validity=letter.validity,
                smsc=letter.smsc,
            )
        )
        for part, number in zip(parts, numbers, strict=True)
    ]
    return tuple(each.pdu.hex().upper() for each in made)


def our_reading(pdu: str) -> Read:
    """Decode with the product."""
    found = decode(bytes.fromhex(pdu))
    if isinstance(found, StatusReport):
        return {
            "reference": found.reference,
            "recipient": found.recipient,
            "status": found.status,
            "sent_at": _utc(found.sent_at),
            "discharged_at": _utc(found.discharged_at),
            "smsc": found.smsc,
        }
    assert isinstance(found, Deliver)
    concat = found.concat
    return {
        "sender": found.sender,
        "text": found.payload if found.text is None else found.text,
        "sent_at": _utc(found.sent_at),
        "concat": concat and (concat.reference, concat.total, concat.ordinal),
        "smsc": found.smsc,
    }


def _utc(moment: datetime | None) -> datetime | None:
    return moment and moment.astimezone(UTC).replace(tzinfo=None)


# gammu


def gammu_pdus(letter: Letter) -> tuple[str, ...]:
    """Encode with libGammu."""
    kind = "ConcatenatedTextLong16bit" if letter.wide else "ConcatenatedTextLong"
    ucs2 = encoding_of(letter.text) is Encoding.UCS2
    entry = {"ID": kind, "Buffer": letter.text}
    made = gammu.EncodeSMS({"Class": -1, "Unicode": ucs2, "Entries": [entry]})
    pdus = []
    for part in made:
        part |= {
            "Number": letter.number,
            "SMSC": {"Number": letter.smsc or "", "Validity": _gammu_validity(letter.validity)},
            "Class": 0 if letter.flash else -1,
            "Type": "Status_Report" if letter.report else "Submit",
        }
        pdus.append(gammu.EncodePDU(part, "Submit").hex().upper())
    return tuple(pdus)


def _gammu_validity(validity: timedelta | None) -> str:
    if validity is None:
        return "NA"
    minutes = int(validity.total_seconds()) // 60
    for unit, size in (("W", 10080), ("D", 1440)):
        if minutes >= size and not minutes % size:
            return f"{minutes // size}{unit}"
    return f"{minutes}M"


def gammu_reading(pdu: str) -> Read:
    """Decode with libGammu."""
    found = gammu.DecodePDU(bytes.fromhex(pdu), True)
    told = {"sent_at": _utc(found["DateTime"]), "smsc": found["SMSC"]["Number"] or None}
    if found["Type"] == "Status_Report":
        return told | {
            "recipient": found["Number"],
            "reference": found["MessageReference"],
            "status": found["DeliveryStatus"],
            "discharged_at": _utc(found["SMSCDateTime"]),
        }
    header = found["UDH"]
    wide = header["ID16bit"] != -1
    concat = header["ID16bit" if wide else "ID8bit"], header["AllParts"], header["PartNumber"]
    return told | {
        "sender": found["Number"],
        "text": found["Text"],
        "concat": concat if header["AllParts"] > 0 else None,
    }


# python-gsmmodem-new


def gsmmodem_pdus(letter: Letter) -> tuple[str, ...]:
    """Encode with python-gsmmodem-new."""
    made = gsmmodem.encodeSmsSubmitPdu(
        letter.number,
        letter.text,
        reference=0x134 if letter.wide else 0x34,
        validity=letter.validity,
        smsc=letter.smsc,
        requestStatusReport=letter.report,
        sendFlash=letter.flash,
    )
    return tuple(str(each) for each in made)


def gsmmodem_reading(pdu: str) -> Read:
    """Decode with python-gsmmodem-new."""
    found = gsmmodem.decodeSmsPdu(pdu)
    told = {"sent_at": _utc(found["time"]), "smsc": found["smsc"]}
    if found["type"] == "SMS-STATUS-REPORT":
        return told | {
            "recipient": found["number"],
            "reference": found["reference"],
            "status": found["status"],
            "discharged_at": _utc(found["discharge"]),
        }
    numbers = [each for each in found.get("udh", ()) if isinstance(each, gsmmodem.Concatenation)]
    concats = [(each.reference, each.parts, each.number) for each in numbers]
    return told | {
        "sender": found["number"],
        "text": found["text"],
        "concat": concats[-1] if concats else None,
    }


# python-messaging


def messaging_pdus(letter: Letter) -> tuple[str, ...]:
    """Encode with python-messaging."""
    sms = messaging.SmsSubmit(letter.number, letter.text)
    sms.ref, sms.rand_id = 0, 0x134 if letter.wide else 0x34
    sms.validity, sms.csca, sms.request_status = letter.validity, letter.smsc, letter.report
    if letter.flash:
        sms.klass = 0
    return tuple(each.pdu for each in sms.to_pdu())


def messaging_reading(pdu: str) -> Read:
    """Decode with python-messaging."""
    found = messaging.SmsDeliver(pdu)
    if found.sr is not None:
        return {
            "recipient": found.sr["recipient"],
            "reference": found.udh.concat.ref,
            "status": found.sr["status"],
            "sent_at": found.sr["scts"],
            "discharged_at": found.sr["dt"],
            "smsc": found.csca,
        }
    concat = found.udh and found.udh.concat
    return {
        "sender": found.number,
        "text": found.text,
        "sent_at": found.date,
        "concat": (concat.ref, concat.cnt, concat.seq) if concat else None,
        "smsc": found.csca,
    }


@dataclass(frozen=True, slots=True)
class Opinion:
    """One codec of other people."""

    pdus: Callable[[Letter], tuple[str, ...]]
    reading: Callable[[str], Read]


OPINIONS = {
    "gammu": Opinion(gammu_pdus, gammu_reading),
    "gsmmodem": Opinion(gsmmodem_pdus, gsmmodem_reading),
    "messaging": Opinion(messaging_pdus, messaging_reading),
}
