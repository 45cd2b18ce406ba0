"""What people and apps do in a soak: submit by both doors, write to our SIMs, say STOP."""

import asyncio
import itertools
import random
from contextlib import suppress
from dataclasses import dataclass, field

import httpx

from tests.box import Box
from tests.fake_modem import AsyncControl, ControlError
from tests.soak.books import Asked, Books
from tests.soak.clients import Smpp, Webhook

LONG = " and so on" * 22  # makes a second part

EMOJI = " Grüße 👨‍👩‍👧 aus Köln 🇩🇪"

REPLY = "OK, thanks!"

MOST_WAITING = 400
"""Messages that may be without a fate: more are not submitted, so that the end can be reached."""


@dataclass(slots=True)
class Traffic:
    """Everything that is said. ``rate``: messages a second, out and in together."""

    box: Box
    control: AsyncControl
    webhook: Webhook
    smpp: Smpp
    modems: int
    rate: float
    dice: random.Random
    books: Books = field(default_factory=Books)
    _numbers: itertools.count = field(default_factory=itertools.count)
    _key: str = ""

    async def run(self) -> None:
        """Go on until cancelled; what is begun then is brought to its end."""
        self._key = f"{self.dice.random()}"
        under_way: set[asyncio.Task[None]] = set()
        try:
            while True:
                await asyncio.sleep(self.dice.expovariate(self.rate))
                if self.waiting() >= MOST_WAITING:
                    continue
                act = self.dice.choices(
                    [self._by_rest, self._by_smpp, self._inbound, self._stop], [45, 30, 24, 1]
                )[0]
                task = asyncio.create_task(act(next(self._numbers)))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
        finally:
            await asyncio.gather(*under_way)

    def waiting(self) -> int:
        """Return about how many accepted messages have no fate that an app was told."""
        told = sum(
            state in {"delivered", "failed"}
            for each in (self.webhook, self.smpp)
            for _, state in each.fates
        )
        return len(self.books.accepted) - told

    async def _asked(self, number: int, by: Webhook | Smpp) -> Asked:
        """Make a recipient, some of whom answer or refuse."""
        one = Asked(f"+49151{number:08d}", by)
        luck = self.dice.random()
        if luck < 0.03:
            one.refused = True
            await self.control.do("handset", number=one.to, mood="refuses", status=0x41)
        elif luck < 0.07:
            one.reply = REPLY
            await self.control.do("handset", number=one.to, reply=REPLY)
        self.books.asked.append(one)
        return one

    def _text(self, number: int) -> str:
        return f"message {number}{self.dice.choice(['', '', '', '', EMOJI, LONG])}"

    async def _by_rest(self, number: int) -> None:
        one = await self._asked(number, self.webhook)
        one.identity = await self._post(one.to, self._text(number), f"{self._key}-{number}")

    async def _post(self, to: str, text: str, key: str) -> str | None:
        """Submit until it is answered: the key makes that harmless. None: it is opted out."""
        while True:
            with suppress(httpx.TransportError):
                answer = await self.box.http.post(
                    "/v1/messages", json={"to": to, "text": text}, headers={"Idempotency-Key": key}
                )
                if answer.status_code == httpx.codes.ACCEPTED:
                    return str(answer.json()["id"])
                if answer.status_code == httpx.codes.CONFLICT:
                    return None
            await asyncio.sleep(0.1)

    async def _by_smpp(self, number: int) -> None:
        if not self.smpp.is_bound:
            return
        one = await self._asked(number, self.smpp)
        one.identity = await self.smpp.submit(f"message {number}".encode(), one.to)

    async def _inbound(self, number: int) -> None:
        sender = f"+49170{number:07d}"
        text = f"inbound {number}{self.dice.choice(['', '', EMOJI, LONG * 2])}"
        if await self._say(sender, text):
            self.books.inbound.append((sender, text))

    async def _say(self, sender: str, text: str) -> bool:
        """Write to one of our SIMs; False if there is none in the modem that was chosen."""
        modem, reverse = self.dice.randrange(self.modems), self.dice.random() < 0.2
        try:
            await self.control.do("inbound", modem=modem, sender=sender, text=text, reverse=reverse)
        except ControlError:
            return False
        return True

    async def _stop(self, number: int) -> None:
        """Have somebody say STOP, wait until the app knows, and write to them all the same."""
        to, never = f"+49152{number:08d}", f"after the stop {number}"
        self.books.stopped[to] = never
        while not await self._say(to, "STOP"):
            await asyncio.sleep(0.1)
        while not self.webhook.inbound[to, "STOP"]:
            await asyncio.sleep(0.1)
        if await self._post(to, never, f"{self._key}-{number}") is not None:
            self.books.taken_after_stop.append(to)
