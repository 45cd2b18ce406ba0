"""What a line's outcomes say of its modem: whether to pause, to look, or to mend it. Pure.

What they say of its SIM is decided by ``policy.judgement``; here they are only translated for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from appliance.lines.attempt import Answer
from appliance.models import Outcome
from appliance.modem.causes import Cause, Kind, cme_cause, cms_cause
from appliance.modem.ladder import Symptom
from appliance.modem.values import MaybeSent, NotSent, Refused, Sent
from appliance.policy.judgement import Fate
from appliance.store.lines import Ended

MOST_UNCERTAIN: Final = 2
"""Parts lost sight of in a row, after which the modem must prove itself."""


FATES: Final[Mapping[Kind | None, Fate]] = {Kind.SIM: Fate.REFUSED, Kind.NUMBER: Fate.OUT}
"""What a refusal says of the SIM, by its kind; the others: that it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What follows from one outcome.

    Attributes:
        troubles: so many times the usual pause; 0: no pause.
        reason: why it pauses.
        doubt: the modem is to be looked at now.
        symptom: what the modem is to be mended of, None: nothing.
        fate: what became of the part as far as the SIM is concerned.
        cause: the network's own word for a refusal of the SIM; '' if it is none.

    """

    troubles: int = 0
    reason: str = ""
    doubt: bool = False
    symptom: Symptom | None = None
    fate: Fate = Fate.FAILED
    cause: str = ""


def fate_of(ended: Ended) -> Fate:
    """Return what an outcome that was written down says of its SIM, as ``Judge`` has said it.

    What the configuration sets for single causes is left aside: it may be set otherwise by now.
    """
    if ended.outcome is not Outcome.REFUSED:
        return Fate.OUT if ended.outcome is Outcome.SENT else Fate.FAILED
    known = (cms_cause(ended.code), cme_cause(ended.code))
    kind = next((each.kind for each in known if each.sentence == ended.cause), None)
    return FATES.get(kind, Fate.FAILED)


class Judge:
    """One line's outcomes in a row. ``failures``: so many in a row ask for mending."""

    def __init__(self, failures: int) -> None:
        self._failures = failures
        self._uncertain = self._unsent = 0
        self._failed = 0  # by the modem's own fault
        self._stuck = 0  # the modem was well, and still nothing got out

    def judge(self, outcome: Answer, *, registered: bool) -> Verdict:
        """Take one more outcome into account; ``registered``: the network serves the modem."""
        match outcome:
            case Sent():
                self._uncertain = self._unsent = self._failed = self._stuck = 0
                return Verdict(fate=Fate.OUT)
            case MaybeSent(why):
                return self._lost_sight(why, registered=registered)
            case NotSent(why):
                self._unsent += 1
                self._failed += 1
                return self._unwell(Verdict(troubles=self._unsent, reason=f"stopped: {why}"))
            case Refused(cause):
                return self._refused(cause, registered=registered)

    def _refused(self, cause: Cause, *, registered: bool) -> Verdict:
        match cause.kind:
            case Kind.SIM:
                self._failed = self._stuck = 0  # the network has answered
                return Verdict(fate=Fate.REFUSED, cause=cause.sentence)
            case Kind.DEVICE:
                self._failed += 1
                return self._unwell(Verdict(troubles=1, reason=cause.sentence))
            case Kind.PASSING:
                self._stuck += registered
                return Verdict(symptom=self._stuck_symptom())
            case _:
                self._failed = self._stuck = 0  # the number's fault alone
                return Verdict(fate=Fate.OUT)

    def _lost_sight(self, why: str, *, registered: bool) -> Verdict:
        self._uncertain += 1
        self._failed += 1
        self._stuck += registered
        symptom = self._stuck_symptom()
        if self._uncertain < MOST_UNCERTAIN:
            return Verdict(symptom=symptom)
        pausing = Verdict(
            troubles=self._uncertain - 1, reason=f"stopped: {why}", doubt=True, symptom=symptom
        )
        return pausing if symptom else self._unwell(pausing)

    def _unwell(self, verdict: Verdict) -> Verdict:
        """Have the modem looked at, or mended where that was of no use so often."""
        symptom = None
        if self._failed >= self._failures:
            self._failed, symptom = 0, Symptom.FAILURES
        return Verdict(
            troubles=verdict.troubles, reason=verdict.reason, doubt=True, symptom=symptom
        )

    def _stuck_symptom(self) -> Symptom | None:
        if self._stuck < self._failures:
            return None
        self._stuck = self._failed = 0
        return Symptom.NOTHING_OUT
