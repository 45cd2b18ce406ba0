"""What information lines say, however oddly they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.modem import answers
from tests.vectors import load


def replies(start):
    """Return the recorded replies whose id starts so, as information lines."""
    return {
        row["id"]: [line for line in row["reply"].split("\n")[1:] if line.startswith("+")]
        for row in load("gammu_at_replies")["vectors"]
        if row["id"].startswith(start)
    }


def recorded(test):
    rows = load("chan_dongle_quectel_replies")["rows"]
    return {row["reply"] for row in rows if row["test"] == test}


def test_recorded_notification_choices_are_read():
    found = {name: answers.choices(lines[0]) for name, lines in replies("at-cnmi/").items()}
    assert found["at-cnmi/01"] == ({2}, {0, 1, 3}, {0, 2}, {0, 1}, {0})
    assert found["at-cnmi/02"] == ({0, 1, 2}, {0, 1, 3}, {0}, {0, 1}, {0, 1})
    assert found["at-cnmi/03"][0] == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ('+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")', (("SM", "ME"),) * 3),
        ('+CPMS: (ME", "SR"), ("ME", "SR"), ("ME")', (("ME", "SR"), ("ME", "SR"), ("ME",))),
        ('+CPMS: (("SM","BM","SR"),("SM"))', (("SM", "BM", "SR"), ("SM",))),
        ('+CPMS: "SM","SM","SM"', (("SM",),) * 3),
        ('+CPMS: ("SM","ME","SM_P","ME_P","MT")', (("SM", "ME", "SM_P", "ME_P", "MT"),)),
        ("+CPMS: (),(),()", ((), (), ())),
        ("+CPMS: ", ()),
    ],
)
def test_every_form_of_memories_is_read(line, offered):
    assert answers.memories(line) == offered


def test_recorded_memories_are_read():
    for name, lines in replies("at-cpms").items():
        offered = answers.memories(lines[0])
        assert bool(offered) == ("samsung" not in name), name
        assert all(set(group) <= {"SM", "ME", "MT", "SR", "SM_P", "ME_P"} for group in offered)


def test_recorded_registrations_are_read():
    for name, lines in {**replies("at-creg/"), **replies("at-creg-corner/")}.items():
        wanted = {
            "at-creg/none": "none",
            "at-creg/empty": "none",
            "at-creg/sierra312u": "roaming",
        }.get(name, "home")
        assert answers.registration(lines) == wanted, name


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        (["+CREG: 0,2", "+CGREG: 0,3", "+CEREG: 0,1"], "home"),
        (["+CREG: 0,5", "+CEREG: 0,3"], "roaming"),
        (["+CREG: 0,3", "+CEREG: 0,2"], "denied"),
        (["+CREG: 0,0", "+CEREG: 0,2"], "searching"),
        (["+CREG: 0,8"], "none"),
        (["+CEREG: 0,6"], "home"),
        (["+CREG: 0,77"], "none"),
        ([], "none"),
    ],
)
def test_the_best_registration_counts(lines, word):
    assert answers.registration(lines) == word


def test_recorded_operators_are_read_whatever_their_quotes():
    assert {answers.operator([line]) for line in recorded("test_parse_cops")} == {"TELE2"}
    assert answers.operator(["+COPS: 0"]) is None
    assert answers.operator([]) is None


def test_recorded_own_numbers_are_read():
    found = {line: answers.own_number([line]) for line in recorded("test_parse_cnum")}
    assert set(found.values()) == {None, "+79139131234"}
    assert all((number is None) == ("7913" not in line) for line, number in found.items())
    assert answers.own_number(['+CNUM: ,"015112345678",129']) == "015112345678"
    assert answers.own_number(['+CNUM: "","4915112345678",145,7,4']) == "+4915112345678"


@pytest.mark.parametrize(
    ("line", "dbm"),
    [("+CSQ: 0,99", -113), ("+CSQ: 31,0", -51), ("+CSQ: 21,99", -71), ("+CSQ: 99,99", None)],
)
def test_signal_is_in_dbm(line, dbm):
    assert answers.signal_dbm([line]) == dbm


@pytest.mark.parametrize(
    ("line", "dbm"),
    [
        ("+CESQ: 99,99,255,255,20,43", -98),
        ("+CESQ: 99,99,30,255,255,255", -91),
        ("+CESQ: 40,0,255,255,255,255", -71),
        ("+CESQ: 99,99,255,255,255,255", None),
        ("+CESQ: ", None),
    ],
)
def test_extended_signal_is_in_dbm(line, dbm):
    assert answers.extended_signal_dbm([line]) == dbm


@pytest.mark.parametrize(
    "line",
    [
        "89490200000000000005",
        '"89490200000000000005"',
        "+CCID: 89490200000000000005",
        '+CCID: "89490200000000000005"',
        "+ICCID: 89490200000000000005",
        "^ICCID: 98942000000000000050",
        '+CRSM: 144,0,"98942000000000000050"',
        "^SCID: 89490200000000000005",
    ],
)
def test_every_form_of_iccid_is_read(line):
    assert answers.iccid([line]) == "89490200000000000005"


def test_a_short_iccid_is_read_without_its_filling():
    assert answers.iccid(["+CCID: 8949020000000000005F"]) == "8949020000000000005"
    assert answers.iccid(['+CRSM: 144,0,"984920000000000000F5"']) == "8994020000000000005"
    assert answers.iccid(["OK", "12345"]) is None


@pytest.mark.parametrize(
    "line", ["+CPMS: 3,20,0,100,3,120", '+CPMS: "SM",3,20,"ME",0,100', "+CPMS:SM, 3, 20"]
)
def test_how_full_a_memory_is_is_read_with_or_without_its_name(line):
    assert str(answers.usage("SM", ["^RSSI:1", line])) == "SM 3/20"
    assert answers.usage("SM", ["+CPMS: ,,,,,,,,"]) is None


@given(st.text(max_size=80))
def test_no_line_makes_anything_raise(line):
    for read in (answers.memories, answers.choices, answers.fields, answers.without_prefix):
        read(line)
    for read in (
        answers.registration,
        answers.signal_dbm,
        answers.extended_signal_dbm,
        answers.operator,
        answers.own_number,
        answers.iccid,
        lambda lines: answers.usage("SM", lines),
    ):
        read([line])
