"""Commands about opt-outs: who must not be written to."""

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from appliance.cli import output
from appliance.cli.app import AsJson, ConfigFile, Data, cli, load
from appliance.cli.daemon_socket import ask, follow
from appliance.cli.ends import TABLE, Exit, Refused

opt_outs = typer.Typer(help="Who must not be written to.", epilog=TABLE, no_args_is_help=True)
cli.add_typer(opt_outs, name="opt-outs")

ForAll = Annotated[bool, typer.Option("--all", help="Those too that have ended.")]


@opt_outs.command("add")
def add(
    number: Annotated[str, typer.Argument(help="Such as +4915228817386.")],
    *,
    category: Annotated[
        str | None, typer.Option(help="Only messages of this category, such as marketing.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="Such as 2030-12-31T00:00:00+01:00.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks at it later.")] = "",
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Let nobody here write to a number; what waits for it is cancelled."""
    body = {"number": number, "reason": reason, "category": category, "until": until}
    given = {name: value for name, value in body.items() if value is not None}
    found = ask(load(config, data).socket_path, "POST", "/local/opt-outs", body=given)
    if json:
        output.as_json(found)
    else:
        typer.echo(f"{found['id']}: {found['number']} is not written to ({_what(found)})")


@opt_outs.command("list")
def list_opt_outs(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many of the last ones.")] = 50,
    *,
    ended: ForAll = False,
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Show the last opt-outs."""
    loaded = load(config, data)
    query: dict[str, str | float] = {"limit": limit, "all": str(ended).lower()}
    found = ask(loaded.socket_path, "GET", "/local/opt-outs", query=query)
    if json:
        output.as_json(found)
        return
    zone = loaded.site.zone
    output.table(
        ("ID", "NUMBER", "WHAT", "SINCE", "UNTIL", "ENDED", "BY", "REASON"),
        [
            (
                one["id"],
                one["number"],
                _what(one),
                output.local(one["created_at"], zone),
                output.local(one["until"], zone),
                output.local(one["ended_at"], zone),
                one["source"],
                one["reason"],
            )
            for one in found["opt_outs"]
        ],
        "Nobody has opted out.",
    )


@opt_outs.command("end")
def end(
    opt_out_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    config: ConfigFile = None,
    data: Data = None,
) -> None:
    """Let a number be written to again."""
    place = f"/local/opt-outs/{quote(opt_out_id, safe='')}"
    ask(load(config, data).socket_path, "DELETE", place, query={"reason": reason})
    typer.echo(f"{opt_out_id}: ended")


@opt_outs.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(help="CSV: number, category, until, reason.")],
    *,
    config: ConfigFile = None,
    data: Data = None,
) -> None:
    """Enter a list; say which lines were refused, and why. It may be given again at any time."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Refused(f"{file}: {error.strerror}") from None
    path = load(config, data).socket_path
    counted = _imported(follow(path, "/local/opt-outs/import", {}, post=content))
    typer.echo(", ".join(f"{count} {result}" for result, count in counted.items()) or "no lines")
    if counted["refused"]:
        raise typer.Exit(Exit.FAILED)


@opt_outs.command("export")
def export_list(*, ended: ForAll = False, config: ConfigFile = None, data: Data = None) -> None:
    """Write all opt-outs as CSV, which can be imported again, to the standard output."""
    query = {"all": str(ended).lower()}
    for line in follow(load(config, data).socket_path, "/local/opt-outs.csv", query):
        sys.stdout.write(f"{line}\n")


def _imported(lines: Iterator[str]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for row in csv.DictReader(lines):
        counted[row["result"]] += 1
        if row["why"]:
            output.words(f"line {row['line']}: {row['why']}")
    return counted


def _what(one: dict[str, Any]) -> str:
    what = one["category"] or "all messages"
    whose = f" of {one['account']}" if one["account"] else ""
    by = f" by SIM {one['sim']}" if one["sim"] else ""
    return f"{what}{whose}{by}"
