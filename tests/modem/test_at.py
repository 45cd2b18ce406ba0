import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.modem.at import (
    NOTHING,
    Answered,
    Dialogue,
    Indicated,
    Prompted,
    Refused,
    Said,
    bare,
    listed,
    prefixed,
)
from appliance.modem.headers import PATIENCE
from tests.vectors import load

CSQ = prefixed("+CSQ:", fields=(2, 2))
CREG = prefixed("+CREG:", fields=(2, 6), pattern=r":\s*\d\s*,\s*\d{1,2}\s*(,|$)")
CMGL = listed("+CMGL:", fields=(3, 4))
CMGR = listed("+CMGR:", fields=(2, 3))
CMGS = prefixed("+CMGS:", fields=(1, 2))
ICCID = prefixed("+CCID:")

REPORT = "07919471060040F406080C9194717110325476902180328534089021803295340800"
OTHER = "07919471060040F406090C9194717110325476902180328534089021803295340800"
OCTETS = len(REPORT) // 2 - 8


def feed(dialogue, data, size=1024):
    if isinstance(data, str):
        data = data.encode("latin-1")
    return [
        event
        for start in range(0, len(data), size)
        for event in dialogue.receive_data(data[start : start + size])
    ]


def asked(text="AT", answer=NOTHING, **more):
    dialogue = Dialogue()
    dialogue.ask(text, answer, **more)
    dialogue.data_to_send()
    return dialogue


def everywhere(data, make):
    """Feed ``data`` cut in two at every byte, and in pieces of 1 and 7; all mean the same."""
    whole = feed(make(), data)
    raw = data.encode("latin-1") if isinstance(data, str) else data
    for cut in range(len(raw) + 1):
        dialogue = make()
        assert feed(dialogue, raw[:cut]) + feed(dialogue, raw[cut:]) == whole, cut
    for size in (1, 7):
        assert feed(make(), raw, size) == whole
    return whole


def said(*lines):
    return tuple(Said(line) for line in lines)


def test_a_command_ends_with_a_carriage_return():
    dialogue = Dialogue()
    dialogue.ask("AT+CSQ", CSQ)
    assert dialogue.data_to_send() == b"AT+CSQ\r"
    assert dialogue.data_to_send() == b""


def test_an_answer_has_the_lines_of_its_shape():
    assert everywhere("\r\n+CSQ: 17,99\r\n\r\nOK\r\n", lambda: asked("AT+CSQ", CSQ)) == [
        Answered(said("+CSQ: 17,99"))
    ]


def test_an_echo_is_no_part_of_the_answer():
    assert everywhere("AT+CGMM\r\r\n K3715\r\n\r\nOK\r\n", lambda: asked("AT+CGMM", bare())) == [
        Answered(said("K3715"))
    ]


@pytest.mark.parametrize(
    "line",
    ['+CMTI: "SM",3', "RING", "^RSSI:18", "Call Ready", "+CREG: 1", "+ZEND", "+PACSP0", "RDY"],
)
def test_an_indication_in_the_middle_of_an_answer_is_kept_apart(line):
    for answer, own in ((CSQ, "+CSQ: 17,99"), (bare(), "K3715"), (CREG, "+CREG: 2,1,4CA,81DE445")):
        for said_there in (f"{line}\r\n{own}\r\n", f"{own}\r\n{line}\r\n"):
            events = everywhere(
                f"\r\n{said_there}\r\nOK\r\n", lambda answer=answer: asked("AT+X", answer)
            )
            assert Indicated(Said(line)) in events
            assert events[-1] == Answered(said(own))


def test_a_report_in_the_middle_of_an_answer_is_kept_with_its_pdu():
    events = everywhere(
        f"\r\n+CDS: {OCTETS}\r\n+CSQ: 17,99\r\n{REPORT}\r\n\r\nOK\r\n", lambda: asked("AT+CSQ", CSQ)
    )
    assert events == [
        Indicated(Said(f"+CDS: {OCTETS}", REPORT, OCTETS)),
        Answered(said("+CSQ: 17,99")),
    ]


def test_a_report_may_stand_between_a_header_of_a_list_and_its_pdu():
    data = (
        f"\r\n+CMGL: 1,1,,{OCTETS + 1}\r\n+CDS: {OCTETS}\r\n{REPORT}\r\n{OTHER}00\r\n"
        f"+CMGL: 2,1,,{OCTETS}\r\n{OTHER}\r\n\r\nOK\r\n"
    )
    events = everywhere(data, lambda: asked("AT+CMGL=4", CMGL))
    assert events == [
        Indicated(Said(f"+CDS: {OCTETS}", REPORT, OCTETS)),
        Answered(
            (
                Said(f"+CMGL: 1,1,,{OCTETS + 1}", f"{OTHER}00", OCTETS + 1),
                Said(f"+CMGL: 2,1,,{OCTETS}", OTHER, OCTETS),
            )
        ),
    ]


def test_of_two_pdus_of_one_length_the_first_belongs_to_the_last_header():
    data = f"\r\n+CMGL: 1,1,,{OCTETS}\r\n+CDS: {OCTETS}\r\n{REPORT}\r\n{OTHER}\r\n\r\nOK\r\n"
    assert everywhere(data, lambda: asked("AT+CMGL=4", CMGL)) == [
        Indicated(Said(f"+CDS: {OCTETS}", REPORT, OCTETS)),
        Answered((Said(f"+CMGL: 1,1,,{OCTETS}", OTHER, OCTETS),)),
    ]


def test_an_ok_between_a_header_and_its_pdu_ends_the_command():
    events = everywhere(f"\r\n+CDS: {OCTETS}\r\nOK\r\n{REPORT}\r\n", asked)
    assert events == [Answered(()), Indicated(Said(f"+CDS: {OCTETS}", REPORT, OCTETS))]


@pytest.mark.parametrize(
    "header",
    [
        f"+CDS: {OCTETS}",
        f"+CDS: ,{OCTETS}",
        f"+CDS:{OCTETS}",
        f"+CMT: ,{OCTETS}",
        f'+CMT: "",{OCTETS}',
    ],
)
def test_every_form_of_a_header_finds_its_pdu(header):
    assert everywhere(f"\r\n{header}\r\r\n{REPORT}\r\n", Dialogue) == [
        Indicated(Said(header, REPORT, OCTETS))
    ]


def test_a_pdu_without_a_service_centre_is_taken():
    tpdu = REPORT[16:]
    assert feed(Dialogue(), f"+CDS: {OCTETS}\r\n{tpdu}\r\n") == [
        Indicated(Said(f"+CDS: {OCTETS}", tpdu, OCTETS))
    ]


def test_hex_of_another_length_is_not_the_pdu():
    events = feed(Dialogue(), f"+CDS: {OCTETS}\r\n{REPORT[:-2]}\r\n{REPORT}\r\n")
    assert events == [
        Indicated(Said(REPORT[:-2])),
        Indicated(Said(f"+CDS: {OCTETS}", REPORT, OCTETS)),
    ]


def test_the_wait_for_a_pdu_is_bounded_by_lines():
    dialogue = Dialogue()
    events = feed(dialogue, f"+CDS: {OCTETS}\r\n" + "^RSSI:18\r\n" * PATIENCE)
    assert Indicated(Said(f"+CDS: {OCTETS}", None, OCTETS)) in events
    assert not dialogue.awaits_pdu


def test_hex_of_another_length_is_given_out_if_nothing_better_comes():
    dialogue = Dialogue()
    feed(dialogue, f"+CDS: {OCTETS + 1}\r\n{REPORT}\r\n8949020000000000001\r\n")
    assert dialogue.give_up_pdus() == [
        Indicated(Said(f"+CDS: {OCTETS + 1}", REPORT, OCTETS + 1)),
    ]
    events = feed(dialogue, f"+CDS: {OCTETS + 1}\r\n{REPORT}\r\n" + "^RSSI:18\r\n" * PATIENCE)
    assert Indicated(Said(f"+CDS: {OCTETS + 1}", REPORT, OCTETS + 1)) in events


def test_hex_that_answers_a_command_is_no_lost_pdu():
    dialogue = asked("AT+CRSM", bare(r"[0-9A-F]+"))
    feed(dialogue, f"+CDS: {OCTETS}\r\n{REPORT[:-2]}\r\nOK\r\n")
    assert dialogue.give_up_pdus() == [Indicated(Said(f"+CDS: {OCTETS}", None, OCTETS))]


def test_the_wait_for_a_pdu_can_be_ended():
    dialogue = Dialogue()
    feed(dialogue, f"+CDS: {OCTETS}\r\n")
    assert dialogue.awaits_pdu
    assert dialogue.give_up_pdus() == [Indicated(Said(f"+CDS: {OCTETS}", None, OCTETS))]
    assert not dialogue.awaits_pdu


def test_a_stored_pdu_of_the_wrong_length_is_given_out_all_the_same():
    answer = feed(asked("AT+CMGR=1", CMGR), f"+CMGR: 0,,{OCTETS}\r\n{REPORT[:-2]}\r\nOK\r\n")
    assert answer == [Answered((Said(f"+CMGR: 0,,{OCTETS}", REPORT[:-2], OCTETS),))]


@pytest.mark.parametrize("header", ["+CMGR: 0,,25", "+CMGR: ,,25", "+CMGR: ,25"])
def test_a_slot_without_a_pdu_is_an_answer_without_one(header):
    assert everywhere(f"\r\n{header}\r\n\r\nOK\r\n", lambda: asked("AT+CMGR=1", CMGR)) == [
        Answered((Said(header, None, 25),))
    ]


@pytest.mark.parametrize(
    "final",
    [
        "ERROR",
        "+CMS ERROR: 340",
        "+CME ERROR: SIM busy",
        "+CMS ERROR: unknown error",
        "COMMAND NOT SUPPORT",
        "TOO MANY PARAMETERS",
    ],
)
def test_every_form_of_refusal_ends_the_command(final):
    assert everywhere(f"\r\n{final}\r\n", asked) == [Refused(final)]


def test_the_second_of_two_finals_is_a_stray():
    dialogue = asked()
    assert feed(dialogue, "\r\n+CMS ERROR: 340\r\n\r\nERROR\r\n") == [Refused("+CMS ERROR: 340")]
    assert dialogue.strays == 1


def test_an_ok_that_nobody_asked_for_is_counted_and_answers_nothing():
    dialogue = Dialogue()
    assert feed(dialogue, "\r\nOK\r\n") == []
    assert dialogue.strays == 1


@pytest.mark.parametrize(
    "prompt", ["\r\n> ", "\r\n>", "\r\n>\r\n", ">", "AT+CMGS=25\r\r\n> ", "AT+CMGS=25\r> "]
)
def test_every_form_of_prompt_is_one(prompt):
    for size in (1, 7, 1024):
        dialogue = asked("AT+CMGS=25", CMGS, prompt=True)
        assert Prompted() in feed(dialogue, prompt, size)
        dialogue.give(b"0011AB")
        assert dialogue.data_to_send() == b"0011AB\x1a"
        assert feed(dialogue, "\r\n+CMGS: 7\r\n\r\nOK\r\n", size) == [Answered(said("+CMGS: 7"))]


def test_the_echo_of_a_pdu_is_no_line_of_the_answer():
    dialogue = asked("AT+CMGS=25", CMGS, prompt=True)
    feed(dialogue, "AT+CMGS=25\r\r\n> ")
    dialogue.give(REPORT.encode())
    events = feed(dialogue, f"{REPORT}\x1a\r\n+CMGS: 7\r\n\r\nOK\r\n", 7)
    assert events == [Answered(said("+CMGS: 7"))]


def test_a_report_on_the_line_of_the_prompt_is_kept():
    dialogue = asked("AT+CMGS=25", CMGS, prompt=True)
    assert feed(dialogue, f"\r\n> \r\n+CDS: {OCTETS}\r\n{REPORT}\r\n") == [
        Prompted(),
        Indicated(Said(f"+CDS: {OCTETS}", REPORT, OCTETS)),
    ]
    dialogue = asked("AT+CMGS=25", CMGS, prompt=True)
    feed(dialogue, "\r\n> ")
    assert feed(dialogue, '+CMTI: "SM",3\r\n') == [Indicated(Said('+CMTI: "SM",3'))]


def test_before_the_prompt_nothing_of_an_earlier_part_is_taken_for_this_one():
    dialogue = asked("AT+CMGS=25", CMGS, prompt=True)
    assert feed(dialogue, "\r\n+CMGS: 6\r\n\r\nOK\r\n") == [Indicated(Said("+CMGS: 6"))]
    assert dialogue.strays == 1
    assert not dialogue.idle


def test_a_refusal_in_place_of_the_prompt_ends_the_command():
    dialogue = asked("AT+CMGS=25", CMGS, prompt=True)
    assert feed(dialogue, "\r\n+CMS ERROR: 38\r\n") == [Refused("+CMS ERROR: 38")]
    assert dialogue.idle


def test_after_abandoning_the_answer_is_an_indication():
    dialogue = asked("AT+CMGS=25", CMGS, prompt=True)
    feed(dialogue, "> ")
    dialogue.give(b"00")
    dialogue.abandon()
    assert feed(dialogue, "\r\n+CMGS: 9\r\n\r\nOK\r\n") == [Indicated(Said("+CMGS: 9"))]
    assert dialogue.strays == 1


def test_escaping_leaves_the_prompt():
    dialogue = asked("AT+CMGS=25", CMGS, prompt=True)
    dialogue.escape()
    assert dialogue.data_to_send() == b"\x1b"
    assert dialogue.idle


def test_an_answer_that_ends_without_ok_ends_with_its_line():
    cpin = prefixed("+CPIN:")
    dialogue = asked("AT+CPIN?", type(cpin)(cpin.prefixes, ends=True))
    assert feed(dialogue, "\r\n+CPIN: READY\r\n") == [Answered(said("+CPIN: READY"))]


def test_one_command_at_a_time():
    dialogue = asked()
    with pytest.raises(RuntimeError):
        dialogue.ask("AT")
    with pytest.raises(RuntimeError):
        Dialogue().give(b"00")


def test_nuls_and_noise_around_a_line_do_no_harm():
    data = b"\x00\xff\x00\r\n\x00+CSQ: 1\x007,99\r\n\xfe\xff\r\nOK\r\n"
    assert everywhere(data, lambda: asked("AT+CSQ", CSQ)) == [Answered(said("+CSQ: 17,99"))]


@pytest.mark.parametrize("size", [1, 7, 1024, 4096])
def test_a_line_too_long_is_noise_and_the_next_one_is_read(size):
    dialogue = asked("AT+CSQ", CSQ)
    events = feed(dialogue, "x" * 5000 + "OK\r\n+CSQ: 17,99\r\nOK\r\n", size)
    assert events == [Answered(said("+CSQ: 17,99"))]
    assert dialogue.noise == 1


@given(st.lists(st.binary(max_size=60), max_size=30))
def test_any_bytes_give_events_and_nothing_else(pieces):
    dialogue = asked("AT+CMGS=25", CMGS, prompt=True)
    for piece in pieces:
        dialogue.receive_data(piece)
    dialogue.receive_data(b"\r\n")


@given(st.binary(max_size=300), st.data())
def test_where_bytes_are_cut_makes_no_difference(data, draw):
    cut = draw.draw(st.integers(0, len(data)))
    whole, parts = asked("AT+CMGL=4", CMGL), asked("AT+CMGL=4", CMGL)
    assert feed(whole, data) == feed(parts, data[:cut]) + feed(parts, data[cut:])


def shape_for(line):
    """Return the shape that a command with ``line`` in its answer asks for."""
    prefix = re.match(r"\+\w+:", line)
    return prefixed(prefix[0]) if prefix else bare()


def test_recorded_replies_are_read_whole():
    for row in load("gammu_at_replies")["vectors"]:
        reply = row["reply"].replace("\r", "").replace("\n", "\r\n")
        lines = [line.strip() for line in reply.split("\r\n") if line.strip()]
        text = lines.pop(0) if lines[0].startswith("AT") else "AT"
        if lines[-1] != "OK" or "sms-txt" in row["id"] or row["id"] == "at-getmemory/samsung":
            continue  # unsolicited, text mode, or control codes in a phone book: not ours
        own = [line for line in lines[:-1] if shape_for(lines[0]).fits(line)]
        events = everywhere(reply, lambda text=text, lines=lines: asked(text, shape_for(lines[0])))
        assert events[-1] == Answered(said(*own)), row["id"]
        assert {event.said.line for event in events[:-1]} == set(lines[:-1]) - set(own), row["id"]


def test_recorded_messages_have_the_length_they_announce():
    for row in load("chan_dongle_quectel_replies")["rows"]:
        if row["test"] != "test_parse_cmgr" or "REC READ" in row["reply"]:
            continue
        header, pdu = row["reply"].split("\r\n")
        octets = int(header.rpartition(",")[2])
        events = everywhere(f"\r\n{row['reply']}\r\n\r\nOK\r\n", lambda: asked("AT+CMGR=1", CMGR))
        assert events == [Answered((Said(header, pdu, octets),))]


def test_recorded_replies_are_indications_where_nothing_was_asked():
    for row in load("chan_dongle_quectel_replies")["rows"]:
        line = row["reply"].partition("\r\n")[0].strip()
        if line.startswith("+CMGR"):
            continue
        events = everywhere(f"\r\n{line}\r\n\r\nOK\r\n", lambda: asked("AT+COPS=3,0"))
        assert events == [Indicated(Said(line)), Answered(())]


def example(regex):
    """Return a line as a catalogue's pattern describes it, None if it is no single line."""
    text = regex.replace(r"\r\n", "").replace(r"\r+\n", "").replace("(?:\\r)?", "")
    text = re.sub(r"\\([+^*%$\"#_])", r"\1", text)
    text = re.sub(r"\(\[?[^()]*\)\??|\.[+*]|\\d[+*]?|\\s[+*]", "1", text)
    return text if re.fullmatch(r"[+^*%$#_]?[A-Z][\w :,\"^+-]*", text) else None


def test_catalogued_indications_never_disturb_an_answer():
    lines = {example(row["regex"]) for row in load("urc_patterns_modemmanager")["rows"]} - {None}
    assert len(lines) > 60
    same = ("+CSQ", "+CDS:", "+CBM")  # an answer and an indication alike, or with a PDU
    for line in {line for line in lines if not line.startswith(same)}:
        for answer, own in ((CSQ, "+CSQ: 17,99"), (bare(), "EC25"), (CMGS, "+CMGS: 7")):
            data = f"\r\n{line}\r\n{own}\r\n{line}\r\n\r\nOK\r\n"
            events = feed(asked("AT+X", answer), data, 7)
            assert events[-1] == Answered(said(own)), line
            assert [event for event in events[:-1] if event == Indicated(Said(line))], line
