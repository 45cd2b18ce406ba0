"""Commands about the box itself: run, check."""

import typer

from appliance.cli import output
from appliance.cli.app import AsJson, ConfigFile, Data, cli, load
from appliance.cli.ends import Exit
from appliance.errors import BadConfig
from appliance.modem import discovery


@cli.command()
def run(config: ConfigFile = None, data: Data = None) -> None:
    """Run the daemon until it is told to stop (Ctrl-C, or SIGTERM)."""
    from appliance import daemon  # noqa: PLC0415 - nothing else needs the whole house

    raise typer.Exit(daemon.run(load(config, data), lambda text: load(config, data, text)))


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
