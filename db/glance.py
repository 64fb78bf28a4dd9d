"""Small reads for people who look: one row, one page, the outline of a year; never everything.

What they cost does not grow with the number of accounts.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, func, select, tuple_

from db import tables as t
from db.runs import Run
from db.store import Org, scored
from scoring.records import Score


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
class Refusal:
    """A row that the CRM refused, in its own words."""

    id: int
    run: int
    crm: str
    account_id: str
    name: str
    code: str
    message: str
    at: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """Changes whenever a run begins or ends; equal stamps mean that no verdict has changed."""

    run: int
    ended_at: int
    ended: int


class Glance:
    """Reads of a few rows, each one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def _rows(self, query: Select[*tuple[Any, ...]]) -> Sequence[Any]:
        with self.engine.connect().execution_options(reading=True) as c:
            return c.execute(query).all()

    def stamp(self) -> Stamp:
        r = t.run.c
        row = self._rows(select(func.max(r.id), func.max(r.ended_at), func.count(r.ended_at)))[0]
        return Stamp(row[0] or 0, row[1] or 0, row[2])

    def orgs(self) -> list[Org]:
        return [Org(**row._mapping) for row in self._rows(select(t.org).order_by(t.org.c.id))]

    def homes(self) -> dict[str, tuple[int, str]]:
        """Account id -> (org, CRM) of its verdict; the first org's where two use one id."""
        v, o = t.verdict.c, t.org
        query = select(v.account_id, v.org, o.c.crm).join(o, o.c.id == v.org).order_by(v.org.desc())
        return {account_id: (org, crm) for account_id, org, crm in self._rows(query)}

    def run(self, run_id: int) -> Run | None:
        found = self.runs(1, run_id + 1)
        return found[0] if found and found[0].id == run_id else None

    def runs(self, limit: int, before: int | None = None) -> list[Run]:
        """Runs in full, the newest first, older than `before`."""
        query = select(t.run).order_by(t.run.c.id.desc()).limit(limit)
        rows = self._rows(query if before is None else query.where(t.run.c.id < before))
        return [Run(**{**row._mapping, "detail": json.loads(row.detail)}) for row in rows]

    def briefs(self, since: int) -> list[Brief]:
        """Runs that began at or after an instant, the oldest first."""
        r = t.run.c
        wanted = (r.id, r.org, r.started_at, r.ended_at, r.mode, r.outcome, r.calls)
        return [Brief(*row) for row in self._rows(select(*wanted).where(r.started_at >= since).order_by(r.id))]

    def refusals(self, limit: int, run: int | None = None, before: int | None = None) -> list[Refusal]:
        """Refused rows, the newest first; of one run, or of all."""
        x, a, o = t.ledger.c, t.account, t.org
        query = (
            select(x.id, x.run, o.c.crm, x.account_id, func.coalesce(a.c.name, x.account_id), x.code, x.message, x.at)
            .select_from(
                t.ledger.join(o, o.c.id == x.org).outerjoin(a, (a.c.org == x.org) & (a.c.id == x.account_id))
            )
            .where(x.status == "rejected")
            .order_by(x.id.desc())
            .limit(limit)
        )  # fmt: skip
        if run is not None:
            query = query.where(x.run == run)
        if before is not None:
            query = query.where(x.id < before)
        return [Refusal(*row) for row in self._rows(query)]

    def owner_name(self, org: int, owner_id: str) -> str | None:
        found = self._rows(select(t.owner.c.name).where(t.owner.c.org == org, t.owner.c.id == owner_id))
        return found[0].name if found else None

    def owner_names(self, ids: Collection[str]) -> dict[str, str]:
        """Names of some people of ours, of whichever org knows them first."""
        o = t.owner.c
        rows = self._rows(select(o.id, o.name).where(o.id.in_(sorted(ids))).order_by(o.org.desc()))
        return dict(map(tuple, rows))

    def verdicts(self, keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], Score]:
        """The verdicts of some accounts by (org, account id); one that is gone is left out."""
        v = t.verdict.c
        if not keys:
            return {}
        rows = self._rows(select(v.org, v.account_id, v.body).where(tuple_(v.org, v.account_id).in_(list(keys))))
        return {(org, account_id): scored(body) for org, account_id, body in rows}
