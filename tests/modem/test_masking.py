"""What a trace shows unless it is asked for more."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.modem.masking import Masker

PDU = "0011000B919451214365870000AA0AE8329BFD4697D9EC37"


def masked(*lines, show_numbers=False):
    masker = Masker(show_numbers=show_numbers)
    return [masker.line(line) for line in lines]


@pytest.mark.parametrize(
    "line",
    [
        *("AT", "OK", "RDY", "+CSQ: 20,99", "+CPIN: READY", '+CREG: 2,1,"0B2F","01007",7', "> "),
        *(
            '+CPMS: "SM",3,50,"SM",3,50',
            '+CMTI: "SM",4',
            "+CMS ERROR: 500",
            "+CMGS: 17",
            "^RSSI:18",
        ),
        *("+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)", "AT+CNMI=2,1,0,2,0", "AT+CMGS=24", "+CDS: 26"),
        *('+COPS: 0,0,"Telekom.de",7', "SIMCOM_SIM7600G-H", "LE20B04SIM7600G22", "+CSCA: "),
    ],
)
def test_what_is_nobodys_is_shown_as_it_is(line):
    assert masked(line) == [line]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("867962034512345", "867962*******45"),
        ('+CSCA: "+491710760000",145', '+CSCA: "+49171*****00",145'),
        ('+CNUM: ,"015112345678",129', '+CNUM: ,"015112****78",129'),
        ('+CLIP: "+4915112345678",145,,,,0', '+CLIP: "+49151******78",145,,,,0'),
        ("+CCID: 89490200001234567890", "+CCID: 894902************90"),
        (PDU, "0011… (24 octets)"),
        (PDU + r"\x1a", r"0011… (24 octets)\x1a"),
        ('+CUSD: 0,"Your balance is 3.20 EUR",15', '+CUSD: 0,"(24 characters)",15'),
        ('AT+CUSD=1,"*100#",15', 'AT+CUSD=1,"(5 characters)",15'),
        ('+CMGR: "REC UNREAD","+4915112345678",,"26/05/04,12:00:00+08"',
         '+CMGR: "REC UNREAD","+49151******78",,"26/05/04,12:00:00+08"'),
    ],
)  # fmt: skip
def test_numbers_texts_and_pdus_are_masked_unless_asked_for(line, shown):
    assert masked(line) == [shown]
    assert masked(line, show_numbers=True) == [line]


@pytest.mark.parametrize(
    "line", ['AT+CPIN="4711"', "AT+CPIN=4711", 'at+cpin="4711","4711"', 'AT+CLCK="SC",0,"4711"',
             'AT+CPWD="SC","4711","4711"', 'AT^CPIN="4711"']
)  # fmt: skip
def test_a_pin_is_never_shown(line):
    for shown in (*masked(line), *masked(line, show_numbers=True)):
        assert "4711" not in shown
        assert shown.endswith("=****")


def test_a_text_over_several_lines_is_hidden_to_its_end():
    said = masked('+CUSD: 1,"Choose:', "1 secret", 'the end",15', "OK", "+CSQ: 20,99")
    assert said == [
        '+CUSD: 1,"(7 characters)',
        "(8 characters)",
        '(7 characters)",15',
        "OK",
        "+CSQ: 20,99",
    ]


def test_the_text_of_a_message_is_hidden_in_text_mode_too():
    said = masked('+CMT: "+4915112345678",,"26/05/04,12:00:00+08"', "my password is tree", "OK")
    assert said[1:] == ["(19 characters)", "OK"]


@given(st.lists(st.text(alphabet=st.characters(max_codepoint=255)), max_size=5))
def test_whatever_is_said_can_be_masked_and_no_long_number_stays(lines):
    for line in masked(*lines):
        assert not re.search(r"[0-9]{9}", line) or "octets" in line or "characters" in line


@given(st.text(alphabet="+0123456789", min_size=9, max_size=20), st.sampled_from(["", '"', " "]))
def test_a_number_is_never_shown_whole(number, mark):
    for prefix in ("+CNUM: ", "+X: 1,", ""):
        line = f"{prefix}{mark}{number}{mark}"
        assert not re.search(r"[0-9]{9}", masked(line)[0])
