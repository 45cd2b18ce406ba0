"""The command line: commands of a few lines around functions that live elsewhere."""

from appliance.cli import account_commands, commands, message_commands
from appliance.cli.app import main

__all__ = ["account_commands", "commands", "main", "message_commands"]
