"""Opt-outs that are entered: by accounts, as lists, and by people on this box."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from itertools import islice
from typing import Final

from appliance import msisdn
from appliance.clock import Clock
from appliance.errors import BadField, Forbidden, StoreError, SubmissionRefused
from appliance.models import Account
from appliance.policy import optout_csv
from appliance.policy.categories import Category
from appliance.policy.consent import Source
from appliance.policy.optout_csv import Listed, Unread
from appliance.store import Store
from appliance.store.optout_list import CHUNK, NewOptOut, OptOutView

EVERYWHERE: Final[frozenset[str]] = frozenset()
"""Numbers of all countries may be opted out."""

PAGE: Final = 500
"""Opt-outs read at once when all are asked for."""


class Result(StrEnum):
    """What became of a line of a list."""

    IMPORTED = "imported"
    ALREADY = "already there"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class LineResult:
    """What became of one line; ``why`` it was refused, '' if it was not."""

    line: int
    result: Result
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An opt-out as it is asked for.

    ``for_all``: it holds for all accounts; None: if who asks may say so.
    """

    number: str
    category: Category | None = None
    until: datetime | None = None
    reason: str = ""
    for_all: bool | None = None


class OptOutBook:
    """Enters, ends and lists opt-outs for an account, or for somebody on this box (None)."""

    def __init__(self, store: Store, clock: Clock, region: str | None, zone: tzinfo) -> None:
        """``region``: whose national numbers are understood; ``zone``: whose days are meant."""
        self._store, self._clock, self._region, self._zone = store, clock, region, zone

    async def add(self, asker: Account | None, wanted: Wanted) -> tuple[OptOutView, bool]:
        """Enter an opt-out; return it, and whether it is new.

        Raises:
            BadField: its end is over, or it is for no number.
            Forbidden: it is for all accounts, and the account may not say so.

        """
        now = self._clock.now()
        if wanted.until is not None and wanted.until <= now:
            raise BadField("until", "it is over already")
        source = Source.API if asker else Source.CLI
        ((name, fresh),) = await self._store.opt_outs.add([self._new(asker, wanted, source, now)])
        return await self._store.opt_outs.get(_own(asker), name), fresh

    async def end(self, asker: Account | None, name: str, reason: str) -> None:
        """End an opt-out, so that its number may be written to again.

        Raises:
            NotFound: there is none that concerns the account.
            Forbidden: it holds for others too, or was said by SMS: then only START ends it, or an
                account that looks after lines, or somebody on this box.

        """
        found = await self._store.opt_outs.get(_own(asker), name)
        if not _may_do_all(asker):
            assert asker is not None
            if found.account_id != asker.id:
                raise Forbidden("it holds for other accounts too: only one with --admin may end it")
            if found.source is Source.SMS:
                raise Forbidden(
                    "it was said by SMS: only START, or an account with --admin, ends it"
                )
        source = Source.API if asker else Source.CLI
        await self._store.opt_outs.end(name, source, reason, self._clock.now())

    def read(self, text: str) -> Iterator[Listed | Unread]:
        """Return the lines of a list; its first line is looked at at once.

        Raises:
            BadField: its columns are not understood.

        """
        lines = optout_csv.read(text, self._zone, self._clock.now())
        first = list(islice(lines, 1))
        return _and(first, lines)

    async def imported(
        self, asker: Account | None, lines: Iterator[Listed | Unread]
    ) -> AsyncIterator[LineResult]:
        """Enter a list, and tell of each line what became of it once that is stored.

        A list that was cut off may simply be given again.
        """
        while chunk := list(islice(lines, CHUNK)):
            for result in await self._chunk(asker, chunk):
                yield result

    async def exported(self, asker: Account | None, *, ended: bool) -> AsyncIterator[str]:
        """Yield the list of what concerns an account, line by line; ``ended``: what is over too."""
        before: str | None = None
        lines = optout_csv.written([])
        yield next(lines)
        while True:
            page = await self._store.opt_outs.shown(
                _own(asker), self._clock.now(), ended=ended, most=PAGE, before=before
            )
            for line in islice(optout_csv.written(map(asdict, page)), 1, None):
                yield line
            if len(page) < PAGE:
                return
            before = page[-1].id

    async def _chunk(
        self, asker: Account | None, chunk: Iterable[Listed | Unread]
    ) -> list[LineResult]:
        now = self._clock.now()
        results: list[LineResult] = []
        good: list[tuple[int, NewOptOut]] = []
        for each in chunk:
            if isinstance(each, Unread):
                results.append(LineResult(each.line, Result.REFUSED, each.why))
                continue
            wanted = Wanted(
                number=each.number, category=each.category, until=each.until, reason=each.reason
            )
            try:
                good.append((each.line, self._new(asker, wanted, Source.IMPORT, now)))
            except SubmissionRefused as error:
                results.append(LineResult(each.line, Result.REFUSED, str(error)))
        try:
            entered = await self._store.opt_outs.add([new for _, new in good])
        except StoreError:
            why = "the database does not answer as it should: try again"
            results += [LineResult(line, Result.REFUSED, why) for line, _ in good]
        else:
            results += [
                LineResult(line, Result.IMPORTED if fresh else Result.ALREADY)
                for (line, _), (_, fresh) in zip(good, entered, strict=True)
            ]
        return sorted(results, key=lambda result: result.line)

    def _new(
        self, asker: Account | None, wanted: Wanted, source: Source, now: datetime
    ) -> NewOptOut:
        for_all = _may_do_all(asker) if wanted.for_all is None else wanted.for_all
        if for_all and not _may_do_all(asker):
            raise Forbidden("only accounts made with --admin may opt out for all")
        if not for_all and asker is None:
            raise BadField("for_all", "nobody but an account can opt out for one account")
        try:
            number = msisdn.parse(
                wanted.number, region=self._region, short_codes=True, countries=EVERYWHERE
            ).e164
        except SubmissionRefused as error:
            raise type(error)("number", error.reason) from None
        return NewOptOut(
            recipient=number,
            suffix=msisdn.suffix(number),
            account_id=None if for_all or asker is None else asker.id,
            category=wanted.category,
            until=wanted.until,
            reason=wanted.reason or f"entered by {source}",
            source=source,
            at=now,
        )


def _may_do_all(asker: Account | None) -> bool:
    return asker is None or asker.admin


def _own(asker: Account | None) -> int | None:
    """Return whose opt-outs are meant; None: all."""
    return None if asker is None or asker.admin else asker.id


def _and(
    first: list[Listed | Unread], rest: Iterator[Listed | Unread]
) -> Iterator[Listed | Unread]:
    yield from first
    yield from rest
