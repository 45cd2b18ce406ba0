"""The tables of a migrated database are those of the models; what is there is kept safe."""

import asyncio
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import SQLModel

from appliance import models  # noqa: F401 - the tables register themselves
from appliance.clock import ManualClock
from appliance.errors import StoreError
from appliance.inbox import reading
from appliance.store import Store
from appliance.store.engine import open_engine
from appliance.store.migrate import SCRIPTS, migrate
from tests.box import ROOT
from tests.store.steps import rows

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def empty_url(request, tmp_path):
    """Give an empty database on each engine: what the other tests' fixture copies is made here."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path / 'appliance.db'}"


each_engine = pytest.mark.parametrize("empty_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def engine(empty_url):
    engine = open_engine(empty_url)
    yield engine
    engine.dispose()


def differences(engine):
    with engine.connect() as connection:
        options = {
            "compare_type": True,
            "compare_server_default": True,
            # Alembic cannot compare an index over an expression; its text is compared below.
            "include_object": lambda _object, name, *_: name != "ix_message_waiting",
        }
        context = MigrationContext.configure(connection, opts=options)
        return compare_metadata(context, SQLModel.metadata)


def indexes(engine):
    """Return each index with the condition that makes it partial, without its punctuation."""
    found = {}
    for table in SQLModel.metadata.tables:
        for index in inspect(engine).get_indexes(table):
            options = index.get("dialect_options", {})
            condition = options.get(f"{engine.dialect.name}_where")
            found[index["name"]] = condition is not None
    return found


def revise(engine, direction, target):
    config = Config()
    config.set_main_option("script_location", SCRIPTS.as_posix())
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        getattr(command, direction)(config, target)


@each_engine
def test_a_fresh_database_equals_the_models(engine):
    migrate(engine, NOW)
    assert differences(engine) == []


@each_engine
def test_the_partial_indexes_are_partial_with_the_models_conditions(engine, empty_url):
    migrate(engine, NOW)
    asked = {
        index.name: index.dialect_options[engine.dialect.name]["where"] is not None
        for table in SQLModel.metadata.tables.values()
        for index in table.indexes
    }
    assert sum(asked.values()) >= 8
    found = indexes(engine)
    assert {name: found[name] for name in asked} == asked


@each_engine
def test_the_conditions_of_the_tables_are_those_of_the_models(engine, empty_url):
    migrate(engine, NOW)
    made = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL",
        "postgresql": "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    }
    migrated = {
        row for row in rows(empty_url, made[engine.dialect.name]) if row[0] != "alembic_version"
    }
    with engine.begin() as connection:
        SQLModel.metadata.drop_all(connection)
        SQLModel.metadata.create_all(connection)
    direct = {
        row for row in rows(empty_url, made[engine.dialect.name]) if row[0] != "alembic_version"
    }
    assert {_plain(row) for row in migrated} == {_plain(row) for row in direct}


def _plain(row):
    """Level what tells nothing: white space, quotes, and the order of a table's constraints."""
    name, sql = row
    words = sql.replace('"', "").replace("\n", " ").replace("\t", " ").replace(",", " ").split()
    return name, tuple(sorted(words))


@each_engine
def test_a_pending_migration_copies_the_sqlite_file_first(engine, empty_url, tmp_path):
    migrate(engine, NOW)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO setting VALUES ('kept', :value)"), {"value": b"1"})
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    backup = _with_an_older_revision(engine, tmp_path)

    if engine.dialect.name == "postgresql":
        assert backup is None
        return
    assert backup == tmp_path / "appliance-0000-20260504T120000Z.backup.db"
    copy = f"sqlite:///{backup}"
    assert rows(copy, "SELECT version_num FROM alembic_version") == [("0000",)]
    assert rows(copy, "SELECT value FROM setting WHERE name = 'kept'") == [(b"1",)]
    assert rows(copy, "PRAGMA integrity_check") == [("ok",)]


def _with_an_older_revision(engine, tmp_path):
    """Migrate with scripts that know a revision 0000 before the present ones."""
    scripts = tmp_path / "migrations"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("versions", "__pycache__"))
    versions = scripts / "versions"
    versions.mkdir()
    (versions / "0000_before.py").write_text('revision = "0000"\ndown_revision = None\n')
    (versions / "9999_after.py").write_text(
        'revision = "9999"\ndown_revision = "0000"\n\n\ndef upgrade():\n    pass\n'
    )
    return migrate(engine, NOW, scripts=scripts)


@each_engine
def test_a_database_that_is_up_to_date_is_left_alone(engine, tmp_path):
    migrate(engine, NOW)
    before = sorted(tmp_path.iterdir())
    assert migrate(engine, NOW) is None
    assert sorted(tmp_path.iterdir()) == before


def test_a_daemon_loads_nothing_large_that_it_does_not_need():
    code = "import sys, appliance.cli, appliance.daemon; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    large = {"alembic", "httpx", "psycopg", "phonenumbers.carrier", "phonenumbers.timezone"}
    assert not large & set(done.stdout.split())


@each_engine
def test_a_new_database_needs_no_backup(engine, tmp_path):
    assert migrate(engine, NOW) is None
    assert list(tmp_path.glob("*.backup.db")) == []


@each_engine
def test_a_database_of_a_newer_version_is_not_touched(engine, empty_url, tmp_path):
    migrate(engine, NOW)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    with pytest.raises(StoreError, match="newer"):
        migrate(engine, NOW)
    assert list(tmp_path.glob("*.backup.db")) == []
    assert rows(empty_url, "SELECT version_num FROM alembic_version") == [("later",)]


@each_engine
def test_a_migration_that_fails_leaves_everything_as_it_was(engine, empty_url, tmp_path):
    scripts = tmp_path / "migrations"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (head,) = [path.name[:4] for path in sorted((scripts / "versions").glob("*.py"))][-1:]
    (scripts / "versions" / "9999_bad.py").write_text(
        "from alembic import op\n\n"
        f'revision = "9999"\ndown_revision = "{head}"\n\n\n'
        "def upgrade():\n"
        '    op.execute("CREATE TABLE half_way (id INTEGER)")\n'
        '    op.execute("INSERT INTO nowhere VALUES (1)")\n'
    )
    migrate(engine, NOW)
    with pytest.raises(SQLAlchemyError):
        migrate(engine, NOW, scripts=scripts)
    assert "half_way" not in inspect(engine).get_table_names()
    assert rows(empty_url, "SELECT version_num FROM alembic_version") == [(head,)]


@each_engine
def test_down_and_up_again_gives_the_same_tables(engine):
    migrate(engine, NOW)
    revise(engine, "downgrade", "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    migrate(engine, NOW)
    assert differences(engine) == []


async def test_daemons_may_start_on_a_new_database_at_once(postgres_url, tmp_path):
    async def start(name: str) -> Store:
        return await Store.open(
            postgres_url,
            Path(tmp_path),
            daemon=name,
            clock=ManualClock(NOW),
            reading=reading({}),
        )

    stores = await asyncio.gather(*(start(name) for name in ("one", "two", "three")))
    try:
        assert len({store._base.daemon for store in stores}) == 3
        assert len({store._base.keys.number("+4915123456789") for store in stores}) == 1
    finally:
        for store in stores:
            await store.close()


async def test_a_database_that_cannot_be_had_is_said_so_and_frees_the_directory(tmp_path):
    async def start(url: str) -> Store:
        return await Store.open(
            url, tmp_path, daemon="box", clock=ManualClock(NOW), reading=reading({})
        )

    (tmp_path / "broken.db").write_bytes(b"this is no database" * 100)
    for url in (
        f"sqlite:///{tmp_path / 'broken.db'}",
        f"postgresql+psycopg://nobody@/none?host={tmp_path}",
    ):
        with pytest.raises(StoreError):
            await start(url)
    store = await start(f"sqlite:///{tmp_path / 'appliance.db'}")
    await store.close()


@each_engine
def test_messages_that_wait_from_before_there_were_lanes_are_given_one(engine):
    revise(engine, "upgrade", "0002")
    at = "2026-05-04 12:00:00"
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO account (id, name, is_default, max_binds, created_at)"
                f" VALUES (1, 'shop', {'true' if engine.dialect.name == 'postgresql' else 1},"
                f" 4, '{at}')"
            )
        )
        for number, state in ((1, "queued"), (2, "queued"), (3, "delivered")):
            flash = "false" if engine.dialect.name == "postgresql" else 0
            key = "'a'::bytea" if engine.dialect.name == "postgresql" else "x'61'"
            connection.execute(
                text(
                    "INSERT INTO message (id, account_id, door, category, priority, recipient_key,"
                    " recipient_suffix_key, flash, encoding, parts, state, not_before, expires_at,"
                    " when_uncertain, accepted_at, changed_at)"
                    f" VALUES ({number}, 1, 'rest', 'marketing', 0, {key}, {key}, {flash}, 'gsm7',"
                    f" 1, '{state}', '{at}', '{at}', 'hold', '{at}', '{at}')"
                )
            )
    revise(engine, "upgrade", "head")
    with engine.connect() as connection:
        lanes = list(connection.execute(text("SELECT id, category, sim_group FROM lane")))
        found = list(connection.execute(text("SELECT lane_id FROM message ORDER BY id")))
    ((lane, category, group),) = lanes
    assert (category, group) == ("marketing", "")
    assert [row.lane_id for row in found] == [lane, lane, None]
