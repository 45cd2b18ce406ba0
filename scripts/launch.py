"""Start the appliance from a checkout: modems or a simulated bank, the daemon, a first account.

``scripts/run`` calls it inside ``.venv``. It is no part of the package, because the bank belongs to
the tests.
"""

import argparse
import asyncio
import glob
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from appliance.config.reading import Config
from appliance.errors import ApplianceError
from appliance.modem import discovery
from scripts.children import Child
from scripts.local import first_account, until_ready
from scripts.place import CannotStart, Place, load_config
from scripts.welcome import Welcome

GRACE: Final = timedelta(seconds=8)  # the daemon gives answers in flight 5 s

BANK_GRACE: Final = timedelta(seconds=2)


def main() -> int:
    """Run until told to stop; return the daemon's exit status, 1 if it could not be started."""
    parser = argparse.ArgumentParser(
        prog="scripts/run",
        description="Install what is missing and start the appliance.",
        epilog="Every other argument goes to the daemon (appliance run).",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--json", action="store_true", help="print where everything is as one line of JSON"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="the configuration (appliance.toml)"
    )
    options, arguments = parser.parse_known_args()
    if options.config is not None:
        arguments += ["--config", str(options.config)]
    try:
        return asyncio.run(launch(options.config, arguments, as_json=options.json))
    except ApplianceError as error:
        say(str(error))
        return 1


async def launch(config_file: Path | None, arguments: Sequence[str], *, as_json: bool) -> int:
    """Start everything, say where it is, and keep it until told to stop or until something ends."""
    stop = told_to_stop()
    config = load_config(config_file)
    place = Place.of(config)
    place.refuse_what_cannot_work()
    async with AsyncExitStack() as stack:
        bank = None if real_modems(config) else await start_bank(place, stack)
        if bank is not None and "trust_clock" not in config.site.model_fields_set:
            # At a desk, and in a container whose clock is its host's, marketing can be tried too.
            os.environ["APPLIANCE_SITE__TRUST_CLOCK"] = "true"
        daemon = await Child.start("appliance", "run", *arguments)
        stack.push_async_callback(daemon.stop, GRACE)
        say(f"Starting the daemon; its data is in {place.data}")
        watched = [daemon.ended, stop.wait, *([bank.ended] if bank else [])]
        try:
            await first_of(until_ready(place), *(wait() for wait in watched))
        except CannotStart:
            say(daemon.unshown)
            raise
        if daemon.running and not stop.is_set():
            await welcome(place, bank is not None or bool(config.modems.simulated), as_json=as_json)
            daemon.show()
            await first_of(*(wait() for wait in watched))
        return await finish(daemon, bank, asked=stop.is_set())


def told_to_stop() -> asyncio.Event:
    """Return what is set by Ctrl-C, SIGTERM, or the end of the terminal."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def real_modems(config: Config) -> bool:
    """Return whether there are modems to use, and say which."""
    if config.modems.ports != "auto":
        return True
    found = discovery.ports("auto")
    for modem in found:
        say(f"Modem found: {modem.port}")
        if not os.access(modem.port, os.R_OK | os.W_OK):
            group = Path(modem.port).group()
            say(f"  This user may not open it. Cure: sudo adduser $USER {group}, then log in anew.")
    return bool(found)


async def start_bank(place: Place, stack: AsyncExitStack) -> Child:
    """Start four simulated modems and tell the daemon of them; they end with ``stack``.

    Their ports keep their names over restarts, so that the daemon knows them again.

    Raises:
        CannotStart: the bank ended at once.

    """
    say("No modem was found: four simulated ones of different makes take their place.")
    folder = place.data / "bank"
    bank = await Child.start("tests.fake_modem", "--modems", "4", "--dir", str(folder))
    stack.push_async_callback(bank.stop, BANK_GRACE)
    await first_of(bank.says("ready"), bank.ended())
    if not bank.running:
        raise CannotStart(f"The simulated modems could not be started:\n{bank.unshown}")
    bank.show()
    ports = f"{glob.escape(str(folder))}/modem*"
    os.environ.update(APPLIANCE_MODEMS__PORTS=ports, APPLIANCE_MODEMS__SIMULATED=ports)
    return bank


async def welcome(place: Place, simulated: bool, *, as_json: bool) -> None:
    """Make the first account if there is none, and say where everything is."""
    try:
        credentials = await first_account(place)
    except httpx.HTTPError as error:
        raise CannotStart(f"The daemon made no account: {error}") from error
    page = Welcome(place, credentials, simulated)
    print(page.as_json() if as_json else page.as_text(), flush=True)


async def finish(daemon: Child, bank: Child | None, *, asked: bool) -> int:
    """Stop the daemon, or say why it ended if nobody asked it to; return the exit status."""
    if asked:
        say("Stopping: answers in flight are awaited, at most 5 s.")
        return await daemon.stop(GRACE)
    if bank is not None and not bank.running:
        say("The simulated modems ended unasked, so the daemon is stopped.")
        await daemon.stop(GRACE)
        return 1
    status = await daemon.ended()
    say(f"{daemon.unshown}The daemon ended unasked, with status {status}.")
    return status or 1


async def first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait for the first of several to end; give the others up. An error of the first is raised."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()


def say(sentence: str) -> None:
    """Tell people; stdout is for the welcome alone."""
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
