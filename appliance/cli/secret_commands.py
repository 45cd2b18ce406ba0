"""Commands about the passwords and keys of accounts."""

from typing import Annotated

import typer

from appliance.api.schemas import KEPT_HOURS
from appliance.cli import output, secrets
from appliance.cli.account_commands import account
from appliance.cli.app import AsJson, ConfigFile, Data, load

ONCE = "Keep this: it is not shown again.\n"


@account.command("rotate-password")
def rotate_password(
    name: str,
    *,
    keep_hours: Annotated[
        float,
        typer.Option(
            min=0,
            max=90 * 24,
            help="How long the old one opens, too. 0: no longer, and its sessions are ended.",
        ),
    ] = KEPT_HOURS,
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Give an account a new SMPP password; the old one ends at a set time."""
    loaded = load(config, data)
    made = secrets.rotate_password(loaded, name, keep_hours)
    if json:
        output.as_json(made)
        return
    typer.echo(ONCE)
    until = output.local(made["old_until"], loaded.site.zone) or "no longer"
    output.facts(
        [
            ("SMPP system_id", made["system_id"]),
            ("SMPP password", made["password"]),
            ("The old one opens until", until),
        ]
    )


@account.command("keys")
def list_keys(
    name: str, config: ConfigFile = None, data: Data = None, json: AsJson = False
) -> None:
    """Show how an account's API keys begin."""
    loaded = load(config, data)
    found = secrets.keys_of(loaded, name)
    if json:
        output.as_json(found)
        return
    output.table(
        ("BEGINS", "SINCE"),
        [(one["hint"], output.local(one["created_at"], loaded.site.zone)) for one in found],
        "No key opens for this account. Make one: appliance account add-key NAME",
    )


@account.command("add-key")
def add_key(name: str, config: ConfigFile = None, data: Data = None, json: AsJson = False) -> None:
    """Give an account one more API key; those it has stay good."""
    made = secrets.add_key(load(config, data), name)
    if json:
        output.as_json(made)
        return
    typer.echo(ONCE)
    output.facts([("API key", made["api_key"])])


@account.command("revoke-key")
def revoke_key(
    name: str,
    key: Annotated[str, typer.Argument(help="How it begins, as appliance account keys shows it.")],
    *,
    config: ConfigFile = None,
    data: Data = None,
) -> None:
    """End an API key of an account."""
    secrets.revoke_key(load(config, data), name, key)
    typer.echo(f"{name}: {key[:7]}… opens nothing any more")
