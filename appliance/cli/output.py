"""What commands print: aligned tables for people, JSON for scripts."""

import json
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

import typer


def as_json(value: Any) -> None:  # noqa: ANN401 - JSON
    """Print ``value`` for scripts, in one document."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def table(titles: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Print aligned columns; ``empty`` is said where there is nothing."""
    if not rows:
        typer.echo(empty)
        return
    cells = [list(titles), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


def facts(pairs: Sequence[tuple[str, object]]) -> None:
    """Print what is known, one fact a line; what is not known is left out."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        if value not in (None, ""):
            typer.echo(f"{name.ljust(width)}  {_cell(value)}")


def words(said: str) -> None:
    """Print what somebody else has said, line by line."""
    for line in said.splitlines():
        typer.echo(_printable(line))


def local(moment: str | None, zone: tzinfo) -> str:
    """Return a moment of the API in the site's time."""
    if moment is None:
        return ""
    return f"{datetime.fromisoformat(moment).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return _printable(str(value))


def _printable(words: str) -> str:
    # A control character would move the cursor of the terminal.
    return "".join(letter if letter.isprintable() else " " for letter in words)
