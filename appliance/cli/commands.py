"""Commands about the box itself: run, check, modems."""

from typing import Any

import typer

from appliance.api.words import line_word, short_sim, signal
from appliance.cli import output
from appliance.cli.app import AsJson, ConfigFile, Data, cli, load
from appliance.cli.daemon_socket import ask
from appliance.cli.ends import Exit
from appliance.errors import BadConfig
from appliance.modem import discovery


@cli.command()
def run(config: ConfigFile = None, data: Data = None) -> None:
    """Run the daemon until it is told to stop (Ctrl-C, or SIGTERM)."""
    from appliance import daemon  # noqa: PLC0415 - nothing else needs the whole house

    raise typer.Exit(daemon.run(load(config, data)))


@cli.command()
def check(config: ConfigFile = None, data: Data = None, json: AsJson = False) -> None:
    """Read the configuration and say all that is wrong with it; show what would be used."""
    try:
        found = load(config, data)
    except BadConfig as error:
        if json:
            output.as_json({"good": False, "complaints": error.complaints})
            raise typer.Exit(Exit.FAILED) from None
        raise
    ports = discovery.ports(found.modems.ports, simulated=found.modems.simulated)
    if json:
        output.as_json({"good": True, "complaints": [], "ports": [port.port for port in ports]})
        return
    smpp = f"{found.smpp.host} port {found.smpp.port}" if found.smpp.enabled else "off"
    output.facts(
        [
            ("Configuration", "good"),
            ("Data", found.storage.data),
            ("HTTP", f"{found.http.host} port {found.http.port}"),
            ("SMPP", smpp),
            ("SIMs set", len(found.sims)),
            ("Modem ports", ", ".join(port.port for port in ports) or "none found"),
        ]
    )


@cli.command()
def modems(config: ConfigFile = None, data: Data = None, json: AsJson = False) -> None:
    """Show the modems with their SIMs: state, operator, signal, what they did today."""
    found = ask(load(config, data).socket_path, "GET", "/local/lines")
    if json:
        output.as_json(found)
        return
    output.table(
        ("MODEM", "STATE", "OPERATOR", "SIGNAL", "SIM", "NUMBER", "SENT", "FAILED", "PORT"),
        [_line_row(line) for line in found],
        "No modem has been found. Plug one in, or name its port under [modems].",
    )
    for line in found:
        if line["cause"]:
            typer.echo(f"\n{line['port']}: {line['cause']} {line['next_step']}".rstrip())


def _line_row(line: dict[str, Any]) -> tuple[object, ...]:
    modem = " ".join(filter(None, (line["maker"], line["model"]))) or None
    return (
        modem,
        line_word(line["state"]).text,
        line["operator"],
        signal(line["signal_dbm"]).text,
        short_sim(line["sim"]),
        line["number"],
        line["sent"],
        line["failed"],
        line["port"],
    )
