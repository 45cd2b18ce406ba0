"""Commands about messages: send one, look at what became of them."""

from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from appliance.api.words import STATES
from appliance.cli import output
from appliance.cli.app import AsJson, ConfigFile, Data, Listing, cli, load
from appliance.cli.daemon_socket import ask
from appliance.cli.ends import TABLE, Exit
from appliance.clock import SystemClock
from appliance.config.reading import Config
from appliance.lifecycle import State

CANCELLING: Final = 15.0
"""Seconds that the daemon may take; then it goes on by itself."""

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
        message = settled(path, message["id"], timeout)
    if json:
        output.as_json(message)
    if not wait:
        return
    state = State(message["state"])
    if not json:
        cause = f": {message['cause']}" if message["cause"] else ""
        typer.echo(f"{message['id']}: {STATES[state].text}{cause}")
    raise typer.Exit(end_of_message(state))


class _OrShow(Listing):
    """Takes what names no command for the message that is to be shown."""

    def resolve_command(
        self,
        ctx: Any,  # noqa: ANN401 - typer has a click of its own, which is nobody else's
        args: list[str],
    ) -> tuple[str | None, Any, list[str]]:
        """Return the command, and what is left for it."""
        known = self.get_command(ctx, args[0]) is not None
        return super().resolve_command(ctx, args if known else ["show", *args])


messages = typer.Typer(epilog=TABLE, subcommand_metavar="[ID] | COMMAND")
cli.add_typer(messages, name="messages", cls=_OrShow)


@messages.callback(invoke_without_command=True)
def list_messages(  # noqa: PLR0917 - its options
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many of the last ones.")] = 20,
    state: Annotated[
        State | None, typer.Option(help="Only those in this state.", show_choices=False)
    ] = None,
    batch: Annotated[str | None, typer.Option(help="Only those of this batch.")] = None,
    reference: Annotated[str | None, typer.Option(help="Only the one named so.")] = None,
    to: Annotated[str | None, typer.Option(help="Only those to this number.")] = None,
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Show the last messages, or one (`appliance messages ID`) with all that happened to it."""
    wanted = {"state": state, "batch": batch, "reference": reference, "to": to}
    given = {name: str(value) for name, value in wanted.items() if value is not None}
    if context.invoked_subcommand is not None:
        if given or config or data or json:
            context.fail("options belong behind the command's name, or the message's")
        return
    loaded = load(config, data)
    query = given | {"limit": str(limit)}
    found = ask(loaded.socket_path, "GET", "/local/messages", query=query)
    if json:
        output.as_json(found)
    else:
        _show_messages(loaded, found, wanted=bool(given))


@messages.command("show")
def show_message(
    message_id: Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")],
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Show a message with all that happened to it."""
    loaded = load(config, data)
    found = ask(loaded.socket_path, "GET", f"/local/messages/{quote(message_id, safe='')}")
    if json:
        output.as_json(found)
    else:
        _show_story(loaded, found)


@messages.command("cancel")
def cancel_messages(  # noqa: PLR0917 - its options
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="By their ids.")
    ] = None,
    batch: Annotated[str | None, typer.Option(help="All of a batch; needs --account.")] = None,
    reference: Annotated[
        str | None, typer.Option(help="The one named so; needs --account.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="All to this number.")] = None,
    account: Annotated[str | None, typer.Option(help="Only those of this account.")] = None,
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Cancel messages that are not on the air: by ids, or by one of batch, reference, number."""
    path = load(config, data).socket_path
    wanted = {"ids": ids or None, "batch": batch, "reference": reference, "to": to}
    body = {name: value for name, value in wanted.items() if value is not None}
    query = {"account": account} if account else None
    found = ask(path, "POST", "/local/messages/cancel", body=body, query=query, wait=CANCELLING)
    if json:
        output.as_json(found)
        return
    typer.echo(f"cancelled: {found['cancelled']}")
    typer.echo(f"on the air already: {found['on_air']}")
    typer.echo(f"fate known already: {found['final']}")
    if not found["finished"]:
        typer.echo("There are more; the daemon goes on with them.")


def settled(path: Path, message_id: str, seconds: float) -> dict[str, Any]:
    """Return a message when its fate is known, or as it is when the time is over."""
    clock = SystemClock()
    end = clock.monotonic() + seconds
    while True:
        wait = max(0.0, min(ONE_WAIT, end - clock.monotonic()))
        place = f"/local/messages/{message_id}"
        message: dict[str, Any] = ask(path, "GET", place, query={"wait": wait}, wait=wait)
        if message["final"] or clock.monotonic() >= end:
            return message


def end_of_message(state: State) -> Exit:
    """Return the exit code for a message's state."""
    if state is State.DELIVERED:
        return Exit.GOOD
    return Exit.FAILED if state in FAILED else Exit.STILL_OPEN


def _show_messages(config: Config, found: list[dict[str, Any]], *, wanted: bool) -> None:
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
                one["waits"] or one["cause"] or "",
            )
            for one in found
        ],
        "No message fits."
        if wanted
        else "There is no message yet. Send one: appliance send NUMBER TEXT",
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
            ("Waits", one["waits"]),
            ("Cause", None if one["cause"] == one["waits"] else one["cause"]),
            ("Parts", f"{one['parts']} ({one['encoding']})"),
            ("Account", one["account"]),
            ("Reference", one["reference"]),
            ("Batch", one["batch"]),
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
