"""Commands about modems: show them; ``line_commands`` asks them for things."""

from typing import Any

import typer

from appliance.api.words import line_word, sentence, short_sim, signal
from appliance.cli import output
from appliance.cli.app import AsJson, ConfigFile, Data, Listing, cli, load
from appliance.cli.daemon_socket import ask
from appliance.cli.ends import TABLE

modems = typer.Typer(epilog=TABLE, subcommand_metavar="[COMMAND]")
cli.add_typer(modems, name="modems", cls=Listing)


@modems.callback(invoke_without_command=True)
def list_modems(
    context: typer.Context, config: ConfigFile = None, data: Data = None, json: AsJson = False
) -> None:
    """Show the modems with their SIMs: state, operator, signal, what they did today."""
    if context.invoked_subcommand is not None:
        if config or data or json:
            context.fail("options belong behind the command's name")
        return
    found = ask(load(config, data).socket_path, "GET", "/local/lines")
    if json:
        output.as_json(found)
        return
    output.table(
        ("LINE", "MODEM", "STATE", "OPERATOR", "SIGNAL", "SIM", "NUMBER", "SENT", "FAILED", "PORT"),
        [_line_row(line) for line in found],
        "No modem has been found. Plug one in, or name its port under [modems].",
    )
    for line in found:
        if line["cause"]:
            said = f"{sentence(line['cause'])} {line['next_step']}".rstrip()
            output.words(f"\n{line['slot']}: {said}")


def _line_row(line: dict[str, Any]) -> tuple[object, ...]:
    modem = " ".join(filter(None, (line["maker"], line["model"]))) or None
    return (
        line["slot"],
        modem,
        line_word(line["state"], paused=line["paused_at"] is not None).text,
        line["operator"],
        signal(line["signal_dbm"]).text,
        short_sim(line["sim"]),
        line["number"],
        line["sent"],
        line["failed"],
        line["port"],
    )
