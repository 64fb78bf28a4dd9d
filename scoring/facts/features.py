"""What the judgement needs from the database, as of the start of a day: named selects, integers only.

Everything takes `day`, so the nightly run, a replay and a backtest are the same code. A record that was created, started or
changed at or after that instant does not exist yet.
"""

from typing import Any

from sqlalchemy import CTE, ColumnElement, FromClause, Select, and_, case, func, literal, null, or_, select, union_all

from scoring.calendar import DAY
from scoring.facts import revenue as revenue_features
from scoring.facts.minutes import chain
from scoring.facts.minutes.chain import total, treatment
from scoring.facts.steps import Staged, Steps, pick
from scoring.rules import Rules
from scoring.time_allowances import AHEAD

__all__ = ["queries", "treatment"]
#: an opportunity at these odds or better has been put to the customer as an offer
OFFER_ODDS = 50


def queries(tables: Any, org: int, day: int, rules: Rules) -> dict[str, Select[Any] | Staged]:
    """Return every feature family by name; `tables` is `db.tables`."""
    steps = Steps()
    offers = steps.add("opportunities", opportunities(tables, org, day), "id")
    with_changes = Steps(steps.added)
    changes = with_changes.add("changes", changed(tables, org, day, rules), "opportunity_id")
    of_offers = {
        "revenue": revenue(offers, day),
        "pipeline": pipeline(offers),
        "due": due(offers, day, rules),
        "families": families(tables, org, offers, day),
    }
    return {
        "accounts": accounts(tables, org, day),
        "minutes": chain.minutes(tables, org, day, rules),
        "owners": owners(tables, org),
        "rates": select(tables.currency_rate.c.id, tables.currency_rate.c.micro_per_corporate).where(
            tables.currency_rate.c.org == org
        ),
        **{name: steps.finish(query) for name, query in of_offers.items()},
        "pushes": with_changes.finish(pushes(changes, offers)),
        "moves": with_changes.finish(moves(tables, org, day, rules, changes)),
        "stages": select(tables.stage.c.id, tables.stage.c.probability).where(tables.stage.c.org == org),
        "met": met(tables, org, day, rules),
        "contacts": contacts(tables, org, day),
        **revenue_features.queries(tables, org, day, offers, steps),
    }


def accounts(t: Any, org: int, day: int) -> Select[Any]:
    """Select the accounts that existed, with the owner they had then (docs/facts/scoring.md, "Owners over time")."""
    a, o = t.account, t.account_owner

    def then(column: ColumnElement[Any]) -> ColumnElement[Any]:
        earlier = (o.c.org == org, o.c.account_id == a.c.id, o.c.from_at < day * DAY)
        return select(column).where(*earlier).order_by(o.c.from_at.desc()).limit(1).correlate(a).scalar_subquery()

    return (
        select(
            a.c.id,
            a.c.name,
            func.coalesce(then(o.c.owner_id), a.c.owner_id).label("owner_id"),
            func.coalesce(then(o.c.from_at), 0).label("owner_from_at"),
            *pick(a.c, "category industry country employees annual_revenue_cents currency created_at ours"),
        )
        .where(a.c.org == org, a.c.deleted.is_(False), or_(a.c.created_at.is_(None), a.c.created_at < day * DAY))
        .order_by(a.c.id)
    )


def owners(t: Any, org: int) -> Select[Any]:
    return select(t.owner.c.id, t.owner.c.active, t.owner.c.started_at).where(t.owner.c.org == org)


# ---- opportunities as they were -------------------------------------------------------------------------------------


def opportunities(t: Any, org: int, day: int) -> Select[Any]:
    """Select each opportunity as it was at the start of the day: stage, amount and close date from its history.

    One without any history is taken as it is today, but it is not closed before its close date. Where the history begins
    only later, nothing is known of it but that it was there.
    """
    o, h, s = t.opportunity, t.opportunity_change, t.stage
    then = h.alias("then")
    mine = (h.c.org == org, h.c.opportunity_id == o.c.id, h.c.deleted.is_(False), h.c.changed_at < day * DAY)
    newest = select(h.c.id).where(*mine).order_by(h.c.changed_at.desc(), h.c.id.desc()).limit(1)
    last_change = and_(then.c.org == org, then.c.id == newest.correlate(o).scalar_subquery())
    later = (
        select(h.c.id)
        .where(h.c.org == org, h.c.opportunity_id == o.c.id, h.c.deleted.is_(False), h.c.changed_at >= day * DAY)
        .correlate(o)
        .exists()
    )
    unknown = then.c.id.is_(None)
    hidden = and_(unknown, or_(later, and_(o.c.closed.is_(True), o.c.close_day >= day)))
    stage = case((hidden, null()), (then.c.stage.is_not(None), then.c.stage), else_=o.c.stage)
    odds = case((hidden, null()), (then.c.probability.is_not(None), then.c.probability), else_=o.c.probability)
    as_now = or_(unknown, stage == o.c.stage)

    def as_then(column: str) -> ColumnElement[Any]:
        return case((~unknown, then.c[column]), (later, null()), else_=o.c[column])

    return (
        select(
            *pick(o.c, "id account_id name category currency created_at"),
            stage.label("stage"),
            as_then("amount_cents").label("amount_cents"),
            as_then("close_day").label("close_day"),
            odds.label("probability"),
            case((hidden, 0), (as_now, _int(o.c.closed)), else_=func.coalesce(_int(s.c.closed), 0)).label("closed"),
            case((hidden, 0), (as_now, _int(o.c.won)), else_=func.coalesce(_int(s.c.won), 0)).label("won"),
        )
        .select_from(o.outerjoin(then, last_change).outerjoin(s, and_(s.c.org == o.c.org, s.c.id == stage)))
        .where(o.c.org == org, o.c.deleted.is_(False), o.c.account_id.is_not(None))
        .where(or_(o.c.created_at.is_(None), o.c.created_at < day * DAY))
    )


def _int(flag: ColumnElement[Any]) -> ColumnElement[int]:
    """Return a boolean as 0, 1 or NULL on every engine."""
    return case((flag.is_(True), 1), (flag.is_(False), 0), else_=null())


def revenue(offers: FromClause, day: int) -> Select[Any]:
    """Won amounts an account and currency, by how long ago they closed."""
    x = offers.c
    won = and_(x.won == 1, x.close_day < day, x.amount_cents.is_not(None))

    def since(days: int) -> ColumnElement[int]:
        return total(case((and_(won, x.close_day >= day - days), x.amount_cents), else_=0))

    return (
        select(
            x.account_id,
            x.currency,
            since(365).label("won_365"),
            since(182).label("won_182"),
            since(91).label("won_91"),
            total(case((and_(won, x.close_day >= day - 365), 1), else_=0)).label("orders_365"),
            total(case((won, 1), else_=0)).label("orders"),
            func.min(x.close_day).label("first_won_day"),
        )
        .where(won)
        .group_by(x.account_id, x.currency)
    )


def pipeline(offers: FromClause) -> Select[Any]:
    """Open opportunities one by one."""
    x = offers.c
    wanted = (x.id, x.account_id, x.name, x.currency, x.created_at, x.stage, x.amount_cents, x.close_day, x.probability)
    return select(*wanted).where(x.closed == 0).order_by(x.account_id, x.id)


def due(offers: FromClause, day: int, rules: Rules) -> Select[Any]:
    """Select the types of the opportunities that close about now, an account: in the window, or soon."""
    x = offers.c
    about_now = (x.close_day >= day - rules.window_days, x.close_day < day + AHEAD, x.category.is_not(None))
    return select(x.account_id, x.category).where(*about_now).distinct()


def changed(t: Any, org: int, day: int, rules: Rules) -> Select[Any]:
    """What the history of an opportunity holds: how often its close date was moved back, asks of the window, resolutions of
    `decision_days`. One that holds none of them is left out."""
    h, s = t.opportunity_change, t.stage
    order: dict[str, Any] = {"partition_by": h.c.opportunity_id, "order_by": [h.c.changed_at, h.c.id]}
    closed = case((s.c.closed.is_(True), 1), else_=0)
    odds = func.coalesce(h.c.probability, 0)
    x = (
        select(
            h.c.opportunity_id,
            h.c.changed_at,
            h.c.close_day,
            func.lag(h.c.close_day).over(**order).label("day_before"),
            closed.label("closed"),
            func.lag(closed).over(**order).label("closed_before"),
            odds.label("odds"),
            func.lag(odds).over(**order).label("odds_before"),
        )
        .select_from(h.outerjoin(s, and_(s.c.org == h.c.org, s.c.id == h.c.stage)))
        .where(h.c.org == org, h.c.deleted.is_(False), h.c.changed_at < day * DAY)
        .subquery()
    ).c
    lately, in_time = (x.changed_at >= (day - days) * DAY for days in (rules.window_days, rules.decision_days))
    asked = and_(lately, x.closed == 0, x.odds >= OFFER_ODDS, func.coalesce(x.odds_before, 0) < OFFER_ODDS)
    # an order that was entered as won was never put to anybody: only what had been open can be resolved
    resolved = and_(in_time, x.closed == 1, x.closed_before == 0)
    marks = {"pushes": x.close_day > x.day_before, "asked": asked, "resolved": resolved}
    sums = [total(case((mark, 1), else_=0)).label(name) for name, mark in marks.items()]
    return select(x.opportunity_id, *sums).where(or_(*marks.values())).group_by(x.opportunity_id)


def pushes(changes: FromClause, offers: FromClause) -> Select[Any]:
    """Tell how often the close date of an open opportunity was moved back, where it was."""
    x = changes.c
    open_ = and_(offers.c.id == x.opportunity_id, offers.c.closed == 0)
    return select(x.opportunity_id, x.pushes).join(offers, open_).where(x.pushes > 0)


# ---- behaviours -----------------------------------------------------------------------------------------------------


def moves(t: Any, org: int, day: int, rules: Rules, changes: FromClause) -> Select[Any]:
    """Asks of the window and resolutions of `decision_days`, an account: a stage with even odds or better entered or a quote
    presented; won or lost. A stage and a quote of one opportunity are one ask."""
    o, q, x = t.opportunity, t.quote, changes.c
    there = and_(o.c.org == org, o.c.deleted.is_(False), o.c.account_id.is_not(None))
    stepped = select(o.c.account_id, o.c.id, x.asked, x.resolved, literal(0).label("quoted")).join(
        o, o.c.id == x.opportunity_id
    )
    quoted = (
        select(o.c.account_id, o.c.id, literal(0), literal(0), literal(1))
        .join(q, and_(q.c.org == o.c.org, q.c.opportunity_id == o.c.id))
        .where(there, q.c.deleted.is_(False), q.c.presented.is_(True))
        .where(q.c.created_at >= (day - rules.window_days) * DAY, q.c.created_at < day * DAY)
    )
    every = union_all(stepped.where(there, x.asked + x.resolved > 0), quoted).subquery().c
    sums = [total(every.asked).label("asked"), total(every.resolved).label("resolved")]
    quoted_once = func.max(every.quoted).label("quoted")
    one = select(every.account_id, *sums, quoted_once).group_by(every.account_id, every.id).subquery().c
    asks = case((one.asked > one.quoted, one.asked), else_=one.quoted)
    both = (total(asks).label("asks"), total(one.resolved).label("resolutions"))
    return select(one.account_id, *both).group_by(one.account_id)


def engagements(t: Any, org: int, day: int) -> CTE:
    """Tell when each contact was first engaged: met, written to, called, or given a role in an opportunity."""
    a, p, r, end = t.activity, t.participant, t.contact_role, day * DAY
    happened = and_(
        a.c.org == org,
        a.c.deleted.is_(False),
        a.c.status.in_(("held", "planned")),
        a.c.starts_at < end,
        or_(a.c.created_at.is_(None), a.c.created_at < end),
    )
    direct = select(a.c.contact_id.label("contact_id"), a.c.starts_at.label("at")).where(
        happened, a.c.contact_id.is_not(None)
    )
    invited = (
        select(p.c.person_id, a.c.starts_at)
        .join(a, and_(a.c.org == p.c.org, a.c.id == p.c.activity_id))
        .where(happened, p.c.side == "theirs", p.c.declined.is_(False), p.c.deleted.is_(False))
    )
    roles = select(r.c.contact_id, r.c.created_at).where(
        r.c.org == org, r.c.deleted.is_(False), r.c.created_at.is_not(None), r.c.created_at < end
    )
    every = union_all(direct, invited, roles).subquery().c
    return select(every.contact_id, func.min(every.at).label("first_at")).group_by(every.contact_id).cte("engaged")


def met(t: Any, org: int, day: int, rules: Rules) -> Select[Any]:
    """People engaged, an account, level and department: how many for the first time in the window, how many before."""
    e, c = engagements(t, org, day), t.contact
    start = (day - rules.window_days) * DAY
    return (
        select(
            c.c.account_id,
            c.c.level,
            c.c.department,
            total(case((e.c.first_at >= start, 1), else_=0)).label("new_people"),
            total(case((e.c.first_at < start, 1), else_=0)).label("old_people"),
        )
        .join(c, and_(c.c.org == org, c.c.id == e.c.contact_id))
        .where(c.c.deleted.is_(False), c.c.account_id.is_not(None))
        .group_by(c.c.account_id, c.c.level, c.c.department)
    )


def contacts(t: Any, org: int, day: int) -> Select[Any]:
    """Select contacts there are, an account, level and department."""
    c = t.contact
    there = or_(c.c.created_at.is_(None), c.c.created_at < day * DAY)
    return (
        select(c.c.account_id, c.c.level, c.c.department, func.count().label("contacts"))
        .where(c.c.org == org, c.c.deleted.is_(False), c.c.account_id.is_not(None), there)
        .group_by(c.c.account_id, c.c.level, c.c.department)
    )


def families(t: Any, org: int, offers: FromClause, day: int) -> Select[Any]:
    """Select product families an account: when first presented, when first bought, what was bought in a year."""
    line, quote, on_quote, x = t.line_item, t.quote, t.quote_item, offers.c
    sold = select(line.c.opportunity_id, line.c.family, line.c.amount_cents, line.c.created_at, literal(1).label("sold"))
    quoted = select(quote.c.opportunity_id, on_quote.c.family, literal(0), on_quote.c.created_at, literal(0)).join(
        quote, and_(quote.c.org == on_quote.c.org, quote.c.id == on_quote.c.quote_id)
    )
    every = union_all(
        sold.where(line.c.org == org, line.c.deleted.is_(False), line.c.family.is_not(None)),
        quoted.where(on_quote.c.org == org, on_quote.c.deleted.is_(False), on_quote.c.family.is_not(None)).where(
            quote.c.presented.is_(True), quote.c.deleted.is_(False)
        ),
    ).subquery()
    i = every.c
    shown = func.coalesce(i.created_at, x.created_at, 0)
    bought = and_(x.won == 1, x.close_day < day, i.sold == 1)
    return (
        select(
            x.account_id,
            i.family,
            x.currency,
            func.min(shown).label("first_shown_at"),
            func.min(case((bought, x.close_day), else_=null())).label("first_bought_day"),
            total(case((and_(bought, x.close_day >= day - 365), i.amount_cents), else_=0)).label("bought_365"),
        )
        .select_from(every.join(offers, x.id == i.opportunity_id))
        .where(shown < day * DAY)
        .group_by(x.account_id, i.family, x.currency)
    )
