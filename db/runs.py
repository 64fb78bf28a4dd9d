"""The record of runs: when, in what mode, how it ended."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, insert, select, update

from db.tables import org as org_table
from db.tables import run as table

#: outcomes of a night that did what it was asked to
GOOD = ("done", "rejected")


@dataclass(frozen=True, slots=True)
class Run:
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


class Runs:
    """Runs of all orgs; a run that was killed stays `running` until the next one finds it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def start(self, org: int, at: int, mode: str, detail: Mapping[str, Any] | None = None) -> int:
        """Open a run and close those that died without a word; the caller holds the lease, so they are dead.

        `detail` is what must be known of it even if it is killed.
        """
        with self.engine.begin() as c:
            dead = (table.c.org == org) & (table.c.outcome == "running")
            c.execute(update(table).where(dead).values(outcome="failed", message="ended without a word (killed?)"))
            held = json.dumps(detail or {}, sort_keys=True)
            row = (
                insert(table).values(org=org, started_at=at, mode=mode, outcome="running", detail=held).returning(table.c.id)
            )
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

    def list(self, limit: int = 20) -> list[Run]:
        with self.engine.connect().execution_options(reading=True) as c:
            rows = c.execute(select(table).order_by(table.c.id.desc()).limit(limit)).mappings()
            return [Run(**{**r, "detail": json.loads(r["detail"])}) for r in rows]

    def get(self, run: int) -> Run | None:
        with self.engine.connect().execution_options(reading=True) as c:
            row = c.execute(select(table).where(table.c.id == run)).mappings().first()
            return Run(**{**row, "detail": json.loads(row["detail"])}) if row else None

    def lacking(self, org: int) -> Sequence[str]:
        """What the org's last run could not see, however it ended."""
        known = (table.c.org == org) & table.c.detail.like('%"lacking"%')
        with self.engine.connect().execution_options(reading=True) as c:
            last = c.execute(select(table.c.detail).where(known).order_by(table.c.id.desc()).limit(1)).scalar()
        found: list[str] = json.loads(last)["lacking"] if last else []
        return found

    def good(self, org: int, limit: int) -> Sequence[Run]:
        """The last runs that came to a good end, the newest first."""
        return self._ended(org, limit, table.c.mode != "undo")

    def last_written(self, org: int) -> Run | None:
        """The last run that was free to write."""
        return next(iter(self._ended(org, 1, table.c.mode == "write")), None)

    def hold(self, org: int, why: str | None) -> None:
        """Put publishing to an org on hold, or let it go on."""
        with self.engine.begin() as c:
            c.execute(update(org_table).where(org_table.c.id == org).values(hold=why))

    def _ended(self, org: int, limit: int, where: Any) -> Sequence[Run]:
        good = (table.c.org == org) & table.c.outcome.in_(GOOD) & where
        with self.engine.connect().execution_options(reading=True) as c:
            rows = c.execute(select(table).where(good).order_by(table.c.id.desc()).limit(limit)).mappings()
            return [Run(**{**r, "detail": json.loads(r["detail"])}) for r in rows]
