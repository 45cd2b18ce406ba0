"""What a test needs beside Python: there, or the test is skipped; with CI=true it fails."""

import importlib.util
import os
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Package:
    """A line of system-packages.txt."""

    purpose: str
    name: str
    probe: str
    without: str

    def found(self) -> str | None:
        """Return what proves that the package is there, a path where it has one, or None."""
        kind, _, what = self.probe.partition(":")
        return PROBES[kind](what)


PROBES = {
    "command": shutil.which,
    "path": lambda pattern: max(map(str, Path("/").glob(pattern.removeprefix("/"))), default=None),
    "module": lambda name: name if importlib.util.find_spec(name) else None,
}


@cache
def packages() -> dict[str, Package]:
    """Return the packages of system-packages.txt by name."""
    lines = (ROOT / "system-packages.txt").read_text("utf-8").splitlines()
    rows = [line.split("|") for line in lines if line.strip() and not line.startswith("#")]
    listed = [Package(*(cell.strip() for cell in row)) for row in rows]
    return {package.name: package for package in listed}


def require(name: str) -> str:
    """Return where a package of the list (or else a command on the PATH) is.

    Skips the test where it is missing; fails it when CI=true.
    """
    package = packages().get(name) or Package(
        "test", name, f"command:{name}", "this test is skipped"
    )
    found = package.found()
    if found is None:
        give_up(f"{name} is not installed: {package.without}")
    return found


def give_up(reason: str) -> NoReturn:
    """Skip the test, or fail it when CI=true, where nothing may be skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
