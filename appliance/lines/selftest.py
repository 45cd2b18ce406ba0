"""Does a report reach us that came while nobody listened? Tried out on one line, per model."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance.clock import Clock
from appliance.errors import ErrandFailed, ModemError
from appliance.incident import Incident, IncidentKind
from appliance.intake import Intake
from appliance.lifecycle import State
from appliance.lines.keeper import Keeper
from appliance.modem.driver import Modem
from appliance.modem.values import UNREPORTED, ModemIdentity
from appliance.policy.categories import PRIORITY
from appliance.store import Store
from appliance.store.bell import CHANGES
from appliance.store.proofs import Proof
from appliance.store.shown import AttemptView
from appliance.submission import Door, Submission, WhenUncertain

logger = logging.getLogger(__name__)

TEXT: Final = "Test of delivery reports; please ignore."

SENT_WITHIN: Final = timedelta(minutes=2)
"""How long the message may wait for its turn and for the modem's answer."""

VALIDITY: Final = timedelta(minutes=10)

LOST: Final = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED, State.UNCERTAIN})
"""States of a message that say nothing of reports: it may never have been on the air."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the test takes its time for what.

    ``closed``: how long nobody listens, longer than a report takes to come. ``reported``: how
    long a report is waited for; where it comes again until it is acknowledged, the network
    takes minutes between two tries.
    """

    closed: timedelta = timedelta(seconds=30)
    reported: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestResult:
    """What came of it.

    ``way`` is how reports come to this modem, as in Health.reports. ``survived`` says whether
    one that came while nobody listened is still handed over; None: it could not be told.
    """

    way: str
    survived: bool | None
    why: str  # a sentence


class SelfTest:
    """One test of one line: a message to a number that answers with a report."""

    def __init__(
        self,
        keeper: Keeper,
        *,
        store: Store,
        clock: Clock,
        intake: Intake,
        patience: Patience | None = None,
    ) -> None:
        self._keeper, self._store, self._clock, self._intake = keeper, store, clock, intake
        self._patience = patience or Patience()

    async def run(self, to: str | None = None) -> SelfTestResult:
        """Do it: some minutes, two messages at most. The line sends nothing meanwhile.

        The messages are ordinary ones of the account of this box, pinned to the SIM: they are
        stored, begun and reported like any other, so that none is lost or sent twice whenever
        the daemon is stopped. What is learnt is stored for the model and noted as an incident.

        Args:
            to: the recipient in E.164; None: the SIM's own number.

        Raises:
            ErrandFailed: the line is not ready, or the SIM does not know its number.
            SubmissionRefused: the number may not be written to.
            StoreError: the database failed.

        """
        modem, line = self._keeper.modem, self._keeper.line
        identity, card = modem.identity, modem.sim
        if line is None or identity is None or card is None:
            raise ErrandFailed("the line is not ready")
        number = to or card.number
        if not number:
            raise ErrandFailed("the SIM does not know its number: say which number to write to")
        way = modem.health.reports
        if way in UNREPORTED:
            why = "This model hands over no reports, or is set not to."
            return SelfTestResult(way=way, survived=None, why=why)
        seen = line.standing.reports_proven_at is not None
        result = await self._try(modem, line.sim_id, number, way, seen=seen)
        await self._keep(result, identity, line.sim_id)
        return result

    async def _try(
        self, modem: Modem, sim_id: int, number: str, way: str, *, seen: bool
    ) -> SelfTestResult:
        def result(why: str, survived: bool | None = None) -> SelfTestResult:
            return SelfTestResult(way=way, survived=survived, why=why)

        if not seen and await self._reported(await self._sent(sim_id, number)) is None:
            return result("No report came although somebody listened: the network gives none.")
        name = await self._sent(sim_id, number)
        await _take_what_is_there(modem)
        closed_at = self._clock.now()
        await modem.nap(self._patience.closed)
        reported_at = await self._reported(name, more=self._patience.closed)
        if reported_at is None:
            return result("A report that comes while nobody listens is lost.", survived=False)
        if reported_at < closed_at + self._patience.closed:
            return result("The report came before the port was closed.")
        return result("A report that comes while nobody listens is handed over later.", True)

    async def _sent(self, sim_id: int, number: str) -> str:
        """Send a message by this SIM and return its id, once the network has taken it.

        Raises:
            ErrandFailed: it was not taken, or not in time.

        """
        account = await self._store.accounts.local(self._clock.now())
        accepted = await self._intake.submit(
            account,
            Submission(
                to=number,
                text=TEXT,
                priority=max(PRIORITY.values()),
                validity=VALIDITY,
                when_uncertain=WhenUncertain.HOLD,
                door=Door.LOCAL,
                only_sim=sim_id,
            ),
        )
        bell = self._store.bells.listen(CHANGES)
        try:
            async with asyncio.timeout(SENT_WITHIN.total_seconds()):
                while not await self._is_sent(accepted.id):
                    await bell.wait()
        except TimeoutError:
            raise ErrandFailed("the test message did not leave in time") from None
        finally:
            self._store.bells.forget(CHANGES, bell)
        return accepted.id

    async def _is_sent(self, name: str) -> bool:
        story = await self._store.views.message(None, name)
        if story is None or story.message.state in LOST:
            cause = story.message.cause if story is not None else "it is gone"
            raise ErrandFailed(f"the test message did not leave: {cause}")
        return any(attempt.reference is not None for attempt in story.attempts)

    async def _reported(self, name: str, more: timedelta = timedelta()) -> datetime | None:
        """Wait for a report of a message; return when it came, None if it does not in time."""
        within = self._patience.reported + more
        bell = self._store.bells.listen(CHANGES)
        try:
            async with asyncio.timeout(within.total_seconds()):
                while (found := await self._reported_at(name)) is None:
                    await bell.wait()
                return found
        except TimeoutError:
            return None
        finally:
            self._store.bells.forget(CHANGES, bell)

    async def _reported_at(self, name: str) -> datetime | None:
        story = await self._store.views.message(None, name)
        attempts: list[AttemptView] = story.attempts if story is not None else []
        came = [attempt.reported_at for attempt in attempts if attempt.reported_at is not None]
        return min(came, default=None)

    async def _keep(self, result: SelfTestResult, model: ModemIdentity, sim_id: int) -> None:
        """Store what was learnt, and let it be seen."""
        now = self._clock.now()
        if result.survived is not None:
            proof = Proof(
                maker=model.maker,
                model=model.model,
                revision=model.revision,
                way=result.way,
                survived=result.survived,
                proved_at=now,
            )
            await self._store.proofs.save(proof)
        logger.info("%s: self-test of reports (%s): %s", self._keeper.slot, result.way, result.why)
        await self._store.incidents.note(
            Incident(
                kind=IncidentKind.SELF_TEST,
                sentence=f"Self-test of reports ({result.way}): {result.why}",
                at=now,
                slot=self._keeper.slot,
                sim_id=sim_id,
            )
        )


async def _take_what_is_there(modem: Modem) -> None:
    """Have a report read that lies in the modem already: read later, it would prove too much.

    Raises:
        ErrandFailed: the modem does not answer.

    """
    try:
        await modem.check()
    except ModemError as error:
        raise ErrandFailed(f"the modem failed meanwhile: {error}") from error
