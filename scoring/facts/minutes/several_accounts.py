"""One activity for several accounts: its seconds go to them by their people who were there.

(docs/facts/scoring.md, "Selling minutes")
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union,
)

from scoring.facts.membership import is_in, is_not_in
from scoring.facts.steps import ENTRY, Steps

#: what an account gets its part of
SECONDS = ("clipped", "lost", "capped", "counted")


def several(t: Any, org: int, window: FromClause) -> Select[Any]:
    """Select ids of activities that touch an account besides the one they name: by a contact who was there, or by a link."""
    p, c, w = t.participant, t.contact, window.c
    there = and_(p.c.org == w.org, p.c.activity_id == w.id, p.c.deleted.is_(False), p.c.declined.is_(False))
    theirs = and_(p.c.side == "theirs", c.c.org == org, c.c.id == p.c.person_id)
    account = case((p.c.side == "about", p.c.person_id), else_=c.c.account_id)
    other = or_(w.account_id.is_(None), account != w.account_id)
    return select(w.id).join(p, there).outerjoin(c, theirs).where(account.is_not(None), other).distinct()


def between_accounts(t: Any, org: int, rows: FromClause, window: FromClause, steps: Steps) -> CompoundSelect[Any]:
    """Select every record under each account that has a part of it; what the others got stands in `elsewhere`."""
    x, ids = rows.c, steps.add("several", several(t, org, window))
    alone = select(*x, literal(0).label("elsewhere")).where(is_not_in([x.id], ids))
    others = steps.add("of_several", select(*x).where(is_in([x.id], ids)), ENTRY, found_by="id")
    return alone.union_all(_parts(t, org, others, ids))


def _parts(t: Any, org: int, rows: FromClause, ids: FromClause) -> Select[Any]:
    """An account's part of a record reaches from `below` to `upto` of `whole`: parts follow each other, so that whole seconds
    divide without a rest.

    An account weighs as many of its people as were there; where nobody's people are known, all weigh the same; the account
    that the record names weighs at least one, for the record says that it was about it.
    """
    fixed = [c for c in rows.c if c.name != "account_id"]
    x = _touched(t, org, rows, ids, fixed).c
    same = [x[c.name] for c in fixed]
    heads = select(*same, x.account_id, func.count(x.attendee).label("heads"), func.max(x.named).label("named"))
    h = heads.group_by(*same, x.account_id).subquery().c
    every = func.sum(h.heads).over(partition_by=[h.id, h.person])
    present = select(*h, every.label("every")).subquery().c
    weight = case((present.every == 0, 1), (and_(present.heads == 0, present.named == 1), 1), else_=present.heads)
    weighed = select(*present, cast(weight, BigInteger).label("weight")).subquery().c
    by: dict[str, Any] = {"partition_by": [weighed.id, weighed.person]}
    upto = func.sum(weighed.weight).over(**by, order_by=weighed.account_id, rows=(None, 0))
    whole = func.sum(weighed.weight).over(**by)
    cut = select(*weighed, cast(upto, BigInteger).label("upto"), cast(whole, BigInteger).label("whole")).subquery().c

    def mine(column: ColumnElement[Any]) -> ColumnElement[Any]:
        part = column * cut.upto // cut.whole - column * (cut.upto - cut.weight) // cut.whole
        return cast(part, BigInteger)

    here: ColumnElement[Any] = sum((mine(cut[name]) for name in SECONDS[1:]), mine(cut[SECONDS[0]]))
    columns = [mine(cut[c.name]).label(c.name) if c.name in SECONDS else cut[c.name] for c in rows.c]
    return select(*columns, (cut.claimed - here).label("elsewhere")).where(cut.weight > 0)


def _touched(t: Any, org: int, rows: FromClause, ids: FromClause, fixed: Sequence[ColumnElement[Any]]) -> Subquery:
    """One row a record, account and contact; a row without a contact stands for an account that is named or linked."""
    p, c, x = t.participant, t.contact, rows.c
    # by the ids: SQLite would rather read all participants than expect that few records are left
    mine = and_(p.c.org == org, p.c.activity_id.in_(select(ids.c.id)), p.c.activity_id == x.id)
    there = and_(mine, p.c.deleted.is_(False), p.c.declined.is_(False))
    of_account = and_(c.c.org == org, c.c.account_id.is_not(None))
    no, nobody = literal(0), literal(None, c.c.id.type)
    named = select(*fixed, x.account_id, nobody.label("attendee"), literal(1).label("named")).where(
        x.account_id.is_not(None)
    )
    met = (
        select(*fixed, c.c.account_id, c.c.id, no)
        .select_from(rows)
        .join(p, there)
        .join(c, and_(of_account, c.c.id == p.c.person_id))
        .where(p.c.side == "theirs")
    )
    first = select(*fixed, c.c.account_id, c.c.id, no).join(c, and_(of_account, c.c.id == x.contact_id))
    linked = select(*fixed, p.c.person_id, nobody, no).select_from(rows).join(p, there).where(p.c.side == "about")
    return union(named, met, first, linked).subquery()
