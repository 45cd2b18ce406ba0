"""Commands that look at a modem's port itself: for a technician, and to report a new model."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from appliance import __version__
from appliance.cli import output
from appliance.cli.app import AsJson, ConfigFile, Data, load
from appliance.cli.daemon_socket import ask, follow
from appliance.cli.ends import DaemonAway, DaemonHolds, Exit
from appliance.cli.modem_commands import modems
from appliance.clock import SystemClock
from appliance.errors import ModemError
from appliance.logs import masked
from appliance.modem import discovery
from appliance.modem.ports import Opener, open_port, real_name
from appliance.modem.probe import Findings, probe, start_up
from appliance.modem.tap import Tap

Port = Annotated[
    str, typer.Argument(metavar="PORT", help="Such as /dev/ttyUSB2, or socket://host:port.")
]
ShowNumbers = Annotated[
    bool,
    typer.Option("--show-numbers", help="Do not mask numbers, IMEI and ICCID. A PIN always is."),
]

RULE: Final = "-" * 8

REPORTS: Final = {
    "stored": "stored in a memory: they survive a restart",
    "acknowledged": "directly, and again until they are stored here",
    "direct": "directly: lost while the daemon is stopped",
    "none": "not at all: this model hands out none",
}


@modems.command("probe")
def probe_port(
    port: Port,
    *,
    show_numbers: ShowNumbers = False,
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Ask a modem what it is and offers, and say what would be chosen. Enters no PIN."""
    settings = load(config, data)
    if _line_at(settings.socket_path, port):
        raise DaemonHolds(port)
    found = asyncio.run(probe(port, opener=partial(open_port, baud=settings.modems.baud)))
    show = str if show_numbers else masked
    if json:
        output.as_json(_document(found, show))
        return
    output.facts(_facts(found, show))
    typer.echo("\nTo report this model, paste what follows.\n")
    typer.echo(f"{RULE} appliance {__version__} {RULE}")
    typer.echo(f"usb: {discovery.usb_ids(port) or 'not on USB'}")
    output.facts([(name.lower() + ":", value) for name, value in _facts(found, show)])
    for asked, said in found.offers:
        output.words(f"{asked}  {said}")
    typer.echo(f"{RULE} end {RULE}")


@modems.command("trace")
def trace(
    port: Port,
    *,
    show_numbers: Annotated[
        bool,
        typer.Option(
            "--show-numbers", help="Do not mask numbers, texts and PDUs. A PIN always is."
        ),
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Show line ends and control characters too.")
    ] = False,
    config: ConfigFile = None,
    data: Data = None,
) -> None:
    """Follow the dialogue with a modem until Ctrl-C; ">" is ours.

    The daemon tells it, if it has the port; else the modem is taken through its start-up, without
    a PIN, and that is shown.
    """
    settings = load(config, data)
    path = settings.socket_path
    if not _line_at(path, port):
        opener = partial(open_port, baud=settings.modems.baud)
        if not asyncio.run(_start_shown(port, opener, show_numbers=show_numbers, raw=raw)):
            raise typer.Exit(Exit.FAILED)
        return
    query: dict[str, str | bool] = {"port": port, "show_numbers": show_numbers, "raw": raw}
    with suppress(KeyboardInterrupt):
        for line in follow(path, "/local/trace", query):
            output.words(line)


async def _start_shown(port: str, opener: Opener, *, show_numbers: bool, raw: bool) -> bool:
    """Show how a modem starts; return whether it can send then."""
    tap = Tap(SystemClock())

    async def show() -> None:
        async for line in tap.follow(show_numbers=show_numbers, raw=raw):
            output.words(line)

    showing = asyncio.create_task(show())
    try:
        await start_up(port, tap, opener=opener)
        said, ready = "It is ready to send.", True
    except ModemError as error:
        said, ready = f"It cannot send: {error}", False
    await asyncio.sleep(0)  # for the last lines
    showing.cancel()
    output.words(said)
    return ready


def _line_at(path: Path, port: str) -> bool:
    """Say whether a daemon runs and looks after this port."""
    try:
        lines = ask(path, "GET", "/local/lines")
    except DaemonAway:
        return False
    return any(port == line["slot"] or real_name(port) == real_name(line["port"]) for line in lines)


def _facts(found: Findings, show: Callable[[str], str]) -> Sequence[tuple[str, object]]:
    modem, card, network, choice = found.identity, found.card, found.network, found.choice
    tries = f", {card.tries} tries left" if card.tries is not None else ""
    return [
        ("Modem", " ".join(filter(None, (modem.maker, modem.model)))),
        ("Revision", modem.revision),
        ("IMEI", show(modem.imei)),
        ("Profile", modem.profile),
        ("PIN", f"{card.pin}{tries}"),
        ("ICCID", show(card.iccid or "")),
        ("IMSI", show(card.imsi or "")),
        ("Number", show(card.number or "")),
        ("Service centre", show(card.service_centre or "")),
        ("Network", _words(network.registration, network.operator)),
        ("Signal", f"{network.signal_dbm} dBm" if network.signal_dbm is not None else "unknown"),
        ("Memories", ", ".join(choice.memories) or "none"),
        ("Arrivals", f"stored in {choice.arrivals}" if choice.arrivals else "come directly"),
        ("Notifications", "AT+CNMI=" + ",".join(map(str, choice.notifications))),
        ("Reports", REPORTS[choice.reports]),
    ]


def _words(*said: str | None) -> str:
    return ", ".join(filter(None, said))


def _document(found: Findings, show: Callable[[str], str]) -> dict[str, Any]:
    """Return the findings for scripts, masked as they are for people."""
    modem, card = asdict(found.identity), asdict(found.card)
    modem["imei"] = show(modem["imei"])
    hidden: Iterable[str] = ("iccid", "imsi", "number", "service_centre")
    card |= {key: show(card[key]) for key in hidden if card[key]}
    return {
        "modem": modem,
        "usb": discovery.usb_ids(found.identity.slot),
        "sim": card,
        "network": asdict(found.network),
        "offers": dict(found.offers),
        "choice": asdict(found.choice),
    }
