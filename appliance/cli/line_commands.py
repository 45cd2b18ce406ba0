"""Commands that ask something of a modem or its SIM, through the daemon that has it."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from appliance.api.words import STATES, line_word
from appliance.cli import output
from appliance.cli.app import AsJson, ConfigFile, Data, load
from appliance.cli.daemon_socket import ask
from appliance.cli.ends import Refused
from appliance.cli.message_commands import end_of_message, settled
from appliance.cli.modem_commands import modems
from appliance.clock import SystemClock
from appliance.lifecycle import State

PATIENCE: Final = 300
"""Seconds that a line may take for its answer; a restart takes the longest."""

LONG_PATIENCE: Final = 1200
"""Seconds that the test of reports may take."""

ONE_WAIT: Final = 120
"""Seconds that the daemon is asked to wait at once."""

Line = Annotated[
    str, typer.Argument(metavar="LINE", help="Its slot or port, or its SIM by ICCID or name.")
]


@modems.command("ussd")
def ussd(
    line: Line,
    code: Annotated[str, typer.Argument(help="Such as '*100#'; quote it for the shell.")],
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Send a code to the network and show its answer; asks you where the network asks back."""
    path = load(config, data).socket_path
    done = _asked(path, line, "ussd", {"code": code})
    while not json and done["answer"]["more"]:
        output.words(done["answer"]["text"])
        said = typer.prompt("Answer (empty: end)", default="", show_default=False)
        if not said:
            _asked(path, line, "ussd-cancel")
            return
        done = _asked(path, line, "ussd-answer", {"text": said})
    _show(done, json=json, words=done["answer"]["text"])


@modems.command("pin")
def enter_pin(
    line: Line, config: ConfigFile = None, data: Data = None, json: AsJson = False
) -> None:
    """Open a SIM with its PIN, read from the terminal or from the standard input; one try."""
    pin = _read_pin()
    done = _asked(load(config, data).socket_path, line, "pin", {"pin": pin})
    _show(done, json=json, words=_state(done))


@modems.command("reset")
def reset(line: Line, config: ConfigFile = None, data: Data = None, json: AsJson = False) -> None:
    """Restart a modem."""
    done = _asked(load(config, data).socket_path, line, "reset")
    _show(done, json=json, words=_state(done))


@modems.command("pause")
def pause(
    line: Line,
    reason: Annotated[str, typer.Option(help="Shown beside the line.")] = "",
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Let a SIM send nothing until it is resumed, over restarts too; it still receives."""
    done = _asked(load(config, data).socket_path, line, "pause", {"reason": reason})
    words = f"{done['line']}: paused. Resume it with: appliance modems resume {done['line']}"
    _show(done, json=json, words=words)


@modems.command("resume")
def resume(line: Line, config: ConfigFile = None, data: Data = None, json: AsJson = False) -> None:
    """Let a paused SIM send again."""
    done = _asked(load(config, data).socket_path, line, "resume")
    was = "sends again" if done["answer"]["was_paused"] else "was not paused"
    _show(done, json=json, words=f"{done['line']}: {was}")


@modems.command("test")
def send_test(
    line: Line,
    number: Annotated[str, typer.Argument(help="The recipient, such as +4915228817386.")],
    *,
    text: Annotated[str | None, typer.Option(help="What to say.")] = None,
    timeout: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for its fate.")
    ] = 60,
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Send a message by this SIM and no other, and wait until its fate is known."""
    path = load(config, data).socket_path
    body = {"to": number} | ({"text": text} if text is not None else {})
    done = _asked(path, line, "test-message", body)
    name = done["answer"]["message"]
    if not json:
        typer.echo(f"{name}: accepted for {done['line']}")
    message = settled(path, name, timeout)
    state = State(message["state"])
    cause = f": {message['cause']}" if message["cause"] else ""
    _show(message, json=json, words=f"{name}: {STATES[state].text}{cause}")
    raise typer.Exit(end_of_message(state))


@modems.command("self-test")
def self_test(
    line: Line,
    to: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Write to it, not to the SIM's own.")
    ] = None,
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Find out whether reports outlive a restart: some minutes, two messages at most."""
    body = {"to": to} if to is not None else {}
    path = load(config, data).socket_path
    done = _asked(path, line, "self-test", body, LONG_PATIENCE)
    _show(done, json=json, words=f"{done['line']}: {done['answer']['why']}")


def _asked(
    path: Path,
    line: str,
    what: str,
    body: Mapping[str, Any] | None = None,
    patience: float = PATIENCE,
) -> dict[str, Any]:
    """Ask a line and return the request when it is done.

    Raises:
        Refused: it failed, or was not done in time.

    """
    clock = SystemClock()
    end = clock.monotonic() + patience
    method, place = "POST", f"/local/lines/{quote(line, safe='')}/{what}"
    while True:
        wait = max(0.0, min(ONE_WAIT, end - clock.monotonic()))
        done: dict[str, Any] = ask(path, method, place, body=body, query={"wait": wait}, wait=wait)
        if done["ended_at"] or clock.monotonic() >= end:
            break
        method, place, body = "GET", f"/local/requests/{done['id']}", None
    if done["state"] == "failed":
        raise Refused(f"{done['line']}: {done['error']}")
    if done["state"] != "done":
        raise Refused(
            f"{done['line']}: not done within {patience:g} s. It may still be: look at "
            "`appliance modems` before you ask again."
        )
    return done


def _read_pin() -> str:
    """Return the PIN: never from the arguments, which every user of the box can read."""
    if sys.stdin.isatty():
        return str(typer.prompt("PIN", hide_input=True))
    return sys.stdin.readline().strip()


def _state(done: Mapping[str, Any]) -> str:
    word, cause = line_word(done["answer"]["state"]).text, done["answer"]["cause"]
    return f"{done['line']}: {word}{f': {cause}' if cause else ''}"


def _show(found: Mapping[str, Any], *, json: bool, words: str) -> None:
    if json:
        output.as_json(found)
    else:
        output.words(words)
