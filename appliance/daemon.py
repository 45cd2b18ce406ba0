"""The daemon: builds the objects, runs them side by side, and stops them in order."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import uvicorn
import uvloop
from starlette.types import ASGIApp

from appliance import addressing, logs
from appliance.api.app import Doors, build_app
from appliance.clock import SystemClock
from appliance.config.reading import Config, journal_reads_stderr, service_manager
from appliance.config.reload import warnings
from appliance.errors import ApplianceError, CannotListen
from appliance.service import ALIVE, READY, STOPPING, ServiceManager
from appliance.store import Store
from appliance.store.tenure import Lease
from appliance.timekeeping import Timekeeping
from appliance.wiring import House, reading_of

logger = logging.getLogger(__name__)

PATIENCE: Final = timedelta(seconds=5)
"""How long answers in flight are awaited at a terminal."""

SERVICE_PATIENCE: Final = timedelta(seconds=140)
"""How long as a service: an answer to CMGS may take 120 s, the unit's TimeoutStopSec is 150."""

BEAT: Final = timedelta(seconds=5)
"""How often the service manager is told that the daemon lives; the unit's WatchdogSec is 30."""

YOUNG: Final = 10_000
"""New objects after which garbage is looked for; Python's own 700 are a few submits."""

DOORS_CLOSE: Final = 2
"""Seconds that HTTP requests under way have to end."""


def run(config: Config, read: Callable[[str | None], Config]) -> int:
    """Run the daemon until SIGINT or SIGTERM; return the exit status.

    ``read`` returns the configuration anew: that of a text, or with None of the file.

    0 after an orderly stop, 1 if it could not start (what is wrong is logged).
    """
    logs.setup(config.log.level, journal=journal_reads_stderr())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_Daemon(config, read).run())
        except ApplianceError as error:
            logger.error("%s", error)  # noqa: TRY400 - a sentence for people, not a trace
            return 1
    return 0


def _settle_in() -> None:
    """Let the garbage collector look at what comes from now on, never again at what is there.

    Else it goes through all modules and tables every few seconds of load, and nothing is
    answered meanwhile: up to 0.2 s each time.
    """
    gc.freeze()  # collecting first would take as long, and finds next to nothing
    gc.set_threshold(YOUNG)


class _Daemon:
    """The objects of one run."""

    def __init__(self, config: Config, read: Callable[[str | None], Config]) -> None:
        self._config, self._read = config, read
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
            reading=reading_of(config),
            most_tries=config.messages.most_tries,
            lease=Lease(config.storage.lease, config.storage.takeover),
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
        time = Timekeeping(store, self._clock, self._config.site.trust_clock)
        await time.begin()
        await addressing.hold(store, self._config)
        uncertain = await store.chores.recover(self._clock.now())
        await store.requests.recover(self._clock.now())
        if uncertain:
            logger.warning("%d parts were in flight when the daemon ended: uncertain", uncertain)
        house = House.build(self._config, store, self._clock, self._read, time.trusted)
        time.ask(house.pool.clock_offsets)
        for warning in warnings(self._config, self._clock):
            logger.warning("%s", warning)
        doors = self._doors(store, house)
        async with house.webhook, self._smpp(house), self._http(doors):
            scheduler = house.chores.schedule()
            house.balances.schedule(scheduler)
            scheduler.start()
            async with asyncio.TaskGroup() as group:
                work = [
                    group.create_task(each)
                    for each in (*house.work(), time.run(), self._beat(store))
                ]
                self._reload_at_signal(house, group)
                _settle_in()
                self._ready = True
                self._manager.tell(READY)
                logger.info("ready", extra={"event": "daemon.ready"})
                await self._stop.wait()
                logger.info("stopping: answers in flight are awaited")
                self._ready = False
                self._manager.tell(STOPPING)
                doors.stopping.set()
                await asyncio.gather(self._stop_smpp(house), self._stop_pool(house))
                for task in work:
                    task.cancel()
            scheduler.shutdown(wait=False)
            await house.record.written()

    def _reload_at_signal(self, house: House, group: asyncio.TaskGroup) -> None:
        """Read the configuration again at each SIGHUP."""
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGHUP, lambda: group.create_task(house.reload.by_signal())
        )

    async def _stop_pool(self, house: House) -> None:
        await house.pool.stop(SERVICE_PATIENCE if self._manager.listens else PATIENCE)

    async def _stop_smpp(self, house: House) -> None:
        """End the sessions while answers in flight are awaited: neither keeps the other."""
        if house.smpp is not None:
            await house.smpp.stop()

    def _doors(self, store: Store, house: House) -> Doors:
        return Doors(
            intake=house.intake,
            control=house.control,
            store=store,
            clock=self._clock,
            config=self._config,
            ready=lambda: self._ready,
            drop=house.drop,
            trace=house.pool.trace,
            plan=house.planning.plan,
            waits=house.waiting.of,
            reload=house.reload,
            smpp=house.overview,
        )

    @asynccontextmanager
    async def _smpp(self, house: House) -> AsyncIterator[None]:
        """Serve SMPP where that door is open."""
        if house.smpp is None:
            yield
            return
        with _listening("SMPP", self._config.smpp.host, self._config.smpp.port):
            await house.smpp.start()
        try:
            yield
        finally:
            await house.smpp.stop()

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
                server.leave()
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
    """uvicorn without its signal handlers, which are ours, and without its ten looks a second."""

    def __init__(self, settings: uvicorn.Config, listening: socket.socket) -> None:
        super().__init__(settings)
        self.socket = listening
        self.up = asyncio.Event()
        self._leave = asyncio.Event()

    def leave(self) -> None:
        """Take no more connections, end those there are, and return from ``serve``."""
        self.should_exit = True
        self._leave.set()

    async def main_loop(self) -> None:
        """Wait to be told to leave."""
        await self._leave.wait()

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
        date_header=False,  # uvicorn would have to write it anew each second, asked or not
        timeout_graceful_shutdown=DOORS_CLOSE,
        backlog=1024,
    )


@contextmanager
def _listening(door: str, host: str, port: int) -> Iterator[None]:
    """Say which door cannot be opened, and why."""
    try:
        yield
    except OSError as error:
        # asyncio writes sentences of its own around the system's; that one is enough
        why = os.strerror(error.errno) if error.errno else str(error)
        raise CannotListen(door, host, port, why) from error


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
