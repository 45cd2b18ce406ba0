"""A bank of simulated modems as a process: ``python -m tests.fake_modem --modems 4 --dir DIR``."""

import argparse
import asyncio
import signal
from pathlib import Path

from tests.fake_modem.bank import Bank
from tests.fake_modem.faults import ModemSettings
from tests.fake_modem.personalities import PERSONALITIES, THE_SIX


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_modem", description=__doc__)
    parser.add_argument(
        "--dir", type=Path, required=True, help="where ports, control and ledger are made"
    )
    parser.add_argument("--modems", type=int, help="how many (default: one of each make)")
    parser.add_argument(
        "--makes", default=",".join(THE_SIX), help=f"taken in turn, of {', '.join(PERSONALITIES)}"
    )
    _times(parser)
    parser.add_argument(
        "--first", type=int, default=0, help="serial number of the first modem and SIM"
    )
    _usb_options(parser)
    parser.add_argument("--quiet", action="store_true", help="no unsolicited noise")
    parser.add_argument(
        "--inbound",
        action="append",
        default=[],
        metavar="SENDER=TEXT",
        help="comes to modem0 at once",
    )
    parser.add_argument(
        "--chatty", action="store_true", help="somebody writes now and then, for a demonstration"
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.makes.split(",")) - set(PERSONALITIES):
        parser.error(f"no such make: {', '.join(sorted(unknown))}")
    if chosen.renumber and not chosen.sysfs:
        parser.error("--renumber needs --sysfs")
    return chosen


def _times(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cmgs-delay", type=float, default=0.2, metavar="S", help="from Ctrl-Z to +CMGS"
    )
    parser.add_argument("--cmgs-jitter", type=float, default=0.0, metavar="S")
    parser.add_argument(
        "--report-delay", type=float, default=0.5, metavar="S", help="from the air to the report"
    )
    parser.add_argument("--report-jitter", type=float, default=0.0, metavar="S")


def _usb_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sysfs",
        type=Path,
        metavar="DIR",
        help="show each modem as a USB device under DIR/bus/usb/devices and DIR/class/tty, with"
        " DIR/dev as its /dev; writing 0 and 1 to a device's 'authorized' plugs it in anew",
    )
    parser.add_argument(
        "--renumber",
        action="store_true",
        help="with --sysfs: a stick that comes back has a ttyUSB number of its own each time",
    )
    parser.add_argument(
        "--cdrom-seconds",
        type=float,
        default=0.0,
        metavar="S",
        help="how long a stick that has one is a CD-ROM after AT+CFUN=1,1",
    )


async def serve(chosen: argparse.Namespace) -> None:
    """Run a bank until told to stop."""
    settings = ModemSettings(
        cmgs_delay=chosen.cmgs_delay,
        cmgs_jitter=chosen.cmgs_jitter,
        report_delay=chosen.report_delay,
        report_jitter=chosen.report_jitter,
        noise=not chosen.quiet,
        cdrom_seconds=chosen.cdrom_seconds,
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    bank = Bank(
        chosen.dir,
        chosen.makes.split(","),
        chosen.modems,
        settings=settings,
        first=chosen.first,
        sysfs=chosen.sysfs,
        renumber=chosen.renumber,
    )
    async with bank:
        for message in chosen.inbound:
            sender, _, text = message.partition("=")
            assert bank.modems[0].sim
            bank.network.inbound(bank.modems[0].sim, sender, text)
        if chosen.chatty:
            bank.network.later(10, bank.chat)
        print("ready", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(arguments()))
