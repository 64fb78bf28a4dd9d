"""Selling time as set algebra over integer seconds (docs/facts/scoring.md, "Selling minutes").

A chain of steps, each one rule: what is in the window -> person by person -> how long -> once only -> within a day -> between
accounts. `features` sums its end, `treatment` shows it record by record, with every second that did not count: the same
expressions, so they agree. Records are sorted once, person by person in the order of time; the rules that need more look at
those that stand close to another one, and what they find is kept for the few records it changes (docs/adr/0015, 0025).
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Label,
    Select,
    Subquery,
    Table,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from scoring.calendar import DAY
from scoring.facts.membership import is_in, is_not_in
from scoring.facts.minutes import duplicates, mail_threads, overlaps, several_accounts
from scoring.facts.steps import ENTRY, Staged, Steps, pick
from scoring.rules import Rules

COUNTS = ("held", "planned", "no_show")
#: measured records of a kind from which on the firm's own median replaces the default
ENOUGH = 50


def total(expression: ColumnElement[Any]) -> ColumnElement[int]:
    """Return a sum that is a 64-bit integer on every engine (PostgreSQL would make it numeric)."""
    return cast(func.coalesce(func.sum(expression), 0), BigInteger)


def incoming(t: Any, org: int, day: int, rules: Rules) -> Select[Any]:
    """Select activities of the window with their account: their own, else the opportunity's, else the contact's.

    (docs/facts/scoring.md, "Account of an activity")
    """
    a, o, c = t.activity, t.opportunity, t.contact
    twin, unnamed = a.alias("twin"), a.c.account_id.is_(None)
    alive = twin.c.deleted.is_(False)
    account = func.coalesce(a.c.account_id, o.c.account_id, c.c.account_id)
    return (
        select(
            # the org with it: SQLite believes that an org has ten participants, and would begin with those
            a.c.org,
            a.c.id,
            a.c.owner_id.label("person"),
            account.label("account_id"),
            a.c.contact_id,
            a.c.kind,
            _status(t, org, rules),
            *pick(a.c, "starts_at seconds owner_day direction subject_key"),
            func.coalesce(a.c.thread_key, a.c.subject_key).label("thread"),
            case((measured(a.c, rules), 1), else_=0).label("sure"),
            believable(a.c, rules).label("believed"),
            case((twin.c.id.is_not(None), 1), else_=0).label("is_twin"),
        )
        .select_from(
            a.outerjoin(o, and_(unnamed, o.c.org == a.c.org, o.c.id == a.c.opportunity_id))
            .outerjoin(c, and_(unnamed, c.c.org == a.c.org, c.c.id == a.c.contact_id))
            .outerjoin(twin, and_(a.c.twin_id.is_not(None), twin.c.org == a.c.org, twin.c.id == a.c.twin_id, alive))
        )
        .where(*in_window(a, org, day, rules))
    )


def in_window(a: Any, org: int, day: int, rules: Rules) -> tuple[ColumnElement[bool], ...]:
    """Started in the window, known before its end, not deleted, with somebody who did it."""
    end, start = day * DAY, (day - rules.window_days) * DAY
    on_record = or_(a.c.created_at.is_(None), a.c.created_at < end)
    in_time = (a.c.starts_at >= start, a.c.starts_at < end)
    return (a.c.org == org, a.c.deleted.is_(False), *in_time, on_record, a.c.owner_id.is_not(None))


def _status(t: Any, org: int, rules: Rules) -> ColumnElement[str]:
    """Return its status, or "service" for what the firm does not call selling: by the activity's type or by who did it."""
    a, others = t.activity, [t.activity.c.category.in_(rules.service_types)] if rules.service_types else []
    if rules.service_roles:
        others.append(a.c.owner_id.in_(servants(t, org, rules)))
    return (case((or_(*others), "service"), else_=a.c.status) if others else a.c.status).label("status")


def servants(t: Any, org: int, rules: Rules) -> Select[Any]:
    """Select people whose time is not selling time."""
    return select(t.owner.c.id).where(t.owner.c.org == org, t.owner.c.role.in_(rules.service_roles))


def attended(t: Any, org: int, window: FromClause, rules: Rules) -> Subquery:
    """One row a record and person of ours: the owner, and invited colleagues who did not decline.

    A second record of a mail is left out; an invited colleague's own copy of the meeting, where there is one, is preferred
    later, because it has the colleague's own day.
    """
    p, w = t.participant, window.c
    record = pick(
        w, "org id account_id contact_id kind status starts_at seconds owner_day direction subject_key thread sure believed"
    )
    own = select(*record, w.person, literal(1).label("own")).where(w.status.in_(COUNTS), w.is_twin == 0)
    invited = (
        select(*record, p.c.person_id.label("person"), literal(0).label("own"))
        .join(p, and_(p.c.org == w.org, p.c.activity_id == w.id))
        .where(w.kind == "meeting", w.status.in_(("held", "planned")), p.c.side == "ours", p.c.person_id != w.person)
        .where(p.c.declined.is_(False), p.c.deleted.is_(False))
    )
    if rules.service_roles:
        invited = invited.where(p.c.person_id.not_in(servants(t, org, rules)))
    return union_all(own, invited).subquery("attended")


# ---- how long -------------------------------------------------------------------------------------------------------


def measured(x: Any, rules: Rules) -> ColumnElement[bool]:
    """Whether somebody measured a believable length."""
    short = x.seconds <= rules.all_day_minutes * 60
    return and_(x.seconds.is_not(None), x.all_day.is_(False), short, x.kind.in_(("meeting", "call")))


def believable(x: Any, rules: Rules) -> ColumnElement[int]:
    """Cut a measured length to what is believable: nobody meets for a minute."""
    shortest, longest = rules.shortest_meeting * 60, rules.longest_meeting * 60
    low = and_(x.kind == "meeting", x.seconds < shortest)
    return case((low, shortest), (x.seconds > longest, longest), else_=x.seconds)


def usual(window: FromClause) -> Select[Any]:
    """Select the lower median of the measured lengths of a kind, where there are enough of them."""
    x = window.c
    lengths = select(x.kind, x.believed.label("length"), func.count().label("n")).where(
        x.sure > x.is_twin, x.status.in_(("held", "planned"))
    )
    n = lengths.group_by(x.kind, x.believed).subquery("usual_lengths").c
    upto = func.sum(n.n).over(partition_by=n.kind, order_by=n.length, rows=(None, 0))
    ranked = select(n.kind, n.length, upto.label("upto"), func.sum(n.n).over(partition_by=n.kind).label("many")).subquery().c
    middle = select(ranked.kind, func.min(ranked.length).label("seconds")).where(
        ranked.many >= ENOUGH, ranked.upto * 2 >= ranked.many
    )
    return middle.group_by(ranked.kind)


def _told(known: Mapping[str, int]) -> Any:
    """Select usual lengths that a night has found, as `usual` gives them."""
    rows = [
        select(literal(kind).label("kind"), cast(literal(seconds), Integer).label("seconds"))
        for kind, seconds in known.items()
    ]
    nothing = select(literal("").label("kind"), cast(literal(0), Integer).label("seconds")).where(false())
    return union_all(*rows) if len(rows) > 1 else rows[0] if rows else nothing


def default_seconds(x: Any, own: FromClause, rules: Rules) -> ColumnElement[int]:
    """Tell what a record earns when nobody measured it."""

    def median(kind: str, minutes: int) -> ColumnElement[int]:
        return func.coalesce(select(own.c.seconds).where(own.c.kind == kind).scalar_subquery(), minutes * 60)

    return case(
        (x.kind == "meeting", median("meeting", rules.meeting_minutes)),
        (x.kind == "call", median("call", rules.call_minutes)),
        (and_(x.kind == "email", x.direction == "in"), rules.mail_in_minutes * 60),
        (x.kind == "email", rules.mail_out_minutes * 60),
        (x.kind == "note", rules.note_minutes * 60),
        else_=rules.task_minutes * 60,
    )


def lengths(rows: FromClause, own: FromClause, rules: Rules) -> Select[Any]:
    """Tell how long each record was for each person, by which rule, and whether its place in the day is known."""
    x = rows.c
    sure, missed = x.sure == 1, x.status == "no_show"
    seconds = case((missed, rules.no_show_minutes * 60), (sure, x.believed), else_=default_seconds(x, own, rules))
    code = case((missed, "no_show"), (and_(sure, x.seconds != x.believed), "clipped"), (sure, "counted"), else_="default")
    timed = and_(sure, x.status != "no_show")
    record = pick(
        x, "org id person own account_id contact_id kind starts_at owner_day direction subject_key thread seconds sure"
    )
    length = cast(seconds, BigInteger)
    return select(
        *record,
        length.label("length"),
        code.label("code"),
        case((timed, 1), else_=0).label("timed"),
        # as numbers, to be compared by order: SQLite answers an equation with an index that it builds for it alone
        case((and_(x.kind == "meeting", ~missed), 1), else_=0).label("meeting"),
        case((x.kind == "email", 1), else_=0).label("mail"),
        (x.starts_at + case((timed, length), else_=0)).label("ends_at"),
    )


def in_order(rows: FromClause, rules: Rules) -> Select[Any]:
    """A person's records in the order of time, each with two marks against all that began before it: whether it overlaps one
    (`crowded`), and whether it may repeat one (`near`): it overlaps, or begins within `same_start_seconds` of it."""
    x = rows.c
    # one frame for both, so that every record is sorted once
    by: dict[str, Any] = {"partition_by": x.person, "order_by": [x.starts_at, x.id], "rows": (None, -1)}
    late = x.starts_at + rules.same_start_seconds
    reach = func.max(x.ends_at).over(**by)
    about = func.max(case((x.ends_at > late, x.ends_at), else_=late)).over(**by)
    return select(
        x.entry.label("record"),
        case((reach > x.starts_at, 1), else_=0).label("crowded"),
        case((about >= x.starts_at, 1), else_=0).label("near"),
    ).order_by(x.person, x.starts_at, x.id)


# ---- what became of each record -------------------------------------------------------------------------------------


def counted(t: Any, org: int, day: int, rules: Rules, steps: Steps, known: Mapping[str, int] | None = None) -> Subquery:
    """Select the end of the chain: one row a record, person and account, with the seconds that count.

    `claimed` = `counted` + `clipped` (less than nothing where a length was raised) + `lost` (to the rule that `rule` names)
    + `capped` + `elsewhere` (other accounts' share of the same record).
    """
    window = steps.add("incoming", incoming(t, org, day, rules))
    own = steps.add("usual", usual(window) if known is None else _told(known))
    rows = steps.add("lengths", lengths(attended(t, org, window, rules), own, rules), numbered=True)
    days = _within_a_day(_judged(rows, _fates(t, rows, rules, steps)), rules, steps)
    return several_accounts.between_accounts(t, org, days, window, steps).subquery("counted")


def _fates(t: Any, rows: FromClause, rules: Rules, steps: Steps) -> Table:
    """Select the seconds that are left of the records that do not keep theirs, and why. Most records are not among them."""
    order = steps.add("order", in_order(rows, rules), numbered=True)
    again = duplicates.repeats(rows, order, rules, steps)
    letters = steps.add("mails", mail_threads.once(rows, again), ENTRY)
    damped = steps.add("damped", mail_threads.damped(letters, rules), ENTRY)
    bulk = mail_threads.bulk(t, letters, rules)

    def fate(entries: Any, seconds: int, code: str) -> Select[Any]:
        return select(entries.entry, cast(literal(seconds), BigInteger).label("kept"), literal(code).label("code"))

    one, s = bulk.subquery(), overlaps.shared(rows, order, again, steps).c
    return steps.add(
        "fates",
        union_all(
            fate(again.c, 0, "duplicate"),
            fate(damped.c, 0, "damped"),
            fate(one.c, rules.bulk_mail_seconds, "bulk").where(is_not_in([one.c.entry], damped)),
            select(s.entry, s.share, literal("overlap")).where(s.share < s.length),
        ),
        ENTRY,
    )


def _judged(rows: FromClause, fates: Table) -> Subquery:
    """Select each record's seconds before the day's cap, and what happened to it."""
    x, f = rows.c, fates.c
    judged = select(*x, func.coalesce(f.kept, x.length).label("kept"), func.coalesce(f.code, x.code).label("rule"))
    return judged.select_from(rows.outerjoin(fates, f.entry == x.entry)).subquery("judged")


def _within_a_day(rows: FromClause, rules: Rules, steps: Steps) -> Subquery:
    """A person's day holds `day_minutes`; beyond that every record of the day is cut in proportion."""
    x, cap = rows.c, rules.day_minutes * 60
    day = [x.person, func.coalesce(x.owner_day, 0)]
    full = steps.add("full_days", select(x.person, day[1].label("day")).group_by(*day).having(func.sum(x.kept) > cap))
    of_day = cast(func.sum(x.kept).over(partition_by=day), BigInteger)
    f = select(x.entry, x.kept, of_day.label("held")).where(is_in(day, full), x.kept > 0).subquery().c
    cut = steps.add("cut", select(f.entry, cast(f.kept * cap // f.held, BigInteger).label("counted")), ENTRY)
    claimed, counted = func.coalesce(x.seconds, x.length), func.coalesce(cut.c.counted, x.kept)
    return (
        select(
            *pick(x, "entry org id person account_id contact_id kind starts_at seconds sure"),
            cast(claimed, BigInteger).label("claimed"),
            (claimed - x.length).label("clipped"),
            (x.length - x.kept).label("lost"),
            (x.kept - counted).label("capped"),
            cast(counted, BigInteger).label("counted"),
            x.rule,
            case((cut.c.entry.is_not(None), "capped"), else_=x.rule).label("code"),
        )
        .select_from(rows.outerjoin(cut, cut.c.entry == x.entry))
        .subquery("days")
    )


# ---- what is read of it ---------------------------------------------------------------------------------------------


def by_person_and_account(rows: FromClause, own: FromClause) -> Select[Any]:
    """Select seconds, activities and how much of it was measured, a person and account (NULL: no account known).

    Each row also tells the firm's own usual lengths (0: the default holds), so that a record's seconds can be told again later.
    """
    x = rows.c
    real = case((x.counted > 0, 1), else_=0)
    return select(
        x.person,
        x.account_id,
        total(x.counted).label("seconds"),
        total(real).label("activities"),
        total(x.counted * x.sure).label("measured_seconds"),
        total(case((and_(x.kind == "meeting", x.counted > 0), 1), else_=0)).label("meetings"),
        total(case((x.kind == "email", 1), else_=0)).label("mails"),
        func.max(case((x.counted > 0, x.starts_at), else_=null())).label("last_at"),
        _usual_of(own, "meeting"),
        _usual_of(own, "call"),
    ).group_by(x.person, x.account_id)


def _usual_of(own: FromClause, kind: str) -> Label[int]:
    seconds = select(own.c.seconds).where(own.c.kind == kind).scalar_subquery()
    return cast(func.coalesce(seconds, 0), BigInteger).label(f"usual_{kind}")


def minutes(t: Any, org: int, day: int, rules: Rules) -> Staged:
    """Select the sums of all that counts."""
    steps = Steps()
    rows = counted(t, org, day, rules, steps)
    return steps.finish(by_person_and_account(rows, steps.added[1][0]))


def treatment(t: Any, org: int, day: int, rules: Rules, account_id: str, known: Mapping[str, int] | None = None) -> Staged:
    """Every record that touches an account in the window: its raw seconds, what counted, where the rest went, and why.

    `claimed` = `counted` + `clipped` + `lost` + `capped` + `elsewhere` + `left_out`. `known` are the firm's usual lengths
    (kind -> seconds), where `t` holds too few of its records to find them.
    """
    steps = Steps()
    x = counted(t, org, day, rules, steps, known).c
    nothing = cast(literal(0), BigInteger)
    kept = select(
        *pick(x, "id kind person starts_at seconds claimed counted clipped lost capped elsewhere"),
        nothing.label("left_out"),
        x.rule,
        x.code,
    ).where(x.account_id == account_id)
    (window, _), (own, _) = steps.added[:2]
    i = window.c
    why = case((i.is_twin == 1, "twin"), else_=i.status)
    raw = cast(func.coalesce(i.seconds, default_seconds(i, own, rules)), BigInteger)
    out = select(
        i.id, i.kind, i.person, i.starts_at, i.seconds, raw, nothing, nothing, nothing, nothing, nothing, raw, why, why
    ).where(i.account_id == account_id, or_(i.is_twin == 1, i.status.not_in(COUNTS)))
    both = union_all(kept, out).subquery()
    return steps.finish(select(both).order_by(both.c.starts_at, both.c.id, both.c.person))
