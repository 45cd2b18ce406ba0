"""The tables under their models, and the statements that fill them: hot verbs are Core."""

from functools import cache
from typing import cast

from sqlalchemy import Insert, Table, insert
from sqlmodel import SQLModel

from appliance.store.hot import hot


@cache
def table_of(model: type[SQLModel]) -> Table:
    """Return the table of a model."""
    return cast("Table", model.__table__)  # type: ignore[attr-defined]


@cache
def insert_of(model: type[SQLModel]) -> Insert:
    """Return the statement that inserts rows of a model; made, and so compiled, once."""
    return hot(insert(table_of(model)))
