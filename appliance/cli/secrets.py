"""Passwords and keys from the command line: through the daemon, else in the database itself."""

from typing import Any
from urllib.parse import quote

from appliance.cli.daemon_socket import ask
from appliance.cli.ends import DaemonAway
from appliance.config.reading import Config

# ``offline`` needs the whole store, which takes a second to load on a small box.


def rotate_password(config: Config, name: str, keep_hours: float) -> dict[str, Any]:
    """Give an account a new SMPP password, and return it."""
    body = {"keep_hours": keep_hours}
    try:
        made: dict[str, Any] = ask(config.socket_path, "POST", _path(name, "password"), body=body)
    except DaemonAway:
        from appliance.cli import offline  # noqa: PLC0415

        return offline.rotate_password(config, name, keep_hours)
    return made


def keys_of(config: Config, name: str) -> list[dict[str, Any]]:
    """Return the keys that open for an account."""
    try:
        found: list[dict[str, Any]] = ask(config.socket_path, "GET", _path(name, "keys"))
    except DaemonAway:
        from appliance.cli import offline  # noqa: PLC0415

        return offline.keys_of(config, name)
    return found


def add_key(config: Config, name: str) -> dict[str, Any]:
    """Give an account one more API key, and return it."""
    try:
        made: dict[str, Any] = ask(config.socket_path, "POST", _path(name, "keys"))
    except DaemonAway:
        from appliance.cli import offline  # noqa: PLC0415

        return offline.add_key(config, name)
    return made


def revoke_key(config: Config, name: str, key: str) -> None:
    """End a key of an account."""
    try:
        ask(config.socket_path, "DELETE", f"{_path(name, 'keys')}/{quote(key, safe='')}")
    except DaemonAway:
        from appliance.cli import offline  # noqa: PLC0415

        offline.revoke_key(config, name, key)


def _path(name: str, what: str) -> str:
    return f"/local/accounts/{quote(name, safe='')}/{what}"
