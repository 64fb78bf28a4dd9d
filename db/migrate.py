"""Bring a database to this version's schema; runs by itself on start, behind a lock."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import DBAPIError

from db.engine import DatabaseError

if TYPE_CHECKING:  # Alembic is loaded where a schema changes: looking at one must be quick
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent.parent / "migrations"

#: PostgreSQL advisory lock of migrations; any constant will do, this one spells "assay"
LOCK = 0x6173736179


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Migrate to the newest schema; returns the revision before and after. Raises `DatabaseError`."""
    with locked(engine) as connection:
        before, head = revisions(connection)
        if before != head:
            if before is not None:
                _copy(connection, before)
            from alembic import command

            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return before, head


@contextmanager
def locked(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that no other migration runs beside; raises `DatabaseError` for what the database does."""
    try:
        with engine.begin() as connection:  # on SQLite this is the lock: BEGIN IMMEDIATE
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            yield connection
    except DBAPIError as error:
        raise unusable(engine, error) from error


def unusable(engine: Engine, error: DBAPIError) -> DatabaseError:
    """Tell what the database says, as one line with the way out; no password."""
    where = engine.url.render_as_string(hide_password=True)
    return DatabaseError(
        f"database {where} cannot be used: {str(error.orig).splitlines()[0]}. "
        "Fix: check that it exists, is writable for this user and reachable ([database] url)"
    )


def revisions(connection: Connection) -> tuple[str | None, str]:
    """The database's revision (None if it is empty) and the newest; raises `DatabaseError` if it is newer than this version."""
    before, head = revision_of(connection), newest()
    if before is not None and before not in known_revisions():
        raise DatabaseError(
            f"database schema {before} is newer than this version of Assay (it knows up to {head}). "
            "Fix: run the newer version, or restore the backup made before the upgrade"
        )
    return before, head


def _copy(connection: Connection, revision: str) -> None:
    """A copy of a SQLite file beside it, before its schema changes; nobody writes, the caller holds the write lock."""
    path = connection.engine.url.database
    if connection.dialect.name != "sqlite" or not path or path == ":memory:":
        return
    copy = Path(f"{path}.schema-{revision}.bak")
    part = copy.with_suffix(".part")
    try:
        with suppress(FileNotFoundError):
            part.unlink()
        part.touch(mode=0o600)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
        part.replace(copy)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            part.unlink()
        raise DatabaseError(
            f"{path} cannot be copied to {copy} before its upgrade: {error}; nothing was changed. Fix: make room for the copy"
        ) from None


def schema(engine: Engine) -> tuple[str | None, str]:
    """Return the schema a database has and the one this version wants; raises `sqlalchemy.exc.SQLAlchemyError`."""
    with engine.connect().execution_options(reading=True) as connection:
        return revision_of(connection), newest()


def revision_of(connection: Connection) -> str | None:
    """Return the schema that a database has; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
    return None if revision is None else str(revision)


def newest() -> str:
    """Return the schema of this version."""
    return max(known_revisions())


def known_revisions() -> set[str]:
    """Return every schema up to this version's: a migration's file is named for its revision, which a test holds."""
    return {path.name[1:5] for path in (MIGRATIONS / "versions").glob("v[0-9][0-9][0-9][0-9]_*.py")}


def alembic_config() -> "Config":
    """Return Alembic's settings; whoever runs a command hands over `attributes["connection"]`."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
