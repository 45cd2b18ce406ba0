"""What arrived and waits to be taken, and what a PDU that arrived is."""

import asyncio
from collections import deque

from appliance.errors import ModemError, PduError
from appliance.modem.at import Said
from appliance.modem.pdu import Deliver, StatusReport, decode
from appliance.modem.values import Arrival, DeliverArrived, Place, ReportArrived, Undecodable


class Arrivals:
    """A queue of what arrived, with the port's end at its end."""

    def __init__(self) -> None:
        self._waiting: deque[Arrival] = deque()
        self._news = asyncio.Event()
        self._gone: ModemError | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, arrival: Arrival) -> None:
        """Hand out ``arrival`` next."""
        self._waiting.append(arrival)
        self._news.set()

    def end(self, gone: ModemError) -> None:
        """Say that nothing more comes, and why; only the first reason counts."""
        self._gone = self._gone or gone
        self._news.set()

    async def next(self) -> Arrival:
        """Wait for the next arrival.

        Raises:
            ModemError: everything was handed out, and nothing more comes.

        """
        while not self._waiting:
            if self._gone:
                raise self._gone
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()


def arrival_from(said: Said, place: Place) -> Arrival | None:
    """Return what a PDU is, None if it did not come from the network (an own message, stored)."""
    try:
        raw = bytes.fromhex(said.pdu or "")
    except ValueError:
        return Undecodable(
            (said.pdu or "").encode("ascii"), "it is no even number of hex digits", place
        )
    try:
        seen = decode(raw, has_smsc=said.octets != len(raw))
    except PduError as error:
        return Undecodable(raw, str(error), place)
    if isinstance(seen, StatusReport):
        return ReportArrived(seen, raw, place)
    if isinstance(seen, Deliver):
        return DeliverArrived(seen, raw, place)
    return None
