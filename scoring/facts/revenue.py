"""What potential and its proof need from the database besides `features`: times in stages, outcomes, how far back records go.

Selects of integers only, each as of a day: what was created, changed or decided at or after its start does not exist yet.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, FromClause, Select, and_, case, cast, func, or_, select

from scoring.calendar import DAY
from scoring.facts.minutes.chain import total
from scoring.facts.steps import Staged, Steps

YEAR = 365
#: the facts that potential is made of; a backtest needs no others
POTENTIAL = (
    "accounts",
    "rates",
    "revenue",
    "pipeline",
    "stages",
    "stage_odds",
    "families",
    "stays",
    "stage_since",
    "won_days",
)


def queries(t: Any, org: int, day: int, offers: FromClause, steps: Steps) -> dict[str, Select[Any] | Staged]:
    """What became of opportunities in each stage, and since when anything was won; `offers` are the opportunities as they were,
    added by `steps`."""
    passed = Steps(steps.added)
    entered = passed.add("entered", _entered(t, org, day))
    return {
        "stage_odds": passed.finish(stage_odds(entered, offers)),
        "stays": passed.finish(stays(entered, offers)),
        "stage_since": passed.finish(stage_since(entered, offers)),
        "won_days": steps.finish(won_days(offers, day)),
    }


def _entered(t: Any, org: int, day: int) -> Select[Any]:
    """Each stage an opportunity entered, when it entered it and when it went on; changes of other fields are left out."""
    h = t.opportunity_change
    order: dict[str, Any] = {"partition_by": h.c.opportunity_id, "order_by": [h.c.changed_at, h.c.id]}
    valid = (h.c.org == org, h.c.deleted.is_(False), h.c.changed_at < day * DAY, h.c.stage.is_not(None))
    moves = (
        select(h.c.opportunity_id, h.c.stage, h.c.changed_at, func.lag(h.c.stage).over(**order).label("before"))
        .where(*valid)
        .subquery()
        .c
    )
    left = cast(func.lead(moves.changed_at).over(partition_by=moves.opportunity_id, order_by=moves.changed_at), BigInteger)
    changed = or_(moves.before.is_(None), moves.before != moves.stage)
    return select(moves.opportunity_id, moves.stage, moves.changed_at.label("at"), left.label("left_at")).where(changed)


def stage_odds(entered: FromClause, offers: FromClause) -> Select[Any]:
    """For each stage: opportunities closed by then that had passed through it, and how many of those were won."""
    x = offers.c
    passed = select(entered.c.opportunity_id, entered.c.stage).distinct().subquery().c
    return (
        select(passed.stage, func.count().label("closed"), total(x.won).label("won"))
        .join(offers, and_(x.id == passed.opportunity_id, x.closed == 1))
        .group_by(passed.stage)
    )


def stays(entered: FromClause, offers: FromClause) -> Select[Any]:
    """Tell how long won opportunities stayed in each stage: (stage, whole days, how often)."""
    e = entered.c
    days = ((e.left_at - e.at) // DAY).label("days")
    return (
        select(e.stage, days, func.count().label("opportunities"))
        .join(offers, and_(offers.c.id == e.opportunity_id, offers.c.won == 1))
        .where(e.left_at.is_not(None))
        .group_by(e.stage, days)
    )


def stage_since(entered: FromClause, offers: FromClause) -> Select[Any]:
    """Tell when each open opportunity entered the stage it is in."""
    e = entered.c
    return (
        select(e.opportunity_id, func.max(e.at).label("since"))
        .join(offers, and_(offers.c.id == e.opportunity_id, offers.c.closed == 0))
        .group_by(e.opportunity_id)
    )


def won_days(offers: FromClause, day: int) -> Select[Any]:
    """Tell how many opportunities were won on each day of the last year; a younger record shows by where they begin."""
    x = offers.c
    recent = and_(x.won == 1, x.close_day < day, x.close_day >= day - YEAR)
    return select(x.close_day, func.count().label("opportunities")).where(recent).group_by(x.close_day)


# ---- for a backtest -------------------------------------------------------------------------------------------------


def outcomes(offers: FromClause, first_day: int, end_day: int) -> Select[Any]:
    """Select revenue won from `first_day` to before `end_day`; `offers` as of a day not before `end_day`."""
    x = offers.c
    inside = and_(x.won == 1, x.close_day >= first_day, x.close_day < end_day)
    cents = total(x.amount_cents).label("cents")
    return select(x.account_id, x.currency, cents).where(inside).group_by(x.account_id, x.currency)


def born_days(t: Any, org: int, day: int) -> Select[Any]:
    """How many opportunities were created on each day (the close date where that is unknown): how far back records go."""
    o = t.opportunity
    born = case((o.c.created_at.is_not(None), o.c.created_at // DAY), else_=o.c.close_day).label("day")
    valid = (o.c.org == org, o.c.deleted.is_(False), born.is_not(None), born < day)
    return select(born, func.count().label("opportunities")).where(*valid).group_by(born)


def assumptions(t: Any, org: int, day: int) -> Mapping[str, Select[Any]]:
    """Tell what cannot be known as of the day and is taken as it is today, counted: (there, assumed) each."""
    o, h, a, w, i = t.opportunity, t.opportunity_change, t.account, t.account_owner, t.line_item
    start = day * DAY
    then = (
        select(h.c.id)
        .where(h.c.org == org, h.c.opportunity_id == o.c.id, h.c.deleted.is_(False), h.c.changed_at < start)
        .exists()
    )
    seen_owner = (
        select(w.c.account_id).where(w.c.org == org, w.c.account_id == a.c.id, w.c.from_at > 0, w.c.from_at < start).exists()
    )

    def counted(table: Any, known: Any) -> Any:
        there = (
            table.c.org == org,
            table.c.deleted.is_(False),
            or_(table.c.created_at.is_(None), table.c.created_at < start),
        )
        unknown = total(case((known, 0), else_=1)).label("assumed")
        return select(func.count().label("there"), unknown).where(*there)

    return {
        "opportunities without history": counted(o, then),
        "accounts whose owner then is assumed": counted(a, seen_owner),
        "line items without a date": counted(i, i.c.created_at.is_not(None)),
    }
