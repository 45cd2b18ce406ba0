"""Every file of the vectors, and every kind of row in it, is used by a test that is there."""

import ast
from pathlib import Path

import pytest

from tests.vectors import FOLDER, load

ROOT = Path(__file__).parents[1]

TEXT, PDU, AT = "tests/test_text.py", "tests/modem/test_pdu_vectors.py", "tests/modem/test_at.py"

GSM7 = f"{PDU}::test_septets_are_packed_as_others_pack_them"
DECODE = f"{PDU}::test_a_pdu_says_what_others_read_in_it"
ENCODE = f"{PDU}::test_a_text_becomes_the_octets_that_others_make_of_it"
MALFORMED = f"{PDU}::test_a_malformed_pdu_is_our_own_error"
COUNTS = f"{TEXT}::test_parts_are_counted_as_others_count_them"

ANY = "rows without a kind"

USED: dict[str, dict[str, str]] = {
    "babca_fakemodem_profiles": {
        ANY: "tests/modem/test_transcripts.py"
        "::test_a_recorded_answer_is_one_answer_wherever_it_is_cut",
    },
    "babca_python_gsmmodem_pdu": {
        "gsm7": GSM7,
        "address-decode": f"{PDU}::test_an_address_reads_as_others_read_it",
        "smsc-decode": f"{PDU}::test_a_service_centre_reads_as_others_read_it",
        "relative-validity": f"{PDU}::test_a_relative_validity_means_what_it_means_to_others",
        "timestamp": f"{PDU}::test_a_time_stamp_reads_as_others_read_it",
        "encode": ENCODE,
        "decode": DECODE,
        "malformed": MALFORMED,
    },
    "chan_dongle_quectel_replies": {
        ANY: f"{AT}::test_recorded_replies_are_indications_where_nothing_was_asked",
    },
    "gammu_at_replies": {ANY: f"{AT}::test_recorded_replies_are_read_whole"},
    "gammu_at_sms_encode": {
        "submit-or-deliver": f"{PDU}::test_what_gammu_writes_reads_as_it_was_meant",
    },
    "national_language_tables": {
        ANY: f"{TEXT}::test_every_whole_national_table_is_right",
    },
    "node_pdu": {
        "decode": DECODE,
        "concat-append": f"{PDU}::test_parts_tell_which_message_they_belong_to",
        "gsm7": GSM7,
    },
    "ofono_unit_sms": {
        "decode": DECODE,
        "encode": ENCODE,
        "cbs": f"{PDU}::test_no_row_is_left_out_unseen",
        "segment-count": COUNTS,
        "segment-limit": f"{TEXT}::test_the_longest_text_is_as_long_as_with_others",
        "charset": f"{TEXT}::test_every_charset_of_ofono_is_read_alike",
    },
    "port_layouts": {
        ANY: "tests/modem/test_discovery.py::test_our_table_agrees_with_the_catalogue",
    },
    "python_messaging_sms": {
        "encode": ENCODE,
        "decode": DECODE,
        "malformed": MALFORMED,
        "segment-count": COUNTS,
    },
    "urc_patterns_modemmanager": {
        ANY: f"{AT}::test_catalogued_indications_never_disturb_an_answer",
    },
    "warthog618_charset_cells": {
        "charset-cell": f"{TEXT}::test_every_sampled_charset_cell_is_right",
    },
}
"""By file and kind of row: a test that goes through all of them."""

READ_ONLY = {
    "gammu_model_features": "names of another project's work-arounds by model: something to read "
    "when a profile is written, nothing that could be expected of ours",
}
"""Files that no test can use, and why."""


def kinds_of(name):
    rows = next((value for value in load(name).values() if isinstance(value, list)), [])
    return {row.get("kind", ANY) for row in rows} or {ANY}


def test_every_file_of_the_vectors_is_used():
    load("node_pdu")  # skips where the folder is absent
    there = {path.stem for path in FOLDER.glob("*.json")}
    assert there == {*USED, *READ_ONLY}


@pytest.mark.parametrize("name", USED)
def test_every_kind_of_row_has_a_test(name):
    assert kinds_of(name) == set(USED[name])


@pytest.mark.parametrize(
    ("name", "test"),
    sorted({(name, test) for name, kinds in USED.items() for test in kinds.values()}),
)
def test_the_tests_are_there_and_load_the_file(name, test):
    place, _, function = test.partition("::")
    source = (ROOT / place).read_text("utf-8")
    defined = {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    assert function in defined
    assert f'"{name}"' in source
