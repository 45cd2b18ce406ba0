"""Messages of every kind, and broadcasts, as they reach a modem."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fake_modem import AsyncControl, ControlError, pdu
from tests.fake_modem.alphabet import national
from tests.fake_modem.languages import LANGUAGES, LOCKING, NONE, SHIFT
from tests.fake_modem.messages import Kind, delivers, pages
from tests.fake_modem_tests.talk import Port
from tests.vectors import load

SENDER = "+4915112345678"


@pytest.fixture
async def control(bank):
    async with AsyncControl(bank.directory) as client:
        yield client


@pytest.fixture
async def port(bank):
    opened = Port(bank.directory / "modem1")  # a SIM800
    await opened.ask("ATE0")
    yield opened
    opened.close()


async def arrived(bank, control, text="hello", **fields):
    """Send one message to the SIM800 and return its parts as stored."""
    await control.do("inbound", modem=1, text=text, sender=SENDER, **fields)
    stored = bank.modems[1].sim.memory.slots.values()
    return [pdu.decode(bytes.fromhex(kept.pdu)) for kept in stored]


@pytest.mark.parametrize(
    ("text", "fields", "dcs"),
    [
        ("hello", {"flash": True}, 0x10),
        ("Ж", {"flash": True}, 0x18),
        ("call", {"mwi": "voicemail"}, 0xD8),
        ("call", {"mwi": "fax"}, 0xD9),
        ("Ж", {"mwi": "voicemail"}, 0xE8),
    ],
)
async def test_its_class_and_waiting_indication_stand_in_the_coding(
    bank, control, text, fields, dcs
):
    [part] = await arrived(bank, control, text, **fields)
    assert (part.dcs, part.body.text) == (dcs, text)


async def test_data_goes_to_an_application_port(bank, control):
    [part] = await arrived(bank, control, "düt", port=2948)
    assert (part.dcs, part.body.data, part.body.text) == (4, "düt".encode(), None)
    assert part.body.header == bytes.fromhex("05040B840B84")


async def test_long_data_is_cut_to_fit(bank, control):
    parts = await arrived(bank, control, "x" * 300, port=2948)
    assert [len(part.body.data) for part in parts] == [128, 128, 44]


async def test_a_protocol_identifier_is_passed_on(bank, control):
    [part] = await arrived(bank, control, pid=0x40)
    assert part.pid == 0x40


@pytest.mark.parametrize("locking", [False, True])
async def test_a_language_has_letters_of_its_own(bank, control, locking):
    [part] = await arrived(bank, control, "Şişli ğ", language="turkish", locking=locking)
    assert (part.dcs, part.body.text) == (0, "Şişli ğ")
    assert part.body.header.hex() == ("240101" + "250101" * locking)
    with pytest.raises(ControlError):
        await control.do("inbound", modem=1, text="Ж", language="turkish")


@given(st.sampled_from(LANGUAGES), st.booleans(), st.data(), st.integers(0, 400), st.booleans())
def test_any_text_of_a_language_arrives_whole(language, locking, data, length, wide):
    number = LANGUAGES.index(language) + 1
    letters = sorted(national(number if locking else 0, number).codes)
    text = data.draw(st.text(st.sampled_from(letters), max_size=20)) * (length // 20)
    made = delivers("+49151", text, kind=Kind(language=language, locking=locking), wide=wide)
    read = [pdu.decode(pdu.encode_deliver(part), has_smsc=False) for part in made]
    assert "".join(part.body.text for part in read) == text
    assert all(len(pdu.encode_deliver(part)) <= 1 + 5 + 2 + 7 + 1 + 140 for part in made)


def test_the_languages_agree_with_the_catalogue():
    for language, tables in load("national_language_tables")["tables"].items():
        if language == "default":
            continue
        shift = {int(code, 16): char for code, char in tables["shift"].items()}
        ours = {code: char for code, char in enumerate(SHIFT[language]) if char != NONE}
        assert ours == {code: char for code, char in shift.items() if char not in "\r\n\x1b"}
        basic = tables.get("locking_string") or {
            int(code, 16): char for code, char in tables.get("locking", {}).items()
        }
        if basic:
            found = dict(enumerate(basic)) if isinstance(basic, str) else basic
            ours = {code: char for code, char in enumerate(LOCKING[language]) if char != NONE}
            assert ours == found


async def test_a_class_0_message_is_said_at_once_by_some_makes(meet, network):
    modem, talk = meet("sim800")
    modem.personality = replace(modem.personality, flash_direct=True)
    await talk.ask("AT+CNMI=2,1,0,0,0")
    network.inbound(modem.sim, SENDER, "now", flash=True)
    await talk.until(r"\+CMT: ,\d+\r\n[0-9A-F]+\r\n")
    network.inbound(modem.sim, SENDER, "later")
    network.inbound_raw(modem.sim, b"\x04")
    await talk.until(r'\+CMTI: "SM",2\r\n')


async def test_a_broadcast_is_said_to_who_asked_for_it_and_counted_where_not(bank, control, port):
    assert (await control.do("broadcast", modem=1, text="storm"))["heard"] == [0]
    assert bank.modems[1].stats["broadcasts_dropped"] == 1
    await port.ask("AT+CSCB=0")
    await port.ask("AT+CNMI=2,1,2,0,0")
    assert (await control.do("broadcast", modem=1, text="storm"))["heard"] == [1]
    page = bytes.fromhex((await port.until(r"\+CBM: 88\r\n([0-9A-F]+)\r\n"))[1])
    assert page[2:6] == bytes([0, 50, 0x0F, 0x11])
    assert pdu.from_septets(pdu.unpack(page[6:], 93)).rstrip("\r") == "storm"


def test_a_long_broadcast_has_pages():
    assert [page[4:6].hex() for page in pages("x" * 100)] == ["0f12", "0f22"]
    [page] = pages("Шторм")
    assert page[4] == 0x48
    assert page[6:].decode("utf-16-be").rstrip("\0") == "Шторм"
    assert len(page) == 88
