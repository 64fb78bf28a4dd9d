"""A URL becomes an engine that behaves the same on SQLite and PostgreSQL."""

import os
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError


class DatabaseError(Exception):
    """The database cannot be used; the message says which, why, and the way out."""


#: seconds a writer waits for another one
BUSY_SECONDS = 30


def open_database(url: str) -> Engine:
    """Open SQLite (WAL, every commit durable) or PostgreSQL (psycopg 3); raises `DatabaseError`."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseError(f"[database] url {url!r} is no database URL. Fix: e.g. sqlite:///data/assay.db") from None
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(url, parsed.database)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    raise DatabaseError(f"[database] url: {parsed.drivername} is not supported. Fix: use sqlite:/// or postgresql://")


def _sqlite(url: str, path: str | None) -> Engine:
    if path and path != ":memory:":
        folder = Path(path).resolve().parent
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not Path(path).exists():
                Path(path).touch(mode=0o600)  # its journal takes the same mode
        except OSError as error:
            raise DatabaseError(
                f"database {Path(path).resolve()} cannot be made: {error.strerror}. "
                "Fix: choose a folder in [database] url that this user may write"
            ) from None
        os.environ.setdefault("SQLITE_TMPDIR", str(folder))  # where a container may write; SQLite reads it itself
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves; the driver's own begin is not immediate
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # the ledger must survive a power cut
    cursor.execute("PRAGMA cache_size = -32768")
    cursor.execute("PRAGMA temp_store = FILE")  # temporary tables grow with the org, memory must not
    cursor.execute("PRAGMA wal_autocheckpoint = 8000")  # pages; a load would copy every page twice otherwise
    cursor.close()


def _begin(connection: Connection) -> None:
    """Writers take the lock at once: a read that turns into a write could otherwise fail half-way with SQLITE_BUSY."""
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
