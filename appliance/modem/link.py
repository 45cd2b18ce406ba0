"""The port: bytes, order, time; nothing else.

One command at a time, and every command ends: with its final line, with its time limit, or
with the port. After silence the port is resynchronised before the next command, so that a
late OK never answers a later question.
"""

import asyncio
import logging
import os
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from appliance.errors import CommandRefused, ModemError, ModemSilent, PortGone
from appliance.modem.at import (
    NOTHING,
    Answer,
    Dialogue,
    Event,
    Indicated,
    Prompted,
    Refused,
    Said,
)
from appliance.modem.exchange import Exchange
from appliance.modem.flow import Flow
from appliance.modem.ports import Opener, Port, closed, open_port, opened, real_name
from appliance.modem.tap import Tap
from appliance.modem.turns import Rank, Turns
from appliance.modem.values import Timing

logger = logging.getLogger(__name__)

READ: Final = 4096  # bytes per turn of the loop, so that a flood on one port delays no other

DOUBLED: Final = ("+CMS ERROR", "+CME ERROR")  # some models say ERROR after these as well

QUOTE: Final = 2.0  # seconds that a text with line breaks may take: 1 kB at 9600 baud, and more

PIN: Final = re.compile(rb"(\+CPIN=).*")  # is not even traced


class Link:
    """A port and the dialogue on it.

    ``on_indication`` gets what the modem says unasked, ``on_gone`` is called once when the
    port dies, ``on_resync`` whenever question and answer are in step again: what was said
    meanwhile may be lost. All are called from the event loop and must be quick.
    """

    def __init__(
        self,
        port: str,
        *,
        on_indication: Callable[[Said], None],
        on_gone: Callable[[PortGone], None],
        on_resync: Callable[[], None] = lambda: None,
        timing: Timing | None = None,
        opener: Opener = open_port,
        tap: Tap | None = None,
    ) -> None:
        """``tap`` hears all that is written and read."""
        self._tap = tap
        self.port = port
        self.timing = timing or Timing()
        self.turns = Turns(self.timing.patience)
        self._on_indication = on_indication
        self._on_gone = on_gone
        self._on_resync = on_resync
        self._opener = opener
        self._dialogue = Dialogue()
        self._device: Port | None = None
        self._real_port = port
        self._fd = -1
        self._exchange: Exchange | None = None
        self._unwritten = bytearray()
        self.flow = Flow()
        self.on_garbage: Callable[[], None] = lambda: None  # called once a second at most
        self._read_again: asyncio.TimerHandle | None = None
        self._out_of_step = False
        self.silence = ""  # what went unanswered, until the port is in step again
        self._not_before = 0.0
        self._dead: PortGone | None = None
        self._pdu_deadline: asyncio.TimerHandle | None = None
        self._quote_deadline: asyncio.TimerHandle | None = None

    @property
    def noise(self) -> int:
        """How many lines were too long to be lines."""
        return self._dialogue.noise

    @property
    def out_of_step(self) -> bool:
        """Whether the next command is put only after a resync."""
        return self._out_of_step

    @property
    def alive(self) -> bool:
        """Whether the port is open and nothing bad was heard of it."""
        return self._device is not None and self._dead is None

    async def open(self) -> None:
        """Open the port within ``timing.open``.

        Raises:
            PortBusy, PortGone: it cannot be used.

        """
        self._device = await opened(self.port, self._opener, self.timing.open)
        self._real_port = real_name(self.port)
        self._fd = self._device.fileno()
        asyncio.get_running_loop().add_reader(self._fd, self._readable)

    async def close(self) -> None:
        """Close the port; never takes longer than ``timing.open``, and nothing raises."""
        self._die("the port was closed")
        device, self._device = self._device, None
        if device is not None:
            await closed(self._real_port, device, self.timing.open)

    async def command(
        self,
        text: str,
        answer: Answer = NOTHING,
        *,
        rank: Rank = Rank.CHORE,
        within: timedelta | None = None,
    ) -> tuple[Said, ...]:
        """Wait for a turn and ``ask``."""
        async with self.turns.turn(rank):
            return await self.ask(text, answer, within=within)

    async def ask(
        self, text: str, answer: Answer = NOTHING, *, within: timedelta | None = None
    ) -> tuple[Said, ...]:
        """Put one command within a turn that the caller holds; return its information lines.

        A caller that is cancelled leaves the command in flight; whoever asks next waits for it.
        ``within`` is the time until the final line, None for ``timing.answer``.

        Raises:
            CommandRefused: the modem answered ERROR, +CME ERROR or +CMS ERROR.
            ModemSilent: no final line in time.
            PortGone: the port vanished or was closed.

        """
        exchange = await self.begin(text, answer, within=within)
        return await exchange.answer()

    async def begin(
        self,
        text: str,
        answer: Answer = NOTHING,
        *,
        prompt: bool = False,
        within: timedelta | None = None,
    ) -> Exchange:
        """Write one command, resynchronising first if need be; with ``prompt`` its body follows.

        Raises:
            ModemSilent: the port could not be resynchronised; the command was not written.
            PortGone: the port vanished or was closed.

        """
        await self._settled()
        if self._out_of_step:
            await self.resync()
        return self._start(text, answer, within or self.timing.answer, prompt=prompt)

    def give(self, exchange: Exchange, body: bytes, within: timedelta) -> None:
        """Write the body and Ctrl-Z. The bytes must leave within ``timing.prompt``."""
        if exchange is not self._exchange:
            return  # it has ended meanwhile, and says so itself
        self._dialogue.give(body)
        exchange.given = True
        first = min(self.timing.prompt, within)
        exchange.limit(first, lambda: self._check_written(exchange, first, within))
        self._flush()

    def escape(self, exchange: Exchange, why: ModemError) -> None:
        """Leave the prompt: ESC, and end the exchange with ``why``."""
        if exchange is not self._exchange:
            return
        self._exchange = None
        self._out_of_step = True
        self._unwritten.clear()
        self._dialogue.escape()
        exchange.end(why)
        self._flush()

    async def put(self, text: str, within: timedelta) -> None:
        """Put one command that asks for nothing, in step or not, within a turn.

        Raises:
            CommandRefused, ModemSilent, PortGone: as ``ask``.

        """
        await self._settled()
        await self._start(text, NOTHING, within).answer()

    def leave_prompt(self) -> None:
        """Write ESC, in case the modem waits for a body that nobody will give."""
        self._dialogue.escape()
        self._flush()

    async def resync(self) -> None:
        """Bring question and answer into step, within a turn: ESC and AT until a quiet OK.

        Raises:
            ModemSilent: no such OK within ``timing.wake``.
            PortGone: the port vanished or was closed.

        """
        await self._settled()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.timing.wake.total_seconds()
        short = min(self.timing.answer, timedelta(seconds=2))
        self._out_of_step = True
        while loop.time() < deadline:
            strays = self._dialogue.strays
            self._dialogue.escape()
            try:
                await self._start("AT", NOTHING, short).answer()
            except (ModemSilent, CommandRefused):
                continue
            await asyncio.sleep(self.timing.quiet.total_seconds())
            if self._dialogue.strays == strays:
                self._out_of_step = False
                self.silence = ""
                self._on_resync()
                return
        raise ModemSilent(self.port, "AT", self.timing.wake)

    def forgotten(self, said: str) -> None:
        """Give up what is in flight: the modem has restarted, as what it ``said`` shows."""
        if self._exchange is not None:
            self._silent(self._exchange, timedelta(), said)

    async def _settled(self) -> None:
        """Wait until no command of a cancelled caller is in flight, and no second final due."""
        while self._exchange is not None:
            await self._exchange.over()
        wait = self._not_before - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)

    def _start(
        self, text: str, answer: Answer, within: timedelta, *, prompt: bool = False
    ) -> Exchange:
        if self._dead or self._device is None:
            why = self._dead.why if self._dead else "the port is not open"
            raise PortGone(self.port, text, why)
        exchange = self._exchange = Exchange(self.port, text, prompts=prompt)
        self._dialogue.ask(text, answer, prompt=prompt)
        exchange.limit(within, lambda: self._silent(exchange, within))
        self._flush()
        return exchange

    def _silent(self, exchange: Exchange, within: timedelta, said: str = "") -> None:
        if exchange is not self._exchange:
            return
        silent = ModemSilent(self.port, exchange.text, within, said)
        self.silence = ModemSilent(self.port, exchange.text.partition("=")[0], within, said).why
        if exchange.prompts and not exchange.given:
            self.escape(exchange, silent)
            return
        self._exchange = None
        self._out_of_step = True
        self._unwritten.clear()
        self._dialogue.abandon()
        exchange.end(silent)

    def _check_written(self, exchange: Exchange, waited: timedelta, within: timedelta) -> None:
        if not exchange.left:
            # Ctrl-Z is the last byte and still here: nothing can have been sent.
            silent = ModemSilent(self.port, "the PDU (it stopped reading)", waited)
            self.silence = silent.why
            self.escape(exchange, silent)
        else:
            exchange.limit(within - waited, lambda: self._silent(exchange, within))

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._die(os.strerror(error.errno or 0))
            return
        if not data:
            self._die("the port hung up")
            return
        self._count(data)
        if self._tap:
            self._tap.read(data)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s < %r", self.port, PIN.sub(rb"\1****", data))
        for event in self._dialogue.receive_data(data):
            self._handle(event)
        if self._pdu_deadline is None and self._dialogue.awaits_pdu:
            loop = asyncio.get_running_loop()
            self._pdu_deadline = loop.call_later(
                self.timing.answer.total_seconds(), self._give_up_pdus
            )
        self._watch_quote()

    def _watch_quote(self) -> None:
        """Let a quote that never closes swallow nothing for long."""
        quoting = bool(self._dialogue.quote)
        if quoting and self._quote_deadline is None:
            loop = asyncio.get_running_loop()
            self._quote_deadline = loop.call_later(QUOTE, self._give_up_quote)
        elif not quoting and self._quote_deadline is not None:
            self._quote_deadline.cancel()
            self._quote_deadline = None

    def _give_up_quote(self) -> None:
        self._quote_deadline = None
        for event in self._dialogue.give_up_quote():
            self._handle(event)

    def _count(self, data: bytes) -> None:
        """Watch how much is said; a port that says too much is not read for a moment."""
        loop, before = asyncio.get_running_loop(), self.flow.garbage
        if pause := self.flow.take(data, loop.time()):
            loop.remove_reader(self._fd)
            self._read_again = loop.call_later(pause, loop.add_reader, self._fd, self._readable)
        if self.flow.garbage > before:
            self.on_garbage()

    def _give_up_pdus(self) -> None:
        self._pdu_deadline = None
        for event in self._dialogue.give_up_pdus():
            self._handle(event)

    def _handle(self, event: Event) -> None:
        if isinstance(event, Indicated):
            self._on_indication(event.said)
        elif self._exchange is None:
            return  # what was waiting for it has been told otherwise
        elif isinstance(event, Prompted):
            self._exchange.ready()
        else:
            if isinstance(event, Refused) and event.final.startswith(DOUBLED):
                pause = self.timing.after_error.total_seconds()
                self._not_before = asyncio.get_running_loop().time() + pause
            exchange, self._exchange = self._exchange, None
            exchange.end(event)

    def _flush(self) -> None:
        data = self._dialogue.data_to_send()
        if self._tap and data:
            self._tap.wrote(data)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s > %r", self.port, PIN.sub(b"\\1****", data))
        if self._unwritten:
            self._unwritten += data
            return
        if (rest := self._write(data)) and self.alive:
            self._unwritten += rest
            asyncio.get_running_loop().add_writer(self._fd, self._writable)

    def _writable(self) -> None:
        self._unwritten = bytearray(self._write(bytes(self._unwritten)))
        if not self._unwritten and self.alive:
            asyncio.get_running_loop().remove_writer(self._fd)

    def _write(self, data: bytes) -> bytes:
        """Write what the device takes; return the rest."""
        if not data:
            return data
        try:
            data = data[os.write(self._fd, data) :]
        except (BlockingIOError, InterruptedError):
            return data
        except OSError as error:
            self._die(os.strerror(error.errno or 0))
            return b""
        if not data and self._exchange and self._exchange.given:
            self._exchange.left = True
        return data

    def _die(self, why: str) -> None:
        if self._dead:
            return
        gone = self._dead = PortGone(self.port, "", why)
        if self._fd >= 0:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._fd)
            loop.remove_writer(self._fd)
        for due in (self._pdu_deadline, self._quote_deadline, self._read_again):
            if due:
                due.cancel()
        self._unwritten.clear()
        exchange, self._exchange = self._exchange, None
        if exchange:
            exchange.end(gone)
        self._on_gone(gone)
