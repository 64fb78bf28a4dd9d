"""A person is in one place at a time: overlapping records share the seconds they have in common (docs/facts/scoring.md, "Selling minutes").

A sweep over the ends of the records: between two neighbouring ends `n` records are open, and each gets a share of 1/n. With
G(t) the sum of those shares up to t, a record gets G(end) - G(start), so that no record is compared with another one.
"""

from typing import Any

from sqlalchemy import BigInteger, FromClause, Subquery, case, cast, func, literal, select, union_all

from scoring.facts.membership import is_in, is_not_in, marked_runs
from scoring.facts.steps import ENTRY, Steps

#: divisible by every count of records up to sixteen, so that shares of a second are whole numbers
UNIT = 720_720


def shared(rows: FromClause, order: FromClause, again: FromClause, steps: Steps) -> Subquery:
    """(entry, length, share) of each measured record that may overlap another one of the person: the seconds left of it."""
    x = rows.c
    open_ = steps.add(
        "overlapping",
        select(x.entry, x.person, x.starts_at, x.ends_at).where(
            is_in([x.entry], marked_runs(order, order.c.crowded)), x.timed > 0, is_not_in([x.entry], again)
        ),
        ENTRY,
    )
    o = open_.c
    ends = (
        union_all(
            select(o.entry, o.person, o.starts_at.label("at"), literal(-1).label("step")),
            select(o.entry, o.person, o.ends_at, literal(1)),
        )
        .subquery()
        .c
    )
    by: dict[str, Any] = {"partition_by": ends.person, "order_by": [ends.at, ends.entry, ends.step]}
    # of ends in their order the last is the largest; and one frame for both, so that they are sorted once
    between = (
        select(
            *ends,
            func.max(ends.at).over(**by, rows=(None, -1)).label("last"),
            cast(func.sum(-ends.step).over(**by, rows=(None, -1)), BigInteger).label("many"),
        )
        .subquery()
        .c
    )
    # between two ends with nobody open there is nothing to share
    part = case(
        (between.many > 0, (between.at - between.last) * (UNIT // cast(func.nullif(between.many, 0), BigInteger))),
        else_=0,
    )
    g = func.sum(part).over(partition_by=between.person, order_by=[between.at, between.entry, between.step], rows=(None, 0))
    swept = select(between.entry, between.at, between.step, cast(g, BigInteger).label("shares")).subquery().c
    # an integer first: PostgreSQL sums to numeric, which divides with a rest and rounds it up
    share = cast(func.sum(swept.step * swept.shares), BigInteger) // UNIT
    length = cast(func.sum(swept.step * swept.at), BigInteger)
    return select(swept.entry, length.label("length"), share.label("share")).group_by(swept.entry).subquery()
