"""Commands about accounts."""

from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError

from appliance.api.schemas import AccountRequest
from appliance.api.words import sentence
from appliance.cli import accounts, output
from appliance.cli.app import AsJson, ConfigFile, Data, cli, load
from appliance.cli.ends import TABLE
from appliance.config.accounts import UNSET
from appliance.errors.invalid import why_invalid

account = typer.Typer(
    help="The applications that are allowed in.", epilog=TABLE, no_args_is_help=True
)
cli.add_typer(account, name="account")

OPTIONS: Final = {"name": "NAME", "webhook_url": "--webhook"}

MARKS: Final = {"default": "is_default", "admin": "admin"}
"""What an account may be besides, by the field that says so."""

SECRETS: Final = {
    "name": "Account",
    "api_key": "API key",
    "system_id": "SMPP system_id",
    "password": "SMPP password",
    "webhook_secret": "Webhook secret",
}


@account.command("add")
def add_account(
    name: Annotated[str, typer.Argument(help="Letters, digits, dots, hyphens, underscores.")],
    *,
    webhook: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where reports and inbound messages are posted."),
    ] = None,
    admin: Annotated[
        bool,
        typer.Option(
            "--admin", help="It may look after the lines, and its webhook is told of incidents."
        ),
    ] = False,
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Make an account and show its credentials, this once."""
    try:
        new = AccountRequest(name=name, webhook_url=webhook, admin=admin)
    except ValidationError as error:
        wrong = [f"{OPTIONS[str(one['loc'][0])]}: {why_invalid(one)}" for one in error.errors()]
        raise typer.BadParameter("; ".join(wrong)) from None
    made = accounts.add_account(load(config, data), new)
    if json:
        output.as_json(made)
        return
    typer.echo("Keep these: they are not shown again.\n")
    output.facts([(label, made[name]) for name, label in SECRETS.items()])


@account.command("list")
def list_accounts(config: ConfigFile = None, data: Data = None, json: AsJson = False) -> None:
    """Show the accounts."""
    loaded = load(config, data)
    found = accounts.all_accounts(loaded)
    if json:
        output.as_json(found)
        return
    zone = loaded.site.zone
    output.table(
        ("NAME", "SYSTEM_ID", "TOLD BY", "SINCE", "PAUSED", "REVOKED", "WEBHOOK"),
        [
            (
                _named(one),
                one["system_id"],
                one["carrier"],
                output.local(one["created_at"], zone),
                output.local(one["paused_at"], zone),
                output.local(one["revoked_at"], zone),
                one["webhook_url"] or "",
            )
            for one in found
        ],
        "There is no account yet. Make one: appliance account add NAME",
    )


def _named(one: dict[str, Any]) -> str:
    marks = [mark for mark, key in MARKS.items() if one[key]]
    return f"{one['name']} ({', '.join(marks)})" if marks else str(one["name"])


@account.command("revoke")
def revoke_account(name: str, config: ConfigFile = None, data: Data = None) -> None:
    """End an account: its credentials open nothing any more."""
    accounts.revoke_account(load(config, data), name)
    typer.echo(f"{name}: revoked")


@account.command("pause")
def pause_account(
    name: str,
    reason: Annotated[str, typer.Option(help="Shown beside the account, and to it.")] = "",
    config: ConfigFile = None,
    data: Data = None,
) -> None:
    """Keep an account out until it is resumed, over restarts too. What it is owed is kept."""
    accounts.pause_account(load(config, data), name, reason)
    typer.echo(f"{name}: paused. Resume it with: appliance account resume {name}")


@account.command("resume")
def resume_account(name: str, config: ConfigFile = None, data: Data = None) -> None:
    """Let a paused account in again."""
    accounts.resume_account(load(config, data), name)
    typer.echo(f"{name}: let in")


@account.command("show")
def show_account(
    name: str, config: ConfigFile = None, data: Data = None, json: AsJson = False
) -> None:
    """Show what is set for an account, and what can be."""
    found = accounts.settings_of(load(config, data), name)
    if json:
        output.as_json(found)
        return
    for one in found:
        now = f"not set: {one['unset']}" if one["value"] == UNSET else one["value"]
        output.words(f"{one['key']}: {now}")
        output.words(f"    {sentence(one['help'])}\n    It may be {one['form']}.\n\n")


@account.command("set")
def change_setting(
    name: str,
    key: Annotated[str, typer.Argument(help="As appliance account show NAME lists them.")],
    value: Annotated[str, typer.Argument(help="- takes back what was set.")],
    *,
    config: ConfigFile = None,
    data: Data = None,
) -> None:
    """Set one thing for an account. It holds at once, also for sessions that are bound."""
    changed = accounts.change_setting(load(config, data), name, key, value)
    now = changed["value"] if changed["value"] != UNSET else f"unset: {changed['unset']}"
    typer.echo(f"{name}: {key} is {now}")
