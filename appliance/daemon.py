"""The daemon: builds the objects, runs them side by side, and stops them in order."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import uvicorn
import uvloop
from starlette.types import ASGIApp

from appliance import logs
from appliance.api.app import Doors, build_app
from appliance.chores import Chores
from appliance.clock import SystemClock
from appliance.config import Config, journal_reads_stderr, service_manager
from appliance.errors import ApplianceError, CannotListen
from appliance.inbox import Inbox, reading
from appliance.intake import Intake, IntakeRules
from appliance.keeper import Allowances, Keeper, Site
from appliance.line import Hands, Record
from appliance.modem import discovery
from appliance.modem.driver import Modem
from appliance.modem.values import LineState, SimIdentity
from appliance.outbox import Outbox
from appliance.policy.countries import country_of_imsi
from appliance.pool import Dispatcher, Pool
from appliance.service import ALIVE, READY, STOPPING, ServiceManager
from appliance.smpp_server.server import SmppServer
from appliance.store import Store
from appliance.store.space import Space
from appliance.store.values import LineFacts
from appliance.webhook import Webhook

logger = logging.getLogger(__name__)

PATIENCE: Final = timedelta(seconds=5)
"""How long answers in flight are awaited at a terminal."""

SERVICE_PATIENCE: Final = timedelta(seconds=140)
"""How long as a service: an answer to CMGS may take 120 s, the unit's TimeoutStopSec is 150."""

BEAT: Final = timedelta(seconds=5)
"""How often the service manager is told that the daemon lives; the unit's WatchdogSec is 30."""

DOORS_CLOSE: Final = 2
"""Seconds that HTTP requests under way have to end."""

MEGABYTE: Final = 1_000_000


def run(config: Config) -> int:
    """Run the daemon until SIGINT or SIGTERM; return the exit status.

    0 after an orderly stop, 1 if it could not start (what is wrong is logged).
    """
    logs.setup(config.log.level, journal=journal_reads_stderr())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_Daemon(config).run())
        except ApplianceError as error:
            logger.error("%s", error)  # noqa: TRY400 - a sentence for people, not a trace
            return 1
    return 0


class _Daemon:
    """The objects of one run."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._clock = SystemClock()
        self._manager = ServiceManager(service_manager())
        self._stop = asyncio.Event()
        self._ready = False

    async def run(self) -> None:
        """Run until told to stop.

        Raises:
            ApplianceError: it cannot start.

        """
        self._watch_signals()
        config = self._config
        config.storage.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = await Store.open(
            config.storage.database_url,
            config.storage.data,
            daemon=config.storage.daemon_name,
            clock=self._clock,
            reading=reading(config.keywords.extra),
        )
        try:
            await self._serve(store)
        finally:
            await store.close()
        logger.info("stopped", extra={"event": "daemon.stopped"})

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)

    async def _serve(self, store: Store) -> None:
        uncertain = await store.chores.recover(self._clock.now())
        if uncertain:
            logger.warning("%d parts were in flight when the daemon ended: uncertain", uncertain)
        config, clock = self._config, self._clock
        space = Space(config.storage.data, config.storage.keep_free_mb * MEGABYTE)
        intake = Intake(store, clock, self._rules(store), space)
        carriers: list[SmppServer | Webhook] = [Webhook(clock)]
        wakes: list[Outbox] = []
        smpp = None
        if config.smpp.enabled:
            smpp = SmppServer(
                config.smpp,
                intake=intake,
                authenticate=store.accounts.authenticate_smpp,
                wake=lambda account_id: wakes[0].wake(account_id),
                clock=clock,
            )
            carriers.append(smpp)
        outbox = Outbox(store, clock, carriers)
        wakes.append(outbox)
        record = Record(store)
        dispatcher = Dispatcher(store, clock, space)
        pool = self._pool(store, dispatcher, record)
        doors = Doors(
            intake=intake,
            store=store,
            clock=clock,
            config=config,
            ready=lambda: self._ready,
            drop=smpp.drop if smpp else lambda _account_id: None,
        )
        async with asyncio.TaskGroup() as group, self._http(doors):
            if smpp is not None:
                with _listening("SMPP", config.smpp.host, config.smpp.port):
                    await smpp.start()
            scheduler = Chores(store, clock, config.messages).schedule()
            scheduler.start()
            work = [group.create_task(each.run()) for each in (outbox, pool)]
            work.append(group.create_task(self._beat(store)))
            self._ready = True
            self._manager.tell(READY)
            logger.info("ready", extra={"event": "daemon.ready"})
            await self._stop.wait()
            self._ready = False
            self._manager.tell(STOPPING)
            logger.info("stopping: answers in flight are awaited")
            scheduler.shutdown(wait=False)
            doors.stopping.set()
            await pool.stop(SERVICE_PATIENCE if self._manager.listens else PATIENCE)
            await record.written()
            if smpp is not None:
                await smpp.stop()
            for task in work:
                task.cancel()

    def _rules(self, store: Store) -> IntakeRules:
        config = self._config

        def countries() -> frozenset[str]:
            if config.countries:
                return config.countries
            found = {country_of_imsi(imsi) for imsi in store.lines.subscribers}
            return frozenset(country for country in found if country)

        return IntakeRules(
            region=config.numbers.region or None,
            short_codes=config.numbers.short_codes,
            countries=countries,
            max_parts=config.messages.max_parts,
            validity=config.messages.validity,
            when_uncertain=config.messages.when_uncertain,
        )

    def _pool(self, store: Store, dispatcher: Dispatcher, record: Record) -> Pool:
        config = self._config
        hands = Hands(
            store=store,
            inbox=Inbox(store, self._clock, config.numbers.region or None),
            clock=self._clock,
            record=record,
            nudge=dispatcher.nudge,
            again=dispatcher.again,
        )
        site = Site(
            limits=lambda iccid, simulated: config.limits_of(iccid, simulated=simulated),
            number=lambda iccid: (sim.number or None) if (sim := config.sim(iccid)) else None,
            check_every=timedelta(seconds=config.modems.check_seconds),
        )
        allowances = Allowances(hands, site)

        def pin(card: SimIdentity | None) -> str | None:
            return config.pin(card.iccid if card else None)

        def keep(found: discovery.Found) -> Keeper:
            modem = Modem(found.port, slot=found.slot, pin=pin, roaming=config.modems.roaming)
            facts = LineFacts(
                slot=found.slot,
                port=found.port,
                state=LineState.starting.value,
                cause="",
                next_step="",
                simulated=found.simulated,
                changed_at=self._clock.now(),
            )
            return Keeper(
                modem,
                facts,
                hands=hands,
                site=site,
                allowances=allowances,
                supply=dispatcher,
            )

        def find() -> list[discovery.Found]:
            return discovery.ports(config.modems.ports, simulated=config.modems.simulated)

        return Pool(dispatcher, find, keep)

    @asynccontextmanager
    async def _http(self, doors: Doors) -> AsyncIterator[None]:
        """Serve HTTP on its port and on the Unix socket."""
        config = self._config
        path = config.socket_path
        with _listening("HTTP", config.http.host, config.http.port):
            port = socket.create_server(
                (config.http.host, config.http.port), family=_family(config.http.host), backlog=1024
            )
        local = _unix_socket(path)
        servers = [
            _Server(_settings(build_app(doors)), port),
            _Server(_settings(build_app(replace(doors, local=True))), local),
        ]
        tasks = [asyncio.create_task(server.serve([server.socket])) for server in servers]
        for server in servers:
            await server.up.wait()
        logger.info("HTTP on %s port %d", config.http.host, config.http.port)
        try:
            yield
        finally:
            doors.stopping.set()
            for server in servers:
                server.should_exit = True
            await asyncio.gather(*tasks, return_exceptions=True)
            path.unlink(missing_ok=True)

    async def _beat(self, store: Store) -> None:
        """Tell the service manager that the event loop and the writing thread live."""
        last = store.beat
        while True:
            if store.beat != last or not store.pending:
                self._manager.tell(ALIVE)
            last = store.beat
            await asyncio.sleep(BEAT.total_seconds())


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which are ours."""

    def __init__(self, settings: uvicorn.Config, listening: socket.socket) -> None:
        super().__init__(settings)
        self.socket = listening
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def _settings(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DOORS_CLOSE,
        backlog=1024,
    )


@contextmanager
def _listening(door: str, host: str, port: int) -> Iterator[None]:
    """Say which door cannot be opened, and why."""
    try:
        yield
    except OSError as error:
        raise CannotListen(door, host, port, error.strerror or str(error)) from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _unix_socket(path: Path) -> socket.socket:
    """Listen at ``path``, for this user alone; what an earlier run left there is removed."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    path.chmod(0o600)
    listening.listen(64)
    return listening
