"""USSD: a code to the network, its reply, and the dialogue where it asks back (27.007 clause 7.15).

The port is held only while a command is written and answered: between a code and its reply,
which may take a minute, parts go on being sent.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from enum import IntEnum
from typing import Final

from appliance.errors import (
    CommandRefused,
    ModemError,
    ModemSilent,
    PduError,
    PortGone,
    UssdBusy,
    UssdFailed,
)
from appliance.modem import answers, inquiries, ussd_text
from appliance.modem.at import Said, prefixed
from appliance.modem.link import Link
from appliance.modem.profiles import GENERIC, Profile
from appliance.modem.turns import Rank
from appliance.modem.values import UssdReply

logger = logging.getLogger(__name__)

COMMAND: Final = "AT+CUSD"  # what errors name: a code may hold a number or a secret

CANCEL: Final = "AT+CUSD=2"

GSM_7_BIT: Final = 15  # <dcs>: language unspecified (23.038 clause 5)

FORGOTTEN: Final = timedelta(minutes=3)
"""How long a dialogue that nobody goes on with keeps others out; networks end it earlier."""


class Mode(IntEnum):
    """``<m>``, what a ``+CUSD`` line says of the dialogue."""

    DONE = 0
    ASKS_BACK = 1
    ENDED = 2
    TAKEN = 3
    NOT_SUPPORTED = 4
    TIMED_OUT = 5


FAILURES: Final[Mapping[int, str]] = {
    Mode.ENDED: "the network has ended it",
    Mode.TAKEN: "another program on this modem has answered",
    Mode.NOT_SUPPORTED: "the network does not support it",
    Mode.TIMED_OUT: "the network did not answer in time",
}

ENDED_BY_US: Final = ussd_text.Said(Mode.ENDED)

Reply = ussd_text.Said | ModemError


class Ussd:
    """The USSD dialogue of one modem: one at a time.

    ``unasked`` counts what the network said without having been asked.
    """

    def __init__(self, link: Link) -> None:
        self.profile: Profile = GENERIC
        self.unasked = 0
        self._link = link
        self._talks = False  # somebody waits for a reply, or is about to ask
        self._reply: asyncio.Future[Reply] | None = None  # set from the writing of a code on
        self._charset: str | None = None  # None: not asked for yet
        self._form = ""  # how it writes, as in the profile
        self._form_proved = False
        self._open_until = 0.0  # the network has asked back and waits
        self._left_open = True  # a dialogue may be open that nobody goes on with: an earlier run's
        self._end_due = False  # some say that a dialogue has ended when we end it

    @property
    def busy(self) -> bool:
        """Whether a dialogue is under way, or the network waits for an answer."""
        return self._talks or self._waits_for_us

    @property
    def _waits_for_us(self) -> bool:
        return asyncio.get_running_loop().time() < self._open_until

    def indicated(self, said: Said) -> bool:
        """Take what the modem said unasked, if it is about USSD; say whether it is."""
        reply = ussd_text.parse(said.line)
        if reply is None:
            return False
        if self._end_due and reply == ENDED_BY_US:
            self._end_due = False
            return True
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(reply)
            return True
        self.unasked += 1
        self._open_until = 0.0  # whatever was open, this is another one
        self._left_open = reply.m == Mode.ASKS_BACK
        logger.info(
            "%s: the network spoke by USSD unasked, %d times by now", self._link.port, self.unasked
        )
        return True

    def restarted(self) -> None:
        """Note that the modem has restarted: no dialogue is open, its settings are gone."""
        self._charset, self._form_proved = None, False
        self._open_until, self._left_open = 0.0, False

    def gone(self, gone: PortGone) -> None:
        """Tell who waits that the port died."""
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(gone)

    async def ask(self, code: str, within: timedelta) -> UssdReply:
        """Send a code. What ``Modem.ussd`` says."""
        if self.busy:
            raise UssdBusy(self._link.port, "a dialogue is under way: answer or cancel it")
        try:
            reply = await self._put(code, within)
        except (CommandRefused, UssdFailed) as error:
            if self._form != "packed" or self._form_proved or _is_final(error):
                raise
            # Firmware of one make differs: what it took for gibberish may go as characters.
            self._form = "gsm"
            try:
                reply = await self._put(code, within)
            except ModemError:
                self._form = "packed"
                raise
        self._form_proved = True
        return reply

    async def answer(self, text: str, within: timedelta) -> UssdReply:
        """Answer what the network has asked. What ``Modem.ussd_answer`` says."""
        if self._talks or not self._waits_for_us:
            raise UssdFailed(self._link.port, "the network has asked nothing")
        return await self._put(text, within)

    async def cancel(self) -> None:
        """End the dialogue. What ``Modem.ussd_cancel`` says."""
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(UssdFailed(self._link.port, "it was cancelled"))
        await self._end()

    async def _end(self) -> None:
        """Tell modem and network that nobody goes on with what may be open."""
        self._open_until, self._left_open, self._end_due = 0.0, False, True
        with suppress(CommandRefused):  # there was none
            await self._link.command(CANCEL, inquiries.ANYTHING)

    async def _put(self, text: str, within: timedelta) -> UssdReply:
        self._talks = True
        try:
            reply = await self._write(text)
            async with asyncio.timeout(within.total_seconds()):
                said = await reply
        except TimeoutError:
            seconds = within.total_seconds()
            raise await self._given_up(f"no reply in {seconds:g} s") from None
        except asyncio.CancelledError:
            self._left_open = True
            raise
        finally:
            self._talks, self._reply = False, None
        return self._understand(said)

    async def _given_up(self, why: str) -> UssdFailed:
        try:
            await self._end()
        except ModemSilent:
            self._left_open = True
        return UssdFailed(self._link.port, why)

    async def _write(self, text: str) -> asyncio.Future[Reply]:
        """Write a code or an answer, wait until the modem has taken it, and return its reply."""
        await self._learn_forms()
        if self._left_open or (self._open_until and not self._waits_for_us):
            await self._end()
        self._open_until = 0.0
        try:
            written = ussd_text.encode(text, self._form, self._charset or "")
        except PduError as error:
            raise UssdFailed(self._link.port, str(error)) from None
        reply = asyncio.get_running_loop().create_future()
        try:
            async with self._link.turns.turn(Rank.CHORE):
                self._reply = reply
                await self._link.ask(f'{COMMAND}=1,"{written}",{GSM_7_BIT}')
        except CommandRefused as error:
            raise CommandRefused(error.port, COMMAND, error.final) from None
        except ModemSilent as error:
            if not reply.done():  # some say OK after the reply, or never
                raise ModemSilent(error.port, COMMAND, error.timeout) from None
        self._end_due = False  # from here on it is the network that ends it
        return reply

    async def _learn_forms(self) -> None:
        """Ask once in which characters it speaks, and a Huawei whether it packs them."""
        if self._charset is not None:
            return
        self._form = self.profile.ussd
        if self._form == "packed":
            said = await inquiries.lines(self._link, "AT^USSDMODE?", prefixed("^USSDMODE:"))
            if said and answers.number_in(said[0], 0) == 0:
                self._form = "gsm"
        said = await inquiries.lines(self._link, "AT+CSCS?", prefixed("+CSCS:"))
        self._charset = answers.fields(said[0])[0].upper() if said else ""

    def _understand(self, said: Reply) -> UssdReply:
        if isinstance(said, ModemError):
            raise said
        text = ""
        if said.text is not None:
            text = ussd_text.decode_reply(said.text, said.dcs, self._form, self._charset or "")
        # Many networks end the dialogue with the very reply: its words count, if there are any.
        if said.m in FAILURES and not (said.m == Mode.ENDED and text):
            raise UssdFailed(self._link.port, FAILURES[said.m])
        more = said.m == Mode.ASKS_BACK
        if more:
            now = asyncio.get_running_loop().time()
            self._open_until = now + FORGOTTEN.total_seconds()
        return UssdReply(text, more)


def _is_final(error: CommandRefused | UssdFailed) -> bool:
    """Say whether the network understood, so that the same must not go again in another form."""
    return isinstance(error, UssdFailed) and error.why != FAILURES[Mode.NOT_SUPPORTED]
