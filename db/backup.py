"""The whole database as one compressed file that either database can take in.

Lines of JSON under gzip: a header, then for each table its name and columns followed by its rows, then a trailer with the
number of rows, so that a file that was cut short shows. Leases are left out: they belong to living processes.
"""

import gzip
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from alembic import command
from sqlalchemy import Connection, Engine, MetaData, Table, func, select

from db.engine import DatabaseError
from db.lease import NIGHT, acquire
from db.migrate import alembic_config, known_revisions, locked, revision_of
from db.tables import metadata
from db.upsert import upsert

FORMAT = "assay-backup-1"
LEFT_OUT = frozenset({"lease", "alembic_version"})
ROWS = 2_000


def backup(engine: Engine, path: Path) -> int:
    """Write all tables, seen at one moment, to a new file; returns the rows. Raises `DatabaseError`; nothing is left then."""
    if path.exists():
        raise DatabaseError(f"{path} exists and is not overwritten. Fix: choose another name")
    part = path.with_name(path.name + ".part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw, gzip.open(raw, "wt", 6) as out:
            rows = _dump(engine, out)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise DatabaseError(
            f"{path} cannot be written: {error.strerror}. Fix: choose a folder with room and rights"
        ) from None
    return rows


def _dump(engine: Engine, out: IO[str]) -> int:
    total = 0
    with engine.connect().execution_options(reading=True) as c:
        if c.dialect.name == "postgresql":
            c.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        _line(out, {"format": FORMAT, "schema": revision_of(c), "made_at": moment})
        for table in metadata.sorted_tables:
            if table.name in LEFT_OUT:
                continue
            _line(out, {"table": table.name, "columns": [x.name for x in table.c]})
            rows = c.execution_options(yield_per=ROWS).execute(select(table).order_by(*table.primary_key))
            for row in rows:
                _line(out, list(row))
                total += 1
        _line(out, {"rows": total})
    return total


def _line(out: IO[str], value: Any) -> None:
    out.write(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n")


def restore(engine: Engine, path: Path, *, replace: bool = False) -> tuple[str, int]:
    """Fill the database from a backup and bring it to this version's schema; returns the backup's schema and the rows.

    All in one transaction: whatever goes wrong, the database is as it was. One that holds anything is refused unless
    `replace`. Raises `DatabaseError`, and `LeaseHeld` while a night runs.
    """
    revision, rows = _verified(path)
    config = alembic_config()
    with _no_night(engine), locked(engine) as c:
        if not replace and _holds_anything(c):
            raise DatabaseError(
                "the database is not empty. Fix: add --yes to replace everything in it, or use another [database] url"
            )
        _clear(c)
        config.attributes["connection"] = c
        command.upgrade(config, revision)
        _fill(c, path)
        command.upgrade(config, "head")
        _set_sequences(c)
    return revision, rows


@contextmanager
def _no_night(engine: Engine) -> Iterator[None]:
    """Hold the lease for as long as the old tables are there."""
    with locked(engine) as c:
        empty = revision_of(c) is None
    if empty:
        yield
        return
    lease = acquire(engine, NIGHT)
    try:
        yield
    finally:
        lease.release()


def _verified(path: Path) -> tuple[str, int]:
    """Read a backup to its end before anything is touched: its schema and rows."""
    rows, last, header = 0, None, None
    for value in _lines(path):
        header = header or value
        rows += isinstance(value, list)
        last = value
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise DatabaseError(f"{path} is no backup of Assay. Fix: give a file that `assay db backup` wrote")
    if not isinstance(last, dict) or last.get("rows") != rows:
        raise DatabaseError(f"{path} ends too early: {rows} rows and no end. Fix: use another backup")
    if header["schema"] not in known_revisions():
        raise DatabaseError(
            f"{path} has schema {header['schema']}, which is newer than this version of Assay. Fix: restore with the newer version"
        )
    return str(header["schema"]), rows


def _lines(path: Path) -> Iterator[Any]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError, json.JSONDecodeError):
        raise DatabaseError(f"{path} is damaged, cut short, or no backup of Assay. Fix: use another backup") from None
    except OSError as error:
        raise DatabaseError(f"{path} cannot be read: {error.strerror}. Fix: check the path and its mode") from None


def _holds_anything(c: Connection) -> bool:
    """Whether an org was ever pinned here."""
    if revision_of(c) is None:
        return False
    return bool(c.execute(select(func.count()).select_from(metadata.tables["org"])).scalar_one())


def _clear(c: Connection) -> None:
    """Drop all tables; views and foreign tables in the same schema are none of ours."""
    existing = MetaData()
    existing.reflect(c, only=lambda name, _: name in metadata.tables or name == "alembic_version")
    existing.drop_all(c)


def _fill(c: Connection, path: Path) -> None:
    now = MetaData()
    now.reflect(c)
    lines = _lines(path)
    next(lines)  # the header
    table: Table | None = None
    columns: list[str] = []
    waiting: list[tuple[Any, ...]] = []
    for value in lines:
        if isinstance(value, list):
            waiting.append(tuple(value))
        if table is not None and (len(waiting) >= ROWS or isinstance(value, dict)):
            upsert(c, table, columns, waiting)
            waiting = []
        if isinstance(value, dict) and "table" in value:
            table, columns = now.tables[value["table"]], value["columns"]


def _set_sequences(c: Connection) -> None:
    """PostgreSQL counts on from the highest id that came in."""
    if c.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        if (column := table.autoincrement_column) is not None:
            following = select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()
            c.execute(select(func.setval(func.pg_get_serial_sequence(table.name, column.name), following, False)))
