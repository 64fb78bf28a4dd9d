"""Time: hours an account, logging coverage a book, the fair share in proportion to potential.

(docs/facts/scoring.md, "Logging coverage" and "Time against potential")
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from scoring.calendar import DAY
from scoring.frame import Bools, Floats, Frame, Ints, group_sum
from scoring.rules import Rules

#: weekdays of a week
WEEKDAYS = 5 / 7
#: the usual selling share of a working day, where there are too few colleagues to compare with
FALLBACK_REFERENCE = 144.0


@dataclass(frozen=True, slots=True)
class Effort:
    """Minutes an account in the window, and how well its book is logged."""

    minutes: Floats
    measured: Floats  #: minutes somebody measured
    activities: Floats
    meetings: Floats
    book: Ints  #: number of the owner's book
    books: int
    coverage: Floats  #: the owner's logging against the reference, 0-1
    a_day: Floats  #: minutes the owner logs a working day
    mails: float  #: share of activities that are mails, in the whole firm
    usual: Mapping[str, int]  #: kind -> seconds: the firm's own usual length, where it replaces the default


def effort(frame: Frame, rules: Rules) -> Effort:
    """Sum the minutes; a book's coverage is that of its owner."""
    rows = frame.facts["minutes"]
    seconds = [float(v or 0) for v in rows["seconds"]]
    by_person: dict[str, float] = {}
    for person, value in zip(rows["person"], seconds, strict=True):
        by_person[person] = by_person.get(person, 0.0) + value / 60
    a_day, coverage = _coverage(frame, by_person, rules)
    book, books = frame.groups("owner_id")
    owners = frame.accounts["owner_id"]
    activities = sum(int(v or 0) for v in rows["activities"])
    return Effort(
        minutes=frame.sum("minutes", "seconds") / 60,
        measured=frame.sum("minutes", "measured_seconds") / 60,
        activities=frame.sum("minutes", "activities"),
        meetings=frame.sum("minutes", "meetings"),
        book=book,
        books=books,
        coverage=np.array([coverage.get(o or "", 0.0) for o in owners]),
        a_day=np.array([a_day.get(o or "", 0.0) for o in owners]),
        mails=sum(int(v or 0) for v in rows["mails"]) / activities if activities else 0.0,
        usual=_usual(rows),
    )


def _usual(rows: Mapping[str, Sequence[Any]]) -> dict[str, int]:
    """Read the usual lengths, the same in every row; 0 where the default holds."""
    lengths = {kind: max(rows.get(f"usual_{kind}", ()), default=0) for kind in ("meeting", "call")}
    return {kind: int(seconds) for kind, seconds in lengths.items() if seconds}


def _coverage(frame: Frame, minutes: dict[str, float], rules: Rules) -> tuple[dict[str, float], dict[str, float]]:
    """Return minutes a working day of each person, and that against the 75th percentile of those who log at all."""
    owners = frame.facts["owners"]
    started = dict(zip(owners["id"], owners["started_at"], strict=True))
    a_day = {p: m / _working_days(started.get(p), frame.day, rules) for p, m in minutes.items()}
    active = sorted(v for v in a_day.values() if v > 0)
    reference = float(np.quantile(active, 0.75)) if len(active) >= 4 else FALLBACK_REFERENCE
    return a_day, {p: min(1.0, v / reference) for p, v in a_day.items()}


def _working_days(started_at: int | None, day: int, rules: Rules) -> float:
    days = rules.window_days if started_at is None else min(rules.window_days, day - started_at // DAY)
    return max(1.0, days * WEEKDAYS)


def fair_minutes(e: Effort, potential: Floats, customer: Bools, occasion: Bools, rules: Rules) -> Floats:
    """Share out an allowance, and the rest of the book's minutes in proportion to potential^gamma.

    Customers have a maintenance allowance, accounts with an occasion some more (`occasions`).
    The allowance is at most what the account got: else the allowances of the others could take more from a book than they
    use, and more hours on one account would raise its share faster than its hours. In proportion to potential:
    never presented as an optimum.
    """
    always = customer * rules.maintenance_minutes * rules.window_days / 30
    allowance = np.minimum(always + occasion * rules.occasion_minutes, e.minutes)
    total = group_sum(e.minutes, e.book, e.books)
    weight = np.power(np.maximum(potential, 0.0), rules.gamma)
    weights = group_sum(weight, e.book, e.books)
    rest = total - group_sum(allowance, e.book, e.books)
    share = np.divide(weight, weights[e.book], out=np.zeros_like(weight), where=weights[e.book] > 0)
    fair: Floats = allowance + rest[e.book] * share
    return fair


@dataclass(frozen=True, slots=True)
class Ratio:
    """How far time is from its share, with doubt."""

    log: Floats
    p_over: Floats
    p_under: Floats


def ratio(minutes: Floats, fair: Floats, activities: Floats, doubt: Floats, rules: Rules) -> Ratio:
    """Posteriors of time being 1.5 times above or below its share (docs/facts/scoring.md, "Time against potential").

    Evidence is the count of activities, capped. Too little time is shown by what is missing: there the
    activities that the fair share would have held are the evidence, else an account nobody visits could never be called
    under-worked.
    """
    log = np.log((minutes + 60) / (fair + 60))
    edge = np.log(rules.over_ratio)
    logged = np.minimum(activities, rules.most_activities)
    missed = np.minimum(np.maximum(activities, fair / rules.meeting_minutes), rules.most_activities)
    over = _posterior(log, logged, doubt, rules)
    under = _posterior(log, missed, doubt, rules)
    return Ratio(log, ndtr((over[0] - edge) / over[1]), ndtr((-edge - under[0]) / under[1]))


def _posterior(log: Floats, evidence: Floats, doubt: Floats, rules: Rules) -> tuple[Floats, Floats]:
    """Return the log ratio shrunk towards none, and its standard deviation."""
    shrunk = evidence / (evidence + rules.kappa) * log
    return shrunk, np.sqrt(1 / (evidence + rules.kappa) + (rules.gamma * doubt) ** 2)
