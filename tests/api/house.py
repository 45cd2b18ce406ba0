"""A real store, a real intake and a real server on real sockets, all in the test's own loop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import uvicorn

from appliance import text
from appliance.api.app import Doors, build_app
from appliance.clock import SystemClock
from appliance.config.reading import Config
from appliance.control import Control
from appliance.dispatch.dispatcher import Dispatcher
from appliance.dispatch.site_rules import RulesInForce
from appliance.dispatch.waiting import WhyWaiting
from appliance.inbox import reading
from appliance.intake import Intake, IntakeRules
from appliance.lifecycle import Event
from appliance.models import Outcome
from appliance.store import Store
from appliance.store.accounts import Issued, NewAccount
from appliance.store.lines import SeenSim
from appliance.store.space import Space
from appliance.store.values import (
    AttemptEnd,
    Begin,
    Begun,
    InboundFacts,
    LineFacts,
    ReportFacts,
    Taken,
)

NUMBER = "+4915228817386"
SENDER = "+4915228817399"
UNREADY = [("Shelf 1", "the SIM wants its PIN")]
ICCID = "89490200001234567890"


class Servers:
    """Uvicorn servers in this loop, on sockets of their own."""

    def __init__(self) -> None:
        self._running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    async def start(self, app, listening: socket.socket) -> None:
        settings = uvicorn.Config(app, log_config=None, lifespan="off", access_log=False)
        server = uvicorn.Server(settings)
        server.capture_signals = nullcontext  # the test runner's handlers stay
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started and not task.done():
            await asyncio.sleep(0)
        self._running.append((server, task))

    async def stop(self) -> None:
        for server, _ in self._running:
            server.should_exit = True
        async with asyncio.timeout(20):
            await asyncio.gather(*(task for _, task in self._running))
        self._running.clear()


@dataclass
class House:
    """Everything a test of the door needs."""

    store: Store
    config: Config
    issued: Issued
    doors: Doors
    local_doors: Doors
    servers: Servers
    url: str
    socket: Path
    ready: bool = True
    dropped: list[int] = field(default_factory=list)
    sim: int = 0

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.issued.api_key}"}

    def now(self) -> datetime:
        return SystemClock().now()

    async def has_line(self, slot: str = "1-1.2", iccid: str = ICCID, **facts: object) -> int:
        """Let the store know a line; return the id of its SIM."""
        at = SystemClock().now()
        seen = SeenSim(iccid=iccid, imsi=None, number="+4915228817300", simulated=True, at=at)
        self.sim = await self.store.lines.saw(seen)
        known = {
            "port": f"/dev/serial/{slot}",
            "state": "ready",
            "cause": "",
            "next_step": "",
            "simulated": True,
            "changed_at": at,
            "maker": "Huawei",
            "model": "E3372",
            "sim_id": self.sim,
            "operator": "Testnet",
            "signal_dbm": -71,
            "registration": "home",
        }
        await self.store.lines.tell(LineFacts(slot=slot, **(known | facts)))
        return self.sim

    async def send(self, *, refused: str | None = None) -> None:
        """Hand the next part of the queue to the SIM."""
        at = SystemClock().now()
        (waiting, *_) = await self.store.dispatch.waiting(at, 1)
        begin = Begin(
            waiting=waiting,
            ordinal=waiting.todo[0],
            sim_id=self.sim,
            at=at,
            first=True,
        )
        begun = await self.store.dispatch.begin(begin)
        assert isinstance(begun, Begun)
        await self.store.dispatch.end(
            AttemptEnd(
                attempt_id=begun.attempt_id,
                begin=begin,
                outcome=Outcome.REFUSED if refused else Outcome.SENT,
                event=Event.REFUSE if refused else Event.ACCEPT,
                at=at,
                reference=None if refused else 7,
                cause=refused,
            )
        )

    async def delivered(self, number: str = NUMBER) -> None:
        """Let the network report the part with reference 7 as delivered."""
        at = SystemClock().now()
        facts = ReportFacts(
            sim_id=self.sim,
            service_centre=None,
            reference=7,
            recipient=number,
            suffix=number[-8:],
            status=0,
            event=Event.DELIVER,
            cause=None,
            submitted_at=at,
            discharged_at=at,
            received_at=at,
            fingerprint=(7, str(at)),
        )
        assert await self.store.reports.take(facts)

    async def comes_in(self, words: str, sender: str = SENDER) -> Taken:
        """Let a SIM get an SMS."""
        at = SystemClock().now()
        facts = InboundFacts(
            sim_id=self.sim,
            sender=sender,
            encoding="gsm7",
            payload=text.septets(words),
            language=0,
            udh=b"",
            concat_reference=None,
            concat_wide=False,
            total=1,
            ordinal=1,
            sent_at=at,
            received_at=at,
            fingerprint=(words, str(at)),
            suffix=sender[-8:],
        )
        return await self.store.inbound.take(facts)


@pytest.fixture
def settings() -> dict[str, object]:
    """Give nothing; override it to set something in the configuration."""
    return {}


@pytest.fixture
async def house(tmp_path: Path, settings: dict[str, object]) -> AsyncIterator[House]:
    config = Config.model_validate({"storage": {"data": tmp_path}} | settings)
    clock = SystemClock()
    store = await Store.open(
        config.storage.database_url,
        tmp_path,
        daemon="test",
        clock=clock,
        reading=reading(config.keywords.extra),
    )
    in_force = RulesInForce(config)
    rules = IntakeRules(
        region="DE",
        short_codes=False,
        countries=frozenset,
        max_parts=4,
        validity=timedelta(hours=72),
        site=lambda: in_force.site,
    )
    intake = Intake(store, clock, rules, Space(tmp_path, 0))
    control = Control(store, clock, lambda iccid: sim.name if (sim := config.sim(iccid)) else "")
    dispatcher = Dispatcher(store, clock, Space(tmp_path, 0))
    waiting = WhyWaiting(store, clock, config.site.zone, dispatcher.explain, lambda: UNREADY)
    issued = await store.accounts.add(NewAccount(name="shop"), datetime.now(UTC))
    found: list[House] = []
    dropped: list[int] = []

    def doors(*, local: bool) -> Doors:
        return Doors(
            intake=intake,
            control=control,
            store=store,
            clock=clock,
            config=config,
            ready=lambda: found[0].ready,
            drop=dropped.append,
            waits=waiting.of,
            local=local,
        )

    tcp = socket.create_server(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(config.socket_path))
    servers, url = Servers(), f"http://127.0.0.1:{tcp.getsockname()[1]}"
    open_doors, local_doors = doors(local=False), doors(local=True)
    made = House(
        store=store,
        config=config,
        issued=issued,
        doors=open_doors,
        local_doors=local_doors,
        servers=servers,
        url=url,
        socket=config.socket_path,
        dropped=dropped,
    )
    found.append(made)
    await servers.start(build_app(open_doors), tcp)
    await servers.start(build_app(local_doors), unix)
    yield made
    open_doors.stopping.set()
    local_doors.stopping.set()
    await servers.stop()
    await store.close()


@pytest.fixture
async def api(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client with the account's key."""
    async with httpx.AsyncClient(base_url=house.url, headers=house.auth) as client:
        yield client


@pytest.fixture
async def local(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the Unix socket."""
    transport = httpx.AsyncHTTPTransport(uds=str(house.socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
