"""A person is in one place at a time: overlapping records share the seconds they have in common (2.1, rule 7).

A sweep over the ends of the records: between two neighbouring ends `n` records are open, and each gets a share of 1/n. With
G(t) the sum of those shares up to t, a record gets G(end) - G(start), so that no record is compared with another one.
"""

from typing import Any

from sqlalchemy import CTE, BigInteger, and_, case, cast, func, literal, select, union_all

#: divisible by every count of records up to sixteen, so that shares of a second are whole numbers
UNIT = 720_720


def shared(rows: CTE, again: CTE) -> Any:
    """(id, person, seconds kept, "overlap") of measured records that overlap another one of the person."""
    x, a = rows.c, again.c
    open_ = (
        select(x.id, x.person, x.starts_at, x.ends_at, x.length)
        .select_from(rows.outerjoin(again, and_(a.id == x.id, a.person == x.person)))
        .where(x.near == 1, x.timed == 1, a.id.is_(None))
        .cte("open_records")
    )
    swept = _swept(open_).c
    kept = cast(func.sum(swept.step * swept.shares) // UNIT, BigInteger)
    return (
        select(swept.id, swept.person, kept, literal("overlap"))
        .group_by(swept.id, swept.person)
        .having(kept < func.max(swept.length))
    )


def _swept(open_: CTE) -> CTE:
    """Both ends of every record (`step` -1 and 1) with G there, in units of a second's 1/720720."""
    o = open_.c
    ends = union_all(
        select(o.id, o.person, o.length, o.starts_at.label("at"), literal(-1).label("step")),
        select(o.id, o.person, o.length, o.ends_at, literal(1)),
    ).cte("ends").c  # fmt: skip
    by: dict[str, Any] = {"partition_by": ends.person, "order_by": [ends.at, ends.id, ends.step]}
    seen = select(
        *ends, func.lag(ends.at).over(**by).label("last"),
        cast(func.sum(-ends.step).over(**by, rows=(None, -1)), BigInteger).label("many"),
    ).cte("ends_seen").c  # fmt: skip
    # between two ends with nobody open there is nothing to share
    part = case((seen.many > 0, (seen.at - seen.last) * (UNIT // func.nullif(seen.many, 0))), else_=0)
    g = func.sum(part).over(partition_by=seen.person, order_by=[seen.at, seen.id, seen.step], rows=(None, 0))
    return select(seen.id, seen.person, seen.length, seen.step, cast(g, BigInteger).label("shares")).cte("swept")
