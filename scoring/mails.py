"""Mails that cost less time than one by one they would seem to: long threads, and mail to many (2.1, rule 8)."""

from typing import Any

from sqlalchemy import CTE, Select, and_, case, func, literal, or_, select, union_all

from scoring.rules import Rules

#: one subject to many recipients within this time (seconds) was sent by a machine, or as if by one
BULK_WITHIN = 3_600


def fates(t: Any, org: int, rows: CTE, again: CTE, rules: Rules) -> list[Select[Any]]:
    """(id, person, seconds kept, "damped" or "bulk") of mails that do not count in full."""
    x, a = rows.c, again.c
    fresh = (
        select(x.id, x.person, x.account_id, x.contact_id, x.starts_at, x.owner_day, x.subject_key, x.thread)
        .select_from(rows.outerjoin(again, and_(a.id == x.id, a.person == x.person)))
        .where(x.kind == "email", x.thread.is_not(None), a.id.is_(None))
        .cte("mails")
    )
    damped = _damped(fresh, rules)
    bulk = _bulk(t, org, fresh, rules)
    same = and_(damped.c.id == bulk.c.id, damped.c.person == bulk.c.person)
    return [
        select(damped.c.id, damped.c.person, literal(0), literal("damped")),
        select(bulk.c.id, bulk.c.person, literal(rules.bulk_mail_seconds), literal("bulk"))
        .select_from(bulk.outerjoin(damped, same))
        .where(damped.c.id.is_(None)),
    ]


def _damped(mails: CTE, rules: Rules) -> CTE:
    """What comes after the first few mails of a thread and day."""
    x = mails.c
    thread = [x.person, x.account_id, x.thread, x.owner_day]
    long = select(*thread).group_by(*thread).having(func.count() > rules.mails_a_day).cte("long_threads")
    nth = func.row_number().over(partition_by=thread, order_by=[x.starts_at, x.id])
    numbered = (
        select(x.id, x.person, nth.label("nth"))
        .join(long, and_(long.c.person == x.person, long.c.thread == x.thread, long.c.owner_day == x.owner_day,
                         long.c.account_id.is_not_distinct_from(x.account_id)))
    ).subquery().c  # fmt: skip
    return select(numbered.id, numbered.person).where(numbered.nth > rules.mails_a_day).cte("damped")


def _bulk(t: Any, org: int, mails: CTE, rules: Rules) -> CTE:
    """Mails of one subject that went to more than `bulk_mails` recipients within the hour."""
    s = _recipients(t, org, mails, rules).c
    by: dict[str, Any] = {"partition_by": [s.person, s.subject_key], "order_by": [s.starts_at, s.id, s.who]}
    span = func.lead(s.starts_at, rules.bulk_mails).over(**by) - s.starts_at
    begun = select(*s, case((span <= BULK_WITHIN, 1), else_=0).label("begins")).cte("bulk_begun").c
    within = func.max(begun.begins).over(
        partition_by=[begun.person, begun.subject_key], order_by=[begun.starts_at, begun.id, begun.who],
        rows=(-rules.bulk_mails, 0),
    )  # fmt: skip
    marked = select(begun.id, begun.person, within.label("inside")).subquery().c
    return select(marked.id, marked.person).where(marked.inside == 1).distinct().cte("bulk")


def _recipients(t: Any, org: int, mails: CTE, rules: Rules) -> CTE:
    """One row a mail and recipient, where a subject has enough of them; a recipient counts once within the hour."""
    m, p = mails.c, t.participant
    named = m.subject_key.is_not(None)
    who = func.coalesce(m.contact_id, m.account_id, m.id)
    one = select(m.id, m.person, m.subject_key, m.starts_at, who.label("who")).where(named)
    more = select(m.id, m.person, m.subject_key, m.starts_at, p.c.person_id).join(
        p, and_(p.c.org == org, p.c.activity_id == m.id)
    ).where(named, p.c.side == "theirs", p.c.deleted.is_(False))  # fmt: skip
    every = union_all(one, more).cte("mailed").c
    topic = [every.person, every.subject_key]
    wide = select(*topic).group_by(*topic).having(func.count() > rules.bulk_mails).cte("wide")
    before = func.lag(every.starts_at).over(partition_by=[*topic, every.who], order_by=[every.starts_at, every.id])
    told = (
        select(every.id, every.person, every.subject_key, every.starts_at, every.who, before.label("before"))
        .join(wide, and_(wide.c.person == every.person, wide.c.subject_key == every.subject_key))
        .subquery()
    ).c
    anew = or_(told.before.is_(None), told.starts_at - told.before > BULK_WITHIN)
    return select(told.id, told.person, told.subject_key, told.starts_at, told.who).where(anew).cte("recipients")
