"""What the tests of the driver share: a bank of fake modems on pseudo-terminals, short waits."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from appliance.modem.driver import Modem
from appliance.modem.pdu import Concat, Submit, encode_submit
from appliance.modem.pins import in_memory
from appliance.modem.values import Stored, Timing
from appliance.text import split
from tests.fake_modem import Bank, ModemSettings

LIMIT = 15  # seconds that anything may take

TIMING = Timing(
    open=timedelta(seconds=5),
    wake=timedelta(seconds=5),
    answer=timedelta(seconds=3),
    prove=timedelta(seconds=1),
    prompt=timedelta(seconds=3),
    send=timedelta(seconds=5),
    sim=timedelta(seconds=1),
    registration=timedelta(milliseconds=300),
    retry=timedelta(milliseconds=20),
    quiet=timedelta(milliseconds=20),
    after_error=timedelta(milliseconds=5),
    patience=timedelta(milliseconds=30),
)

QUICK = ModemSettings(
    cmgs_delay=0.01, report_delay=0.02, boot_pace=0.05, noise=False, chunk_gap=0.0
)

NUMBER = "+4915112345678"


def timing(**milliseconds):
    return replace(
        TIMING, **{name: timedelta(milliseconds=value) for name, value in milliseconds.items()}
    )


def encoded(text="hello", recipient=NUMBER, part=0, reference=7):
    """Encode part ``part`` (from 0) of a message."""
    segments = split(text)
    concat = Concat(reference, len(segments), part + 1) if len(segments) > 1 else None
    return encode_submit(Submit(recipient=recipient, segment=segments[part], concat=concat))


async def committed():
    return True


class Rig:
    """A bank and the modems that drive it."""

    def __init__(self, folder):
        self.folder = folder
        self.modems = []
        self.pins = in_memory()

    async def bank(self, *makes, **settings):
        self.bank = Bank(self.folder, makes or ("e3372",), settings=replace(QUICK, **settings))
        await self.bank.start()
        return self.bank

    def modem(self, number=0, **more):
        more.setdefault("timing", TIMING)
        more.setdefault("pins", self.pins)
        modem = Modem(str(self.folder / f"modem{number}"), slot=f"slot{number}", **more)
        self.modems.append(modem)
        return modem

    async def started(self, number=0, **more):
        modem = self.modem(number, **more)
        await modem.start()
        return modem

    @property
    def fake(self):
        return self.bank.modems[0]

    @property
    def on_air(self):
        return self.bank.ledger.sent()

    async def do(self, verb, **fields):
        return await self.bank._control.do(verb, fields)

    async def fault(self, kind, **fields):
        return await self.do("fault", kind=kind, **fields)

    def inbound(self, text, number=0, **more):
        return self.bank.network.inbound(
            self.bank.modems[number].sim, "+4915100000001", text, **more
        )

    def stored(self, number=0):
        """How many messages lie in all memories of a modem."""
        fake = self.bank.modems[number]
        memories = {
            id(memory): memory for name in ("SM", "ME", "SR") if (memory := fake.memory(name))
        }
        return sum(len(memory.slots) for memory in memories.values())

    async def close(self):
        for modem in self.modems:
            await modem.close()
        await self.bank.close()


async def arrival(modem):
    async with asyncio.timeout(LIMIT):
        return await modem.next_arrival()


async def arrivals(modem, count):
    return [await arrival(modem) for _ in range(count)]


async def until(condition):
    """Wait until ``condition()`` holds."""
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.005)


async def silence(modem):
    """Let a whole check pass, after which whatever is stored has been handed out."""
    async with asyncio.timeout(LIMIT):
        await modem.check()


def stored_in(arrived):
    return isinstance(arrived.place, Stored)
