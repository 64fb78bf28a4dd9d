"""Mails that cost less time than one by one they would seem to: long threads, and mail to many.

(docs/facts/scoring.md, "Selling minutes")
"""

from typing import Any

from sqlalchemy import FromClause, Select, Subquery, and_, case, func, or_, select, union_all

from scoring.facts.membership import is_in, is_not_in
from scoring.rules import Rules

#: one subject to many recipients within this time (seconds) was sent by a machine, or as if by one
BULK_WITHIN = 3_600


def once(rows: FromClause, again: FromClause) -> Select[Any]:
    """Select mails of a thread or subject that repeat no other record."""
    x = rows.c
    wanted = (x.entry, x.org, x.id, x.person, x.account_id, x.contact_id, x.starts_at, x.owner_day, x.subject_key, x.thread)
    return select(*wanted).where(x.mail > 0, x.thread.is_not(None), is_not_in([x.entry], again))


def damped(mails: FromClause, rules: Rules) -> Select[Any]:
    """Select the entries of what comes after the first few mails of a thread and day."""
    x = mails.c
    thread = [x.person, func.coalesce(x.account_id, ""), x.thread, func.coalesce(x.owner_day, 0)]
    long = select(*thread).group_by(*thread).having(func.count() > rules.mails_a_day).subquery()
    nth = func.row_number().over(partition_by=thread, order_by=[x.starts_at, x.id])
    numbered = select(x.entry, nth.label("nth")).where(is_in(thread, long)).subquery().c
    return select(numbered.entry).where(numbered.nth > rules.mails_a_day)


def bulk(t: Any, mails: FromClause, rules: Rules) -> Select[Any]:
    """Select the entries of mails of one subject that went to more than `bulk_mails` recipients within the hour."""
    s = _recipients(t, mails, rules).c
    by: dict[str, Any] = {"partition_by": [s.person, s.subject_key], "order_by": [s.starts_at, s.id, s.who]}
    span = func.lead(s.starts_at, rules.bulk_mails).over(**by) - s.starts_at
    begun = select(*s, case((span <= BULK_WITHIN, 1), else_=0).label("begins")).subquery().c
    within = func.max(begun.begins).over(
        partition_by=[begun.person, begun.subject_key],
        order_by=[begun.starts_at, begun.id, begun.who],
        rows=(-rules.bulk_mails, 0),
    )
    marked = select(begun.entry, within.label("inside")).subquery().c
    return select(marked.entry).where(marked.inside > 0).distinct()


def _recipients(t: Any, mails: FromClause, rules: Rules) -> Subquery:
    """One row a mail and recipient, where a subject has enough of them; a recipient counts once within the hour."""
    m, p = mails.c, t.participant
    named = m.subject_key.is_not(None)
    who = func.coalesce(m.contact_id, m.account_id, m.id)
    one = select(m.entry, m.id, m.person, m.subject_key, m.starts_at, who.label("who")).where(named)
    more = (
        select(m.entry, m.id, m.person, m.subject_key, m.starts_at, p.c.person_id)
        .join(p, and_(p.c.org == m.org, p.c.activity_id == m.id))
        .where(named, p.c.side == "theirs", p.c.deleted.is_(False))
    )
    every = union_all(one, more).cte("mailed").c
    topic = [every.person, every.subject_key]
    wide = select(*topic).group_by(*topic).having(func.count() > rules.bulk_mails).subquery()
    before = func.lag(every.starts_at).over(partition_by=[*topic, every.who], order_by=[every.starts_at, every.id])
    sent = select(*every, before.label("before")).where(is_in(topic, wide)).subquery().c
    anew = or_(sent.before.is_(None), sent.starts_at - sent.before > BULK_WITHIN)
    return select(sent.entry, sent.id, sent.person, sent.subject_key, sent.starts_at, sent.who).where(anew).subquery()
