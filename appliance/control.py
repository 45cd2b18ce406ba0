"""Requests to lines and sessions: asked by the doors, carried out by the daemon that has them.

A request is a row, so that it may come from any process on the database, and so that nothing is
done twice: one that was taken is never carried out again, whatever becomes of its daemon.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field

from appliance.clock import Clock
from appliance.errors import LineUnclear, NotFound
from appliance.store import Store
from appliance.store.bell import REQUESTS
from appliance.store.lines import KnownLine
from appliance.store.requests import NewRequest, RequestView

LOOK_AGAIN: Final = timedelta(milliseconds=500)
"""How often an answer is looked for that another process gives, while somebody waits for it."""

GONE: Final = "no_answer"
"""The state of a line that is not there: its SIM may be in another one by now."""

TEST_TEXT: Final = "Test message of this SMS appliance"


class Kind(StrEnum):
    """What may be asked of a line, or of a session."""

    PIN = "pin"
    USSD = "ussd"
    USSD_ANSWER = "ussd_answer"
    USSD_CANCEL = "ussd_cancel"
    RESET = "reset"
    PAUSE = "pause"
    RESUME = "resume"
    TEST_MESSAGE = "test_message"
    SELF_TEST = "self_test"
    UNBIND = "unbind"


class Asked(BaseModel):
    """What is asked, with all that it needs: checked before it is stored. Unknown keys are errors.

    Errors repeat nothing of it: there may be a PIN in it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: ClassVar[Kind]


class Pin(Asked):
    """One try with this PIN; it is kept nowhere."""

    kind: ClassVar[Kind] = Kind.PIN

    pin: str = Field(
        pattern="^[0-9]{4,8}$", repr=False, description="4 to 8 digits.", examples=["1234"]
    )


class Ussd(Asked):
    """A code for the network, as one dials it."""

    kind: ClassVar[Kind] = Kind.USSD

    code: str = Field(
        pattern="^[*#][0-9*#]{1,158}$",
        description="Such as *100# (3GPP TS 22.030).",
        examples=["*100#"],
    )


class UssdAnswer(Asked):
    """The answer to a network that asks back."""

    kind: ClassVar[Kind] = Kind.USSD_ANSWER

    text: str = Field(
        min_length=1,
        max_length=182,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Such as 1.",
        examples=["1"],
    )


class UssdCancel(Asked):
    """Nothing more is said to the network."""

    kind: ClassVar[Kind] = Kind.USSD_CANCEL


class Reset(Asked):
    """The modem is restarted."""

    kind: ClassVar[Kind] = Kind.RESET


class Pause(Asked):
    """The SIM sends nothing until it is resumed; it still receives."""

    kind: ClassVar[Kind] = Kind.PAUSE

    reason: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        default="", description="Shown beside the line."
    )


class Resume(Asked):
    """The SIM sends again, whyever it was paused."""

    kind: ClassVar[Kind] = Kind.RESUME


class SendTest(Asked):
    """A message by this SIM and no other; it counts as any other."""

    kind: ClassVar[Kind] = Kind.TEST_MESSAGE

    to: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[^\x00]+$",
        description="The number.",
        examples=["+4915228817386"],
    )
    text: str = Field(
        default=TEST_TEXT, min_length=1, max_length=1000, pattern=r"^[^\x00]+$", description="Text."
    )


class ProveReports(Asked):
    """A test whether reports outlive a restart: two messages at most, and a pause of the line."""

    kind: ClassVar[Kind] = Kind.SELF_TEST

    to: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        pattern=r"^[^\x00]+$",
        description="The number to write to, international. Without it: the SIM's own.",
    )


class Unbind(Asked):
    """A session of the SMPP server is ended in good order."""

    kind: ClassVar[Kind] = Kind.UNBIND


class Control:
    """Asks lines, and waits for what they answer."""

    def __init__(self, store: Store, clock: Clock, sim_name: Callable[[str], str]) -> None:
        """``sim_name`` returns what the SIM with an ICCID is called in the configuration, or ''."""
        self._store, self._clock, self._sim_name = store, clock, sim_name

    async def ask(self, line: str, asked: Asked, account_id: int | None) -> str:
        """Store a request for the daemon that owns a line; return its public id.

        Args:
            line: its slot, its port (with or without /dev/), or its SIM by ICCID or name.
            asked: what for.
            account_id: who asks; None: somebody on this box.

        Raises:
            LineUnclear: no line is called that, or several are.
            StoreError: nothing was stored.

        """
        place = await self.find(line)
        return await self.ask_at(place.daemon, place.slot, asked, account_id)

    async def ask_at(self, daemon: int, place: str, asked: Asked, account_id: int | None) -> str:
        """Store a request for a daemon; return its public id.

        Args:
            daemon: who carries it out, by its number.
            place: the slot of a line, or the name of a session.
            asked: what for.
            account_id: who asks; None: somebody on this box.

        Raises:
            StoreError: nothing was stored.

        """
        new = NewRequest(
            daemon=daemon,
            slot=place,
            kind=asked.kind,
            arguments=asked.model_dump(),
            account_id=account_id,
            at=self._clock.now(),
        )
        return await self._store.requests.open(new)

    async def wait(self, name: str, within: timedelta) -> RequestView:
        """Return a request when it has ended, or as it is when the time is over.

        Raises:
            NotFound: there is none with that id.

        """
        topic = (REQUESTS, name)
        bell = self._store.bells.listen(topic)
        try:
            found = await self.get(name)
            patience = None if found.local else LOOK_AGAIN
            with suppress(TimeoutError):
                async with asyncio.timeout(within.total_seconds()):
                    while not found.ended:
                        await bell.wait(patience)
                        found = await self.get(name)
            return found
        finally:
            self._store.bells.forget(topic, bell)

    async def get(self, name: str) -> RequestView:
        """Return a request as it is.

        Raises:
            NotFound: there is none with that id.

        """
        found = await self._store.requests.get(name)
        if found is None:
            raise NotFound("request", name)
        return found

    async def find(self, name: str) -> KnownLine:
        """Return the one line that ``name`` stands for.

        Of several those count that are there: a SIM that was moved is known in both places.

        Raises:
            LineUnclear: it stands for none, or for several.

        """
        known = await self._store.lines.known()
        fitting = [line for line in known if name.casefold() in self._names(line)]
        there = [line for line in fitting if line.state != GONE]
        for choice in (fitting, there):
            if len(choice) == 1:
                return choice[0]
        raise LineUnclear(self._told(fitting or known), several=bool(fitting))

    def _names(self, line: KnownLine) -> set[str]:
        """Return all that a line may be called, in small letters."""
        names = [line.slot, line.port, line.port.removeprefix("/dev/")]
        if line.sim:
            names += [line.sim, line.sim.rstrip("F"), self._sim_name(line.sim)]
        return {name.casefold() for name in names if name}

    def _told(self, lines: Sequence[KnownLine]) -> list[str]:
        def words(line: KnownLine) -> Iterator[str]:
            yield line.port
            if line.sim:
                yield self._sim_name(line.sim) or f"SIM {line.sim}"

        return [f"{line.slot} ({', '.join(words(line))})" for line in lines]
