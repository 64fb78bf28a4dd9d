"""Records that tell of one activity twice: a logged meeting and the synced event, a copy of a colleague's.

(docs/facts/scoring.md, "Selling minutes")
"""

from typing import Any

from sqlalchemy import BigInteger, FromClause, Select, Table, and_, case, cast, func, or_, select, union

from scoring.facts.membership import is_in, marked_runs
from scoring.facts.steps import ENTRY, Steps, pick
from scoring.rules import Rules

#: per cent of the shorter of two records that lies in the other one, from which on they are one activity
SAME_SHARE = 80


def repeats(rows: FromClause, order: FromClause, rules: Rules, steps: Steps) -> Table:
    """The entry of every record that repeats a better one: the same start, most of its length, or the same day where nobody
    noted the time."""
    entries = union(_close(rows, order, rules, steps), _vague(rows), _same_subject(rows))
    return steps.add("repeats", entries, ENTRY)


def _close(rows: FromClause, order: FromClause, rules: Rules, steps: Steps) -> Select[Any]:
    """Select all but the best of the records of one person, account and kind that begin together or lie in each other."""
    records = steps.add("seen", _seen(rows, order))
    c = records.c
    alike = [c.person, c.account, c.kind, c.topic]
    doubtful = select(*alike).where(_same(c, rules)).subquery()
    unsure = select(records).where(is_in(alike, doubtful)).subquery().c
    mine: dict[str, Any] = {"partition_by": [unsure.person, unsure.account, unsure.kind, unsure.topic]}
    island = func.sum(case((_same(unsure, rules), 0), else_=1)).over(
        **mine, order_by=[unsure.starts_at, unsure.id], rows=(None, 0)
    )
    g = select(*unsure, cast(island, BigInteger).label("island")).subquery().c
    best = func.row_number().over(
        partition_by=[g.person, g.account, g.kind, g.topic, g.island],
        order_by=[g.sure.desc(), g.length.desc(), g.own.desc(), g.id],
    )
    ranked = select(g.entry, best.label("best")).subquery().c
    return select(ranked.entry).where(ranked.best > 1)


def _seen(rows: FromClause, order: FromClause) -> Select[Any]:
    """Select each record with the start before its own and the furthest end before it, among those it may repeat.

    Records that are near no other one of the person are left out: they could only stand alone.
    """
    x = rows.c
    # an answer that comes within minutes is another mail; so is one about another matter
    way = case((x.direction == "in", -1), else_=1)
    topic = case((x.kind == "email", func.coalesce(x.subject_key, 0) * way), else_=0)
    wanted = (
        select(
            x.entry,
            x.id,
            x.person,
            func.coalesce(x.account_id, "").label("account"),
            x.kind,
            topic.label("topic"),
            *pick(x, "starts_at ends_at sure length own"),
        )
        .where(is_in([x.entry], marked_runs(order, order.c.near)))
        .subquery()
    )
    w = wanted.c
    alike = [w.person, w.account, w.kind, w.topic]
    by: dict[str, Any] = {"partition_by": alike, "order_by": [w.starts_at, w.id], "rows": (None, -1)}
    before, reach = func.max(w.starts_at).over(**by), func.max(w.ends_at).over(**by)
    return select(*w, before.label("before"), reach.label("reach"))


def _same(x: Any, rules: Rules) -> Any:
    """Whether a record tells of what an earlier one of its kind tells of: it starts with it, or most of the shorter of the
    two lies in the other."""
    common = _least(x.reach, x.ends_at) - x.starts_at
    shorter = _least(x.reach - x.before, x.ends_at - x.starts_at)
    return or_(x.starts_at - x.before <= rules.same_start_seconds, and_(common > 0, common * 100 >= SAME_SHARE * shorter))


def _least(a: Any, b: Any) -> Any:
    """min(a, b) on every engine."""
    return case((a < b, a), else_=b)


def _vague(rows: FromClause) -> Select[Any]:
    """A meeting that nobody measured repeats the measured one of that person, account and day."""
    x = rows.c
    noted = select(*_day(x)).where(x.meeting > 0, x.timed > 0).subquery()
    return select(x.entry).where(x.meeting > x.sure, is_in(_day(x), noted))


def _day(x: Any) -> list[Any]:
    """Return a person's day with an account, without NULL."""
    return [x.person, func.coalesce(x.account_id, ""), func.coalesce(x.owner_day, 0)]


def _same_subject(rows: FromClause) -> Select[Any]:
    """Of meetings and tasks with one subject and day, those that nobody measured repeat a measured meeting, or the first."""
    x = rows.c
    loose = and_(x.subject_key.is_not(None), or_(x.meeting > 0, x.kind == "task"))
    key = [*_day(x), x.subject_key]
    unsure = select(*key).where(loose, x.sure < 1).subquery()
    several = and_(func.count() > 1, func.max(x.meeting) == 1)
    many = select(*key).where(loose, is_in(key, unsure)).group_by(*key).having(several).subquery()
    rank = func.row_number().over(
        partition_by=key, order_by=[x.sure.desc(), x.meeting.desc(), x.starts_at, x.own.desc(), x.id]
    )
    named = select(x.entry, x.sure, rank.label("nth")).where(loose, is_in(key, many)).subquery().c
    return select(named.entry).where(named.nth > 1, named.sure < 1)
