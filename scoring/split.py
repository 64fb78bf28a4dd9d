"""One activity for several accounts: its seconds go to them by their people who were there (2.1, rule 5)."""

from typing import Any

from sqlalchemy import CTE, BigInteger, and_, case, cast, func, literal, or_, select, union


def parts(t: Any, org: int, window: CTE) -> CTE:
    """For each activity of several accounts, and each of them: the part `below` to `upto` of `whole` that is its own.

    The parts follow each other, so that whole seconds divide without a rest. An account weighs as many of its people as were
    there; where nobody's people are known, all weigh the same; the account that the record names weighs at least one.
    """
    people = _people(t, org, window)
    p = people.c
    heads = select(p.id, p.account_id, func.count(p.contact_id).label("heads")).group_by(p.id, p.account_id).cte("heads").c
    every = func.sum(heads.heads).over(partition_by=heads.id)
    known = select(heads.id, heads.account_id, heads.heads, every.label("every")).cte("known_heads")
    named = and_(window.c.id == known.c.id, window.c.account_id == known.c.account_id)
    weight = case((known.c.every == 0, 1), (and_(known.c.heads == 0, window.c.id.is_not(None)), 1), else_=known.c.heads)
    weighed = (
        select(known.c.id, known.c.account_id, cast(weight, BigInteger).label("weight"))
        .select_from(known.outerjoin(window, named))
        .cte("weighed")
    ).c  # fmt: skip
    upto = func.sum(weighed.weight).over(partition_by=weighed.id, order_by=weighed.account_id, rows=(None, 0))
    whole = func.sum(weighed.weight).over(partition_by=weighed.id)
    cut = select(
        weighed.id, weighed.account_id, weighed.weight, cast(upto, BigInteger).label("upto"), cast(whole, BigInteger).label("whole")
    ).subquery().c  # fmt: skip
    return select(cut.id, cut.account_id, (cut.upto - cut.weight).label("below"), cut.upto, cut.whole).where(
        cut.weight > 0
    ).cte("parts")  # fmt: skip


def _people(t: Any, org: int, window: CTE) -> CTE:
    """(activity, account, contact) of every activity that touches an account besides the one it names; a row without a
    contact stands for an account that is named."""
    p, c, w = t.participant, t.contact, window.c
    there = and_(p.c.org == org, p.c.activity_id == w.id, p.c.deleted.is_(False), p.c.declined.is_(False))
    theirs = and_(c.c.org == org, c.c.id == p.c.person_id, c.c.account_id.is_not(None), p.c.side == "theirs")
    account = case((p.c.side == "account", p.c.person_id), else_=c.c.account_id)
    other = or_(w.account_id.is_(None), account != w.account_id)
    foreign = select(w.id).join(p, there).outerjoin(c, theirs).where(account.is_not(None), other)
    several = foreign.distinct().cte("several")
    ours = select(w.id, w.account_id, w.contact_id).join(several, several.c.id == w.id).cte("of_several").c
    met = select(several.c.id, c.c.account_id, c.c.id.label("contact_id")).join(
        p, and_(p.c.org == org, p.c.activity_id == several.c.id, p.c.deleted.is_(False), p.c.declined.is_(False))
    ).join(c, theirs)  # fmt: skip
    first = select(ours.id, c.c.account_id, c.c.id).join(
        c, and_(c.c.org == org, c.c.id == ours.contact_id, c.c.account_id.is_not(None))
    )  # fmt: skip
    nobody = literal(None, c.c.id.type)
    named = select(ours.id, ours.account_id, nobody).where(ours.account_id.is_not(None))
    linked = select(several.c.id, p.c.person_id, nobody).join(
        p, and_(p.c.org == org, p.c.activity_id == several.c.id, p.c.deleted.is_(False), p.c.side == "account")
    )  # fmt: skip
    return union(met, first, named, linked).cte("touched")


def between_accounts(rows: CTE, parts: CTE) -> CTE:
    """Every record under each account that has a part of it; what the others got stands in `elsewhere`."""
    x, p = rows.c, parts.c

    def mine(column: Any) -> Any:
        return case((p.whole.is_(None), column), else_=column * p.upto // p.whole - column * p.below // p.whole)

    clipped, lost, capped, counted = (mine(c) for c in (x.clipped, x.lost, x.capped, x.counted))
    here = clipped + lost + capped + counted
    return (
        select(
            x.id, x.person, func.coalesce(p.account_id, x.account_id).label("account_id"), x.kind, x.starts_at, x.seconds,
            x.sure, x.claimed, cast(counted, BigInteger).label("counted"), clipped.label("clipped"), lost.label("lost"),
            capped.label("capped"), (x.claimed - here).label("elsewhere"), x.code, x.rule,
        )
        .select_from(rows.outerjoin(parts, p.id == x.id))
        .cte("counted")
    )  # fmt: skip
