"""Statements that run for every message: written in Core, compiled once, handed to the driver.

Core's own execution costs some 30 microseconds a statement, most of it in finding the compiled
form and building a result; a message takes some twenty-five. For a statement marked :func:`hot`
we keep, per dialect, its SQL, the order of its parameters and the conversions of its types, all
from Core's compiler; what is left is the driver's call.
"""

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, Self, TypeVar, cast

from sqlalchemy import JSON, Connection, Dialect, Enum, Executable, Insert, LargeBinary, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlalchemy.types import TypeEngine
from sqlmodel import UTCDateTime

VALUES: Final = " VALUES "

MOST_ROWS: Final = 64
"""Rows of one INSERT: those of a message have some forty values, and SQLite takes 32,766."""

REMEMBERED: Final = 1024
"""Moments, and words, whose written form is kept: those of the largest batch."""

Parameters = Mapping[str, Any]

Convert = Callable[[Any], Any] | None


class Found(list[Any]):
    """What was found, in a list that Core's way of asking for it fits."""

    def all(self) -> list[Any]:
        """Return it."""
        return self


class Rows:
    """What a statement found: named tuples. A small part of what Core's results can do."""

    __slots__ = ("_found", "rowcount")

    def __init__(self, found: list[Any], rowcount: int) -> None:
        self._found = found
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Any]:
        """Go through the rows."""
        return iter(self._found)

    def all(self) -> list[Any]:
        """Return all rows."""
        return self._found

    def first(self) -> Any | None:
        """Return the first row, None if there is none."""
        return self._found[0] if self._found else None

    def scalar(self) -> Any | None:
        """Return the first column of the first row, None if there is none."""
        return self._found[0][0] if self._found else None

    def scalars(self) -> Found:
        """Return the first column of all rows."""
        return Found(row[0] for row in self._found)

    def mappings(self) -> Found:
        """Return all rows by name."""
        return Found(row._asdict() for row in self._found)


Statement = TypeVar("Statement", bound=Select[Any] | UpdateBase)


def hot(statement: Statement) -> Statement:
    """Mark a statement that stands at module level and runs for every message.

    Its parameters are single values (no ``IN`` over a list), and it selects no floating point
    numbers, whose conversion depends on what the driver says of each result.
    """
    _HOT[id(statement)] = _Hot(statement)
    return statement


def execute(
    connection: Connection,
    statement: Executable,
    parameters: Parameters | Sequence[Parameters] = MappingProxyType({}),
) -> Any:
    """Execute a statement once, or for each of several parameters: the short way if it is hot.

    Raises:
        sqlalchemy.exc.DBAPIError: the database refused.

    """
    known = _HOT.get(id(statement))
    if known is None:
        return connection.execute(statement, parameters)
    return known.run(connection, parameters)


class _Hot:
    """A statement whose parameters are all single values (no ``IN`` over a list)."""

    def __init__(self, statement: Select[Any] | UpdateBase) -> None:
        # Core would add a RETURNING for keys that the database makes; nobody asks for them here.
        self._statement = statement.inline() if isinstance(statement, Insert) else statement
        self._plans: dict[tuple[str, ...], _Plan] = {}

    def run(self, connection: Connection, parameters: Parameters | Sequence[Parameters]) -> Rows:
        """Execute it once, or for each of several parameters (a change then, not a question).

        Raises:
            sqlalchemy.exc.DBAPIError: the database refused, as Core would raise it.

        """
        several = not isinstance(parameters, Mapping)
        given = cast("Sequence[Parameters]", parameters if several else (parameters,))
        plan = self._plan(connection.dialect, given[0])
        driver = cast("Any", connection.connection)
        cursor = driver.cursor()
        try:
            if several and plan.insertable:
                plan.insert(cursor, given)
                return Rows([], len(given))
            if several:
                cursor.executemany(plan.sql, [plan.bind(each) for each in given])
                return Rows([], cursor.rowcount)
            cursor.execute(plan.sql, plan.bind(given[0]))
            found = plan.read(cursor.fetchall()) if cursor.description else []
            return Rows(found, cursor.rowcount)
        except connection.dialect.loaded_dbapi.Error as error:
            raise DBAPIError.instance(
                plan.sql,
                None,
                error,
                connection.dialect.loaded_dbapi.Error,
                hide_parameters=True,
                dialect=connection.dialect,
            ) from error
        finally:
            cursor.close()

    def _plan(self, dialect: Dialect, example: Parameters) -> "_Plan":
        names = tuple(example) if isinstance(self._statement, Insert) else ()
        key = (dialect.name, *names)
        if key not in self._plans:
            self._plans[key] = _Plan.made(self._statement, dialect, names)
        return self._plans[key]


_HOT: Final[dict[int, _Hot]] = {}
"""By identity: marked statements live as long as their modules."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """A statement as one dialect's driver takes it."""

    sql: str
    positional: bool
    insertable: bool  # a plain INSERT of an SQLite: rows may follow each other behind VALUES
    binds: tuple[tuple[str, Any, Convert], ...]  # name, value if none is given, conversion
    given: Callable[[Parameters], Sequence[Any]] | None  # the values of an INSERT that are given
    fixed: tuple[tuple[int, Any], ...]  # those that are always the same, by their places
    converted: tuple[tuple[int, Callable[[Any], Any]], ...]  # the conversions, by their places
    row: Callable[..., Any]
    columns: tuple[tuple[int, Callable[[Any], Any]], ...]  # those that are converted

    @classmethod
    def made(
        cls, statement: Select[Any] | UpdateBase, dialect: Dialect, names: tuple[str, ...]
    ) -> Self:
        keys = list(names) or None
        compiled = statement.compile(dialect=dialect, column_keys=keys)
        assert isinstance(compiled, SQLCompiler)
        order = list(compiled.positiontup or compiled.binds)
        selected = list(statement.selected_columns) if isinstance(statement, Select) else []
        converted = ((place, _result(each.type, dialect)) for place, each in enumerate(selected))
        defaults = compiled.params | _defaults(statement)
        binds = tuple((name, defaults.get(name), _bind(compiled, name, dialect)) for name in order)
        return cls(
            sql=str(compiled),
            positional=compiled.positional,
            insertable=dialect.name == "sqlite" and str(compiled).endswith(_row_of(len(order))),
            binds=binds,
            given=_getter([name for name in order if name in names]),
            fixed=tuple(
                (place, convert(value) if convert else value)
                for place, (name, value, convert) in enumerate(binds)
                if names and name not in names
            ),
            converted=tuple(
                (place, convert)
                for place, (name, _, convert) in enumerate(binds)
                if convert and name in names
            ),
            row=_row_type([each.name for each in selected]),
            columns=tuple((place, convert) for place, convert in converted if convert),
        )

    def bind(self, given: Parameters) -> Any:
        """Return the driver's parameters."""
        get = given.get
        values = [
            convert(get(name, default)) if convert else get(name, default)
            for name, default, convert in self.binds
        ]
        if self.positional:
            return values
        return {name: value for (name, _, _), value in zip(self.binds, values, strict=True)}

    def insert(self, cursor: Any, given: Sequence[Parameters]) -> None:
        """Insert several rows, many with one statement each.

        SQLite's driver lets go of Python's lock for each execution and must get it back from a
        thread that may keep it for milliseconds; so it is asked seldom.
        """
        head, _, row = self.sql.rpartition(VALUES)
        at = 0
        while at < len(given):
            # Powers of two, so that the driver keeps each as it has prepared it.
            count = 1 << min(len(given) - at, MOST_ROWS).bit_length() - 1
            some = given[at : at + count]
            cursor.execute(
                head + VALUES + ", ".join([row] * count),
                [value for each in some for value in self.row_of(each)],
            )
            at += count

    def row_of(self, given: Parameters) -> list[Any]:
        """Return the values of one row, which has all the names that the first one had."""
        values = list(self.given(given)) if self.given else []
        for place, value in self.fixed:
            values.insert(place, value)
        for place, convert in self.converted:
            values[place] = convert(values[place])
        return values

    def read(self, found: Sequence[Any]) -> list[Any]:
        """Return the driver's rows with their values converted."""
        if not self.columns:
            return [self.row(row) for row in found]
        rows = []
        for row in found:
            values = list(row)
            for place, convert in self.columns:
                values[place] = convert(values[place])
            rows.append(self.row(values))
        return rows


def _getter(names: Sequence[str]) -> Callable[[Parameters], Sequence[Any]] | None:
    if len(names) > 1:
        return itemgetter(*names)
    return (lambda given: (given[names[0]],)) if names else None


def _row_of(count: int) -> str:
    return f"{VALUES}({', '.join('?' * count)})"


def _defaults(statement: Select[Any] | UpdateBase) -> dict[str, Any]:
    """Return the plain values that the columns of an INSERT have where none is given."""
    if not isinstance(statement, Insert):
        return {}
    return {
        each.name: each.default.arg
        for each in statement.table.c
        if isinstance(each.default, ScalarElementColumnDefault)
    }


def _bind(compiled: SQLCompiler, name: str, dialect: Dialect) -> Convert:
    bind = compiled.binds.get(name)
    kind: TypeEngine[Any] | None = bind.type if bind is not None else None
    if kind is None:
        return None
    convert = kind.dialect_impl(dialect).bind_processor(dialect)
    if convert is None or (isinstance(kind, LargeBinary) and dialect.name == "sqlite"):
        return None  # its driver takes octets as they are
    if isinstance(kind, JSON):
        return _unless_none(convert)
    if not isinstance(kind, UTCDateTime | Enum):
        return convert
    # What is stored together is mostly of one moment and in one state.
    key = (dialect.name, kind if isinstance(kind, Enum) else UTCDateTime)
    return _WRITTEN.setdefault(key, lru_cache(REMEMBERED)(convert))


def _unless_none(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    nothing = convert(None)
    return lambda value: nothing if value is None else convert(value)


_WRITTEN: Final[dict[tuple[str, object], Callable[[Any], Any]]] = {}
"""By dialect and type: how a moment, or a word, is written."""


def _result(kind: TypeEngine[Any], dialect: Dialect) -> Convert:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _row_type(names: Sequence[str]) -> Callable[[Sequence[Any]], Any]:
    made: Any = namedtuple("Row", names)  # type: ignore[misc]
    return cast("Callable[[Sequence[Any]], Any]", made._make)
