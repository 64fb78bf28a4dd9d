"""Selling time as set algebra over integer seconds (reference/scoring.md 2.1).

A chain of common table expressions, each one rule: what is in the window -> person by person -> how long -> once only ->
within a day. `features` sums its end, `treatment` shows it record by record: the same expressions, so they agree.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from scoring.rules import Rules

DAY = 86_400
COUNTS = ("held", "planned", "no_show")


def total(expression: ColumnElement[Any]) -> ColumnElement[int]:
    """A sum that is a 64-bit integer on every engine (PostgreSQL would make it numeric)."""
    return cast(func.coalesce(func.sum(expression), 0), BigInteger)


def incoming(t: Any, org: int, day: int, rules: Rules) -> CTE:
    """Activities of the window that can earn minutes, with their account: their own, else the opportunity's, else the
    contact's (rulings 14). The second record of a mail is left out."""
    a, o, c = t.activity, t.opportunity, t.contact
    twin = a.alias("twin")
    account = func.coalesce(a.c.account_id, o.c.account_id, c.c.account_id)
    return (
        select(
            a.c.id, a.c.owner_id.label("person"), account.label("account_id"), a.c.kind, a.c.status, a.c.starts_at,
            a.c.seconds, a.c.owner_day, a.c.all_day, a.c.direction, a.c.subject_key, a.c.child,
            case((twin.c.id.is_not(None), 1), else_=0).label("is_twin"),
        )
        .select_from(
            a.outerjoin(o, and_(o.c.org == a.c.org, o.c.id == a.c.opportunity_id))
            .outerjoin(c, and_(c.c.org == a.c.org, c.c.id == a.c.contact_id))
            .outerjoin(twin, and_(twin.c.org == a.c.org, twin.c.id == a.c.twin_id, twin.c.deleted.is_(False)))
        )
        .where(*in_window(a, org, day, rules))
        .cte("incoming")
    )  # fmt: skip


def in_window(a: Any, org: int, day: int, rules: Rules) -> tuple[ColumnElement[bool], ...]:
    """Started in the window, known before its end, not deleted, with somebody who did it."""
    end, start = day * DAY, (day - rules.window_days) * DAY
    known = or_(a.c.created_at.is_(None), a.c.created_at < end)
    return (a.c.org == org, a.c.deleted.is_(False), a.c.starts_at >= start, a.c.starts_at < end, known,
            a.c.owner_id.is_not(None))  # fmt: skip


def attended(t: Any, org: int, rows: CTE) -> CTE:
    """One row a record and person of ours: the owner, and invited colleagues who did not decline."""
    p = t.participant
    own = select(*rows.c).where(rows.c.status.in_(COUNTS), rows.c.is_twin == 0)
    columns = [p.c.person_id.label("person") if c.name == "person" else c for c in rows.c]
    invited = (
        select(*columns)
        .join(p, and_(p.c.org == org, p.c.activity_id == rows.c.id))
        .where(p.c.side == "ours", p.c.declined.is_(False), p.c.deleted.is_(False), rows.c.status.in_(("held", "planned")),
               rows.c.kind == "meeting", p.c.person_id != rows.c.person)
    )  # fmt: skip
    return union_all(own, invited).cte("attended")


def measured(x: Any, rules: Rules) -> ColumnElement[bool]:
    """Whether somebody measured a believable length."""
    return and_(x.seconds.is_not(None), x.all_day.is_(False), x.seconds <= rules.all_day_minutes * 60,
                x.kind.in_(("meeting", "call")))  # fmt: skip


def default_seconds(x: Any, rules: Rules) -> ColumnElement[int]:
    """What a record earns when nobody measured it."""
    return case(
        (x.kind == "meeting", rules.meeting_minutes * 60),
        (x.kind == "call", rules.call_minutes * 60),
        (and_(x.kind == "email", x.direction == "in"), rules.mail_in_minutes * 60),
        (x.kind == "email", rules.mail_out_minutes * 60),
        (x.kind == "note", rules.note_minutes * 60),
        else_=rules.task_minutes * 60,
    )


def lengths(rows: CTE, rules: Rules) -> CTE:
    """How long each record was for each person, and by which rule."""
    x = rows.c
    shortest, longest = rules.shortest_meeting * 60, rules.longest_meeting * 60
    low = case((x.kind == "meeting", shortest), else_=0)
    clipped = and_(measured(x, rules), or_(x.seconds < low, x.seconds > longest))
    seconds = case(
        (x.status == "no_show", rules.no_show_minutes * 60),
        (and_(measured(x, rules), x.seconds < low), low),
        (and_(measured(x, rules), x.seconds > longest), longest),
        (measured(x, rules), x.seconds),
        else_=default_seconds(x, rules),
    )
    code = case((x.status == "no_show", "no_show"), (clipped, "clipped"), (measured(x, rules), "counted"), else_="default")
    sure = case((measured(x, rules), 1), else_=0)
    return select(*x, cast(seconds, BigInteger).label("length"), code.label("code"), sure.label("sure")).cte("lengths")


def marked(rows: CTE, rules: Rules) -> CTE:
    """Where a record starts anew and where it repeats another of the same person, account and kind."""
    x = rows.c
    topic = case((x.kind == "email", func.coalesce(x.subject_key, 0)), else_=0)
    same: list[Any] = [x.person, x.account_id, x.kind, topic]
    before = func.lag(x.starts_at).over(partition_by=same, order_by=[x.starts_at, x.id])
    fresh = case((or_(before.is_(None), x.starts_at - before > rules.same_start_seconds), 1), else_=0)
    timed = func.max(x.sure).over(partition_by=[x.person, x.account_id, x.kind, x.owner_day])
    vague = case((and_(x.kind == "meeting", x.sure == 0, timed == 1, x.status != "no_show"), 1), else_=0)
    wide = func.count().over(partition_by=[x.person, x.kind, x.subject_key, x.owner_day])
    bulk = case((and_(x.kind == "email", x.subject_key.is_not(None), wide > rules.bulk_mails), 1), else_=0)
    return select(*x, topic.label("topic"), fresh.label("fresh"), vague.label("vague"), bulk.label("bulk")).cte("marked")


def once(rows: CTE, rules: Rules) -> CTE:
    """Numbers the records of one activity, the best source first, and the mails of one subject and day."""
    x = rows.c
    same: list[Any] = [x.person, x.account_id, x.kind, x.topic]
    island = func.sum(x.fresh).over(partition_by=same, order_by=[x.starts_at, x.id], rows=(None, 0))
    grouped = select(*x, cast(island, BigInteger).label("island")).cte("grouped")
    g = grouped.c
    within: list[Any] = [g.person, g.account_id, g.kind, g.topic, g.island]
    best = func.row_number().over(partition_by=within, order_by=[g.vague, g.sure.desc(), g.length.desc(), g.id])
    nth = func.row_number().over(
        partition_by=[g.person, g.account_id, g.kind, g.topic, g.owner_day], order_by=[g.starts_at, g.id]
    )
    return select(*g, best.label("best"), nth.label("nth")).cte("once")


def judged(rows: CTE, rules: Rules) -> CTE:
    """Each record's seconds before the day's cap, and what happened to it."""
    x = rows.c
    repeated = or_(x.best > 1, x.vague == 1)
    damped = and_(x.kind == "email", x.subject_key.is_not(None), x.nth > rules.mails_a_day)
    seconds = case((repeated, 0), (damped, 0), (x.bulk == 1, rules.bulk_mail_seconds), else_=x.length)
    code = case((repeated, "duplicate"), (damped, "damped"), (x.bulk == 1, "bulk"), else_=x.code)
    return select(x.id, x.person, x.account_id, x.kind, x.starts_at, x.owner_day, x.seconds, x.sure, x.child,
                  cast(seconds, BigInteger).label("kept"), code.label("code")).cte("judged")  # fmt: skip


def counted(t: Any, org: int, day: int, rules: Rules, window: CTE | None = None) -> CTE:
    """The end of the chain: one row a record and person, with the seconds that count.

    A person's day holds `day_minutes`; beyond that every record of the day is cut in proportion.
    """
    window = incoming(t, org, day, rules) if window is None else window
    rows = judged(once(marked(lengths(attended(t, org, window), rules), rules), rules), rules)
    x, cap = rows.c, rules.day_minutes * 60
    day_total = cast(func.sum(x.kept).over(partition_by=[x.person, x.owner_day]), BigInteger)
    full = select(*x, day_total.label("day_total")).cte("full_days")
    f = full.c
    seconds = case((f.day_total > cap, f.kept * cap // f.day_total), else_=f.kept)
    code = case((and_(f.day_total > cap, f.kept > 0), "capped"), else_=f.code)
    wanted = [c for c in f if c.name not in ("kept", "code", "day_total")]
    return select(*wanted, cast(seconds, BigInteger).label("counted"), code.label("code")).cte("counted")


def by_person_and_account(rows: CTE) -> Select[Any]:
    """Seconds, activities and how much of it was measured, a person and account (NULL: no account known)."""
    x = rows.c
    real = case((x.counted > 0, 1), else_=0)
    return select(
        x.person, x.account_id, total(x.counted).label("seconds"), total(real).label("activities"),
        total(x.counted * x.sure).label("measured_seconds"),
        total(case((and_(x.kind == "meeting", x.counted > 0), 1), else_=0)).label("meetings"),
        total(case((x.kind == "email", 1), else_=0)).label("mails"),
        func.max(case((x.counted > 0, x.starts_at), else_=null())).label("last_at"),
    ).group_by(x.person, x.account_id)  # fmt: skip


def treatment(tables: Any, org: int, day: int, rules: Rules, account_id: str) -> Select[Any]:
    """Every record that touches an account in the window: its raw seconds, what counted, and why."""
    window = incoming(tables, org, day, rules)
    x = counted(tables, org, day, rules, window).c
    kept = select(x.id, x.kind, x.person, x.starts_at, x.seconds, x.counted, x.code).where(x.account_id == account_id)
    i = window.c
    why = case((i.is_twin == 1, "twin"), else_=i.status)
    out = select(i.id, i.kind, i.person, i.starts_at, i.seconds, cast(literal(0), Integer), why).where(
        i.account_id == account_id, or_(i.is_twin == 1, i.status.not_in(COUNTS))
    )
    both = union_all(kept, out).subquery()
    return select(both).order_by(both.c.starts_at, both.c.id, both.c.person)
