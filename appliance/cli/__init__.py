"""The command line: commands of a few lines around functions that live elsewhere."""

from appliance.cli import (
    account_commands,
    commands,
    line_commands,
    message_commands,
    modem_commands,
    notice_commands,
    number_commands,
    optout_commands,
    plan_command,
    port_commands,
    reload_command,
    secret_commands,
    session_commands,
)
from appliance.cli.app import main

__all__ = [
    "account_commands",
    "commands",
    "line_commands",
    "main",
    "message_commands",
    "modem_commands",
    "notice_commands",
    "number_commands",
    "optout_commands",
    "plan_command",
    "port_commands",
    "reload_command",
    "secret_commands",
    "session_commands",
]
