"""Asks the privileged helper to turn a modem's USB device off and on (``usb_helper``)."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Final

from appliance.errors import ErrandFailed

WITHIN: Final = timedelta(seconds=30)

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
