"""The record of runs: when, in what mode, how it ended."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Engine, RowMapping, func, insert, select, update

from db.tables import org as org_table
from db.tables import run as table

#: outcomes of a run that did what it was asked to
GOOD = ("done", "rejected")
#: what is said of a run that is found open by the next one
KILLED = "no end was recorded: the process was killed or the machine went down"
#: runs read at a time
PAGE = 50


def was_good(outcome: str, mode: str, *, whole: bool = True) -> bool:
    """Whether a run was a good night: it came to a good end, and it was a whole night of the schedule.

    An undo is no night. Nor is a run that somebody cut short (`--dry-run`, `--as-of`), which has `whole` false in its
    detail. Mode "dry" alone says nothing: where [write] is disabled every night is dry, and so is an org's first one.
    """
    return outcome in GOOD and mode != "undo" and whole


@dataclass(frozen=True, slots=True)
class Run:
    """One run for one org. Instants are seconds, UTC."""

    id: int
    org: int | None
    started_at: int
    ended_at: int | None
    day: int | None
    mode: str
    outcome: str
    message: str
    calls: int
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether it was a good night."""
        return was_good(self.outcome, self.mode, whole=self.detail.get("whole", True))


@dataclass(frozen=True, slots=True)
class Brief:
    """A run without its detail. Instants are seconds, UTC."""

    id: int
    org: int | None
    started_at: int
    ended_at: int | None
    mode: str
    outcome: str
    calls: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """Changes whenever a run begins or ends; equal stamps mean that no verdict has changed."""

    run: int
    ended_at: int
    ended: int


class Runs:
    """Runs of all orgs; a run that was killed stays `running` until the next one finds it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def start(self, org: int, at: int, mode: str, detail: Mapping[str, Any] | None = None) -> int:
        """Open a run and close those whose end was never recorded; the caller holds the lease, so they are dead.

        `detail` is what must be known of it even if it is killed.
        """
        with self.engine.begin() as c:
            dead = (table.c.org == org) & (table.c.outcome == "running")
            c.execute(update(table).where(dead).values(outcome="failed", message=KILLED))
            first = {"org": org, "started_at": at, "mode": mode, "outcome": "running"}
            row = insert(table).values(**first, detail=json.dumps(detail or {}, sort_keys=True)).returning(table.c.id)
            return int(c.execute(row).scalar_one())

    def end(self, run: int, at: int, outcome: str, **facts: Any) -> None:
        """Close a run with what is known of it: day, message, calls, detail."""
        if "detail" in facts:
            facts["detail"] = json.dumps(facts["detail"], sort_keys=True)
        with self.engine.begin() as c:
            c.execute(update(table).where(table.c.id == run).values(ended_at=at, outcome=outcome, **facts))

    def first(self, org: int) -> bool:
        """Whether no run of this org has come to a good end yet."""
        good = (table.c.org == org) & table.c.outcome.in_(GOOD)
        with self.engine.connect().execution_options(reading=True) as c:
            return c.execute(select(table.c.id).where(good).limit(1)).first() is None

    def list(self, limit: int = 20, before: int | None = None) -> list[Run]:
        """Return runs in full, the newest first, older than the run `before`."""
        query = select(table).order_by(table.c.id.desc()).limit(limit)
        with self.engine.connect().execution_options(reading=True) as c:
            rows = c.execute(query if before is None else query.where(table.c.id < before)).mappings()
            return [_run(row) for row in rows]

    def get(self, run: int) -> Run | None:
        with self.engine.connect().execution_options(reading=True) as c:
            row = c.execute(select(table).where(table.c.id == run)).mappings().first()
            return _run(row) if row else None

    def briefs(self, since: int) -> Sequence[Brief]:
        """Return runs that began at or after an instant, the oldest first."""
        r = table.c
        columns = (r.id, r.org, r.started_at, r.ended_at, r.mode, r.outcome, r.calls)
        with self.engine.connect().execution_options(reading=True) as c:
            return [Brief(*row) for row in c.execute(select(*columns).where(r.started_at >= since).order_by(r.id))]

    def stamp(self) -> Stamp:
        """Stamp the record of runs: another stamp means that one has begun or ended."""
        r = table.c
        with self.engine.connect().execution_options(reading=True) as c:
            run, ended_at, ended = c.execute(select(func.max(r.id), func.max(r.ended_at), func.count(r.ended_at))).one()
        return Stamp(run or 0, ended_at or 0, ended)

    def lacking(self, org: int) -> Sequence[str]:
        """Tell what the org's last run could not see, however it ended."""
        checked = (table.c.org == org) & table.c.detail.like('%"lacking"%')
        with self.engine.connect().execution_options(reading=True) as c:
            last = c.execute(select(table.c.detail).where(checked).order_by(table.c.id.desc()).limit(1)).scalar()
        names: Sequence[str] = json.loads(last)["lacking"] if last else ()
        return names

    def good(self, org: int, limit: int) -> Sequence[Run]:
        """Return the last good nights, the newest first."""
        query = select(table).where(table.c.org == org, table.c.outcome.in_(GOOD)).order_by(table.c.id.desc())
        with self.engine.connect().execution_options(reading=True, yield_per=PAGE) as c, c.execute(query) as result:
            return list(islice((run for run in map(_run, result.mappings()) if run.good), limit))

    def last_written(self, org: int) -> Run | None:
        """Return the last run that was free to write."""
        mine = (table.c.org == org) & table.c.outcome.in_(GOOD) & (table.c.mode == "write")
        with self.engine.connect().execution_options(reading=True) as c:
            row = c.execute(select(table).where(mine).order_by(table.c.id.desc()).limit(1)).mappings().first()
            return _run(row) if row else None

    def hold(self, org: int, why: str | None) -> None:
        """Put publishing to an org on hold, or let it go on."""
        with self.engine.begin() as c:
            c.execute(update(org_table).where(org_table.c.id == org).values(hold=why))


def _run(row: RowMapping) -> Run:
    return Run(**{**row, "detail": json.loads(row["detail"])})
