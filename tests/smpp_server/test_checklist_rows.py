"""Whether every row of the checklist (SMPP facts, section 3) has its cases."""

import ast
import os
import re
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent

FACTS = HERE.parents[2] / "shared" / "facts" / "smpp.md"

COUNTS = {"S": 16, "F": 10, "M": 19, "O": 7, "R": 9}

ROWS = [f"{part}{number}" for part, count in COUNTS.items() for number in range(1, count + 1)]

NAMED = re.compile(r"([SFMOR]\d{1,2}) [a-z]")  # a row of a table: "M3 no destination"

IN_A_TEST = re.compile(r"test((?:_[sfmor]\d{1,2})+)_")  # test_s1_s15_the_answer_to_a_bind…

ELSEWHERE = {
    "S4": (
        "test_server.py::test_an_account_may_bind_as_often_as_it_may_whatever_the_type",
        "test_server.py::test_a_bind_while_we_stop_is_told_to_come_again",
        "test_admission.py::test_an_account_binds_only_from_its_networks_whatever_the_password",
        "test_admission.py::test_a_paused_account_may_not_bind_and_may_again_when_it_is_resumed",
    ),
    "S6": ("test_server.py::test_an_account_may_bind_as_often_as_it_may_whatever_the_type",),
    "S7": ("test_server.py::test_no_bind_in_time_closes",),
    "S10": (
        "test_server.py::test_a_notice_for_an_account_without_a_receiver_finds_nobody",
        "../whole/test_smpp.py::test_a_transmitter_sends_and_a_receiver_is_told",
    ),
    "S12": ("test_server.py::test_stop_answers_what_is_in_flight_unbinds_and_closes",),
    "S14": ("test_server.py::test_enquire_link_is_sent_after_silence_and_its_answer_is_life",),
    "S16": ("test_outbind.py",),
    "F5": ("test_session.py::test_half_a_pdu_closes_after_its_time_and_not_before",),
    "F10": ("test_server.py::test_a_full_window_stops_reading",),
    "M18": ("test_checklist.py::test_a_refusal_of_the_house_has_its_status",),
    "M19": ("test_operations.py::test_one_id_stands_in_the_answer_the_receipt_and_the_query",),
    "R5": ("test_server.py::test_a_receipt_never_comes_before_the_answer_to_its_submit",),
    "R7": (
        "test_server.py::test_a_receiver_that_binds_wakes_its_notices_and_a_transmitter_does_not",
        "../whole/test_smpp.py::test_what_is_owed_waits_for_a_bind_over_a_restart_and_a_crash",
    ),
    "R9": ("test_server.py::test_receivers_of_an_account_take_turns",),
}
"""Rows that no table can hold, because their cases take time or several sessions."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def functions(path: Path) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree(path)) if isinstance(node, kinds)}


def named(path: Path) -> set[str]:
    """Return the rows that a module's tables and the names of its tests name."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {match[1] for match in [NAMED.match(node.value)] if match}
    for name in functions(path):
        if match := IN_A_TEST.match(name):
            found |= set(match[1].upper().strip("_").split("_"))
    return found


def test_every_row_has_its_cases():
    modules = [path for path in HERE.glob("test_*.py") if path != Path(__file__)]
    covered = set().union(*map(named, modules)) | set(ELSEWHERE)

    assert [row for row in ROWS if row not in covered] == []


@pytest.mark.parametrize("row", ELSEWHERE)
def test_what_is_elsewhere_is_there(row):
    for place in ELSEWHERE[row]:
        module, _, name = place.partition("::")
        path = (HERE / module).resolve()
        assert path.is_file()
        assert not name or name in functions(path)


def test_the_rows_are_those_of_the_facts():
    """Skipped where the facts are not beside the project; with ``CI=true`` that is a failure."""
    if not FACTS.exists():
        reason = f"the facts are not there: {FACTS}"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)

    assert re.findall(r"^\| ([SFMOR]\d+) \|", FACTS.read_text("utf-8"), re.MULTILINE) == ROWS
