"""How often one person may be written to, and what is too much of the same. Pure.

Judged when a message is taken, on what was taken for the same recipient before: in the same
transaction, so that two messages at once cannot both be the last one.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from appliance.policy.categories import Category

NOTHING: Final = timedelta()


class Per(StrEnum):
    """Whose messages a cap counts."""

    ACCOUNT = "account"  # those of the same account
    SITE = "site"  # those of all


class Answer(StrEnum):
    """What becomes of a message that is too much."""

    REFUSE = "refuse"
    MARK = "mark"  # taken, and the account is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """At most ``most`` messages to one recipient within ``window``.

    ``categories``: of these alone; empty: of all.
    """

    most: int
    window: timedelta
    categories: frozenset[Category] = frozenset()
    per: Per = Per.SITE

    def counts(self, category: Category) -> bool:
        """Tell whether messages of a category count, and are counted against."""
        return not self.categories or category in self.categories


@dataclass(frozen=True, slots=True, kw_only=True)
class SameText:
    """The same text to the same recipient within ``window``, from the same account."""

    window: timedelta
    answer: Answer = Answer.REFUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A message that was taken for the same recipient before, and was not cancelled or failed."""

    account_id: int
    category: Category
    same_text: bool  # as the new one
    at: datetime
    leaves_at: datetime | None = None  # what is sent later counts then; None: at once


@dataclass(frozen=True, slots=True)
class TooMuch:
    """What is wrong with one more message: the field and a sentence, and whether it is refused."""

    field: str
    why: str
    refused: bool = True


@dataclass(frozen=True, slots=True)
class Caps:
    """All that holds for one recipient."""

    caps: Sequence[Cap] = ()
    same_text: SameText | None = None

    @property
    def reach(self) -> timedelta:
        """How far back it looks; nothing: it need not look."""
        if not self.caps and self.same_text is None:
            return NOTHING  # mostly, and it is asked twice for each message
        windows = [cap.window for cap in self.caps]
        if self.same_text is not None:
            windows.append(self.same_text.window)
        return max(windows)

    def judge(
        self,
        account_id: int,
        category: Category,
        earlier: Iterable[Earlier],
        now: datetime,
        leaves_at: datetime | None = None,
    ) -> TooMuch | None:
        """Return what is wrong with one more message, None if nothing is.

        ``leaves_at`` is when it is to leave, and counts; None: at once.
        """
        known = list(earlier)
        for cap in self.caps:
            if cap.counts(category):
                found = _over(cap, account_id, known, now, max(leaves_at or now, now))
                if found is not None:
                    return found
        return self._same(account_id, known, now)

    def _same(self, account_id: int, known: Sequence[Earlier], now: datetime) -> TooMuch | None:
        if self.same_text is None:
            return None
        twins = [
            each.at
            for each in known
            if each.same_text
            and each.account_id == account_id
            and each.at > now - self.same_text.window
        ]
        if not twins:
            return None
        ago = _span(now - max(twins))
        return TooMuch(
            "text",
            f"the same text was handed in for this recipient {ago} ago",
            refused=self.same_text.answer is Answer.REFUSE,
        )


NO_CAPS: Final = Caps()


def _over(
    cap: Cap, account_id: int, known: Sequence[Earlier], now: datetime, at: datetime
) -> TooMuch | None:
    """Return that a message which is to leave ``at`` is one too many, None if it is not."""
    counted = sorted(
        each.leaves_at or each.at
        for each in known
        if cap.counts(each.category) and (cap.per is Per.SITE or each.account_id == account_id)
    )
    if not _full(cap, counted, at):
        return None
    kinds = "/".join(sorted(cap.categories)) + " " if cap.categories else ""
    later = (each + cap.window for each in counted)
    again = next(each for each in later if each > at and not _full(cap, counted, each))
    return TooMuch(
        "to",
        f"one recipient gets at most {cap.most} {kinds}message{'s' * (cap.most > 1)} within"
        f" {_span(cap.window)}; the next one in {_span(again - now)}",
    )


def _full(cap: Cap, counted: Sequence[datetime], at: datetime) -> bool:
    """Tell whether some window around ``at`` holds as many as it may already."""
    before = [each for each in counted if at - cap.window < each <= at]
    around = [*before, at, *(each for each in counted if at < each < at + cap.window)]
    ends = zip(around, around[cap.most :], strict=False)
    return any(last - first < cap.window for first, last in ends)


_UNITS: Final = (
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
)


def _span(span: timedelta) -> str:
    """Return a span of time in words, in the largest unit that it fills."""
    for unit, name in _UNITS:
        if span >= unit:
            count = round(span / unit)
            return f"{count} {name}{'s' * (count != 1)}"
    seconds = max(int(span.total_seconds()), 0)
    return f"{seconds} second{'s' * (seconds != 1)}"


class FloodGuard:
    """At most ``most`` one-time passwords of one account within ``window``: a form under attack."""

    def __init__(self, most: int, window: timedelta) -> None:
        self._most, self._window = most, window
        self._taken: dict[int, deque[datetime]] = {}

    def judge(self, account_id: int, category: Category, now: datetime) -> TooMuch | None:
        """Count one more message; return what is wrong with it, None if nothing is."""
        if category is not Category.OTP:
            return None
        taken = self._taken.setdefault(account_id, deque())
        while taken and taken[0] <= now - self._window:
            taken.popleft()
        if len(taken) < self._most:
            taken.append(now)
            return None
        span = _span(self._window)
        return TooMuch(
            "category",
            f"an account may hand in at most {self._most} otp messages within {span}",
        )
