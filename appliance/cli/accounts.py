"""Accounts from the command line: through the daemon if it runs, else in the database itself."""

from typing import Any
from urllib.parse import quote

from appliance.api.schemas import AccountRequest
from appliance.cli.daemon_socket import ask
from appliance.cli.ends import DaemonAway
from appliance.config.reading import Config

# ``offline`` needs the whole store, which takes a second to load on a small box.


def all_accounts(config: Config) -> list[dict[str, Any]]:
    """Return the accounts, oldest first."""
    try:
        found: list[dict[str, Any]] = ask(config.socket_path, "GET", "/local/accounts")
    except DaemonAway:
        from appliance.cli import offline  # noqa: PLC0415

        return offline.all_accounts(config)
    return found


def add_account(config: Config, new: AccountRequest) -> dict[str, Any]:
    """Make an account; return it with its secrets."""
    body = new.model_dump(exclude_none=True)
    try:
        made: dict[str, Any] = ask(config.socket_path, "POST", "/local/accounts", body=body)
    except DaemonAway:
        from appliance.cli import offline  # noqa: PLC0415

        return offline.add_account(config, new)
    return made


def revoke_account(config: Config, name: str) -> None:
    """End an account."""
    try:
        ask(config.socket_path, "DELETE", f"/local/accounts/{quote(name, safe='')}")
    except DaemonAway:
        from appliance.cli import offline  # noqa: PLC0415

        offline.revoke_account(config, name)


def pause_account(config: Config, name: str, reason: str) -> None:
    """Keep an account out until it is resumed."""
    try:
        place = f"/local/accounts/{quote(name, safe='')}/pause"
        ask(config.socket_path, "POST", place, body={"reason": reason})
    except DaemonAway:
        from appliance.cli import offline  # noqa: PLC0415

        offline.pause_account(config, name, reason)


def resume_account(config: Config, name: str) -> None:
    """Let a paused account in again."""
    try:
        ask(config.socket_path, "POST", f"/local/accounts/{quote(name, safe='')}/resume")
    except DaemonAway:
        from appliance.cli import offline  # noqa: PLC0415

        offline.resume_account(config, name)


def settings_of(config: Config, name: str) -> list[dict[str, Any]]:
    """Return what is set for an account, and what can be."""
    path = f"/local/accounts/{quote(name, safe='')}/settings"
    try:
        found: list[dict[str, Any]] = ask(config.socket_path, "GET", path)
    except DaemonAway:
        from appliance.cli import offline  # noqa: PLC0415

        return offline.settings_of(config, name)
    return found


def change_setting(config: Config, name: str, key: str, value: str) -> dict[str, Any]:
    """Set one thing for an account; return it as it is now."""
    path = f"/local/accounts/{quote(name, safe='')}/settings/{quote(key, safe='')}"
    try:
        changed: dict[str, Any] = ask(config.socket_path, "PUT", path, body={"value": value})
    except DaemonAway:
        from appliance.cli import offline  # noqa: PLC0415

        return offline.change_setting(config, name, key, value)
    return changed
