"""What two CRMs both know, found anew every night: accounts, people of ours, contacts and opportunities (docs/adr/0010)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, delete, func, literal, or_, select

from db import tables as t
from db.upsert import upsert
from scoring.linking import STEM, Known, Links, links


def relink(engine: Engine, orgs: Sequence[int]) -> Links:
    """Find anew what the other orgs share with the first; returns the links of accounts."""
    firm = Links({}, ())
    with engine.begin() as c:
        for org in orgs[1:]:
            one = links(_accounts(c, orgs[0]), _accounts(c, org))
            firm = Links({**firm.to, **one.to}, (*firm.doubtful, *one.doubtful))
            _replace(c, org, "account", [("account", i, to, why) for i, (to, why) in one.to.items()])
            for kind, same in (("owner", _same_owners), ("contact", _same_contacts), ("opportunity", _same_deals)):
                _replace(c, org, kind, [(kind, *row) for row in c.execute(same(orgs[0], org))])
    return firm


def _accounts(c: Connection, org: int) -> list[Known]:
    a = t.account
    query = select(a.c.id, a.c.name, a.c.domain, a.c.foreign_id).where(a.c.org == org, a.c.deleted.is_(False))
    return [Known(*row) for row in c.execute(query.order_by(a.c.id))]


def _replace(c: Connection, org: int, kind: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Replace the links of a kind; what stays the same is not written."""
    x, ids = t.link, {row[1] for row in rows}
    stored = c.execute(select(x.c.id).where(x.c.org == org, x.c.kind == kind)).scalars()
    obsolete = [i for i in stored if i not in ids]
    upsert(c, x, ("kind", "id", "to_id", "why"), rows, org=org)
    for start in range(0, len(obsolete), 500):
        c.execute(delete(x).where(x.c.org == org, x.c.kind == kind, x.c.id.in_(obsolete[start : start + 500])))


def _same_owners(first: int, org: int) -> Select[Any]:
    """Return people of ours by their address; one that several users share links nobody."""
    a, b = t.owner.alias("a"), t.owner.alias("b")
    same = and_(a.c.org == first, a.c.person_key == b.c.person_key)
    query = select(b.c.id, func.min(a.c.id), literal("person")).select_from(b.join(a, same)).where(b.c.org == org)
    return query.group_by(b.c.id).having(func.count(a.c.id.distinct()) == 1)


def _same_contacts(first: int, org: int) -> Select[Any]:
    """Return customers' people by the id that the second CRM holds."""
    a, b = t.contact.alias("a"), t.contact.alias("b")
    same = and_(a.c.org == first, _stem(a.c.id) == _stem(b.c.foreign_id), a.c.deleted.is_(False))
    query = select(b.c.id, func.min(a.c.id), literal("id")).select_from(b.join(a, same))
    return query.where(b.c.org == org, b.c.deleted.is_(False)).group_by(b.c.id)


def _stem(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Tell what the 15 and 18 character forms of an id share."""
    return func.substr(column, 1, STEM)


def _same_deals(first: int, org: int) -> Select[Any]:
    """Return opportunities by the id that the second CRM holds, else by account, name, amount and close date."""
    a, b, x = t.opportunity.alias("a"), t.opportunity.alias("b"), t.link
    by_id = _stem(a.c.id) == _stem(b.c.foreign_id)
    of_account = select(x.c.to_id).where(x.c.org == org, x.c.kind == "account", x.c.id == b.c.account_id).scalar_subquery()
    equal = [a.c[name] == b.c[name] for name in ("name", "close_day", "amount_cents")]
    alike = and_(b.c.foreign_id.is_(None), a.c.account_id == of_account, *equal)
    query = select(b.c.id, func.min(a.c.id), literal("id")).select_from(b.join(a, and_(a.c.org == first, or_(by_id, alike))))
    return query.where(b.c.org == org, b.c.deleted.is_(False), a.c.deleted.is_(False)).group_by(b.c.id)
