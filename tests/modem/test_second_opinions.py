"""What other people's codecs make of the same texts and PDUs, and why it differs where it does.

Three opinions (``opinions.py``): libGammu by python-gammu, python-gsmmodem-new, python-messaging.
Every difference stands in a table with whose it is; one that is not there fails, and so does an
entry whose difference is gone. None of the three can send or read national tables.
"""

from enum import Enum

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from appliance.modem.pdu import decode, pack
from appliance.text import Encoding, encoding_of, septets
from appliance.text.alphabet import DEFAULT_LOCKING
from tests.modem import opinions
from tests.modem.opinions import OPINIONS, Letter, our_pdus, our_reading, timedelta
from tests.text.strategies import long


class Whose(Enum):
    """Whose difference it is."""

    THEIRS = "their mistake"
    CHOICE = "both are right by the standard"
    UNABLE = "they do not support it"


THEIRS, CHOICE, UNABLE = Whose

each_opinion = pytest.mark.parametrize("name", OPINIONS)


@pytest.fixture(autouse=True)
def gammu_is_there(request):
    given_ = getattr(request.node, "callspec", None)
    if given_ and given_.params["name"] == "gammu" and opinions.gammu is None:
        pytest.skip("python-gammu has wheels for x86-64 and 64-bit ARM only")


GSM = DEFAULT_LOCKING.replace("\x1b", "")


# Writing

SENT = {
    "short": Letter(),
    "empty": Letter(text=""),
    "the alphabet": Letter(text=GSM.replace("§", "")),
    "paragraph": Letter(text="§"),
    "backquote": Letter(text="`"),
    "extension": Letter(text="^{}\\[~]|€"),
    "form feed": Letter(text="\f"),
    "160": Letter(text="x" * 160),
    "161": Letter(text="x" * 161),
    "307": Letter(text="x" * 307),
    "escape on the border": Letter(text="x" * 152 + "€" + "x" * 20),
    "escapes in two parts": Letter(text="€" * 81),
    "ucs2": Letter(text="Привет"),
    "70 of ucs2": Letter(text="Ж" * 70),
    "71 of ucs2": Letter(text="Ж" * 71),
    "135 of ucs2": Letter(text="Ж" * 135),
    "emoji": Letter(text="ok 😀"),
    "emoji on the border": Letter(text="Ж" * 66 + "😀" + "Ж" * 10),
    "family on the border": Letter(text="Ж" * 60 + "👨‍👩‍👧" + "Ж" * 10),
    "wide": Letter(text="x" * 161, wide=True),
    "wide ucs2": Letter(text="Ж" * 71, wide=True),
    "flash": Letter(flash=True),
    "flash ucs2": Letter(flash=True, text="Ж"),
    "no report": Letter(report=False),
    "service centre": Letter(smsc="+491710760000"),
    "service centre of odd length": Letter(smsc="+49171076000"),
    "odd number": Letter(number="+491511234567"),
    "national": Letter(number="015112345678"),
    "short code": Letter(number="22000"),
    "star": Letter(number="*100#"),
    "no validity": Letter(validity=None),
    **{
        f"{count} {unit}": Letter(validity=timedelta(**{unit: count}))
        for unit, counts in {
            "minutes": (1, 5, 7, 60, 720, 750, 1440),
            "days": (2, 7, 30, 31, 36),
            "weeks": (5, 63),
        }.items()
        for count in counts
    },
}

WEEKS = "counts weeks with the days' offset: 5 weeks become 5 days (9.2.3.12.1)"

NOT_16 = "writes the reference into TP-MR too, so one over 255 is an error"

NATIONAL = "numbers without + are national (0xA1) for it; we send them as dialled (0x81)"

BMP = "knows no character beyond the BMP (no surrogate pairs)"

BORDER = "looks for the escape among bytes as if they were text, and so cuts the pair"

SENT_OTHERWISE = {
    ("gammu", "family on the border"): (CHOICE, "cuts between the emoji that a joiner joins"),
    ("gammu", "flash"): (CHOICE, "class 0 as 0xF0; we say 0x10, which is the same (23.038 4)"),
    ("gammu", "star"): (THEIRS, "writes * and # as half octets F and 0"),
    ("gammu", "no validity"): (CHOICE, "always gives a validity, 0 for none"),
    ("gammu", "1 minutes"): (CHOICE, "what is below five minutes is the longest validity"),
    ("gammu", "31 days"): (THEIRS, WEEKS),
    ("gammu", "36 days"): (THEIRS, WEEKS),
    ("gammu", "5 weeks"): (THEIRS, WEEKS),
    ("gammu", "63 weeks"): (THEIRS, WEEKS),
    ("gsmmodem", "paragraph"): (THEIRS, "its table has ` where 23.038 has §: § goes as UCS-2"),
    ("gsmmodem", "backquote"): (THEIRS, "its table has ` where 23.038 has §: ` arrives as §"),
    ("gsmmodem", "form feed"): (THEIRS, "the form feed of the extension table is U+00FF for it"),
    ("gsmmodem", "emoji"): (UNABLE, BMP),
    ("gsmmodem", "emoji on the border"): (UNABLE, BMP),
    ("gsmmodem", "family on the border"): (UNABLE, BMP),
    ("gsmmodem", "wide"): (UNABLE, NOT_16),
    ("gsmmodem", "wide ucs2"): (UNABLE, NOT_16),
    ("gsmmodem", "national"): (CHOICE, NATIONAL),
    ("gsmmodem", "short code"): (CHOICE, NATIONAL),
    ("gsmmodem", "star"): (THEIRS, "takes what is not all digits for a name in letters"),
    ("gsmmodem", "1 minutes"): (THEIRS, "what is below five minutes is an error"),
    ("messaging", "empty"): (CHOICE, "takes an empty text for UCS-2"),
    ("messaging", "escape on the border"): (THEIRS, BORDER),
    ("messaging", "escapes in two parts"): (THEIRS, BORDER),
    ("messaging", "emoji"): (THEIRS, BMP),
    ("messaging", "emoji on the border"): (THEIRS, BMP),
    ("messaging", "family on the border"): (THEIRS, BMP),
    ("messaging", "wide"): (UNABLE, "cuts the reference to 8 bits"),
    ("messaging", "wide ucs2"): (UNABLE, "cuts the reference to 8 bits"),
    ("messaging", "star"): (UNABLE, "wants digits only"),
    ("messaging", "1 minutes"): (CHOICE, "what is below five minutes is an error"),
}
"""By opinion and case: why its PDUs are not ours."""

CHOSEN_BY_THE_MODEM = b"\x00"
"""TP-MR: we leave it to the modem, they write one."""


def comparable(pdu):
    """Return a PDU without its TP-MR; a service centre without digits is none."""
    octets = bytes.fromhex(pdu)
    if octets.startswith(b"\x01\x81"):  # gammu's way to leave it to the SIM
        octets = b"\x00" + octets[2:]
    place = octets[0] + 2
    return octets[:place] + CHOSEN_BY_THE_MODEM + octets[place + 1 :]


def same_pdus(name, letter):
    """Tell whether an opinion writes what we write; the reference of its parts is taken over."""
    try:
        theirs = [comparable(pdu) for pdu in OPINIONS[name].pdus(letter)]
        concat = decode(theirs[0]).concat
    except Exception:  # noqa: BLE001 - they raise whatever comes to pass
        return False
    reference = concat.reference if concat else 0
    if concat and concat.wide is not letter.wide:
        return False
    return [bytes.fromhex(pdu) for pdu in our_pdus(letter, reference)] == theirs


@pytest.mark.parametrize("case", SENT)
@each_opinion
def test_others_write_the_same_octets_or_it_is_known_why_not(name, case):
    why = SENT_OTHERWISE.get((name, case))
    assert same_pdus(name, SENT[case]) is (why is None), why


PLAIN = long(st.text(alphabet=GSM.replace("§", ""), max_size=40))

NUMBERS = st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True)

# From U+0100, since U+00FF is the form feed for gsmmodem; no marks, which we do not cut off.
FOREIGN = st.characters(
    categories=["Ll", "Lu", "Lo", "Nd"], min_codepoint=0x100, max_codepoint=0xD7FF
)

BMP_TEXT = long(st.text(alphabet=FOREIGN, max_size=40))


@given(letter=st.builds(Letter, text=PLAIN, number=NUMBERS))
@each_opinion
def test_others_write_any_text_of_the_default_alphabet_as_we_do(name, letter):
    assume(letter.text)  # see "empty"
    assert same_pdus(name, letter)


@given(text=BMP_TEXT)
@each_opinion
def test_others_write_any_text_of_letters_in_ucs2_as_we_do(name, text):
    assume(encoding_of(text) is Encoding.UCS2)
    assert same_pdus(name, Letter(text=text))


# Reading

CENTRE = "0791947101670000"

STAMP = "62112112000040"  # 2026-11-12, 21:00 at +01:00

SENDER = "0B919471325476F8"


def deliver(payload="hello", *, dcs=0, pid=0, udh="", sender=SENDER, stamp=STAMP, smsc=CENTRE):
    """Return an SMS-DELIVER in hex: a text in septets (or septets as a list), or octets."""
    header = bytes.fromhex(udh)
    header = bytes((len(header),)) + header if header else b""
    if isinstance(payload, bytes):
        user_data, count = header + payload, len(header) + len(payload)
    else:
        coded = septets(payload) if isinstance(payload, str) else bytes(payload)
        fill = -len(header) * 8 % 7
        user_data = header + pack(coded, fill)
        count = (len(header) * 8 + fill) // 7 + len(coded)
    first = 0x44 if udh else 0x04
    head = f"{smsc}{first:02X}{sender}{pid:02X}{dcs:02X}{stamp}{count:02X}"
    return (head + user_data.hex()).upper()


def report(status, tail="", recipient=SENDER):
    """Return an SMS-STATUS-REPORT in hex."""
    return f"{CENTRE}062A{recipient}{STAMP}62112112104040{status}{tail}"


def named(name):
    """Return an alphanumeric sender."""
    coded = septets(name)
    return f"{-(-len(coded) * 7 // 4):02X}D0{pack(coded).hex()}"


def ucs2(text):
    return text.encode("utf-16-be")


RECEIVED = {
    "plain": deliver(),
    "empty": deliver(""),
    "no service centre": deliver(smsc="00"),
    "the alphabet": deliver(GSM),
    "extension": deliver("^{}\\[~]|€"),
    "form feed": deliver("a\fb"),
    "160": deliver("x" * 160),
    "seven letters": deliver("seven77"),
    "an at-sign at the end": deliver("seven7@"),
    "nothing but at-signs": deliver("@@@@@@@@"),
    "ucs2": deliver(ucs2("Привет"), dcs=0x08),
    "emoji": deliver(ucs2("ok 😀"), dcs=0x08),
    "tilde in ucs2": deliver(ucs2("Ж~1"), dcs=0x08),
    "part, 8-bit reference": deliver("STOP", udh="0003340201"),
    "full part, 8-bit reference": deliver("S" * 153, udh="0003340201"),
    "part, 16-bit reference": deliver("STOP", udh="080412340201"),
    "part of ucs2, 8-bit reference": deliver(ucs2("СТОП"), dcs=0x08, udh="0003340201"),
    "part of ucs2, 16-bit reference": deliver(ucs2("СТОП"), dcs=0x08, udh="080412340201"),
    "name of 6": deliver(sender=named("Megafo")),
    "name of 7": deliver(sender=named("Megafon")),
    "name of 8": deliver(sender=named("Vodafone")),
    "name of 11": deliver(sender=named("Deutsche Po")),
    "name with an escape": deliver(sender=named("a€b")),
    "short code": deliver(sender="05812200F0"),
    "national": deliver(sender="0CA1101521436587"),
    "no sender": deliver(sender="0091"),
    "west of Greenwich": deliver(stamp="6211211200004A"),
    "half an hour": deliver(stamp="62112112000022"),
    "a quarter of an hour": deliver(stamp="62112112000032"),
    "no time": deliver(stamp="00000000000000"),
    "class 0": deliver(dcs=0x10),
    "class 1": deliver(dcs=0x11),
    "class 1, the other way": deliver(dcs=0xF1),
    "automatic deletion": deliver(dcs=0x40),
    "automatic deletion, ucs2": deliver(ucs2("Ж"), dcs=0x48),
    "8 bit": deliver(b"abc\xff\x00", dcs=0x04),
    "8 bit, the other way": deliver(b"abc", dcs=0xF5),
    "8 bit with ports": deliver(b"\x01\x06", dcs=0xF5, udh="05040B8423F0"),
    "voicemail, discard": deliver("2 new", dcs=0xC8),
    "voicemail, store": deliver("2 new", dcs=0xD8),
    "voicemail in ucs2": deliver(ucs2("2"), dcs=0xE8),
    "voicemail in the header": deliver("2 new", udh="01028002"),
    "reserved coding": deliver(dcs=0x80),
    "compressed": deliver(b"\xf0\xa1", dcs=0x20),
    "turkish": deliver([0x1B, 0x73], udh="240101"),
    "replacing": deliver(pid=0x41),
    "report": report("00"),
    "report, trying": report("30"),
    "report, expired": report("46"),
    "report with a tail": report("00", tail="0700000568"),
    "report of a national number": report("00", recipient="0CA1101521436587"),
}

RAISES = "raises"

LEFT_OUT = "leaves the zone out of the two times of a report"

TIMES = {"sent_at", "discharged_at"}

MEMORY = "puts what it finds in memory behind the text, a character for each escape"

IN_8_BIT = "shows octets as letters"

READ_OTHERWISE = {
    ("gammu", "name with an escape"): ({"sender"}, THEIRS, "has no extension table for senders"),
    ("gammu", "extension"): ({"text"}, THEIRS, MEMORY),
    ("gammu", "form feed"): ({"text"}, THEIRS, MEMORY),
    ("gammu", "reserved coding"): ({"text"}, THEIRS, "is 8 bit for it, not the default (23.038 4)"),
    ("gammu", "tilde in ucs2"): ({"text"}, THEIRS, "~ begins signs of its own (~1 for U+0001)"),
    ("gammu", "compressed"): (RAISES, UNABLE, "says so"),
    ("gammu", "turkish"): ({"text"}, UNABLE, "no national tables"),
    ("gsmmodem", "the alphabet"): ({"text"}, THEIRS, "its table has ` where 23.038 has §"),
    ("gsmmodem", "form feed"): ({"text"}, THEIRS, "the form feed is U+00FF for it"),
    ("gsmmodem", "nothing but at-signs"): ({"text"}, THEIRS, "drops an eighth septet of zeros"),
    ("gsmmodem", "emoji"): ({"text"}, THEIRS, "leaves surrogates single"),
    ("gsmmodem", "part, 16-bit reference"): ({"text"}, THEIRS, "STOP becomes TOP"),
    ("gsmmodem", "no sender"): (RAISES, THEIRS, "does not take the type octet of an empty number"),
    ("gsmmodem", "no time"): (RAISES, THEIRS, "a wrong time stamp loses the message"),
    ("gsmmodem", "automatic deletion, ucs2"): ({"text"}, THEIRS, "knows group 00 only"),
    ("gsmmodem", "8 bit"): ({"text"}, CHOICE, IN_8_BIT),
    ("gsmmodem", "8 bit, the other way"): ({"text"}, THEIRS, "knows group 00 only"),
    ("gsmmodem", "8 bit with ports"): ({"text"}, THEIRS, "knows group 00 only"),
    ("gsmmodem", "voicemail in ucs2"): ({"text"}, THEIRS, "knows group 00 only"),
    ("gsmmodem", "compressed"): ({"text"}, THEIRS, "reads compressed text as if it were not"),
    ("gsmmodem", "turkish"): ({"text"}, UNABLE, "no national tables; drops unknown escapes"),
    ("messaging", "empty"): (RAISES, THEIRS, "an empty text is an error"),
    ("messaging", "emoji"): ({"text"}, THEIRS, "leaves surrogates single"),
    ("messaging", "name of 7"): ({"sender"}, THEIRS, "takes the fill bits for an @"),
    ("messaging", "no sender"): ({"sender"}, CHOICE, "an empty international number is + for it"),
    ("messaging", "no time"): (RAISES, THEIRS, "a wrong time stamp loses the message"),
    ("messaging", "voicemail, discard"): (RAISES, THEIRS, "takes bit 3 of any group for UCS-2"),
    ("messaging", "voicemail, store"): (RAISES, THEIRS, "takes bit 3 of any group for UCS-2"),
    ("messaging", "compressed"): ({"text"}, THEIRS, "reads compressed text as if it were not"),
    ("messaging", "turkish"): ({"text"}, UNABLE, "no national tables"),
    ("messaging", "report"): (TIMES, THEIRS, LEFT_OUT),
    ("messaging", "report, trying"): (TIMES, THEIRS, LEFT_OUT),
    ("messaging", "report, expired"): (TIMES, THEIRS, LEFT_OUT),
    ("messaging", "report with a tail"): (TIMES, THEIRS, LEFT_OUT),
    ("messaging", "report of a national number"): (TIMES, THEIRS, LEFT_OUT),
}
"""By opinion and case: in what its reading differs from ours, and why."""


def difference(name, pdu):
    """Return in which facts an opinion reads a PDU otherwise than we; "raises" if it cannot."""
    mine = our_reading(pdu)
    try:
        theirs = OPINIONS[name].reading(pdu)
    except Exception:  # noqa: BLE001
        return RAISES
    return {fact for fact, value in theirs.items() if mine[fact] != value}


@pytest.mark.parametrize("case", RECEIVED)
@each_opinion
def test_others_read_the_same_or_it_is_known_why_not(name, case):
    facts, *why = READ_OTHERWISE.get((name, case), (set(), None))
    assert difference(name, RECEIVED[case]) == facts, why


@given(text=st.text(alphabet=GSM.replace("§", "").replace("@", ""), min_size=1, max_size=160))
@each_opinion
def test_others_read_any_text_of_the_default_alphabet_as_we_do(name, text):
    assert difference(name, deliver(text)) == set()


@given(text=st.text(alphabet=GSM.replace("§", "").replace("@", ""), min_size=1, max_size=153))
@each_opinion
def test_others_read_any_part_as_we_do(name, text):
    assert difference(name, deliver(text, udh="0003340201")) == set()


# Without what gammu takes for signs of its own: see "tilde in ucs2".
OF_THE_BMP = st.characters(min_codepoint=0x20, max_codepoint=0xD7FF, exclude_characters="~")


@given(text=st.text(alphabet=OF_THE_BMP, max_size=70))
@each_opinion
def test_others_read_any_ucs2_as_we_do(name, text):
    assert difference(name, deliver(ucs2(text), dcs=0x08)) == set()


def test_each_explanation_is_of_a_case():
    assert {case for _, case in SENT_OTHERWISE} <= set(SENT)
    assert {case for _, case in READ_OTHERWISE} <= set(RECEIVED)
    assert {name for name, _ in {*SENT_OTHERWISE, *READ_OTHERWISE}} == set(OPINIONS)
