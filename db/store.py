"""What the night reads and saves. Pulled pages, nights and verdicts; everything idempotent."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Engine, Select, delete, func, insert, select, tuple_, update

from db import pulled
from db import tables as t
from db.engine import DatabaseError
from db.firm import EVERYTHING, Firm, firm
from db.links import relink
from db.pulled import Held
from db.scope import Census, census
from db.upsert import upsert
from scoring.linking import Links
from scoring.records import Reason, Score, columns
from scoring.scope import Scope

#: an account whose ownership was never seen to change is taken to have had its owner always (docs/facts/scoring.md, "Owners over time")
ALWAYS = 0


@dataclass(frozen=True, slots=True)
class Org:
    """The org a database row belongs to."""

    id: int
    crm: str
    external_id: str
    name: str
    sandbox: bool
    currency: str
    hold: str | None


class Store:
    """All queries over pulled and judged data. Each method is one transaction. What judges sees the accounts in scope only."""

    def __init__(self, engine: Engine, scope: Scope = EVERYTHING) -> None:
        self.engine, self.scope = engine, scope

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction: the only place that commits."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self.engine.connect().execution_options(reading=True) as connection:
            yield connection

    # ---- the org ----------------------------------------------------------------------------------------------------

    def orgs(self) -> list[Org]:
        with self.reading() as c:
            return [Org(**row) for row in c.execute(select(t.org).order_by(t.org.c.id)).mappings()]

    def pin_org(self, crm: str, facts: Mapping[str, Any], *, anew: bool = False) -> Org:
        """Pin the database row of this CRM's org, made at the first sight; raises if the org is another one than before.

        `anew` takes the other one in its place: every stream is then read in full and compared.
        """
        with self.transaction() as c:
            if anew:
                org_id = c.execute(
                    update(t.org).where(t.org.c.crm == crm).values(**facts).returning(t.org.c.id)
                ).scalar_one()
                for table in (t.watermark, t.resume):
                    c.execute(delete(table).where(table.c.org == org_id))
            row = c.execute(select(t.org).where(t.org.c.crm == crm)).mappings().first()
            if row is None:
                c.execute(insert(t.org).values(crm=crm, **facts))
                row = c.execute(select(t.org).where(t.org.c.crm == crm)).mappings().one()
        org = Org(**row)
        for key, word in (("external_id", "org"), ("sandbox", "sandbox flag")):
            if getattr(org, key) != facts[key]:
                raise DatabaseError(
                    f"{crm}: the {word} is {facts[key]}, but this database holds data of {getattr(org, key)}. Fix: use another one"
                )
        return org

    # ---- pulled records ---------------------------------------------------------------------------------------------

    def watermarks(self, org: int) -> dict[str, int]:
        w = t.watermark
        with self.reading() as c:
            return {r.stream: r.delivered_until for r in c.execute(select(w).where(w.c.org == org))}

    def read_again(self, org: int, streams: Collection[str]) -> None:
        """Let the next pull take every record of these streams for changed."""
        with self.transaction() as c:
            mine = (t.watermark.c.org == org) & t.watermark.c.stream.in_(streams)
            c.execute(update(t.watermark).where(mine).values(delivered_until=0))

    def held(self, org: int, recent_from: int = 0, *, fresh: bool = False) -> Held:
        """What is held of an org; links matter for activities from `recent_from` on; `fresh` starts every stream anew."""
        return Held(self.engine, org, recent_from, fresh=fresh)

    def save(
        self,
        org: int,
        kind: str,
        rows: Sequence[tuple[Any, ...]],
        stream: str,
        watermark: int | None,
        *,
        resume: str = "",
        only: tuple[str, Sequence[str], Mapping[str, str]] | None = None,
    ) -> int:
        """Save a page; with the stream's last page its watermark, with others where it goes on (`resume`).

        `only` names parents that have no other children than these rows. Returns the rows that were new or changed.
        """
        with self.transaction() as c:
            changed = upsert(c, t.metadata.tables[kind], columns(kind), rows, org=org)
            if only is not None:
                changed += pulled.only(c, org, kind, rows, only)
            if resume:
                upsert(c, t.resume, ("stream", "state"), [(stream, resume)], org=org)
            if watermark is not None:
                upsert(c, t.watermark, ("stream", "delivered_until"), [(stream, watermark)], org=org)
                c.execute(delete(t.resume).where(t.resume.c.org == org, t.resume.c.stream == stream))
        return changed

    def patch(self, org: int, kind: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> int:
        """Set some fields of records that are held; returns the rows that changed."""
        with self.transaction() as c:
            return pulled.patch(c, org, kind, names, rows)

    def count(self, org: int, kind: str) -> int:
        """Count the records of a kind that are not deleted."""
        table = t.metadata.tables[kind]
        with self.reading() as c:
            query = select(func.count()).select_from(table).where(table.c.org == org, table.c.deleted.is_(False))
            return int(c.execute(query).scalar_one())

    def record_owners(self, org: int, at: int) -> int:
        """Note since when each account has its owner; returns the number of changes seen."""
        a, o = t.account, t.account_owner
        latest = (
            select(o.c.account_id, func.max(o.c.from_at).label("from_at"))
            .where(o.c.org == org)
            .group_by(o.c.account_id)
            .subquery()
        )
        last_owner = (
            select(o.c.account_id, o.c.owner_id)
            .join(latest, (latest.c.account_id == o.c.account_id) & (latest.c.from_at == o.c.from_at))
            .where(o.c.org == org)
            .subquery()
        )
        joined = a.outerjoin(last_owner, last_owner.c.account_id == a.c.id)
        changed = (
            select(a.c.id, a.c.owner_id, last_owner.c.account_id)
            .select_from(joined)
            .where(a.c.org == org, last_owner.c.owner_id.is_distinct_from(a.c.owner_id) | last_owner.c.account_id.is_(None))
        )
        with self.transaction() as c:
            upsert(c, o, ("account_id", "from_at", "owner_id"), _past_owners(c, org), org=org)
            rows = [(r.id, ALWAYS if r.account_id is None else at, r.owner_id) for r in c.execute(changed)]
            return upsert(c, o, ("account_id", "from_at", "owner_id"), rows, org=org)

    def reconcile(self, org: int, kind: str, batches: Iterable[Sequence[str]]) -> int:
        """Mark as deleted what the CRM no longer lists; returns how many those were."""
        return pulled.reconcile(self.engine, org, kind, batches)

    def note_reconciled(self, org: int, at: int) -> None:
        with self.transaction() as c:
            c.execute(update(t.watermark).where(t.watermark.c.org == org).values(reconciled_at=at))

    def reconciled_at(self, org: int) -> int | None:
        """Tell when all ids were last compared; None if never."""
        with self.reading() as c:
            query = select(func.min(t.watermark.c.reconciled_at)).where(t.watermark.c.org == org)
            return cast("int | None", c.execute(query).scalar_one())

    def orphans(self, org: int) -> dict[str, int]:
        """Return records whose account is not among those we can see: they are kept, and count for nobody's account."""
        o, c, v = t.opportunity, t.contact, t.activity
        through = v.outerjoin(o, (o.c.org == v.c.org) & (o.c.id == v.c.opportunity_id)).outerjoin(
            c, (c.c.org == v.c.org) & (c.c.id == v.c.contact_id)
        )
        account_of = func.coalesce(v.c.account_id, o.c.account_id, c.c.account_id)
        alive = v.c.org == org, v.c.deleted.is_(False), ~self._is_there(org, account_of)
        mine = o.c.org == org, o.c.deleted.is_(False), ~self._is_there(org, o.c.account_id)
        queries = {
            "activities of no account that this user sees": select(func.count()).select_from(through).where(*alive),
            "opportunities of no account that this user sees": select(func.count()).select_from(o).where(*mine),
        }
        with self.reading() as connection:
            counts = {words: int(connection.execute(query).scalar_one()) for words, query in queries.items()}
        return {words: count for words, count in counts.items() if count}

    @staticmethod
    def _is_there(org: int, account_id: ColumnElement[Any]) -> ColumnElement[bool]:
        a = t.account.alias("known")
        return select(a.c.id).where(a.c.org == org, a.c.id == account_id, a.c.deleted.is_(False)).exists()

    # ---- judged -----------------------------------------------------------------------------------------------------

    @contextmanager
    def firm(self) -> Iterator[Firm]:
        """Open the records of all orgs, each thing once; the accounts are those in scope."""
        with firm(self.engine, [org.id for org in self.orgs()], self.scope) as joined:
            yield joined

    def census(self) -> Census:
        """Tell where every account stands, in scope or out; by the links of the last night."""
        with self.reading() as c:
            return census(c, [org.id for org in self.orgs()], self.scope)

    def relink(self) -> Links:
        """Find anew what several CRMs know of the same thing; returns the links of accounts."""
        return relink(self.engine, [org.id for org in self.orgs()])

    def links(self, org: int, kind: str) -> dict[str, str]:
        """Return ids of an org to those of the first CRM, where both know a thing."""
        x = t.link
        with self.reading() as c:
            return {r.id: r.to_id for r in c.execute(select(x).where(x.c.org == org, x.c.kind == kind))}

    def account_owners(self, org: int) -> dict[str, str | None]:
        """Tell who owns an account in its own CRM."""
        a = t.account
        with self.reading() as c:
            return {
                r.id: r.owner_id
                for r in c.execute(select(a.c.id, a.c.owner_id).where(a.c.org == org, a.c.deleted.is_(False)))
            }

    def rows(self, query: Select[Any]) -> list[dict[str, Any]]:
        with self.reading() as c:
            return [dict(r) for r in c.execute(query).mappings()]

    def last_night(self, org: int, before: int = 10**9) -> int | None:
        """Return the last night that was judged, or the last one before a day."""
        where = (t.night.c.org == org) & (t.night.c.day < before)
        with self.reading() as c:
            return cast("int | None", c.execute(select(func.max(t.night.c.day)).where(where)).scalar_one())

    def nights(self, org: int, day: int) -> list[tuple[Any, ...]]:
        """Return the rows of one night, without `org`."""
        columns = [c for c in t.night.c if c.name != "org"]
        with self.reading() as c:
            return [tuple(r) for r in c.execute(select(*columns).where(t.night.c.org == org, t.night.c.day == day))]

    def save_nights(self, org: int, day: int, rows: Sequence[tuple[Any, ...]]) -> int:
        names = [c.name for c in t.night.c if c.name != "org"]
        with self.transaction() as c:
            changed = upsert(c, t.night, names, rows, org=org)
            return changed + _drop_others(c, t.night, {r[0] for r in rows}, (t.night.c.org == org) & (t.night.c.day == day))

    def save_verdicts(self, org: int, scores: Sequence[Score]) -> int:
        names = ("account_id", "day", "state", "owner_id", "body")
        rows = [(s.account_id, s.as_of, s.state, s.owner_id, _body(s)) for s in scores]
        with self.transaction() as c:
            changed = upsert(c, t.verdict, names, rows, org=org)
            return changed + _drop_others(c, t.verdict, {r[0] for r in rows}, t.verdict.c.org == org)

    def verdicts(self, org: int) -> list[Score]:
        query = select(t.verdict.c.body).where(t.verdict.c.org == org).order_by(t.verdict.c.account_id)
        with self.reading() as c:
            return [_scored(body) for body in c.execute(query).scalars()]

    def verdicts_of(self, keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], Score]:
        """Return the verdicts of some accounts by (org, account id); one that has none is left out."""
        v = t.verdict.c
        if not keys:
            return {}
        query = select(v.org, v.account_id, v.body).where(tuple_(v.org, v.account_id).in_(list(keys)))
        with self.reading() as c:
            return {(org, account_id): _scored(body) for org, account_id, body in c.execute(query)}

    def homes(self) -> dict[str, tuple[int, str]]:
        """Map account id -> (org, CRM) of its verdict; the first org's where two use one id."""
        v, o = t.verdict.c, t.org
        query = select(v.account_id, v.org, o.c.crm).join(o, o.c.id == v.org).order_by(v.org.desc())
        with self.reading() as c:
            return {account_id: (org, crm) for account_id, org, crm in c.execute(query)}

    def ours(self, org: int) -> dict[str, dict[str, Any]]:
        """Return our fields as the CRM holds them, by account."""
        a = t.account
        with self.reading() as c:
            rows = c.execute(select(a.c.id, a.c.ours).where(a.c.org == org, a.c.deleted.is_(False)))
            return {r.id: json.loads(r.ours) for r in rows}

    def currencies(self, org: int) -> dict[str, str]:
        """Map account -> its own currency, where the org has several."""
        a = t.account
        query = select(a.c.id, a.c.currency).where(a.c.org == org, a.c.currency.is_not(None))
        with self.reading() as c:
            return {r.id: r.currency for r in c.execute(query)}

    def rates(self, org: int) -> dict[str, int]:
        r = t.currency_rate
        with self.reading() as c:
            return {x.id: x.micro_per_corporate for x in c.execute(select(r).where(r.c.org == org))}

    def owner_names(self, org: int) -> dict[str, str]:
        with self.reading() as c:
            return {r.id: r.name for r in c.execute(select(t.owner.c.id, t.owner.c.name).where(t.owner.c.org == org))}

    def owner_name(self, org: int, owner_id: str) -> str | None:
        query = select(t.owner.c.name).where(t.owner.c.org == org, t.owner.c.id == owner_id)
        with self.reading() as c:
            return cast("str | None", c.execute(query).scalar())

    def names_of_owners(self, ids: Collection[str]) -> dict[str, str]:
        """Return names of some people of ours, of whichever org knows them first."""
        o = t.owner.c
        query = select(o.id, o.name).where(o.id.in_(sorted(ids))).order_by(o.org.desc())
        with self.reading() as c:
            return {r.id: r.name for r in c.execute(query)}

    def owner_starts(self, org: int) -> dict[str, int]:
        """Since when each person is known, where the CRM says so."""
        o = t.owner
        query = select(o.c.id, o.c.started_at).where(o.c.org == org, o.c.started_at.is_not(None))
        with self.reading() as c:
            return {r.id: r.started_at for r in c.execute(query)}


def _past_owners(c: Connection, org: int) -> list[tuple[str, int, str | None]]:
    """Who owned an account from when, as far as the CRM's own history goes; before it, the first change's former owner."""
    h = t.owner_change
    query = select(h).where(h.c.org == org, h.c.deleted.is_(False)).order_by(h.c.account_id, h.c.changed_at, h.c.id)
    intervals: dict[tuple[str, int], str | None] = {}
    for r in c.execute(query):
        intervals.setdefault((r.account_id, ALWAYS), r.former_id)
        intervals[r.account_id, r.changed_at] = r.owner_id
    return [(account, at, owner) for (account, at), owner in intervals.items()]


def _drop_others(c: Connection, table: Any, keep: set[str], where: Any) -> int:
    """Delete rows under `where` whose account is not in `keep`."""
    obsolete = [a for a in c.execute(select(table.c.account_id).where(where)).scalars() if a not in keep]
    for start in range(0, len(obsolete), 500):
        c.execute(delete(table).where(where, table.c.account_id.in_(obsolete[start : start + 500])))
    return len(obsolete)


def _body(score: Score) -> str:
    return json.dumps(asdict(score), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _scored(body: str) -> Score:
    """Return a verdict as it was saved."""
    values = json.loads(body)
    values["reasons"] = tuple(Reason(**r) for r in values["reasons"])
    return Score(**values)
