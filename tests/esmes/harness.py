"""What the applications of this folder are run by, and the daemon that they speak to."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.children import end_with_parent
from tests.box import ROOT, Bank, Box
from tests.esmes.recorder import Recorder
from tests.require import give_up, require

HERE = Path(__file__).parent

PATIENCE = 20  # seconds until a test that waits in vain fails


def python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"tests.esmes.{module}")


def node() -> tuple[str, ...]:
    if not (HERE / "node" / "node_modules" / "smpp").exists():
        give_up("node-smpp is not installed: scripts/test does it where npm is")
    return (require("nodejs"), str(HERE / "node" / "esme.js"))


def perl() -> tuple[str, ...]:
    require("libnet-smpp-perl")
    return (require("perl"), str(HERE / "net_smpp.pl"))


def kannel() -> tuple[str, ...]:
    require("kannel")
    return python("by_kannel")


CLIENTS = {
    "smpplib": lambda: python("by_smpplib"),
    "aiosmpplib": lambda: python("by_aiosmpplib"),
    "naz": lambda: python("by_naz"),
    "smpp34": lambda: python("by_smpp34"),
    "node-smpp": node,
    "Net::SMPP": perl,
    "Kannel": kannel,
}
"""What each is started with; skips the test where the client is not there."""


@dataclass
class App:
    """A running application. ``events``: what it has said."""

    process: asyncio.subprocess.Process
    log: Path
    events: list[dict[str, Any]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def order(self, do: str, **facts: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **facts}).encode() + b"\n")
        await self.process.stdin.drain()

    async def says(self, event: str, count: int = 1, **facts: Any) -> list[dict[str, Any]]:
        """Wait until it has said so often what has these facts, and return that."""
        wanted = {"event": event, **facts}.items()
        try:
            async with asyncio.timeout(PATIENCE):
                while len(found := [one for one in self.events if wanted <= one.items()]) < count:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(
                f"in vain: {count} of {dict(wanted)}\n{self.events}\n{self.log.read_text()}"
            ) from None
        return found

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.events.append(json.loads(line))
            self._news.set()


@dataclass
class Site:
    """The daemon, and the recorder through which the applications reach it."""

    bank: Bank
    box: Box
    recorder: Recorder
    folder: Path

    @asynccontextmanager
    async def running(self, client: str) -> AsyncIterator[App]:
        """Run an application with an account of its own; it has bound."""
        command = CLIENTS[client]()
        name = client.lower().replace("::", "-")
        account = (await self.box.local.post("/local/accounts", json={"name": name})).json()
        log = self.folder / f"{name}.log"
        with log.open("wb") as said:
            process = await asyncio.create_subprocess_exec(
                *command,
                *("127.0.0.1", str(self.recorder.port)),
                *(account["system_id"], account["password"]),
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=said,
                preexec_fn=end_with_parent,
            )
        app = App(process, log)
        listening = asyncio.create_task(app.listen())
        try:
            await app.says("bound")
            yield app
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            await listening

    def on_air(self, number: str) -> list[str]:
        """Return what a number was sent, long texts joined."""
        texts, parts = [], {}
        for entry in self.bank.ledger.sent():
            if entry.recipient != number:
                continue
            if entry.concat is None:
                texts.append(entry.text)
                continue
            joined = parts.setdefault((entry.iccid, entry.concat.reference), {})
            joined[entry.concat.ordinal] = entry.text
            if len(joined) == entry.concat.total:
                texts.append("".join(text for _, text in sorted(joined.items())))
        return texts
