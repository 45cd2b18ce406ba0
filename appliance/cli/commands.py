"""Commands about the box itself: run, check."""

from datetime import timedelta

import typer

from appliance.cli import output
from appliance.cli.app import AsJson, ConfigFile, Data, cli, load
from appliance.cli.ends import Exit
from appliance.clock import SystemClock
from appliance.config.reading import Config
from appliance.errors import BadCertificate, BadConfig
from appliance.modem import discovery
from appliance.smpp_server.tls import Certificates, certificates_of
from appliance.smpp_server.troubles import SOON


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
        tls = _tls(found)
    except (BadConfig, BadCertificate) as error:
        if json:
            complaints = error.complaints if isinstance(error, BadConfig) else [str(error)]
            output.as_json({"good": False, "complaints": complaints})
            raise typer.Exit(Exit.FAILED) from None
        raise
    ports = discovery.ports(found.modems.ports, simulated=found.modems.simulated)
    if json:
        until = tls.until.isoformat() if tls else None
        output.as_json(
            {
                "good": True,
                "complaints": [],
                "ports": [port.port for port in ports],
                "tls_certificate_until": until,
            }
        )
        return
    plain = f"{found.smpp.host} port {found.smpp.port}" if found.smpp.plain else "TLS only"
    output.facts(
        [
            ("Configuration", "good"),
            ("Data", found.storage.data),
            ("HTTP", f"{found.http.host} port {found.http.port}"),
            ("SMPP", plain if found.smpp.enabled else "off"),
            *_tls_facts(found, tls),
            ("SIMs set", len(found.sims)),
            ("Modem ports", ", ".join(port.port for port in ports) or "none found"),
        ]
    )


def _tls(found: Config) -> Certificates | None:
    """Return the certificate that SMPP over TLS would show, None without TLS.

    Raises:
        BadCertificate: the files cannot be used, or not by who runs this command.

    """
    used = found.smpp.enabled and found.smpp.tls_certificate
    return certificates_of(found.smpp) if used else None


def _tls_facts(found: Config, tls: Certificates | None) -> list[tuple[str, object]]:
    if tls is None:
        return []
    left = tls.until - SystemClock().now()
    until = f"{tls.until.astimezone(found.site.zone):%Y-%m-%d %H:%M}"
    state = f"expired at {until}" if left < timedelta() else f"holds until {until}"
    soon = f": {left.days} days left, get a new one" if timedelta() <= left <= SOON else ""
    smpp = found.smpp
    return [
        ("SMPP over TLS", f"{smpp.host} port {smpp.tls_port}"),
        ("Certificate", f"{smpp.tls_certificate}, {state}{soon}"),
        ("Its key", f"{smpp.tls_key or smpp.tls_certificate}, readable, fits"),
        ("Apps' signers", smpp.tls_client_ca),
    ]
