"""Whether every row of the checklist (SMPP facts, section 3) is tried, and in every way."""

import os
import re
from pathlib import Path

import pytest

from tests.smpp_server import (
    test_checklist,
    test_checklist_framing,
    test_checklist_operations,
    test_checklist_receipts,
    test_checklist_sessions,
    test_checklist_stored,
)
from tests.smpp_server.esme import BIND_TRX, ENQUIRE_LINK, SUBMIT_SM, frame, submit_body
from tests.smpp_server.tap import running
from tests.smpp_server.ways import CUTS, Play

FACTS = Path(__file__).parents[3] / "shared" / "facts" / "smpp.md"

COUNTS = {"S": 16, "F": 10, "M": 19, "O": 7, "R": 9}

ROWS = [f"{part}{number}" for part, count in COUNTS.items() for number in range(1, count + 1)]

TABLES = {
    test_checklist.test_each_case_gets_its_answer_and_the_session_survives_it: (
        test_checklist.ROWS
    ),
    test_checklist_operations.test_each_case_gets_its_answer_and_the_session_survives_it: (
        test_checklist_operations.ROWS
    ),
    test_checklist_receipts.test_each_case_is_told_so_and_is_done_with_its_answer: (
        test_checklist_receipts.ROWS
    ),
    test_checklist_receipts.test_a_refusal_is_tried_again_or_parked_and_the_session_survives: (
        test_checklist_receipts.REFUSED
    ),
    test_checklist_framing.test_each_scene_goes_as_the_checklist_says: test_checklist_framing.ROWS,
    test_checklist_sessions.test_each_scene_goes_as_the_checklist_says: (
        test_checklist_sessions.ROWS
    ),
    test_checklist_stored.test_each_scene_goes_as_the_checklist_says: test_checklist_stored.ROWS,
}
"""What tries which rows."""


def number_of(row):
    """Return the number that a row of a table begins with."""
    return re.match(r"[SFMOR]\d+(?= )", row.name)[0]


def tried(tables):
    return {number_of(row) for rows in tables.values() for row in rows}


def test_every_row_is_tried():
    assert [row for row in ROWS if row not in tried(TABLES)] == []
    assert tried(TABLES) <= set(ROWS)


def test_a_row_that_nobody_tries_is_missed():
    gone = test_checklist_operations.ROWS
    fewer = {test: rows for test, rows in TABLES.items() if rows is not gone}
    assert set(ROWS) - tried(fewer) == {"O1", "O2", "O3", "O4", "O5"}


@pytest.mark.parametrize("test", TABLES, ids=lambda test: f"{test.__module__}.{test.__name__}")
def test_each_table_is_tried_whole_byte_by_byte_and_glued(test):
    marks = {mark.args[0]: mark.args[1] for mark in test.pytestmark if mark.name == "parametrize"}
    assert marks == {"row": TABLES[test], "cut": CUTS}


def test_no_two_rows_of_a_table_have_one_name():
    for rows in TABLES.values():
        names = [row.name for row in rows]
        assert sorted({name for name in names if names.count(name) > 1}) == []


async def test_the_ways_are_what_they_are_called(make_house, tmp_path):
    """As the server has read it: octet by octet, or the neighbours in one piece with it."""
    request = frame(SUBMIT_SM, submit_body(), sequence=5)
    read = {}
    for cut in CUTS:
        with running(tmp_path / "ways.pcap") as tape:
            on = Play(await make_house(), cut)
            client = await on.house.client(BIND_TRX)
            (line,) = tape.lines.values()
            line.chunks.clear()
            assert (await on.ask(client, SUBMIT_SM, submit_body())).status == 0
            read[cut] = line.chunks

    assert read == {
        "whole": [len(request)],
        "byte by byte": [1] * len(request),
        "glued": [len(request) + 2 * len(frame(ENQUIRE_LINK))],
    }


def test_the_rows_are_those_of_the_facts():
    """Skipped where the facts are not beside the project; with ``CI=true`` that is a failure."""
    if not FACTS.exists():
        reason = f"the facts are not there: {FACTS}"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)

    found = re.findall(r"^\| ([SFMOR]\d+) \|", FACTS.read_text("utf-8"), re.MULTILINE)
    assert [row for row in found if row not in tried(TABLES)] == []
    assert found == ROWS
