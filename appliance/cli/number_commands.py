"""Commands about numbers: those that have moved to another operator."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from appliance.cli import output
from appliance.cli.app import AsJson, ConfigFile, Data, cli, load
from appliance.cli.daemon_socket import ask
from appliance.cli.ends import TABLE, Refused

numbers = typer.Typer(help="What is known of numbers.", epilog=TABLE, no_args_is_help=True)
cli.add_typer(numbers, name="numbers")

AT_ONCE: Final = 2000
"""Lines handed to the daemon in one request."""


@numbers.command("import-ported")
def import_ported(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV: number,operator.")
    ],
    *,
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Learn which numbers have moved to another operator; an empty operator forgets a number."""
    socket = load(config, data).socket_path
    taken, known = 0, 0
    for rows in _chunks(file):
        found = ask(socket, "POST", "/local/ported", body={"numbers": rows})
        taken, known = taken + found["taken"], found["known"]
    if json:
        output.as_json({"taken": taken, "known": known})
    else:
        typer.echo(f"{taken} numbers taken, {known} known")


def _chunks(file: Path) -> Iterator[list[dict[str, str]]]:
    """Give the lines of a file, some at a time; a first line of words is a heading.

    Raises:
        Refused: a line has not two fields.

    """
    rows: list[dict[str, str]] = []
    with file.open(encoding="utf-8-sig", newline="") as lines:
        for at, fields in enumerate(csv.reader(lines), 1):
            if not fields or (at == 1 and not any(map(str.isdigit, fields[0]))):
                continue
            if len(fields) != 2:
                raise Refused(f"line {at}: a number and an operator are needed")
            rows.append({"number": fields[0].strip(), "operator": fields[1].strip()})
            if len(rows) >= AT_ONCE:
                yield rows
                rows = []
    if rows:
        yield rows
