"""Bring a database to this version's schema; runs by itself on start, behind a lock."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from db.engine import DatabaseError

#: PostgreSQL advisory lock of migrations; any constant will do, this one spells "assay"
LOCK = 0x6173736179


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Migrate to the newest schema; returns the revision before and after. Raises `DatabaseError`."""
    config = _config()
    head = ScriptDirectory.from_config(config).get_current_head()
    try:
        with engine.begin() as connection:  # on SQLite this is the lock: BEGIN IMMEDIATE
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            return _upgrade(connection, config, str(head))
    except DBAPIError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise DatabaseError(
            f"database {where} cannot be used: {str(error.orig).splitlines()[0]}. "
            "Fix: check that it exists, is writable for this user and reachable ([database] url)"
        ) from error


def revisions(connection: Connection) -> tuple[str | None, str]:
    """The database's revision (None if it is empty) and the newest one; raises `DatabaseError` if it is newer than this version."""
    config = _config()
    before = MigrationContext.configure(connection).get_current_revision()
    head = str(ScriptDirectory.from_config(config).get_current_head())
    _check_known(before, head, config)
    return before, head


def _upgrade(connection: Connection, config: Config, head: str) -> tuple[str | None, str]:
    before = MigrationContext.configure(connection).get_current_revision()
    _check_known(before, head, config)
    if before != head:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, head


def _check_known(before: str | None, head: str, config: Config) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if before is not None and before not in known:
        raise DatabaseError(
            f"database schema {before} is newer than this version of Assay (it knows up to {head}). "
            "Fix: run the newer version, or restore the backup made before the upgrade"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
