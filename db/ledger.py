"""What was sent to the CRM, row by row: planned -> sending -> acked | rejected | unknown.

Each status is committed before the step it announces, so that after a crash it is known which rows may have arrived.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from db.tables import account, ledger
from scoring.records import FieldUpdate, WriteResult


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger."""

    id: int
    run: int
    account_id: str
    status: str
    old: dict[str, Any]
    new: dict[str, Any]
    why: str
    attempts: int
    token: str
    code: str
    message: str
    at: int


class Ledger:
    """The ledger of one org, seen from one run."""

    def __init__(self, engine: Engine, org: int) -> None:
        self.engine, self.org = engine, org

    def plan(self, run: int, updates: Sequence[FieldUpdate], at: int) -> None:
        rows = [
            {
                "run": run,
                "org": self.org,
                "account_id": u.account_id,
                "status": "planned",
                "why": u.why,
                "at": at,
                "old": _json(u.old),
                "new": _json(u.values),
            }
            for u in updates
        ]
        if rows:
            with self.engine.begin() as c:
                c.execute(insert(ledger), rows)

    def sending(self, run: int, account_ids: Sequence[str], token: str, at: int) -> None:
        """Commit, before the call, that these rows are on their way."""
        with self.engine.begin() as c:
            for part in _parts(account_ids):
                mine = (ledger.c.run == run) & ledger.c.account_id.in_(part) & ledger.c.status.in_(("planned", "sending"))
                c.execute(
                    update(ledger).where(mine).values(status="sending", token=token, at=at, attempts=ledger.c.attempts + 1)
                )

    def settle(self, run: int, results: Sequence[WriteResult], at: int) -> None:
        """Record outcomes; an acked row also becomes what we know the CRM to hold, so the next diff is empty."""
        with self.engine.begin() as c:
            for r in results:
                mine = (ledger.c.run == run) & (ledger.c.account_id == r.account_id) & (ledger.c.status == "sending")
                if r.ok:
                    for new in c.execute(select(ledger.c.new).where(mine)).scalars().all():
                        self._remember(c, r.account_id, json.loads(new))
                status = "acked" if r.ok else "rejected"
                c.execute(update(ledger).where(mine).values(status=status, code=r.code, message=r.message, at=at))

    def open(self) -> list[Entry]:
        """Rows of earlier runs whose outcome is not known."""
        return self._entries(ledger.c.status.in_(("planned", "sending", "unknown")))

    def forget_planned(self) -> int:
        """Drop rows that were planned and never sent: nothing has happened to them."""
        with self.engine.begin() as c:
            return c.execute(delete(ledger).where(ledger.c.org == self.org, ledger.c.status == "planned")).rowcount

    def drop(self, ids: Sequence[int]) -> None:
        """Remove sent rows that the CRM provably does not hold; the new plan sends them again."""
        with self.engine.begin() as c:
            for part in _parts(ids):
                c.execute(delete(ledger).where(ledger.c.id.in_(part)))

    def rejected(self, run: int | None = None) -> list[Entry]:
        where = ledger.c.status == "rejected"
        return self._entries(where if run is None else where & (ledger.c.run == run))

    def _entries(self, where: Any) -> list[Entry]:
        query = select(ledger).where(ledger.c.org == self.org, where).order_by(ledger.c.id)
        with self.engine.connect().execution_options(reading=True) as c:
            return [_entry(dict(r)) for r in c.execute(query).mappings()]

    def _remember(self, c: Connection, account_id: str, new: dict[str, Any]) -> None:
        mine = (account.c.org == self.org) & (account.c.id == account_id)
        held = json.loads(c.execute(select(account.c.ours).where(mine)).scalar_one()) | new
        c.execute(update(account).where(mine).values(ours=_json({k: v for k, v in held.items() if v is not None})))


def _parts(ids: Sequence[Any]) -> list[Sequence[Any]]:
    return [ids[i : i + 500] for i in range(0, len(ids), 500)]


def _json(values: Any) -> str:
    return json.dumps(dict(values), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _entry(row: dict[str, Any]) -> Entry:
    row.pop("org")
    return Entry(**{**row, "old": json.loads(row["old"]), "new": json.loads(row["new"])})
