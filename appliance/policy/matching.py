"""Which attempt a status report speaks of. Pure.

A report names its part by SIM, recipient and reference only, and the reference is one octet
(3GPP TS 23.040 clause 9.2.3.6): it comes round after 256 parts, and an attempt whose answer was
lost has none. What tells such attempts apart is the time: the report carries the moment at which
the service centre took the part (TP-SCTS, clause 9.2.2.3), by the centre's own clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

EARLY: Final = timedelta(minutes=1)
"""How far before an attempt's start its corrected time stamp may lie.

The learned offset holds the usual delay from the start of an attempt to the centre's stamp; a
part that was faster than usual seems to be stamped before it began.
"""

LATE: Final = timedelta(minutes=10)
"""How far after its start: the longest wait for an answer to CMGS (3 minutes) and a network
that takes its time. The same reference comes round later than that: 256 parts at 2.5 s each."""

TELLS_APART: Final = timedelta(seconds=5)
"""By how much one attempt must be nearer than the next to be the one meant.

Time stamps have whole seconds, and from one part to the next the delay before them varies by a
few; attempts on one SIM follow each other, each taking seconds, so that nearer ones are not
told apart by time.
"""

LEARNING: Final = 8
"""A new sample moves the offset by this fraction (one in ...)."""


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What a report says of the part it means.

    Attributes:
        reference: TP-MR, 0-255.
        scts: the service centre's time stamp, aware; None if it could not be read.
        received_at: when it came to us, by our clock.

    """

    reference: int
    scts: datetime | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class CandidateAttempt:
    """An attempt by the report's SIM, to its recipient, that is or may be on the air.

    Attributes:
        reference: what the modem answered; None: no answer (yet).
        uncertain: without a reference, tells why: True: the answer was given up (UNCERTAIN),
            False: it is still awaited (SENDING).
        started_at: when it was written down, before its PDU went to the modem; by our clock.
        exact_recipient: the whole number agrees, not only its last digits.

    """

    id: int
    reference: int | None
    uncertain: bool
    started_at: datetime
    exact_recipient: bool


@dataclass(frozen=True, slots=True)
class Matched:
    """The report speaks of this attempt."""

    id: int


@dataclass(frozen=True, slots=True)
class Wait:
    """It may speak of an attempt whose answer is awaited: look again when that is here."""


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """It may speak of several attempts, and nothing tells them apart."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It speaks of none of them."""


Match = Matched | Wait | Ambiguous | Unknown


def match(
    report: ReportFacts, candidates: Sequence[CandidateAttempt], offset: timedelta | None
) -> Match:
    """Return which of ``candidates`` the report speaks of.

    An attempt with the report's reference, near in time, is taken before one without a
    reference; of several the nearest. An attempt that began after the report came, or that
    has another reference, is never taken.

    Args:
        report: the report.
        candidates: attempts of its SIM to its recipient, in any order.
        offset: how far the service centre's clock, with the usual delay, is ahead of an
            attempt's start (``learn_offset``); None: not yet known.

    """
    fitting = _fitting(report, candidates)
    if not fitting:
        return Unknown()
    lags = {each.id: _lag(report, each, offset) for each in fitting}
    near = [each for each in fitting if _is_near(report, lags[each.id])]
    certain = offset is not None and report.scts is not None
    if report.scts is None and any(_is_awaited(each) for each in fitting):
        return Wait()
    for group in (_named(near), _nameless(near)):
        if group:
            return _nearest(group, lags)
    return _far(fitting, certain=certain)


def elsewhere(
    report: ReportFacts, candidates: Sequence[CandidateAttempt], offset: timedelta | None
) -> int | None:
    """Return which attempt of another SIM the report speaks of, by its id; None: of none.

    Somebody changes the SIM of a modem while it sends: until that is noticed, what leaves by the
    new SIM is written down for the old one, and its report comes to the new one. So where a SIM
    has sent nothing that its report could mean, an attempt of another SIM is believed to be meant
    if it is the only one to just this number, near in time, that has this reference or lacks one.

    Args:
        report: a report that speaks of no attempt of its own SIM.
        candidates: attempts of other SIMs to its recipient that have an outcome, and no report.
        offset: as for ``match``.

    """
    if report.scts is None:
        return None
    near = [
        each
        for each in _fitting(report, candidates)
        if each.exact_recipient
        and not _is_awaited(each)
        and _is_near(report, _lag(report, each, offset))
    ]
    choice = _named(near) or near
    return choice[0].id if len(choice) == 1 else None


def pair(
    reports: Sequence[ReportFacts], candidates: Sequence[CandidateAttempt]
) -> list[tuple[ReportFacts, int]]:
    """Return which attempts several reports speak of, where none can be told by itself.

    A SIM hands over one part after another, and a service centre stamps them as they come: as
    many reports as there are attempts of which nothing is known belong to them in their order.
    Fewer reports than attempts say nothing of which one is missing.

    Args:
        reports: of one SIM and one recipient, all saying the same, none of them matched.
        candidates: the attempts of that SIM to that recipient without a reference.

    Returns:
        Report and attempt, pair by pair; empty if they cannot be paired.

    """
    readable = all(report.scts is not None for report in reports)
    distinct = len({report.reference for report in reports}) == len(reports)
    lost = all(each.reference is None and each.uncertain for each in candidates)
    if not (readable and distinct and lost and len(reports) == len(candidates)):
        return []
    in_order = sorted(reports, key=lambda report: (report.scts, report.received_at))
    began = sorted(candidates, key=lambda each: each.started_at)
    return [(report, each.id) for report, each in zip(in_order, began, strict=True)]


def learn_offset(previous: timedelta | None, sample: timedelta) -> timedelta:
    """Return the service centre's offset after one more sample.

    Args:
        previous: the offset so far; None: there is none.
        sample: time stamp minus the attempt's start, of a report about which there was no
            doubt (one candidate).

    Returns:
        The old one moved a little. A sample that is far off is taken as it is: the centre's
        clock or its time zone was changed; if it was only one slow part, the next one mends it.

    """
    if previous is None or not -EARLY <= sample - previous <= LATE:
        return sample
    return previous + (sample - previous) / LEARNING


def _fitting(report: ReportFacts, candidates: Sequence[CandidateAttempt]) -> list[CandidateAttempt]:
    possible = [
        each
        for each in candidates
        if each.reference in (None, report.reference) and each.started_at <= report.received_at
    ]
    return [each for each in possible if each.exact_recipient] or possible


def _lag(report: ReportFacts, attempt: CandidateAttempt, offset: timedelta | None) -> timedelta:
    """Return how long after the attempt's start the report's part was taken."""
    if report.scts is None:
        return report.received_at - attempt.started_at
    return report.scts - (offset or timedelta()) - attempt.started_at


def _is_near(report: ReportFacts, lag: timedelta) -> bool:
    """Without a time stamp nothing is far: a report may come days after its part."""
    return report.scts is None or -EARLY <= lag <= LATE


def _is_awaited(attempt: CandidateAttempt) -> bool:
    return attempt.reference is None and not attempt.uncertain


def _named(attempts: Sequence[CandidateAttempt]) -> list[CandidateAttempt]:
    return [each for each in attempts if each.reference is not None]


def _nameless(attempts: Sequence[CandidateAttempt]) -> list[CandidateAttempt]:
    return [each for each in attempts if each.reference is None]


def _nearest(group: Sequence[CandidateAttempt], lags: dict[int, timedelta]) -> Match:
    if any(_is_awaited(each) for each in group):
        return Wait()
    first, *others = sorted(group, key=lambda each: abs(lags[each.id]))
    if others and abs(lags[others[0].id]) - abs(lags[first.id]) < TELLS_APART:
        return Ambiguous()
    return Matched(first.id)


def _far(fitting: Sequence[CandidateAttempt], *, certain: bool) -> Match:
    """Decide where time speaks against every candidate, or cannot be compared yet.

    Many centres stamp in a wrong time zone: while the offset is not known, time tells nothing
    but in the near case. That another attempt should have just this reference is unlikely (one
    in 256), so that the only one that has it is believed; once the offset is known, such a
    report means that the centre's clock was changed, and an attempt without a reference must
    be near.
    """
    if not certain and any(_is_awaited(each) for each in fitting):
        return Wait()
    choice = _named(fitting) or ([] if certain else list(fitting))
    if not choice:
        return Unknown()
    return Matched(choice[0].id) if len(choice) == 1 else Ambiguous()
