"""One part through AT+CMGS (27.005 clause 3.5.1), and what is known of it afterwards."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

from appliance.errors import CommandRefused, ModemError, ModemSilent, NotReady
from appliance.modem.causes import NO_CAUSES, Cause, Kind, Overrides, cms_number, final_cause
from appliance.modem.exchange import Exchange
from appliance.modem.inquiries import CMGS
from appliance.modem.link import Link
from appliance.modem.pdu import EncodedSubmit
from appliance.modem.turns import Rank
from appliance.modem.values import MaybeSent, NotSent, Outcome, Refused, Sent

logger = logging.getLogger(__name__)

REFERENCE: Final = re.compile(r"\+CMGS:\s*(\d{1,3})\b")


class Sender:
    """Sends parts by one link, one after the other; ``within`` limits the final answer.

    ``own`` are the causes that its model has for itself; ``overrides`` tells what is set over
    the table of causes just now.
    """

    def __init__(self, link: Link, overrides: Callable[[], Overrides] = Overrides) -> None:
        self.within = timedelta(seconds=120)
        self.own: Mapping[int, Cause] = NO_CAUSES
        self._overrides = overrides
        self._link = link
        self._maybe_sent = False  # the last part's reference may still come
        self._keeps_open = False  # AT+CMMS=2 is set
        self._may_keep_open = True  # it was not refused

    async def send(
        self,
        encoded: EncodedSubmit,
        committed: Awaitable[object],
        *,
        more: bool,
        in_time: Callable[[], bool] = lambda: True,
    ) -> Outcome:
        """Send one part; see ``Modem.send``."""
        commit = asyncio.ensure_future(committed)
        try:
            async with self._link.turns.turn(Rank.SEND):
                await self._keep_open(more)
                exchange = await self._begin(encoded)
                return await self._go_on(exchange, encoded, commit, in_time)
        except ModemError as error:  # before the prompt was asked for
            await self._outcome_of(commit)
            return self._not_sent(error)

    def late_reference(self, line: str) -> int | None:
        """Return the reference in a ``+CMGS: n`` that nothing in flight asked for, else None.

        Only the last part can be meant, and only if its fate is unknown.
        """
        found = REFERENCE.match(line)
        if found is None or not self._maybe_sent:
            return None
        self._maybe_sent = False
        return int(found[1]) & 0xFF

    async def _begin(self, encoded: EncodedSubmit) -> Exchange:
        timing = self._link.timing
        return await self._link.begin(
            f"AT+CMGS={encoded.length}", CMGS, prompt=True, within=timing.prompt
        )

    async def _go_on(
        self,
        exchange: Exchange,
        encoded: EncodedSubmit,
        commit: "asyncio.Future[object]",
        in_time: Callable[[], bool],
    ) -> Outcome:
        refusal: ModemError | None = None
        try:
            good = await self._outcome_of(commit)
            await exchange.prompt()
        except asyncio.CancelledError:
            self._link.escape(exchange, NotReady(self._link.port, "the sender was stopped"))
            raise
        except ModemError as error:
            refusal = error
        if refusal:
            return self._not_sent(refusal)
        why = "not committed" if not good else "" if in_time() else "it is too late for it"
        if why:
            self._link.escape(exchange, NotReady(self._link.port, why))
            return NotSent(why)
        self._maybe_sent = False
        self._link.give(exchange, encoded.pdu.hex().upper().encode(), self.within)
        outcome = await self._finish(exchange)
        self._maybe_sent = isinstance(outcome, MaybeSent)
        return outcome

    async def _outcome_of(self, commit: "asyncio.Future[object]") -> bool:
        """Wait for the commit to its end, whatever the end."""
        try:
            return await asyncio.shield(commit) is not False
        except Exception:
            logger.exception("%s: the attempt could not be committed", self._link.port)
            return False

    async def _finish(self, exchange: Exchange) -> Outcome:
        """Wait for the answer; being cancelled now would only lose it."""
        while True:
            try:
                await exchange.over()
                break
            except asyncio.CancelledError:
                logger.debug("%s: stopping waits for the answer", self._link.port)
        try:
            said = await exchange.answer()
        except CommandRefused as error:
            return self._refused(error.final)
        except ModemError as error:
            if not exchange.left:
                return self._not_sent(error)
            return MaybeSent(str(error))
        found = REFERENCE.match(said[-1].line) if said else None
        if found is None:
            return MaybeSent("the modem said OK without a reference")
        return Sent(int(found[1]) & 0xFF)

    async def _keep_open(self, more: bool) -> None:
        """Keep the radio link open between the parts of a message, where the modem can."""
        if more == self._keeps_open or not self._may_keep_open:
            return
        try:
            await self._link.ask(f"AT+CMMS={2 if more else 0}")
            self._keeps_open = more
        except (CommandRefused, ModemSilent) as error:
            logger.debug("%s; done without", error)
            self._may_keep_open = False

    def _cause(self, final: str) -> Cause:
        return final_cause(final, self.own, self._overrides())

    def _not_sent(self, error: ModemError) -> NotSent:
        """Return that nothing was sent, whatever the kind of its cause: there was no Ctrl-Z."""
        if not isinstance(error, CommandRefused):
            return NotSent(str(error))
        cause = self._cause(error.final)
        return NotSent(f"{error.final}: {cause.sentence}", cms_number(error.final), cause)

    def _refused(self, final: str) -> Outcome:
        cause = self._cause(final)
        if cause.kind is Kind.MAYBE_SENT:
            return MaybeSent(f"{final}: {cause.sentence}")
        return Refused(cause, cms_number(final), final)
