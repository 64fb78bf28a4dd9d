"""Pulled records on their way into the database: whole records, some of their fields, and what no longer exists."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, bindparam, or_, select, update

from db import tables as t
from db.upsert import upsert

#: ids of one statement
ROWS_PER_STATEMENT = 500


def patch(c: Connection, org: int, kind: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> int:
    """Set some fields of records that are held, "id" the first column; returns the rows that changed."""
    if not rows:
        return 0
    table = t.metadata.tables[kind]
    names = columns[1:]
    new = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
    differs = or_(*(table.c[name].is_distinct_from(value) for name, value in new.items()))
    statement = update(table).where(table.c.org == org, table.c.id == bindparam("key"), differs).values(new)
    values = [{"key": row[0]} | {f"new_{n}": v for n, v in zip(names, row[1:], strict=True)} for row in rows]
    return int(c.execute(statement, values).rowcount)


def only(
    c: Connection,
    org: int,
    kind: str,
    rows: Sequence[tuple[Any, ...]],
    parents: tuple[str, Sequence[str], Mapping[str, str]],
) -> int:
    """Mark as deleted what these parents hold besides `rows` (ids first); returns how many those were."""
    column, ids, where = parents
    table, kept = t.metadata.tables[kind], {row[0] for row in rows}
    same = [table.c[name] == value for name, value in where.items()]
    gone: list[str] = []
    for start in range(0, len(ids), ROWS_PER_STATEMENT):
        some = table.c[column].in_(ids[start : start + ROWS_PER_STATEMENT])
        query = select(table.c.id).where(table.c.org == org, table.c.deleted.is_(False), some, *same)
        gone += [i for i in c.execute(query).scalars() if i not in kept]
    return patch(c, org, kind, ("id", "deleted"), [(i, True) for i in gone])


class Listed:
    """All ids of one kind as the CRM lists them, in a temporary table, so that memory does not grow with the org."""

    def __init__(self, connection: Connection, org: int, kind: str) -> None:
        self._c, self._org, self._table = connection, org, t.metadata.tables[kind]
        self._ids = Table("listed", MetaData(), Column("id", String(40), primary_key=True), prefixes=["TEMPORARY"])
        self._ids.create(connection)

    def add(self, ids: Sequence[str]) -> None:
        upsert(self._c, self._ids, ("id",), [(i,) for i in ids])

    def finish(self) -> int:
        """Mark as deleted what was not listed; returns how many those were."""
        table = self._table
        missing = ~select(self._ids.c.id).where(self._ids.c.id == table.c.id).exists()
        where = (table.c.org == self._org) & table.c.deleted.is_(False) & missing
        return int(self._c.execute(update(table).where(where).values(deleted=True)).rowcount)

    def drop(self) -> None:
        self._ids.drop(self._c)


@contextmanager
def listed(engine: Engine, org: int, kind: str) -> Iterator[Listed]:
    """Open a listing to be filled; nothing is marked unless `finish` is called."""
    with engine.connect().execution_options(reading=True) as c, c.begin():
        listing = Listed(c, org, kind)
        yield listing
        listing.drop()


class Listings:
    """Listings of several kinds, filled while records are being saved; what is not finished is forgotten."""

    def __init__(self, engine: Engine, org: int) -> None:
        self.engine, self.org = engine, org
        self._open: dict[str, tuple[Listed, ExitStack]] = {}

    def add(self, kind: str, ids: Sequence[str]) -> None:
        if kind not in self._open:
            stack = ExitStack()
            self._open[kind] = stack.enter_context(listed(self.engine, self.org, kind)), stack
        self._open[kind][0].add(ids)

    def finish(self, kind: str) -> int:
        """Mark as deleted what was not listed, and let go at once: nobody else can write meanwhile."""
        listing, stack = self._open.pop(kind)
        with stack:
            return listing.finish()

    def close(self) -> None:
        for _, stack in self._open.values():
            stack.close()
        self._open.clear()


class Held:
    """What the database holds of one org: `connectors.port.Known`."""

    def __init__(self, engine: Engine, org: int, recent_from: int = 0, *, fresh: bool = False) -> None:
        self.engine, self.org, self.recent_from, self.fresh = engine, org, recent_from, fresh

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self.engine.connect().execution_options(reading=True) as connection:
            yield connection

    def zones(self) -> dict[str, str]:
        o = t.owner
        query = select(o.c.id, o.c.time_zone).where(o.c.org == self.org, o.c.time_zone.is_not(None))
        with self._reading() as c:
            return {r.id: r.time_zone for r in c.execute(query)}

    def missing(self, kind: str, ids: Sequence[str]) -> set[str]:
        table, absent = t.metadata.tables[kind], set(ids)
        with self._reading() as c:
            for start in range(0, len(ids), ROWS_PER_STATEMENT):
                some = table.c.id.in_(ids[start : start + ROWS_PER_STATEMENT])
                alive = select(table.c.id).where(table.c.org == self.org, table.c.deleted.is_(False), some)
                absent.difference_update(c.execute(alive).scalars())
        return absent

    def recent(self, kind: str, size: int = 1_000) -> Iterator[list[str]]:
        table, last = t.metadata.tables[kind], ""
        alive = (table.c.org == self.org, table.c.deleted.is_(False), table.c.starts_at >= self.recent_from)
        while True:
            query = select(table.c.id).where(*alive, table.c.id > last).order_by(table.c.id).limit(size)
            with self._reading() as c:
                ids = list(c.execute(query).scalars())
            if not ids:
                return
            yield ids
            last = ids[-1]

    def resume(self, stream: str) -> str:
        if self.fresh:
            return ""
        r = t.resume
        with self._reading() as c:
            return str(
                c.execute(select(r.c.state).where(r.c.org == self.org, r.c.stream == stream)).scalar_one_or_none() or ""
            )


def reconcile(engine: Engine, org: int, kind: str, batches: Iterable[Sequence[str]]) -> int:
    """Mark as deleted what the CRM no longer lists; returns how many those were."""
    with listed(engine, org, kind) as listing:
        for batch in batches:
            listing.add(batch)
        return listing.finish()
