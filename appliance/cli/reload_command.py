"""The command that lets the daemon read its configuration again."""

from appliance.cli import output
from appliance.cli.app import AsJson, ConfigFile, Data, cli, load
from appliance.cli.daemon_socket import ask
from appliance.config.reading import text_of


@cli.command()
def reload(config: ConfigFile = None, data: Data = None, json: AsJson = False) -> None:
    """Let the running daemon go by what is set now.

    Without --config it reads the file again that it was started with. Limits, groups and SIMs
    change at once; what else has changed is named: it holds after a restart. A file with a
    mistake changes nothing.
    """
    loaded = load(config, data)
    text = text_of(config) if config is not None else None
    found = ask(loaded.socket_path, "POST", "/local/reload", body={"text": text})
    if json:
        output.as_json(found)
        return
    output.facts(
        [
            ("Changed", ", ".join(found["changed"]) or "nothing"),
            *(("After a restart", key) for key in found["after_restart"]),
            *(("Warning", warning) for warning in found["warnings"]),
        ]
    )
