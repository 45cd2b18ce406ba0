"""Migrations: run at start, after a copy of the SQLite file when one is pending."""

import logging
import re
import sqlite3
from contextlib import closing
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, inspect, text

from appliance.errors import StoreError

logger = logging.getLogger(__name__)

SCRIPTS: Final = Path(__file__).parent / "migrations"

REVISION: Final = re.compile(r'^revision\b.*= "(\w+)"', re.MULTILINE)

EARLIER: Final = re.compile(r'^down_revision\b.*= "(\w+)"', re.MULTILINE)

_VERSION: Final = text("SELECT version_num FROM alembic_version")


def migrate(engine: Engine, now: datetime, *, scripts: Path = SCRIPTS) -> Path | None:
    """Bring the database's tables up to date; return the backup that was made, if any.

    A new database needs no backup, nor does one without pending migrations. PostgreSQL is
    backed up by its own tools.

    Raises:
        StoreError: a newer version of this program has worked on it.

    """
    current = _current(engine)
    known, head = _revisions(scripts)
    if current == head:
        return None
    backup = None
    if current is not None:
        if current not in known:
            raise StoreError(
                f"the database is at {current}, which only a newer version of this program knows"
            )
        backup = _back_up(engine, current, now)
    logger.info("the database goes from %s to %s", current or "nothing", head)
    _upgrade(engine, scripts)
    return backup


def _current(engine: Engine) -> str | None:
    """Return the revision that the database is at, None if it is new."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(_VERSION).scalar()
        return found


@cache
def _revisions(scripts: Path) -> tuple[frozenset[str], str]:
    """Return all revisions there are, and the last of them, as the scripts name them."""
    found = [path.read_text("utf-8") for path in (scripts / "versions").glob("*.py")]
    known = {each[1] for script in found if (each := REVISION.search(script))}
    earlier = {each[1] for script in found if (each := EARLIER.search(script))}
    (head,) = known - earlier
    return frozenset(known), head


def _upgrade(engine: Engine, scripts: Path) -> None:
    from alembic import command  # noqa: PLC0415 - large, and rarely needed
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", scripts.as_posix())
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


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
