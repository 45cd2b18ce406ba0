"""Commands about messages: send one, look at what became of them."""

from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from appliance.api.words import STATES
from appliance.cli import output
from appliance.cli.app import AsJson, ConfigFile, Data, cli, load
from appliance.cli.daemon_socket import ask
from appliance.cli.ends import Exit
from appliance.clock import SystemClock
from appliance.config import Config
from appliance.lifecycle import State

ONE_WAIT: Final = 50.0
"""Seconds that the daemon is asked to wait at once."""

FAILED: Final = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})


@cli.command()
def send(
    number: Annotated[str, typer.Argument(help="The recipient, such as +4915228817386.")],
    text: Annotated[str, typer.Argument(help="What to say.")],
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until its fate is known.")] = False,
    timeout: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait at most.")
    ] = 120,
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Send a message from this box."""
    path = load(config, data).socket_path
    body = {"to": number, "text": text}
    message = ask(path, "POST", "/local/messages", body=body)
    if not json:
        parts = "1 part" if message["parts"] == 1 else f"{message['parts']} parts"
        typer.echo(f"{message['id']}: accepted, {parts} ({message['encoding']})")
    if wait:
        message = _settled(path, message["id"], timeout)
    if json:
        output.as_json(message)
    if not wait:
        return
    state = State(message["state"])
    if not json:
        cause = f": {message['cause']}" if message["cause"] else ""
        typer.echo(f"{message['id']}: {STATES[state].text}{cause}")
    raise typer.Exit(_end(state))


@cli.command()
def messages(
    message_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One message, with its whole story.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many of the last ones.")] = 20,
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Show the last messages, or one with all that happened to it."""
    loaded = load(config, data)
    if message_id is None:
        query = {"limit": limit}
        found = ask(loaded.socket_path, "GET", "/local/messages", query=query)
    else:
        found = ask(loaded.socket_path, "GET", f"/local/messages/{quote(message_id, safe='')}")
    if json:
        output.as_json(found)
    elif message_id is None:
        _show_messages(loaded, found)
    else:
        _show_story(loaded, found)


def _settled(path: Path, message_id: str, seconds: float) -> dict[str, Any]:
    """Return a message when its fate is known, or as it is when the time is over."""
    clock = SystemClock()
    end = clock.monotonic() + seconds
    while True:
        wait = max(0.0, min(ONE_WAIT, end - clock.monotonic()))
        place = f"/local/messages/{message_id}"
        message: dict[str, Any] = ask(path, "GET", place, query={"wait": wait}, wait=wait)
        if message["final"] or clock.monotonic() >= end:
            return message


def _end(state: State) -> Exit:
    if state is State.DELIVERED:
        return Exit.GOOD
    return Exit.FAILED if state in FAILED else Exit.STILL_OPEN


def _show_messages(config: Config, found: list[dict[str, Any]]) -> None:
    zone = config.site.zone
    output.table(
        ("ID", "TIME", "TO", "STATE", "PARTS", "ACCOUNT", "CAUSE"),
        [
            (
                one["id"],
                output.local(one["accepted_at"], zone),
                one["to"],
                STATES[State(one["state"])].text,
                one["parts"],
                one["account"],
                one["cause"] or "",
            )
            for one in found
        ],
        "There is no message yet. Send one: appliance send NUMBER TEXT",
    )


def _show_story(config: Config, one: dict[str, Any]) -> None:
    zone, story = config.site.zone, one["story"]
    output.facts(
        [
            ("Message", one["id"]),
            ("To", one["to"]),
            ("Text", one["text"]),
            ("Data", one["data"]),
            ("State", STATES[State(one["state"])].text),
            ("Cause", one["cause"]),
            ("Parts", f"{one['parts']} ({one['encoding']})"),
            ("Account", one["account"]),
            ("Reference", one["reference"]),
            ("Category", f"{one['category']}, priority {one['priority']}"),
            ("SIM", one["sim"]),
            ("Accepted", output.local(one["accepted_at"], zone)),
            ("Expires", output.local(one["expires_at"], zone)),
        ]
    )
    typer.echo()
    output.table(
        ("TIME", "PART", "STATE", "CAUSE"),
        [
            (
                output.local(step["at"], zone),
                "all" if step["ordinal"] is None else step["ordinal"],
                STATES[State(step["state"])].text,
                step["cause"] or "",
            )
            for step in story["history"]
        ],
        "",
    )
