"""The records that bear on one account, as tables of a few hundred rows instead of the firm's millions.

What an activity counts depends on other records: a person's day is capped, one mail to many accounts is a bulk mail
(scoring.facts.minutes.chain). All of that happens within one person's day, so it is enough to read, besides the account's own
activities, what its people did on the same days. Then `treatment` over these gives what it gives over everything.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Table, inspect, select, union_all

from db import scope as scoped
from db import tables as t
from db.firm import EVERYTHING, Firm, as_first, of_first
from scoring.calendar import DAY
from scoring.scope import Scope

Ids = Mapping[str, Collection[str]]  #: kind -> ids of one org


#: indexes by which one account is found; each holds all that is asked of it
LOOKUP_INDEXES = {
    "way_opportunity": "opportunity (org, account_id)",
    "way_contact": "contact (org, account_id)",
    "way_team_member": "team_member (org, account_id)",
    "way_quote": "quote (org, opportunity_id)",
    "way_activity_account": "activity (org, account_id, starts_at)",
    "way_activity_owner": "activity (org, owner_id, starts_at)",
    "way_activity_opportunity": "activity (org, opportunity_id, account_id) WHERE account_id IS NULL",
    "way_activity_person": "activity (org, contact_id, starts_at)",
    "way_person": "participant (org, person_id, side, activity_id)",
}


def create_lookup_indexes(engine: Engine) -> None:
    """Make the indexes that are not there yet.

    Not a migration's work: whoever shows accounts calls this after the first night. Made at once over a million activities
    they take seconds; there from the start they would more than double what the first load takes. What later nights
    change is little.
    """
    tables = {columns.partition(" ")[0] for columns in LOOKUP_INDEXES.values()}
    existing = {index["name"] for table in tables for index in inspect(engine).get_indexes(table)}
    if missing := LOOKUP_INDEXES.keys() - existing:
        with engine.begin() as c:
            for name in sorted(missing):
                c.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {name} ON {LOOKUP_INDEXES[name]}")


@contextmanager
def one_account(
    engine: Engine, orgs: Sequence[int], account_id: str, since: int, scope: Scope = EVERYTHING
) -> Iterator[Firm]:
    """Open the firm as one account sees it, activities from the instant `since` on.

    `account_id` is the firm's: the first org's where several know the account. Where children roll up, theirs come with it.
    """
    with engine.connect().execution_options(reading=True) as c:
        if not scope.rollup:
            yield Firm(c, _narrowed(orgs, _wanted(c, orgs, [account_id], since)), orgs[0])
            return
        census = scoped.census(c, orgs, scope)  # reads every account: whose child one is cannot be told from fewer
        family = [account_id, *(child for child, top in census.tops.items() if top == account_id)]
        tops = scoped.children(c, census)
        yield Firm(c, _narrowed(orgs, _wanted(c, orgs, family, since), tops), orgs[0])
        tops.drop(c)


def _wanted(c: Connection, orgs: Sequence[int], family: Sequence[str], since: int) -> dict[int, Ids]:
    """Return ids of the records that bear on an account and its children, org by org."""
    people, links, contacts = Links(c, orgs, "owner"), Links(c, orgs, "account"), Links(c, orgs, "contact")
    readers = {org: AccountReader(c, org, links.here(org, family)) for org in orgs}
    customers_people = {contacts.firm(org, i) for org in orgs for i in readers[org].contacts}
    own = {org: readers[org].of_account(contacts.here(org, customers_people), since) for org in orgs}
    days = _spans(sorted({a.starts_at for rows in own.values() for a in rows}))
    persons = {people.firm(org, i) for org in orgs for i in readers[org].persons(own[org])}
    for org in orgs:
        readers[org].of_persons(people.here(org, persons), days)
    met = customers_people | {contacts.firm(org, i) for org in orgs for i in readers[org].met()}
    return {org: {**readers[org].ids(), "contact": contacts.here(org, met)} for org in orgs}


class Links:
    """An org's ids and the firm's, for a kind of thing."""

    def __init__(self, c: Connection, orgs: Sequence[int], kind: str) -> None:
        self.c, self.first, self.kind = c, orgs[0], kind

    def firm(self, org: int, own_id: str) -> str:
        x = t.link.c
        query = select(x.to_id).where(x.org == org, x.kind == self.kind, x.id == own_id)
        return own_id if org == self.first else self.c.execute(query).scalar() or own_id

    def here(self, org: int, firm_ids: Collection[str]) -> list[str]:
        """Return the org's ids of these, several where it holds doubles; what is not linked has one id everywhere."""
        x = t.link.c
        query = select(x.id).where(x.org == org, x.kind == self.kind, x.to_id.in_(sorted(firm_ids)))
        linked = [] if org == self.first else list(self.c.execute(query).scalars())
        return sorted({*firm_ids, *linked})


class AccountReader:
    """What is read of one org about one account, which it may hold twice.

    Ids come first, each from an index that holds all that is asked of it, then rows by their primary key: without statistics
    SQLite would rather read the org than go from an index back to the table.
    """

    def __init__(self, c: Connection, org: int, accounts: Sequence[str]) -> None:
        self._c, self._org, self._accounts = c, org, accounts
        self._deals = set(self._by(t.opportunity, t.opportunity.c.account_id, accounts))
        self.contacts = self._by(t.contact, t.contact.c.account_id, accounts)
        self._activities: dict[str, Any] = {}

    def of_account(self, contacts: Sequence[str], since: int) -> Sequence[Any]:
        """Read the account's activities since an instant: its own, else through a deal or a person, and those of
        others that have a part for it: linked to it, or with its people there (scoring.facts.minutes.several_accounts)."""
        a, p, accounts = t.activity.c, t.participant.c, self._accounts
        ids = {
            *self._by(t.activity, a.account_id, accounts, a.starts_at >= since),
            *self._by(t.activity, a.opportunity_id, self._deals, a.account_id.is_(None)),
            *self._by(t.activity, a.contact_id, contacts, a.starts_at >= since),
            *(r.activity_id for r in self._chosen((p.activity_id,), p.person_id, accounts, p.side == "about")),
            *(r.activity_id for r in self._chosen((p.activity_id,), p.person_id, contacts, p.side == "theirs")),
        }
        return [row for row in self._read(ids) if row.starts_at is not None and row.starts_at >= since]

    def persons(self, activities: Sequence[Any]) -> set[str]:
        """Whoever of ours took part."""
        p = t.participant.c
        ids = self._by(t.participant, p.activity_id, {row.id for row in activities})
        rows = self._chosen((p.person_id, p.side), p.id, ids)
        return {*(r.person_id for r in rows if r.side == "ours"), *(r.owner_id for r in activities if r.owner_id)}

    def of_persons(self, persons: Sequence[str], days: Sequence[tuple[int, int]]) -> None:
        """Read what these people did on these days."""
        if not persons or not days:
            return
        a, p = t.activity.c, t.participant.c
        whole = a.starts_at.between(days[0][0], days[-1][1])
        led = self._chosen((a.id, a.starts_at), a.owner_id, persons, whole)
        joined = self._chosen((p.activity_id,), p.person_id, persons, p.side == "ours")
        near = {r.id for r in led if any(low <= r.starts_at <= high for low, high in days)}
        self._read(near | {r.activity_id for r in joined})

    def met(self) -> set[str]:
        """Everybody who was there: an activity is split by whose people they are."""
        p = t.participant.c
        attendees = self._chosen((p.person_id,), p.activity_id, self._activities, p.side == "theirs")
        named = {r.contact_id for r in self._activities.values() if r.contact_id}
        return named | {r.person_id for r in attendees}

    def ids(self) -> Ids:
        """Return everything that was read, and what hangs on it; contacts apart."""
        rows = self._activities.values()
        deals = self._deals | {r.opportunity_id for r in rows if r.opportunity_id}
        activities = self._activities.keys() | {r.twin_id for r in rows if r.twin_id}
        return {
            "account": self._accounts,
            "activity": activities,
            "opportunity": deals,
            "participant": self._by(t.participant, t.participant.c.activity_id, activities),
            "opportunity_change": self._by(t.opportunity_change, t.opportunity_change.c.opportunity_id, self._deals),
            "line_item": self._by(t.line_item, t.line_item.c.opportunity_id, self._deals),
            "quote": self._by(t.quote, t.quote.c.opportunity_id, self._deals),
            "team_member": self._by(t.team_member, t.team_member.c.account_id, self._accounts),
        }

    def _by(
        self, table: Table, column: ColumnElement[Any], values: Collection[str], *also: ColumnElement[bool]
    ) -> list[str]:
        return [row.id for row in self._chosen((table.c.id,), column, values, *also)]

    def _read(self, ids: Collection[str]) -> list[Any]:
        a = t.activity.c
        columns = (a.id, a.owner_id, a.starts_at, a.opportunity_id, a.contact_id, a.twin_id)
        rows = self._chosen(columns, a.id, ids)
        self._activities |= {row.id: row for row in rows}
        return rows

    def _chosen(self, columns: Any, column: Any, values: Collection[str], *also: ColumnElement[bool]) -> list[Any]:
        """Return rows of the org in which a column has one of some values."""
        ordered = sorted(values)
        rows: list[Any] = []
        for start in range(0, len(ordered), 500):
            mine = (column.table.c.org == self._org, column.in_(ordered[start : start + 500]), *also)
            rows += self._c.execute(select(*columns).where(*mine)).all()
        return rows


def _spans(times: Sequence[int]) -> list[tuple[int, int]]:
    """Find the days around instants, run together where they touch.

    Where a person's day begins and ends differs from UTC by less than a day.
    """
    spans: list[tuple[int, int]] = []
    for at in times:
        low, high = at - 2 * DAY, at + 2 * DAY
        if spans and low <= spans[-1][1]:
            spans[-1] = (spans[-1][0], high)
        else:
            spans.append((low, high))
    return spans


#: what the judgement and the page read; other kinds have no bearing on one account's time
KINDS = (
    "account",
    "activity",
    "opportunity",
    "contact",
    "participant",
    "opportunity_change",
    "line_item",
    "quote",
    "team_member",
    "owner",
)


def _narrowed(orgs: Sequence[int], wanted: Mapping[int, Ids], above: Table | None = None) -> Any:
    """Return each kind as a common table expression over the chosen rows of all orgs, as the first would have them.

    `above` names the topmost ancestors of children, whose records are handed on to them.
    """
    tables = {}
    rows: Any
    for kind in KINDS:
        source = t.metadata.tables[kind]
        parts = [of_first(source, org) if org == orgs[0] else as_first(source, orgs[0], org) for org in orgs]
        if kind != "owner":  # whose time is no selling time is told by the role
            parts = [p.where(source.c.id.in_(sorted(wanted[org][kind]))) for p, org in zip(parts, orgs, strict=True)]
        rows = parts[0] if len(parts) == 1 else union_all(*parts)
        if above is not None and kind in scoped.HANDED_ON:
            rows = scoped.handed_on(rows.subquery(), scoped.HANDED_ON[kind], above)
        tables[kind] = rows.cte(f"one_{kind}")
    return SimpleNamespace(**tables)
