"""Commands about notices: receipts and inbound messages that accounts have not taken."""

from typing import Annotated

import typer

from appliance.cli import output
from appliance.cli.app import AsJson, ConfigFile, Data, cli, load
from appliance.cli.daemon_socket import ask
from appliance.cli.ends import TABLE

notices = typer.Typer(
    help="Receipts and inbound messages that apps have not taken yet.",
    epilog=TABLE,
    no_args_is_help=True,
)
cli.add_typer(notices, name="notices")


@notices.command("list")
def list_notices(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many of the last ones.")] = 50,
    *,
    account: Annotated[str | None, typer.Option(help="Only this account's.")] = None,
    standing: Annotated[
        str | None, typer.Option(metavar="WHICH", help="Only waiting, refused or expired ones.")
    ] = None,
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Show what waits for its account, and what is parked: refused, or not taken in time."""
    loaded = load(config, data)
    given = {"limit": limit, "account": account, "standing": standing}
    query = {name: value for name, value in given.items() if value is not None}
    found = ask(loaded.socket_path, "GET", "/local/notices", query=query)
    if json:
        output.as_json(found)
        return
    zone = loaded.site.zone
    output.table(
        ("ID", "ACCOUNT", "ABOUT", "SAYS", "STANDING", "TRIES", "SINCE", "NEXT TRY", "LAST ERROR"),
        [
            (
                one["id"],
                one["account"],
                one["about"],
                one["state"] or one["kind"],
                one["standing"],
                one["tries"],
                output.local(one["created_at"], zone),
                output.local(None if one["parked_at"] else one["due_at"], zone),
                one["last_error"] or "",
            )
            for one in found["notices"]
        ],
        "Everything has been taken.",
    )


@notices.command("owed")
def owed(config: ConfigFile = None, data: Data = None, json: AsJson = False) -> None:
    """Show how much each account is owed."""
    loaded = load(config, data)
    found = ask(loaded.socket_path, "GET", "/local/notices/owed")
    if json:
        output.as_json(found)
        return
    output.table(
        ("ACCOUNT", "WAITING", "REFUSED", "EXPIRED", "OLDEST"),
        [
            (
                *(one[name] for name in ("account", "waiting", "refused", "expired")),
                output.local(one["oldest"], loaded.site.zone),
            )
            for one in found
        ],
        "Everything has been taken.",
    )


@notices.command("release")
def release(
    account: Annotated[str, typer.Argument(help="Whose.")],
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Without: all that are parked.")
    ] = None,
    *,
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Let parked notices go again, as if they were new."""
    path = load(config, data).socket_path
    query = {"account": account}
    found = ask(path, "POST", "/local/notices/release", query=query, body={"ids": ids or None})
    if json:
        output.as_json(found)
    else:
        typer.echo(f"{found['released']} released")
