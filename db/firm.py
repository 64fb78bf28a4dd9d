"""Several CRMs as one firm: what both know counts once (docs/adr/0010).

With one CRM the firm is that CRM's records. With more, temporary tables hold the records of all, the ids of what is linked
replaced by those of the first CRM; everything that judges reads them as if they were one org's. So does it where a scope
leaves out accounts: only the tables that the scope changes are copied.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    Select,
    Table,
    and_,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    update,
)

from db import scope as scoped
from db import tables as t
from scoring.facts.steps import Query, Staged
from scoring.records import ANSWERS, KINDS
from scoring.scope import Scope

#: which kind of thing a field of a record names
NAMES = {
    "account_id": "account",
    "owner_id": "owner",
    "contact_id": "contact",
    "opportunity_id": "opportunity",
    "person_id": "",
    "former_id": "owner",
    "parent_id": "account",
    "manager_id": "owner",
}
#: records that are left out where the first CRM has the same, and those that hang on an opportunity
DOUBLES = ("account", "owner", "contact", "opportunity")
OF_OPPORTUNITY = ("opportunity_change", "line_item", "contact_role", "quote")


#: rows of a result held at a time
PAGE = 5000
EVERYTHING = Scope()


class Firm:
    """The records to be judged and a connection to read them by."""

    def __init__(self, connection: Connection, tables: Any, org: int) -> None:
        self._c, self.tables, self.org = connection, tables, org
        self._texts: dict[str, str] = {}
        self._shared: frozenset[Table] = frozenset()

    def facts(self, queries: Mapping[str, Select[Any] | Staged]) -> dict[str, dict[str, list[Any]]]:
        """Run several feature queries by name; a step that more than one of them reads is made once."""
        named = [step for query in queries.values() if isinstance(query, Staged) for step in query.steps]
        times = Counter(table for table, _ in named)
        shared = {table: step for table, step in named if times[table] > 1}
        with temporary(self._c, shared.items()):
            self._shared = frozenset(shared)
            try:
                return {name: self.columns(query) for name, query in queries.items()}
            finally:
                self._shared = frozenset()
                self._texts.clear()

    def columns(self, query: Select[Any] | Staged) -> dict[str, list[Any]]:
        """Run a feature query and give its result by column.

        Equal texts are one object: ids and names come back in many rows and would be half of the memory of a night.
        """
        with self._staged(query) as last:
            result = self._c.execute(last)
            columns: dict[str, list[Any]] = {name: [] for name in result.keys()}  # noqa: SIM118 - a result is no mapping
            once = self._texts
            for rows in result.partitions(PAGE):
                for column, values in zip(columns.values(), zip(*rows, strict=True), strict=True):
                    column += [once.setdefault(v, v) if type(v) is str else v for v in values]
        return columns

    def rows(self, query: Select[Any] | Staged) -> list[dict[str, Any]]:
        with self._staged(query) as last:
            return [dict(r) for r in self._c.execute(last).mappings()]

    @contextmanager
    def _staged(self, query: Select[Any] | Staged) -> Iterator[Any]:
        """Return the last step of a query, once its earlier steps have been kept."""
        if not isinstance(query, Staged):
            yield query
            return
        with temporary(self._c, [(table, step) for table, step in query.steps if table not in self._shared]):
            yield query.query

    def records_of(self, account_id: str) -> dict[str, list[dict[str, Any]]]:
        """Tell what is stored about one account besides its activities, for people who want to check a number."""
        x, org = self.tables, self.org
        o, h, i, c = x.opportunity, x.opportunity_change, x.line_item, x.contact
        mine = (o.c.org == org) & (o.c.account_id == account_id)
        queries = {
            "opportunities": select(o).where(mine).order_by(o.c.id),
            "opportunity_changes": select(h).join(o, (o.c.org == h.c.org) & (o.c.id == h.c.opportunity_id)).where(mine),
            "line_items": select(i).join(o, (o.c.org == i.c.org) & (o.c.id == i.c.opportunity_id)).where(mine),
            "team": select(x.team_member).where(x.team_member.c.org == org, x.team_member.c.account_id == account_id),
            "quotes": select(x.quote).join(o, (o.c.org == x.quote.c.org) & (o.c.id == x.quote.c.opportunity_id)).where(mine),
            "contacts": select(c).where(c.c.org == org, c.c.account_id == account_id).order_by(c.c.id),
        }
        return {name: [{k: v for k, v in r.items() if k != "org"} for r in self.rows(q)] for name, q in queries.items()}


@contextmanager
def temporary(c: Connection, steps: Iterable[tuple[Table, Query]]) -> Iterator[None]:
    """Keep steps as temporary tables, in their order, for the length of a block."""
    tables = []
    for table, step in steps:
        table.create(c)
        columns = [x.name for x in table.c if x.autoincrement is not True]
        c.execute(insert(table).from_select(columns, step))
        if c.dialect.name == "postgresql":  # it plans by what it knows of a table; SQLite expects a large one
            c.exec_driver_sql(f"ANALYZE {table.name}")
        tables.append(table)
    yield
    for table in reversed(tables):
        table.drop(c)


@contextmanager
def firm(engine: Engine, orgs: Sequence[int], scope: Scope = EVERYTHING) -> Iterator[Firm]:
    """Open all orgs as one, under the id of the first; its accounts are those in scope."""
    with engine.connect().execution_options(reading=True) as c:
        kinds = (*KINDS, "account_owner") if len(orgs) > 1 else scoped.copied(scope)
        metadata, tables = MetaData(), dict[str, Table]()
        for name in kinds:
            tables[name] = _copy_of(t.metadata.tables[name], metadata)
        metadata.create_all(c)
        _fill(c, tables, orgs)
        if scope:
            scoped.narrow(c, tables, scoped.census(c, orgs, scope))
        yield Firm(c, SimpleNamespace(**{**t.metadata.tables, **tables}), orgs[0])
        metadata.drop_all(c)


# ---- one firm -------------------------------------------------------------------------------------------------------


def _fill(c: Connection, tables: Mapping[str, Table], orgs: Sequence[int]) -> None:
    """Copy the records of all orgs into temporary tables."""
    for name, table in tables.items():
        source = t.metadata.tables[name]
        for org in orgs:
            query = of_first(source, org) if org == orgs[0] else as_first(source, orgs[0], org)
            c.execute(insert(table).from_select([x.name for x in source.c], query))
        if c.dialect.name == "postgresql":
            c.exec_driver_sql(f"ANALYZE {table.name}")
    if len(orgs) > 1:
        _merge_answers(c, tables, orgs[0], orgs[1:])


def _copy_of(source: Table, metadata: MetaData) -> Table:
    columns = [Column(x.name, x.type, primary_key=x.primary_key, autoincrement=False) for x in source.c]
    copy = Table(f"firm_{source.name}", metadata, *columns, prefixes=["TEMPORARY"])
    for index in source.indexes:
        Index(f"firm_{index.name}", *(copy.c[x.name] for x in index.columns))
    return copy


def of_first(source: Table, org: int) -> Select[Any]:
    return select(*source.c).where(source.c.org == org)


def as_first(source: Table, first: int, org: int) -> Select[Any]:
    """Return the records of another org as the first would have them."""
    joined: Any = source
    columns: list[ColumnElement[Any]] = []
    for column in source.c:
        if column.name == "org":
            columns.append(cast(literal(first), Integer).label("org"))
        elif column.name in NAMES:
            x = t.link.alias(f"l_{column.name}")
            joined = joined.outerjoin(x, and_(x.c.org == org, x.c.kind == _kind(source, column.name), x.c.id == column))
            columns.append(func.coalesce(x.c.to_id, column).label(column.name))
        elif column.name == "currency":
            columns.append(func.coalesce(column, _home(org)).label("currency"))
        else:
            columns.append(column)
    return select(*columns).select_from(joined).where(source.c.org == org, *_not_doubled(source, first, org))


def _kind(source: Table, column: str) -> ColumnElement[str]:
    """Tell what a field names; a participant is one of ours, an account or a contact."""
    if column == "person_id":
        return case((source.c.side == "ours", "owner"), (source.c.side == "about", "account"), else_="contact")
    return literal(NAMES[column])


def _not_doubled(source: Table, first: int, org: int) -> list[ColumnElement[bool]]:
    """Leave out doubles of the first org's records, and what hangs on them."""
    if source.name in DOUBLES:
        return [~_linked(source.name, source.c.id, org)]
    if source.name in OF_OPPORTUNITY:
        return [~_linked("opportunity", source.c.opportunity_id, org)]
    if source.name in ("account_owner", "owner_change"):
        return [~_linked("account", source.c.account_id, org)]
    if source.name in ("stage", "currency_rate"):
        same = source.alias("same")
        new = ~select(same.c.id).where(same.c.org == first, same.c.id == source.c.id).exists()
        return [new] if source.name == "stage" else [new, _home(first) == _home(org)]
    return []


def _home(org: int) -> ColumnElement[str]:
    """Return an org's own currency."""
    return select(t.org.c.currency).where(t.org.c.id == org).scalar_subquery()


def _linked(kind: str, column: ColumnElement[Any], org: int) -> ColumnElement[bool]:
    x = t.link
    return select(x.c.id).where(x.c.org == org, x.c.kind == kind, x.c.id == column).exists()


def _merge_answers(c: Connection, tables: Mapping[str, Table], first: int, others: Sequence[int]) -> None:
    """An answer that somebody gave in the second CRM counts where the first has none; money goes into the first's currency."""
    a, x, accounts, rate = t.account, t.link, tables["account"], tables["currency_rate"].c
    home = dict(map(tuple, c.execute(select(t.org.c.id, t.org.c.currency))))
    micro = dict(map(tuple, c.execute(select(rate.id, rate.micro_per_corporate))))
    query = select(x.c.to_id, a.c.ours, a.c.org, a.c.currency)
    query = query.join(x, and_(x.c.org == a.c.org, x.c.kind == "account", x.c.id == a.c.id))
    for to_id, ours, org, currency in c.execute(query.where(a.c.org.in_(others), a.c.ours != "{}")).all():
        answers = {k: v for k, v in json.loads(ours).items() if k in ANSWERS}
        if answers:
            mine = c.execute(select(accounts.c.ours, accounts.c.currency).where(accounts.c.id == to_id)).one()
            rates = [micro.get(code, 1_000_000) for code in (mine.currency or home[first], currency or home[org])]
            if (override := answers.get("potential_override")) is not None:
                answers["potential_override"] = override * rates[0] / rates[1]
            merged = json.dumps(answers | json.loads(mine.ours))
            c.execute(update(accounts).where(accounts.c.id == to_id).values(ours=merged))
