"""Carrying out what is asked of this daemon's lines: each request once, in a task of its own.

A request is taken from the store by one transaction and ends in its row, with an answer or with
the sentence that says why not. None is ever begun a second time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from pydantic import ValidationError

from appliance.clock import Clock
from appliance.control import (
    Asked,
    Kind,
    Pause,
    Pin,
    ProveReports,
    Reset,
    Resume,
    SendTest,
    Ussd,
    UssdAnswer,
    UssdCancel,
)
from appliance.errors import ApplianceError, ErrandFailed, StoreError
from appliance.intake import Intake
from appliance.lines.keeper import Keeper
from appliance.lines.line import Line
from appliance.lines.selftest import SelfTest
from appliance.modem.values import LineState, UssdReply
from appliance.policy.categories import PRIORITY
from appliance.store import Store
from appliance.store.bell import REQUESTS
from appliance.store.requests import Finished, TakenRequest
from appliance.submission import Door, Submission

logger = logging.getLogger(__name__)

LOOK_AGAIN: Final = timedelta(seconds=5)
"""How often requests of other processes are looked for; only where there may be any."""

TRY_AGAIN: Final = timedelta(seconds=1)
"""How long to wait for a database that has failed."""

REPLY_WITHIN: Final = timedelta(seconds=60)
"""How long the network may take for its answer to a USSD code."""

TEST_VALIDITY: Final = timedelta(minutes=10)
"""How long a test message may wait: later it proves nothing, and it must not stand in the way."""

UNUSABLE: Final = frozenset(
    {
        LineState.no_answer,
        LineState.sim_missing,
        LineState.pin_needed,
        LineState.puk_needed,
        LineState.blocked,
    }
)
"""States in which a SIM is not open, whatever was tried."""

BUG: Final = "something went wrong here; the log of the appliance says what"

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Errand:
    """What is asked, of whom, and by whom; ``who`` is a name for people."""

    keeper: Keeper
    asked: Any
    who: str


class Errands:
    """Takes what is asked of this daemon's lines, and carries it out."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        intake: Intake,
        keeper: Callable[[str], Keeper | None],
        unbind: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """Take what finds whom something is asked of.

        ``keeper`` returns the caretaker of the modem in a slot, None if none is there;
        ``unbind`` ends a session by its name, or raises ErrandFailed; None: there are none.
        """
        self._store, self._clock, self._intake, self._keeper = store, clock, intake, keeper
        self._end_session = unbind
        self._bell = store.bells.listen((REQUESTS, store.requests.daemon))
        self._kinds: Mapping[Kind, _Way] = {
            Kind.PIN: _Way(Pin, self._unlock, timedelta(minutes=3)),
            Kind.USSD: _Way(Ussd, self._ussd, REPLY_WITHIN + timedelta(seconds=30)),
            Kind.USSD_ANSWER: _Way(
                UssdAnswer, self._ussd_answer, REPLY_WITHIN + timedelta(seconds=30)
            ),
            Kind.USSD_CANCEL: _Way(UssdCancel, self._ussd_cancel, timedelta(seconds=30)),
            Kind.RESET: _Way(Reset, self._reset, timedelta(minutes=5)),
            Kind.PAUSE: _Way(Pause, self._pause, timedelta(seconds=30)),
            Kind.RESUME: _Way(Resume, self._resume, timedelta(seconds=30)),
            Kind.TEST_MESSAGE: _Way(SendTest, self._test_message, timedelta(seconds=30)),
            Kind.SELF_TEST: _Way(ProveReports, self._self_test, timedelta(minutes=20)),
        }

    async def run(self) -> None:
        """Work until cancelled; what is under way then has failed when the daemon is back."""
        look_again = LOOK_AGAIN if self._store.shared else None
        async with asyncio.TaskGroup() as group:
            while True:
                pause = look_again
                try:
                    for taken in await self._store.requests.take(self._clock.now()):
                        group.create_task(self._carry_out(taken))
                except StoreError as error:
                    logger.warning("requests could not be taken: %s", error)
                    pause = TRY_AGAIN
                await self._bell.wait(pause)

    async def _carry_out(self, taken: TakenRequest) -> None:
        answer, why = None, None
        try:
            answer = await self._done(taken)
        except ApplianceError as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, who asked is to be told
            logger.error(  # noqa: TRY400 - its own words may hold what was asked
                "%s: %s failed: %s", taken.slot, taken.kind, type(error).__name__
            )
            why = BUG
        logger.info("%s: %s: %s", taken.slot, taken.kind, why or "done")
        finished = Finished(id=taken.id, at=self._clock.now(), answer=answer, error=why)
        while True:
            try:
                return await self._store.requests.finish(finished)
            except StoreError as error:
                logger.warning("%s: an answer could not be stored yet: %s", taken.slot, error)
                await asyncio.sleep(TRY_AGAIN.total_seconds())

    async def _done(self, taken: TakenRequest) -> Answer:
        """Do it, and return its answer.

        Raises:
            ApplianceError: it was not done, or nobody can tell.

        """
        if taken.kind == Kind.UNBIND:
            return await self._unbind(taken.slot)
        way = self._way(taken.kind)
        keeper = self._keeper(taken.slot)
        if keeper is None:
            raise ErrandFailed(f"the modem at {taken.slot} is not there: plug it in")
        try:
            asked = way.asked.model_validate(taken.arguments)
        except ValidationError:  # its words could hold what was given
            raise ErrandFailed("what was asked is not of the right form") from None
        errand = _Errand(keeper, asked, await self._who(taken.account_id))
        try:
            async with asyncio.timeout(way.within.total_seconds()):
                return await way.do(errand)
        except TimeoutError:
            seconds = f"{way.within.total_seconds():g}"
            raise ErrandFailed(f"it was not done within {seconds} s") from None

    def _way(self, kind: str) -> "_Way":
        try:
            return self._kinds[Kind(kind)]
        except ValueError:  # another daemon may be newer
            raise ErrandFailed("this daemon does not know how to do that: update it") from None

    async def _who(self, account_id: int | None) -> str:
        account = None if account_id is None else await self._store.accounts.by_id(account_id)
        return f"account {account.name}" if account else "somebody on this box"

    # the kinds

    async def _unbind(self, session: str) -> Answer:
        if self._end_session is None:
            raise ErrandFailed("this daemon has no SMPP server")
        await self._end_session(session)
        return {"unbound": True}

    async def _unlock(self, errand: _Errand) -> Answer:
        health = await errand.keeper.unlock(errand.asked.pin)
        if health.state in UNUSABLE:
            raise ErrandFailed(f"{health.cause} {health.next_step}".strip())
        return {"state": health.state.value, "cause": health.cause}

    async def _ussd(self, errand: _Errand) -> Answer:
        _line(errand)
        return _told(await errand.keeper.modem.ussd(errand.asked.code, REPLY_WITHIN))

    async def _ussd_answer(self, errand: _Errand) -> Answer:
        _line(errand)
        return _told(await errand.keeper.modem.ussd_answer(errand.asked.text, REPLY_WITHIN))

    async def _ussd_cancel(self, errand: _Errand) -> Answer:
        _line(errand)
        await errand.keeper.modem.ussd_cancel()
        return {}

    async def _reset(self, errand: _Errand) -> Answer:
        health = await errand.keeper.reset(f"asked for by {errand.who}")
        return {"state": health.state.value, "cause": health.cause}

    async def _pause(self, errand: _Errand) -> Answer:
        said = f": {errand.asked.reason}" if errand.asked.reason else ""
        reason = f"paused by {errand.who}{said}"
        await self._store.lines.pause(_sim(errand), reason, self._clock.now())
        errand.keeper.news()
        return {"paused": True, "reason": reason}

    async def _resume(self, errand: _Errand) -> Answer:
        was_paused = await self._store.lines.resume(_sim(errand), self._clock.now())
        errand.keeper.news()
        return {"paused": False, "was_paused": was_paused}

    async def _test_message(self, errand: _Errand) -> Answer:
        line = _sending(errand)
        account = await self._store.accounts.local(self._clock.now())
        submission = Submission(
            to=errand.asked.to,
            text=errand.asked.text,
            priority=max(PRIORITY.values()),
            validity=TEST_VALIDITY,
            only_sim=line.sim_id,
            door=Door.LOCAL,
        )
        accepted = await self._intake.submit(account, submission)
        return {"message": accepted.id, "parts": accepted.parts}

    async def _self_test(self, errand: _Errand) -> Answer:
        _sending(errand)
        test = SelfTest(errand.keeper, store=self._store, clock=self._clock, intake=self._intake)
        return asdict(await test.run(errand.asked.to))


@dataclass(frozen=True, slots=True)
class _Way:
    """How a kind of request is carried out, and how long that may take."""

    asked: type[Asked]
    do: Callable[[_Errand], Awaitable[Answer]]
    within: timedelta


def _line(errand: _Errand) -> Line:
    """Return the started line.

    Raises:
        ErrandFailed: the modem is not ready.

    """
    line, health = errand.keeper.line, errand.keeper.modem.health
    if line is None:
        why = f"the line is not ready ({health.state.value}): {health.cause} {health.next_step}"
        raise ErrandFailed(why.strip(": "))
    return line


def _sending(errand: _Errand) -> Line:
    """Return the started line, if its SIM may send.

    Raises:
        ErrandFailed: the modem is not ready, or the SIM is paused.

    """
    line = _line(errand)
    if line.paused is not None:
        raise ErrandFailed(f"the SIM sends nothing: {line.paused}. Resume it first")
    return line


def _sim(errand: _Errand) -> int:
    """Return the SIM that was last seen in the modem.

    Raises:
        ErrandFailed: there was none since the daemon started.

    """
    sim_id = errand.keeper.sim_id
    if sim_id is None:
        raise ErrandFailed("no SIM was seen in this modem since the daemon started")
    return sim_id


def _told(reply: UssdReply) -> Answer:
    return {"text": reply.text, "more": reply.more}
