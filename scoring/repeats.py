"""Records that tell of one activity twice: a logged meeting and the synced event, a copy of a colleague's (2.1, rule 6)."""

from typing import Any

from sqlalchemy import CTE, BigInteger, and_, case, cast, func, or_, select, union

from scoring.rules import Rules

#: per cent of the shorter of two records that lies in the other one, from which on they are one activity
SAME_SHARE = 80


def repeats(rows: CTE, rules: Rules) -> CTE:
    """(id, person) of every record that repeats a better one: the same start, most of its length, or the same day where
    nobody noted the time."""
    return union(_close(rows, rules), _vague(rows), _same_subject(rows)).cte("repeats")


def _close(rows: CTE, rules: Rules) -> Any:
    """All but the best of the records of one person, account and kind that begin together or lie in each other."""
    x = rows.c
    # an answer that comes within minutes is another mail; so is one about another matter
    topic = case((x.kind == "email", func.coalesce(x.subject_key, 0)), else_=0)
    way = case((x.kind == "email", func.coalesce(x.direction, "")), else_="")
    near = select(*x, topic.label("topic"), way.label("way")).where(x.near == 1).cte("near").c
    by: dict[str, Any] = {"partition_by": [near.person, near.account_id, near.kind, near.topic, near.way],
                          "order_by": [near.starts_at, near.id]}  # fmt: skip
    seen = select(
        *near, func.lag(near.starts_at).over(**by).label("before"), func.lag(near.ends_at).over(**by).label("ended"),
        func.max(near.ends_at).over(**by, rows=(None, -1)).label("reach"),
    ).cte("near_seen").c  # fmt: skip
    fresh = case((_same(seen, rules), 0), else_=1)
    island = func.sum(fresh).over(
        partition_by=[seen.person, seen.account_id, seen.kind, seen.topic, seen.way],
        order_by=[seen.starts_at, seen.id], rows=(None, 0),
    )  # fmt: skip
    g = select(*seen, cast(island, BigInteger).label("island")).cte("near_islands").c
    best = func.row_number().over(
        partition_by=[g.person, g.account_id, g.kind, g.topic, g.way, g.island],
        order_by=[g.sure.desc(), g.length.desc(), g.own.desc(), g.id],
    )
    ranked = select(g.id, g.person, best.label("best")).subquery().c
    return select(ranked.id, ranked.person).where(ranked.best > 1)


def _same(x: Any, rules: Rules) -> Any:
    """Whether a record tells of what an earlier one of its kind tells of."""
    mine = _least(x.reach, x.ends_at) - x.starts_at
    last = _least(x.ended, x.ends_at) - x.starts_at
    return or_(
        x.starts_at - x.before <= rules.same_start_seconds,
        and_(mine > 0, mine * 100 >= SAME_SHARE * (x.ends_at - x.starts_at)),
        and_(last > 0, last * 100 >= SAME_SHARE * (x.ended - x.before)),
    )


def _least(a: Any, b: Any) -> Any:
    """min(a, b) on every engine."""
    return case((a < b, a), else_=b)


def _vague(rows: CTE) -> Any:
    """A meeting that nobody measured repeats the measured one of that person, account and day."""
    x = rows.c
    day = [x.person, x.account_id, x.owner_day]
    mixed = select(*day).where(x.kind == "meeting").group_by(*day).having(func.max(x.timed) > func.min(x.sure)).cte("mixed")
    return (
        select(x.id, x.person)
        .join(mixed, and_(mixed.c.person == x.person, mixed.c.account_id == x.account_id, mixed.c.owner_day == x.owner_day))
        .where(x.kind == "meeting", x.sure == 0, x.code != "no_show")
    )


def _same_subject(rows: CTE) -> Any:
    """Of meetings and tasks with one subject and day, those that nobody measured repeat a measured meeting, or the first."""
    x = rows.c
    loose = and_(x.subject_key.is_not(None), x.code != "no_show", or_(x.kind == "meeting", x.kind == "task"))
    day = [x.person, x.account_id, x.owner_day, x.subject_key]
    many = select(*day).where(loose).group_by(*day).having(
        and_(func.count() > 1, func.max(case((x.kind == "meeting", 1), else_=0)) == 1, func.min(x.sure) == 0)
    ).cte("one_subject")  # fmt: skip
    rank = func.row_number().over(
        partition_by=day, order_by=[x.sure.desc(), case((x.kind == "meeting", 0), else_=1), x.starts_at, x.own.desc(), x.id]
    )
    named = (
        select(x.id, x.person, x.sure, rank.label("nth"))
        .join(many, and_(many.c.person == x.person, many.c.account_id == x.account_id, many.c.owner_day == x.owner_day,
                         many.c.subject_key == x.subject_key))
        .where(loose)
    ).subquery().c  # fmt: skip
    return select(named.id, named.person).where(named.nth > 1, named.sure == 0)
