"""scripts/run after installation: the whole appliance with simulated modems, as a user meets it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import psutil
import pytest

from tests.require import ROOT, require

SECONDS = 30


class Launcher:
    """A running launcher, with ports of its own."""

    def __init__(self, data: Path, *arguments: str, **environment: str) -> None:
        self.ports = free_port(), free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "scripts.launch", *arguments],
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "APPLIANCE_STORAGE__DATA": str(data),
                "APPLIANCE_HTTP__PORT": str(self.ports[0]),
                "APPLIANCE_SMPP__PORT": str(self.ports[1]),
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def welcome(self, last: str = "To stop:") -> str:
        """Return what it says up to the line that starts with ``last``."""
        said = []
        for line in self.process.stdout:
            said.append(line)
            if line.startswith(last):
                return "".join(said)
        pytest.fail(f"it ended without a welcome: {self.process.stderr.read()}")

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Stop it as Ctrl-C does; return its status and what it said on stderr."""
        self.process.send_signal(number)
        _, complaints = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, complaints

    def children(self) -> list[psutil.Process]:
        """Return the daemon and the bank, and whatever they started."""
        return psutil.Process(self.process.pid).children(recursive=True)


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return server.getsockname()[1]


@pytest.fixture
def data() -> Iterator[Path]:
    """Give a place for data with a path that is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="appliance-") as folder:
        yield Path(folder) / "data"


@pytest.fixture
def launch(data) -> Iterator[Callable[..., Launcher]]:
    """Give a function that starts a launcher; what still runs at the end is stopped."""
    with ExitStack() as stack:

        def start(*arguments: str, **environment: str) -> Launcher:
            launcher = Launcher(data, *arguments, **environment)
            stack.callback(end, launcher.process)
            return launcher

        yield start


def end(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.terminate()
        process.communicate(timeout=SECONDS)
    process.stdout.close()
    process.stderr.close()


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for something another process does."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.05)


def pasted(welcome: str, first: str, last: str) -> str:
    """Return the lines of the welcome from one that starts with ``first`` to one that ends so."""
    return re.search(rf"^{first}.*?{last}$", welcome, re.MULTILINE | re.DOTALL)[0]


def shell(script: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["sh", "-c", script], cwd="/", check=False, capture_output=True, text=True, timeout=SECONDS
    )


def test_the_pasted_curl_line_delivers_a_message(launch):
    require("curl")
    welcome = launch().welcome()
    url = re.search(r"Page +(\S+)", welcome)[1]
    key = re.search(r"API key +(\S+)", welcome)[1]

    answer = shell(pasted(welcome, "curl", "REST\"}'"))

    message = json.loads(answer.stdout)
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as api:
        until(
            lambda: api.get(f"/v1/messages/{message['id']}").json()["state"] == "delivered",
            "the state 'delivered'",
        )


def test_the_pasted_python_lines_deliver_a_message_and_print_its_receipt(launch):
    answer = shell(pasted(launch().welcome(), r"\S+/python - <<'EOF'", "EOF"))

    assert answer.returncode == 0, answer.stderr
    assert "stat:DELIVRD" in answer.stdout


def test_everything_it_names_answers(launch):
    launcher = launch("--json")
    found = json.loads(launcher.welcome("{"))

    page = httpx.get(found["url"])
    assert page.status_code == httpx.codes.OK
    assert "The clock is not set yet" not in page.text, "at a desk all can be tried"
    assert httpx.get(found["docs_url"]).status_code == httpx.codes.OK
    assert (found["smpp"]["host"], found["smpp"]["port"]) == ("127.0.0.1", launcher.ports[1])
    assert found["url"] == f"http://127.0.0.1:{launcher.ports[0]}"
    assert len(found["api_key"]) > 20
    assert len(found["smpp"]["system_id"]) <= 15
    assert len(found["smpp"]["password"]) <= 8


def test_a_second_start_knows_no_secrets_and_says_how_to_make_new_ones(launch, data):
    first = launch("--json")
    secrets = json.loads(first.welcome("{"))
    assert first.stop()[0] == 0

    second = launch("--json")
    found = json.loads(second.welcome("{"))
    assert second.stop()[0] == 0
    assert (found["data"], found["api_key"]) == (str(data), None)
    assert found["smpp"]["system_id"] is found["smpp"]["password"] is None

    said = launch().welcome()
    assert "account add NAME" in said
    assert str(data) in said
    assert secrets["api_key"] not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stops_cleanly_and_takes_everything_with_it(launch, number):
    launcher = launch()
    launcher.welcome()
    children = launcher.children()

    assert launcher.stop(number)[0] == 0
    assert len(children) >= 2
    assert psutil.wait_procs(children, timeout=SECONDS)[1] == []


def test_the_death_of_the_daemon_is_told(launch):
    launcher = launch()
    launcher.welcome()
    daemon = next(child for child in launcher.children() if "appliance" in child.cmdline())
    daemon.kill()

    _, complaints = launcher.process.communicate(timeout=SECONDS)
    assert launcher.process.returncode == 128 + signal.SIGKILL
    assert "The daemon ended unasked" in complaints


def test_nothing_outlives_a_killed_launcher(launch):
    launcher = launch()
    launcher.welcome()
    children = launcher.children()
    launcher.process.kill()

    _, alive = psutil.wait_procs(children, timeout=SECONDS)
    for child in alive:
        child.kill()
    assert alive == []


def test_a_taken_port_is_named_with_what_to_do(launch, data):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        launcher = launch(APPLIANCE_SMPP__PORT=str(port))
        _, complaints = launcher.process.communicate(timeout=SECONDS)

    assert launcher.process.returncode == 1
    assert f"Port {port} of 127.0.0.1 is taken" in complaints
    assert "APPLIANCE_SMPP__PORT=" in complaints
    assert not data.exists()


def test_a_second_launcher_on_the_same_data_is_refused(launch, data):
    launch().welcome()
    second = launch()
    _, complaints = second.process.communicate(timeout=SECONDS)

    assert second.process.returncode == 1
    assert f"running already; its data is in {data}" in complaints


def test_a_path_too_long_for_a_socket_is_refused_in_time(launch):
    launcher = launch(APPLIANCE_STORAGE__DATA="/tmp/" + "x" * 120)
    _, complaints = launcher.process.communicate(timeout=SECONDS)

    assert launcher.process.returncode == 1
    assert "too long for a socket" in complaints
