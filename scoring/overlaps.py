"""A person is in one place at a time: overlapping records share the seconds they have in common (2.1, rule 7).

A sweep over the ends of the records: between two neighbouring ends `n` records are open, and each gets a share of 1/n. With
G(t) the sum of those shares up to t, a record gets G(end) - G(start), so that no record is compared with another one.
"""

from typing import Any

from sqlalchemy import BigInteger, FromClause, Select, Subquery, case, cast, func, literal, select, union_all

from scoring.sets import among, beside
from scoring.stages import Stages

#: divisible by every count of records up to sixteen, so that shares of a second are whole numbers
UNIT = 720_720


def shared(rows: FromClause, again: FromClause, stages: Stages) -> Subquery:
    """Measured records that overlap another one of the person, with `share`, the seconds that are left to each."""
    x = rows.c
    wanted = (x.id, x.person, x.account_id, x.contact_id, x.kind, x.starts_at, x.owner_day, x.seconds, x.length, x.sure,
              x.code, x.ends_at)  # fmt: skip
    alone = select(*wanted).where(x.timed > 0, beside([x.id, x.person], again)).subquery()
    open_ = stages.keep("overlapping", _overlapping(alone, stages))
    o = open_.c
    ends = union_all(
        select(*o, o.starts_at.label("at"), literal(-1).label("step")), select(*o, o.ends_at, literal(1))
    ).subquery().c  # fmt: skip
    by: dict[str, Any] = {"partition_by": ends.person, "order_by": [ends.at, ends.id, ends.step]}
    seen = select(
        *ends, func.lag(ends.at).over(**by).label("last"),
        cast(func.sum(-ends.step).over(**by, rows=(None, -1)), BigInteger).label("many"),
    ).subquery().c  # fmt: skip
    # between two ends with nobody open there is nothing to share
    part = case((seen.many > 0, (seen.at - seen.last) * (UNIT // func.nullif(seen.many, 0))), else_=0)
    g = func.sum(part).over(partition_by=seen.person, order_by=[seen.at, seen.id, seen.step], rows=(None, 0))
    swept = select(*(seen[c.name] for c in o), seen.step, cast(g, BigInteger).label("shares")).subquery().c
    same = [swept[c.name] for c in o]
    share = cast(func.sum(swept.step * swept.shares) // UNIT, BigInteger)
    return select(*same, share.label("share")).group_by(*same).subquery()


def _overlapping(rows: FromClause, stages: Stages) -> Select[Any]:
    """The records of every stretch of a person's time in which records overlap."""
    x = rows.c
    by: dict[str, Any] = {"partition_by": x.person, "order_by": [x.starts_at, x.id]}
    reach = func.max(x.ends_at).over(**by, rows=(None, -1))
    seen = select(*x, reach.label("reach")).subquery().c
    fresh = case((seen.reach > seen.starts_at, 0), else_=1)
    stretch = func.sum(fresh).over(partition_by=seen.person, order_by=[seen.starts_at, seen.id], rows=(None, 0))
    wanted = select(*(seen[c.name] for c in x), fresh.label("fresh"), cast(stretch, BigInteger).label("stretch"))
    numbered = stages.keep("stretches", wanted).c
    key = [numbered.person, numbered.stretch]
    crowded = select(*key).where(numbered.fresh < 1).subquery()
    return select(*(numbered[c.name] for c in x)).where(among(key, crowded))
