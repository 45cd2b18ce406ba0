"""The appliance as its users have it: a bank of simulated modems and the daemon, as processes."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from scripts.children import end_with_parent
from tests.fake_modem import AsyncControl, Ledger
from tests.forking import Forked, forker

ROOT = Path(__file__).parent.parent

READY_SECONDS = 30

LOOK_SECONDS = 0.02

AT_BEGIN = "LD_PRELOAD"
"""What is read when a program begins: a process that needs it is not forked."""

Process = asyncio.subprocess.Process | Forked


async def start(*command: str, env: Mapping[str, str], log: Path) -> Process:
    """Start a Python module that cannot outlive us; what it says goes to the end of ``log``."""
    with log.open("ab") as said:
        if (forked := forker()) is not None and AT_BEGIN not in env:
            return forked.start(*command, env={**os.environ, **env}, out=said, err=said)
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *command,
            cwd=ROOT,
            env={**os.environ, **env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )


async def stop(process: Process, number: int = signal.SIGTERM) -> int:
    """End a process and return its status."""
    with suppress(ProcessLookupError):
        process.send_signal(number)
    return await process.wait()


async def until(condition, what: str, seconds: float = READY_SECONDS) -> Any:
    """Wait until ``condition`` (a coroutine function) gives something true, and return that."""
    try:
        async with asyncio.timeout(seconds):
            while not (found := await condition()):
                await asyncio.sleep(LOOK_SECONDS)
            return found
    except TimeoutError:
        raise AssertionError(f"in vain: {what}") from None


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class Bank:
    """Simulated modems. ``control`` commands them, ``ledger`` says what went on the air."""

    def __init__(self, folder: Path, control: AsyncControl) -> None:
        self.folder = folder
        self.control = control
        self.ledger = Ledger(folder / "ledger.jsonl")

    @property
    def ports(self) -> str:
        """The glob of its modems' ports."""
        return str(self.folder / "modem*")


@asynccontextmanager
async def running_bank(
    folder: Path, *options: str, module: str = "tests.fake_modem"
) -> AsyncIterator[Bank]:
    """Run a bank, with the options of ``python -m tests.fake_modem``."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "bank.log"
    process = await start(module, "--dir", str(folder), *options, env={}, log=log)
    try:

        async def ready() -> bool:
            assert process.returncode is None, log.read_text()
            return "ready" in log.read_text()

        await until(ready, "the bank starts")
        async with AsyncControl(folder) as control:
            yield Bank(folder, control)
    finally:
        await stop(process)


class Box:
    """A daemon that may be killed and started again on the same data."""

    def __init__(self, data: Path, ports: str, env: Mapping[str, str]) -> None:
        self.data = data
        self.log = data.parent / f"{data.name}.log"
        self.http_port, self.smpp_port = free_port(), free_port()
        self.process: Process | None = None
        self.arguments: tuple[str, ...] = ()  # of ``appliance run``
        self.module = "appliance"
        self._env = {
            "APPLIANCE_STORAGE__DATA": str(data),
            "APPLIANCE_STORAGE__KEEP_FREE_MB": "0",
            "APPLIANCE_MODEMS__PORTS": ports,
            "APPLIANCE_MODEMS__SIMULATED": ports,
            "APPLIANCE_HTTP__PORT": str(self.http_port),
            "APPLIANCE_SMPP__PORT": str(self.smpp_port),
            "APPLIANCE_SITE__TRUST_CLOCK": "true",
            **env,
        }
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.http_port}", timeout=30)
        transport = httpx.AsyncHTTPTransport(uds=str(data / "appliance.sock"))
        self.local = httpx.AsyncClient(transport=transport, base_url="http://localhost")

    async def start(self) -> None:
        """Start the daemon and wait until it is ready."""
        command = (self.module, "run", *self.arguments)
        self.process = await start(*command, env=self._env, log=self.log)
        await until(self.ready, "the daemon is ready")

    async def ready(self) -> bool:
        """Return whether it says that it is ready."""
        assert self.process is not None
        assert self.process.returncode is None, self.log.read_text()
        with suppress(httpx.TransportError):
            answer = await self.http.get("/v1/health")
            return answer.status_code == 200 and bool(answer.json()["ready"])
        return False

    async def kill(self) -> None:
        """Kill it, as a crash does."""
        assert self.process is not None
        await stop(self.process, signal.SIGKILL)

    async def stop(self) -> int:
        """End it in good order and return its status."""
        assert self.process is not None
        return await stop(self.process)

    async def account(self, **fields: Any) -> dict[str, Any]:
        """Make an account, and speak as it over REST from now on."""
        answer = await self.local.post("/local/accounts", json={"name": "first", **fields})
        assert answer.status_code < 300, answer.text
        account: dict[str, Any] = answer.json()
        self.http.headers["Authorization"] = f"Bearer {account['api_key']}"
        return account

    async def lines_ready(self, count: int) -> None:
        """Wait until so many lines are ready."""

        async def ready() -> bool:
            with suppress(httpx.TransportError):
                found = (await self.local.get("/local/lines")).json()
                return sum(line["state"] == "ready" for line in found) >= count
            return False

        await until(ready, f"{count} lines are ready")

    async def send(self, to: str, text: str, **fields: Any) -> dict[str, Any]:
        """Submit one message by REST and return the answer."""
        answer = await self.http.post("/v1/messages", json={"to": to, "text": text, **fields})
        assert answer.status_code == 202, answer.text
        return dict(json.loads(answer.text))

    async def message(self, name: str) -> dict[str, Any]:
        """Return a message with its story."""
        answer = await self.http.get(f"/v1/messages/{name}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def state(self, name: str) -> str:
        """Return a message's state."""
        return str((await self.message(name))["state"])

    async def becomes(self, name: str, *states: str, seconds: float = READY_SECONDS) -> str:
        """Wait until a message is in one of these states, and return it."""

        async def there() -> str | None:
            found = await self.state(name)
            return found if found in states else None

        return str(await until(there, f"{name} becomes {states}", seconds))


@asynccontextmanager
async def running_box(
    folder: Path,
    ports: str,
    *,
    process_env: Mapping[str, str] | None = None,
    config: str = "",
    module: str = "appliance",
    **settings: str,
) -> AsyncIterator[Box]:
    """Run a daemon with its data in ``folder``.

    ``settings`` are named ``SECTION__KEY``; ``process_env`` is for the process itself;
    ``config`` is the text of a configuration file; ``module`` is what is run as the daemon.
    """
    folder.mkdir(parents=True, exist_ok=True)
    env = {f"APPLIANCE_{name}": value for name, value in settings.items()}
    box = Box(folder, ports, env | dict(process_env or {}))
    box.module = module
    if config:
        path = folder.with_suffix(".toml")
        path.write_text(config, "utf-8")
        box.arguments = ("--config", str(path))
    try:
        await box.start()
        yield box
    finally:
        await box.http.aclose()
        await box.local.aclose()
        if box.process is not None and box.process.returncode is None:
            await box.stop()
