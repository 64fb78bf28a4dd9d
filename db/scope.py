"""Which accounts are in scope, read from what is stored; and the firm's tables cut down to them (docs/scope.md).

An account that two CRMs know is judged by what the first one says; what the first CRM does not have is taken from the other.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from sqlalchemy import Column, Connection, FromClause, MetaData, Select, String, Table, delete, func, select, update

from db import tables as t
from db.upsert import upsert
from scoring.linking import STEM
from scoring.records import WRITTEN
from scoring.scope import OWNER, ROLE, TYPE, Scope, roots

#: why a child is not judged itself
ROLLED = "rolled up into a parent"
#: records that a child's parent takes over, and the column that names the account
HANDED_ON = {
    "contact": "account_id",
    "opportunity": "account_id",
    "activity": "account_id",
    "team_member": "account_id",
    "participant": "person_id",
}
Facts = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an account of one CRM stands."""

    org: int
    account_id: str
    firm_id: str  #: the same account's id in the first CRM
    why: str  #: why it is out of scope; "" if it is in
    marked: bool  #: its CRM holds a value that Assay wrote


@dataclass(frozen=True, slots=True)
class Census:
    """Every account and where it stands, and what the criteria of the scope are of all accounts and people."""

    places: Sequence[Place]
    tops: Mapping[str, str]  #: firm id of a child -> that of its topmost ancestor
    values: Mapping[str, Counter[str]] = field(default_factory=dict)  #: criterion -> value -> accounts; the first spelling
    spellings: Mapping[str, frozenset[str]] = field(default_factory=dict)  #: criterion -> every spelling, without its case

    @property
    def inside(self) -> set[str]:
        """Firm ids of the accounts in scope."""
        return {p.firm_id for p in self.places if not p.why}


def census(c: Connection, orgs: Sequence[int], scope: Scope) -> Census:
    """Look at every account of these orgs, the first of which names what several know."""
    facts: dict[str, Facts] = {}
    parents: dict[str, str | None] = {}
    accounts: list[tuple[int, str, str, bool]] = []
    people = [person for org in orgs for person in _people(c, org, orgs[0]).values()]
    for org in orgs:
        for row, mine in _accounts(c, org, orgs[0]):
            facts[row.firm_id] = {**mine, **facts[row.firm_id]} if row.firm_id in facts else mine
            parents.setdefault(row.firm_id, row.parent)
            accounts.append((org, row.id, row.firm_id, _marked(row.ours)))
    tops = roots(parents) if scope.rollup else {}
    alike = {id(combination): combination for combination in facts.values()}  # few combinations occur; each is decided once
    why = {key: scope.left_out(combination) for key, combination in alike.items()}
    places = [
        Place(org, i, firm_id, ROLLED if firm_id in tops else why[id(facts[firm_id])], marked)
        for org, i, firm_id, marked in accounts
    ]
    times = Counter(id(combination) for combination in facts.values())
    values: dict[str, Counter[str]] = {name: Counter() for name in scope.criteria}
    for name, key in product(scope.criteria, alike):
        if own_values := alike[key].get(name):
            values[name][own_values[0]] += times[key]
    everybody = (*alike.values(), *people)
    spelt = {name: frozenset(v.casefold() for f in everybody for v in f.get(name, ())) for name in scope.criteria}
    return Census(places, tops, values, spelt)


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    firm_id: str
    parent: str | None
    ours: str


def _accounts(c: Connection, org: int, first: int) -> Iterator[tuple[_Row, Facts]]:
    """Return accounts that are not deleted, with their values by criterion."""
    a, people = t.account.c, _people(c, org, first)
    elsewhere = _links(c, org, first, "account")
    nobody: Facts = {OWNER: ("",), **({ROLE: ("",)} if any(ROLE in p for p in people.values()) else {})}
    query = select(a.id, a.owner_id, a.parent_id, a.category, a.ours, a.traits).where(a.org == org, a.deleted.is_(False))
    once: dict[tuple[str | None, ...], Facts] = {}
    for row in c.execute(query.order_by(a.id)):
        key = (row.owner_id, row.category, row.traits)
        if (mine := once.get(key)) is None:
            traits = json.loads(row.traits) if row.traits else {}
            mine = once[key] = {TYPE: (row.category or "",), **people.get(row.owner_id, nobody), **traits}
        parent = elsewhere.get(row.parent_id, row.parent_id)
        yield _Row(row.id, elsewhere.get(row.id, row.id), parent, row.ours), mine


def _people(c: Connection, org: int, first: int) -> dict[str | None, Facts]:
    """Tell what owners say of the accounts they have: names and ids of the person, and the role where this CRM has roles."""
    o = t.owner.c
    rows = c.execute(select(o.id, o.name, o.role).where(o.org == org)).all()
    names = dict(map(tuple, c.execute(select(o.id, o.name).where(o.org == first)))) if org != first else {}
    elsewhere, roles = _links(c, org, first, "owner"), any(row.role for row in rows)
    people: dict[str | None, Facts] = {}
    for row in rows:
        same = elsewhere.get(row.id)
        also = (same, same[:STEM], names.get(same, "")) if same else ()
        spellings = (row.name, row.id, row.id[:STEM], *also)
        people[row.id] = {OWNER: tuple(s for s in spellings if s), **({ROLE: (row.role or "",)} if roles else {})}
    return people


def _links(c: Connection, org: int, first: int, kind: str) -> dict[str | None, str]:
    x = t.link.c
    query = select(x.id, x.to_id).where(x.org == org, x.kind == kind)
    return {} if org == first else dict(map(tuple, c.execute(query)))


def _marked(ours: str) -> bool:
    return ours != "{}" and bool(json.loads(ours).keys() & set(WRITTEN))


# ---- the firm's tables ----------------------------------------------------------------------------------------------


def copied(scope: Scope) -> tuple[str, ...]:
    """Return the kinds that `narrow` changes."""
    return ("account", *(HANDED_ON if scope.rollup else ())) if scope else ()


def narrow(c: Connection, made: Mapping[str, Table], found: Census) -> None:
    """Hand on to parents what is their children's, and leave the accounts in scope only.

    Records of other accounts stay: a person's whole time counts for how well that person logs.
    """
    inside = _ids(c, "in_scope", [(i,) for i in sorted(found.inside)])
    accounts = made["account"]
    c.execute(delete(accounts).where(accounts.c.id.not_in(select(inside.c.id))))
    inside.drop(c)
    if found.tops:
        above = children(c, found)
        for kind, column in HANDED_ON.items():
            _hand_on(c, made[kind], made[kind].c[column], above)
        above.drop(c)


def children(c: Connection, found: Census) -> Table:
    """Return a temporary table of children and their topmost ancestors."""
    return _ids(c, "handed_on", sorted(found.tops.items()))


def handed_on(rows: FromClause, column: str, above: Table) -> Select[Any]:
    """Return the rows with their account's topmost ancestor in place of the account."""
    top = func.coalesce(above.c.to_id, rows.c[column]).label(column)
    columns = [top if x.name == column else x for x in rows.c]
    return select(*columns).select_from(rows.outerjoin(above, above.c.id == rows.c[column]))


def _hand_on(c: Connection, table: Table, column: Any, above: Table) -> None:
    top = select(above.c.to_id).where(above.c.id == column).scalar_subquery()
    c.execute(update(table).where(column.in_(select(above.c.id))).values({column.name: top}))


def _ids(c: Connection, name: str, rows: Sequence[tuple[str, ...]]) -> Table:
    """Return a temporary table of ids."""
    columns = ("id", "to_id")[: len(rows[0]) if rows else 1]
    made = Table(name, MetaData(), *(Column(x, String(40), primary_key=x == "id") for x in columns), prefixes=["TEMPORARY"])
    made.create(c)
    upsert(c, made, columns, rows)
    return made
