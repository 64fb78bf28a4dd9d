"""What tests build once and copy from then on; nobody gets the original, so no test feels another."""

import fcntl
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, NullPool, create_engine

from db.engine import open_database
from db.migrate import upgrade

#: `make soak`: everything, and this many examples of the model; 0 in `make test`
SOAK = int(os.environ.get("ASSAY_SOAK", "0"))
T = TypeVar("T")


def sample(parts: Sequence[T], every: int, first: int = 0) -> Sequence[T]:
    """What `make test` takes of what `make soak` does in full; the test is marked `sampled`."""
    return parts if SOAK else parts[first::every]


#: a text that changes with the schema of a PostgreSQL database
SHAPE = """
WITH mine AS (SELECT oid, relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace)
SELECT md5(string_agg(part, ',' ORDER BY part)) FROM (
  SELECT concat_ws(' ', relname, relkind) AS part FROM mine
  UNION ALL SELECT concat_ws(' ', relname, attname, atttypid, attnotnull, atthasdef) FROM mine
    JOIN pg_attribute ON attrelid = mine.oid WHERE attnum > 0
  UNION ALL SELECT concat_ws(' ', relname, conname, pg_get_constraintdef(c.oid)) FROM mine
    JOIN pg_constraint c ON conrelid = mine.oid
  UNION ALL SELECT concat_ws(' ', relname, tgname) FROM mine JOIN pg_trigger ON tgrelid = mine.oid
  UNION ALL SELECT version_num FROM alembic_version
) parts
"""


def migrated(url: str) -> Engine:
    """An engine for a new database with this version's schema; an SQLite file is a copy of one that went through Alembic."""
    engine = open_database(url)
    path = engine.url.database
    if engine.dialect.name == "sqlite" and path:
        Path(path).write_bytes(_migrated_file())
    else:
        upgrade(engine)
    return engine


@functools.cache
def _migrated_file() -> bytes:
    folder = Path(tempfile.mkdtemp())
    try:
        engine = open_database(f"sqlite:///{folder}/empty.db")
        upgrade(engine)
        engine.dispose()
        return (folder / "empty.db").read_bytes()
    finally:
        shutil.rmtree(folder)


def folder(note: Path) -> Path:
    """A new temporary folder, the same for all that ask with the same note."""
    with note.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        path = file.read()
        if not path:
            path = tempfile.mkdtemp(prefix="assay-")
            file.write(path)
        return Path(path)


class Server:
    """A PostgreSQL server as one worker sees it: databases to borrow."""

    def __init__(self, url: str, worker: str) -> None:
        self.url, self.worker, self.count = url, worker, 0
        self.admin = create_engine(url, isolation_level="AUTOCOMMIT")
        self.free: list[str] = []  #: migrated and empty

    def at(self, database: str) -> str:
        """The server's URL with another database."""
        return self.url.replace("/postgres?", f"/{database}?")

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a new database with nothing in it."""
        name = self._create("template1")
        yield self.at(name)
        self._drop(name)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """The URL of a database with this version's schema and no rows."""
        name = self.free.pop() if self.free else self._create(self._template)
        yield self.at(name)
        if self._wiped(name):
            self.free.append(name)
        else:
            self._drop(name)

    def _create(self, template: str) -> str:
        self.count += 1
        name = f"{self.worker}_{self.count}"
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def _drop(self, database: str) -> None:
        self.run(f'DROP DATABASE "{database}" WITH (FORCE)')

    def run(self, command: str) -> None:
        with self.admin.connect() as c:
            c.exec_driver_sql(command)

    def _wiped(self, database: str) -> bool:
        """Empty a migrated database, which is quicker than a new one; False if a test has changed its schema."""
        engine = create_engine(self.at(database), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as c:
            others = (
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
            )
            c.exec_driver_sql(others, (database,))
            if c.exec_driver_sql(SHAPE).scalar_one() != self._shape:
                return False
            tables = c.exec_driver_sql(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
            ).scalars()
            any_row = " UNION ALL ".join(f"SELECT '{t}' WHERE EXISTS (SELECT FROM \"{t}\")" for t in tables)  # noqa: S608
            full = c.exec_driver_sql(any_row).scalars().all()
            if full:
                c.exec_driver_sql("TRUNCATE " + ", ".join(f'"{t}"' for t in full) + " CASCADE")
            c.exec_driver_sql(
                "SELECT setval(format('%%I', sequencename), start_value, false) FROM pg_sequences WHERE last_value IS NOT NULL"
            )
        return True

    @functools.cached_property
    def _template(self) -> str:
        name = self._create("template1")
        engine = open_database(self.at(name))
        upgrade(engine)
        engine.dispose()
        return name

    @functools.cached_property
    def _shape(self) -> str:
        engine = create_engine(self.at(self._template), poolclass=NullPool)
        with engine.connect() as c:
            return str(c.exec_driver_sql(SHAPE).scalar_one())

    def close(self) -> None:
        self.admin.dispose()
