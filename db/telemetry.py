"""What the metrics say, read from the database: every replica tells the same, and a restart forgets nothing."""

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, func, select

from db import tables as t
from db.ledger import Ledger
from db.runs import was_good


@dataclass(slots=True)
class OfOrg:
    """One org's runs, in sums and at last."""

    crm: str
    outcomes: dict[str, int] = field(default_factory=dict)  #: outcome -> runs
    rows: dict[str, int] = field(default_factory=dict)  #: stream -> rows read by all runs
    writes: dict[str, int] = field(default_factory=dict)  #: acked, rejected -> rows of all runs
    states: dict[str, int] = field(default_factory=dict)  #: state -> accounts, as the last run that judged left them
    calls: int = 0  #: API calls of all runs
    refused: int = 0  #: accounts that the CRM refused and has not taken since
    last: dict[str, Any] = field(default_factory=dict)  #: the last ended run: started_at, ended_at, detail ...
    good_at: int | None = None  #: when the last good night ended
    good_from: int | None = None  #: when it began


class Telemetry:
    """Sums over runs that have ended; they never change again, so each is read once. What is refused is counted anew."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._last_id = 0
        self._orgs: dict[int, OfOrg] = {}

    def orgs(self) -> list[OfOrg]:
        with self.engine.connect().execution_options(reading=True) as c:
            for org, crm in c.execute(select(t.org.c.id, t.org.c.crm)):
                self._orgs.setdefault(org, OfOrg(crm))
            unended = c.execute(select(func.min(t.run.c.id)).where(t.run.c.outcome == "running")).scalar_one()
            ended = select(t.run).where(t.run.c.id > self._last_id, t.run.c.org.is_not(None)).order_by(t.run.c.id)
            runs = c.execute(ended if unended is None else ended.where(t.run.c.id < unended)).mappings()
            for row in map(dict, runs):
                self._add(self._orgs[row["org"]], row)
                self._last_id = row["id"]
        for org, of in self._orgs.items():
            of.refused = Ledger(self.engine, org).open_refusals()
        return list(self._orgs.values())

    def _add(self, of: OfOrg, row: dict[str, Any]) -> None:
        detail = json.loads(row["detail"])
        _count(of.outcomes, row["outcome"], 1)
        for stream, rows in detail.get("rows", {}).items():
            _count(of.rows, stream, rows)
        for result in ("acked", "rejected"):
            _count(of.writes, result, detail.get(result, 0))
        of.states = detail.get("states") or of.states
        of.calls += row["calls"]
        of.last = row | {"detail": detail}
        if was_good(row["outcome"], row["mode"], whole=detail.get("whole", True)):
            of.good_at, of.good_from = row["ended_at"], row["started_at"]

    def watermarks(self) -> dict[tuple[str, str], int]:
        """Map (crm, stream) -> everything changed before this second is here."""
        w = t.watermark
        query = select(t.org.c.crm, w.c.stream, w.c.delivered_until).join(t.org, t.org.c.id == w.c.org)
        with self.engine.connect().execution_options(reading=True) as c:
            return {(crm, stream): until for crm, stream, until in c.execute(query)}

    def promised_from(self) -> int | None:
        """Return the first time of the schedule that is known; nothing was promised before."""
        with self.engine.connect().execution_options(reading=True) as c:
            first = c.execute(select(func.min(t.tick.c.at))).scalar_one()
            return None if first is None else int(first)

    def stale(self, due: int | None) -> bool:
        """Whether the time `due` has come since the first start and no good night of every org has begun since."""
        first = self.promised_from()
        if due is None or first is None or due <= first:
            return False
        begun = [of.good_from for of in self.orgs()]
        return not begun or any(at is None or at < due for at in begun)


def _count(into: dict[str, int], key: str, by: int) -> None:
    into[key] = into.get(key, 0) + by
