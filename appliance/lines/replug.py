"""Asks the privileged helper for what the daemon may not do or see itself (``usb_helper``)."""

import asyncio
import os
import socket
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from appliance.errors import ErrandFailed

WITHIN: Final = timedelta(seconds=30)

HOLDERS_WITHIN: Final = 10.0  # seconds

LONGEST: Final = 4096  # octets of an answer


def device_of(port: str, sysfs: Path) -> str | None:
    """Return the USB device that a tty belongs to, such as ``1-1.2``; None: to none, or gone."""
    tty = sysfs / "class" / "tty" / Path(port).resolve().name / "device"
    if not tty.exists():
        tty = sysfs / "class" / "tty" / Path(port).name / "device"
    if not tty.exists():
        return None
    place = tty.resolve()
    return next((each.name for each in place.parents if (each / "idVendor").is_file()), None)


async def ask(helper: Path, verb: str, device: str) -> None:
    """Have ``verb`` ("reauthorise" or "power") done to a device; returns when it is done.

    Raises:
        ErrandFailed: the helper is not there, or says that it could not.

    """
    try:
        async with asyncio.timeout(WITHIN.total_seconds()):
            answer = await _answer(helper, f"{verb} {device}\n".encode("ascii"))
    except (OSError, TimeoutError, ValueError) as error:
        raise ErrandFailed(f"the USB helper does not answer: {type(error).__name__}") from error
    if answer != b"ok":
        said = answer.decode("ascii", "replace").removeprefix("error: ") or "nothing"
        raise ErrandFailed(f"the USB helper says: {said}")


async def _answer(helper: Path, request: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(helper, limit=LONGEST)
    try:
        writer.write(request)
        await writer.drain()
        return (await reader.readline()).strip()
    finally:
        writer.close()


def holder(helper: Path, port: str) -> str | None:
    """Return which other processes have a tty open, such as ``ModemManager (712)``.

    None: none has, or nobody can tell. Blocks: for the thread that opens ports.
    """
    asked = f"holder {Path(port).resolve().name}\n".encode("ascii", "replace")
    with suppress(OSError), socket.socket(socket.AF_UNIX) as helping:
        helping.settimeout(HOLDERS_WITHIN)
        helping.connect(str(helper))
        helping.sendall(asked)
        with helping.makefile("rb") as answers:
            ok, *found = answers.readline(LONGEST).decode("ascii", "replace").strip().split(", ")
        others = [each for each in found if not each.endswith(f"({os.getpid()})")]
        return ", ".join(others) or None if ok == "ok" else None
    return None
