"""Migrations: run at start, after a copy of the SQLite file when one is pending."""

import logging
import sqlite3
from contextlib import closing
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine

from appliance.errors import StoreError

logger = logging.getLogger(__name__)

SCRIPTS: Final = Path(__file__).parent / "migrations"


def migrate(engine: Engine, now: datetime, *, scripts: Path = SCRIPTS) -> Path | None:
    """Bring the database's tables up to date; return the backup that was made, if any.

    A new database needs no backup, nor does one without pending migrations. PostgreSQL is
    backed up by its own tools.

    Raises:
        StoreError: a newer version of this program has worked on it.

    """
    config = Config()
    config.set_main_option("script_location", scripts.as_posix())
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    directory = _directory(scripts)
    head = directory.get_current_head()
    if current == head:
        return None
    backup = None
    if current is not None:
        _check_known(directory, current)
        backup = _back_up(engine, current, now)
    logger.info("the database goes from %s to %s", current or "nothing", head)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return backup


@cache
def _directory(scripts: Path) -> ScriptDirectory:
    """Read the scripts once, however many stores a process opens."""
    return ScriptDirectory(scripts.as_posix())


def _check_known(directory: ScriptDirectory, revision: str) -> None:
    try:
        directory.get_revision(revision)
    except CommandError:
        raise StoreError(
            f"the database is at {revision}, which only a newer version of this program knows"
        ) from None


def _back_up(engine: Engine, revision: str, now: datetime) -> Path | None:
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name == ":memory:":
        return None
    file = Path(name)
    backup = file.with_name(f"{file.stem}-{revision}-{now:%Y%m%dT%H%M%SZ}.backup.db")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    logger.info("the database was copied to %s first", backup)
    return backup
