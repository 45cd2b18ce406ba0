"""Statements that run the short way do what Core's own way does, on each engine."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlmodel import UTCDateTime

from appliance.models.columns import Outcome, by_value
from appliance.store.engine import open_engine, writing
from appliance.store.hot import MOST_ROWS, execute, hot

AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def thing(name):
    return Table(
        name,
        MetaData(),
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("words", Text, unique=True),
        Column("revision", Integer, nullable=False, default=7),  # seldom given
        Column("unset", Integer),  # never given, and nothing stands for it
        Column("octets", LargeBinary),
        Column("plain", Boolean, nullable=False, default=False),
        Column("outcome", by_value(Outcome), nullable=False),
        Column("at", UTCDateTime, nullable=False),
        Column("until", UTCDateTime),
        Column("extra", JSON),
    )


THING, SAME = thing("hot_thing"), thing("same_thing")

INSERT = hot(insert(THING))
RENAME = hot(
    update(THING).where(THING.c.id == bindparam("row")).values(words=bindparam("new_words"))
)
FIND = hot(select(THING).where(THING.c.id >= bindparam("least")).order_by(THING.c.id))


@pytest.fixture
def connection(url):
    engine = open_engine(url)
    with engine.begin() as connection:
        for table in (THING, SAME):
            table.create(connection)
    try:
        with writing(engine.connect()) as connection:
            yield connection
    finally:
        with engine.begin() as connection:
            for table in (THING, SAME):
                table.drop(connection)
        engine.dispose()


def row(number):
    """Return a row; rows differ in all that a type converts."""
    outcomes = list(Outcome)
    zone = timezone(timedelta(hours=number % 5))
    return {
        "id": number,
        "words": None if number % 7 == 3 else f"words {number} 'ß€'",
        "octets": None if number % 3 == 0 else bytes(range(number % 256)),
        "plain": number % 2 == 0,
        "outcome": outcomes[number % len(outcomes)],
        "at": (AT + timedelta(microseconds=number)).astimezone(zone),
        "until": None if number % 4 else AT,
        "extra": None if number % 5 == 0 else {"number": number, "name": "ü"},
    }


def raw(connection, name):
    """Return what the database itself has, so that both ways are seen to write the same."""
    return connection.exec_driver_sql(f"SELECT * FROM {name} ORDER BY id").fetchall()


@pytest.mark.parametrize("count", [1, 2, 3, MOST_ROWS - 1, MOST_ROWS, MOST_ROWS + 1, 200])
def test_many_rows_at_once_are_stored_as_core_stores_them_one_by_one(connection, count):
    rows = [row(number) for number in range(1, count + 1)]
    with connection.begin():
        assert execute(connection, INSERT, rows).rowcount == count
        connection.execute(insert(SAME), rows)
    with connection.begin():
        assert [str(each) for each in raw(connection, "hot_thing")] == [
            str(each) for each in raw(connection, "same_thing")
        ]
        found = execute(connection, FIND, {"least": 0}).all()
        assert [each._asdict() for each in found] == [
            {**each, "revision": 7, "unset": None} for each in rows
        ]


def test_a_single_row_is_stored_as_many_are(connection):
    with connection.begin():
        execute(connection, INSERT, row(1))
        execute(connection, INSERT, [row(2), row(3)])
    with connection.begin():
        found = execute(connection, FIND, {"least": 0}).all()
    assert [each.id for each in found] == [1, 2, 3]
    assert [each.words for each in found] == [row(number)["words"] for number in (1, 2, 3)]


def test_the_names_of_the_first_row_decide_and_their_order_does_not_matter(connection):
    backwards = dict(reversed(row(2).items()))
    with connection.begin():
        execute(connection, INSERT, [row(1), backwards])
        execute(connection, INSERT, [{**row(3), "revision": 8}, {**row(4), "revision": 9}])
    with connection.begin():
        found = execute(connection, FIND, {"least": 0}).all()
    assert [(each.id, each.revision) for each in found] == [(1, 7), (2, 7), (3, 8), (4, 9)]
    assert found[1].words == row(2)["words"]


def test_a_row_that_the_database_refuses_lets_none_of_them_in_and_says_no_value(connection):
    twice = [row(number) for number in (1, 2, 4, 5)] + [{**row(6), "words": row(2)["words"]}]
    with pytest.raises(IntegrityError) as refused, connection.begin():
        execute(connection, INSERT, twice)
    assert "number" not in str(refused.value.params)
    with connection.begin():
        assert execute(connection, FIND, {"least": 0}).all() == []
        execute(connection, INSERT, twice[:4])
    with connection.begin():
        assert len(raw(connection, "hot_thing")) == 4


def test_a_change_for_each_of_several_parameters_changes_each(connection):
    with connection.begin():
        execute(connection, INSERT, [row(number) for number in range(1, 6)])
        execute(
            connection,
            RENAME,
            [{"row": number, "new_words": f"new {number}"} for number in (1, 4, 99)],
        )
    with connection.begin():
        words = {each.id: each.words for each in execute(connection, FIND, {"least": 0})}
        assert execute(connection, FIND, {"least": 100}).first() is None
    assert (words[1], words[2], words[4]) == ("new 1", row(2)["words"], "new 4")
    assert len(words) == 5
