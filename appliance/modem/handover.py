"""What a modem hands over at once, past its memories: taken, and acknowledged when it is safe."""

import asyncio
import logging
from dataclasses import replace
from typing import Final

from appliance.errors import CommandRefused, ModemError
from appliance.modem.arrivals import Arrivals, arrival_from
from appliance.modem.at import Said
from appliance.modem.headers import has_length
from appliance.modem.link import Link
from appliance.modem.turns import Rank
from appliance.modem.values import Direct, Undecodable

logger = logging.getLogger(__name__)

MOST: Final = 1000  # direct arrivals not taken yet; more are left to the network


class Handover:
    """Messages and reports that come with +CMT and +CDS, and our word for them (AT+CNMA)."""

    def __init__(self, link: Link, arrivals: Arrivals) -> None:
        self.acknowledge = False  # AT+CSMS=1 is set
        self.doubtful = False  # AT+CNMI may have been reset by a missed acknowledgement
        self._link, self._arrivals = link, arrivals
        self._acknowledgements: set[asyncio.Task[None]] = set()

    def take(self, said: Said) -> None:
        """Take what came with its PDU."""
        if said.pdu is None:
            kind = said.line.partition(":")[0]  # the rest may name who sent it
            logger.warning("%s: %s came without its PDU", self._link.port, kind)
            return
        if len(self._arrivals) >= MOST:
            logger.error("%s: too many arrivals wait; one is left to the network", self._link.port)
            return
        arrival = arrival_from(said, Direct(self.acknowledge))
        if arrival is None:
            why = "it is nothing a network sends"
            arrival = Undecodable(bytes.fromhex(said.pdu), why, Direct(self.acknowledge))
        elif isinstance(arrival, Undecodable) and not has_length(said.pdu, said.octets or 0):
            arrival = replace(arrival, place=Direct(acknowledge=False))  # torn: it is sent again
        self._arrivals.put(arrival)

    def settle(self) -> None:
        """Acknowledge what came last, as soon as the port is free."""
        if self.acknowledge:
            task = asyncio.create_task(self._acknowledge())
            self._acknowledgements.add(task)
            task.add_done_callback(self._acknowledgements.discard)

    def close(self) -> None:
        """Acknowledge nothing more."""
        for task in self._acknowledgements:
            task.cancel()

    async def _acknowledge(self) -> None:
        try:
            await self._link.command("AT+CNMA", rank=Rank.URGENT)
        except CommandRefused as error:
            logger.info("%s: %s", self._link.port, error)
            self.doubtful = True
        except ModemError as error:
            logger.warning("%s: not acknowledged: %s", self._link.port, error)
