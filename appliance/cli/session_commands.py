"""Commands about who is bound by SMPP."""

import os
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from appliance.cli import output
from appliance.cli.app import AsJson, ConfigFile, Data, cli, load
from appliance.cli.daemon_socket import ask, fetch
from appliance.cli.ends import TABLE, Refused, Unusable

WAIT = 30
"""Seconds that a session may take to end."""

sessions = typer.Typer(help="Who is bound by SMPP.", epilog=TABLE, no_args_is_help=True)
cli.add_typer(sessions, name="sessions")


@sessions.command("list")
def list_sessions(config: ConfigFile = None, data: Data = None, json: AsJson = False) -> None:
    """Show who is bound, from where, how, and what its account is owed."""
    loaded = load(config, data)
    found = ask(loaded.socket_path, "GET", "/local/sessions")["sessions"]
    if json:
        output.as_json(found)
        return
    zone = loaded.site.zone
    titles = ("SESSION", "ACCOUNT", "SYSTEM_ID", "FROM", "BIND", "VERSION", "TLS", "SINCE")
    rates = ("SUBMITS/S", "TAKEN/S", "OPEN", "UNACKED", "QUEUED", "LAST ERROR", "DAEMON")
    output.table(
        titles + rates,
        [
            (
                *(one["id"], one["account"], one["system_id"], one["peer"], one["bind"]),
                *(f"{one['version']:#04x}", one["tls"] or "no"),
                output.local(one["since"], zone),
                f"{one['submits_per_second']:.1f}",
                f"{one['receipts_per_second']:.1f}",
                f"{one['submitting']}/{one['window']}",
                *(one["unacknowledged"], one["queued"], _error(one), one["daemon"]),
            )
            for one in found
        ],
        "Nobody is bound.",
    )


@sessions.command("unbind")
def unbind(
    session: Annotated[str, typer.Argument(help="As appliance sessions list names it.")],
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """End a session in good order. It may bind again: to keep it out, pause its account."""
    path, place = load(config, data).socket_path, f"/local/sessions/{quote(session, safe='')}"
    done = ask(path, "POST", f"{place}/unbind", query={"wait": WAIT}, wait=WAIT)
    if done["state"] == "failed":
        raise Refused(f"{session}: {done['error']}")
    if json:
        output.as_json(done)
        return
    output.words(f"{session}: {'unbound' if done['state'] == 'done' else 'being unbound'}")


@sessions.command("trace")
def trace(
    name: Annotated[str, typer.Argument(metavar="ACCOUNT")],
    *,
    minutes: Annotated[
        float | None,
        typer.Option(metavar="MINUTES", help="Begin a trace of so many minutes, at most 60."),
    ] = None,
    clear: Annotated[
        bool,
        typer.Option("--clear", help="Keep numbers and texts; the log notes it. Never passwords."),
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the trace.")] = False,
    pcap: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it for Wireshark.")
    ] = None,
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Begin to trace an account's PDUs with --minutes; without it, print what there is."""
    loaded = load(config, data)
    path, place = loaded.socket_path, f"/local/accounts/{quote(name, safe='')}/trace"
    if clear and minutes is None:
        raise typer.BadParameter("--clear is for a trace that begins: say --minutes too")
    if minutes is not None:
        began = ask(path, "POST", place, body={"minutes": minutes, "clear": clear})
        _tell(began, json=json, words=f"{name}: traced until {_until(began, loaded.site.zone)}")
    elif stop:
        _tell(ask(path, "DELETE", place), json=json, words=f"{name}: no longer traced")
    elif pcap is not None:
        _write(pcap, fetch(path, f"{place}/capture"))
        output.words(f"{name}: written to {pcap}")
    elif json:
        output.as_json(ask(path, "GET", place))
    else:
        said = fetch(path, f"{place}/lines").decode("utf-8", "replace")
        output.words(said or "Nothing has been said on its sessions since the trace began.")


def _tell(found: dict[str, Any], *, json: bool, words: str) -> None:
    if json:
        output.as_json(found)
    else:
        output.words(words)


def _until(trace: dict[str, Any], zone: Any) -> str:  # noqa: ANN401 - a zone of the configuration
    return output.local(trace["until"], zone)


def _error(one: dict[str, Any]) -> str:
    error = one["last_error"]
    return f"{error['request']} {error['name']} (0x{error['status']:02X})" if error else ""


def _write(path: Path, content: bytes) -> None:
    """Write a file that nobody else may read.

    Raises:
        Unusable: it cannot be written.

    """
    try:
        with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(content)
    except OSError as error:
        raise Unusable(path, error.strerror or str(error)) from None
