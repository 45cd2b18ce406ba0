"""Statements that run for every message: written in Core, compiled once, handed to the driver.

Core's own execution costs some 30 microseconds a statement, most of it in finding the compiled
form and building a result; a message takes some twenty-five. For a statement marked :func:`hot`
we keep, per dialect, its SQL, the order of its parameters and the conversions of its types, all
from Core's compiler; what is left is the driver's call.
"""

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Self, TypeVar, cast

from sqlalchemy import Connection, Dialect, Executable, Insert, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlalchemy.types import TypeEngine

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
    binds: tuple[tuple[str, Any, Convert], ...]  # name, value if none is given, conversion
    row: Callable[..., Any]
    columns: tuple[tuple[int, Callable[[Any], Any]], ...]  # those that are converted

    @classmethod
    def made(
        cls, statement: Select[Any] | UpdateBase, dialect: Dialect, names: tuple[str, ...]
    ) -> Self:
        keys = list(names) or None
        compiled = statement.compile(dialect=dialect, column_keys=keys)
        assert isinstance(compiled, SQLCompiler)
        binds = compiled.binds
        order = list(compiled.positiontup or binds)
        selected = list(statement.selected_columns) if isinstance(statement, Select) else []
        converted = ((place, _result(each.type, dialect)) for place, each in enumerate(selected))
        defaults = compiled.params | _defaults(statement)
        return cls(
            sql=str(compiled),
            positional=compiled.positional,
            binds=tuple(
                (name, defaults.get(name), _bind(compiled, name, dialect)) for name in order
            ),
            row=_row_type([each.name for each in selected]),
            columns=tuple((place, convert) for place, convert in converted if convert),
        )

    def bind(self, given: Parameters) -> Any:
        """Return the driver's parameters."""
        values = [
            (name, convert(value) if convert else value)
            for name, default, convert in self.binds
            for value in (given.get(name, default),)
        ]
        return [value for _, value in values] if self.positional else dict(values)

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
    return kind.dialect_impl(dialect).bind_processor(dialect) if kind is not None else None


def _result(kind: TypeEngine[Any], dialect: Dialect) -> Convert:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _row_type(names: Sequence[str]) -> Callable[[Sequence[Any]], Any]:
    made: Any = namedtuple("Row", names)  # type: ignore[misc]
    return cast("Callable[[Sequence[Any]], Any]", made._make)
