"""Vectors collected from public test suites; they lie beside the project, not in it."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "shared" / "vectors"


@cache
def load(name: str) -> dict[str, Any]:
    """Return the file ``name`` (without ``.json``): skip the test where the folder is absent.

    With ``CI=true`` an absent folder is a failure, so that nothing is skipped unseen.
    """
    path = FOLDER / f"{name}.json"
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(f"the vectors are not there: {path}", pytrace=False)
    pytest.skip(f"the vectors are not there: {path}", allow_module_level=True)


def rows(name: str, *kinds: str) -> list[dict[str, Any]]:
    """Return the rows of ``name``, of these kinds if any are given."""
    return [row for row in load(name)["vectors"] if not kinds or row["kind"] in kinds]
