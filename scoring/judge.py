"""One night's judgement of every account: time, potential, behaviour and whether there is evidence enough. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoring.behaviour import Behaviour, behaviour
from scoring.calendar import DAY, date_of
from scoring.effort import Effort, Ratio, effort, fair_minutes, ratio
from scoring.frame import Facts, Floats, Frame, Ints
from scoring.potential import Potential, potential
from scoring.rules import Rules
from scoring.time_allowances import occasions


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of every account on one night; arrays in the order of `frame.ids`."""

    frame: Frame
    currency: str
    effort: Effort
    potential: Potential
    behaviour: Behaviour
    occasion: tuple[str, ...]  #: why an account may take more time for now; "" = no reason
    fair: Floats  #: minutes
    ratio: Ratio
    rank: Floats  #: of potential, 0-1
    gates: tuple[str, ...]  #: "" = may be judged; else "logging", "few", "young", "owner", "book", "no owner"
    ours: tuple[dict[str, Any], ...]  #: our fields as the CRM holds them, with people's answers
    snoozed: frozenset[str]


def judge(facts: Facts, day: int, currency: str, rules: Rules) -> Judgement:
    """Judge all accounts as of the start of `day` from the facts of `features.queries`."""
    frame = Frame(facts, day)
    ours = tuple(json.loads(text) if text != "{}" else {} for text in frame.accounts["ours"])
    spent = effort(frame, rules)
    worth = potential(frame, _overrides(frame, ours), rules)
    acted = behaviour(frame, spent.minutes / 60, rules)
    occasion = occasions(frame, ours, rules)
    fair = fair_minutes(spent, worth.potential, worth.customer, np.array([bool(o) for o in occasion]), rules)
    off = ratio(spent.minutes, fair, spent.activities, worth.doubt, rules)
    rank = _rank(worth.potential, frame.ids)
    return Judgement(
        frame,
        currency,
        spent,
        worth,
        acted,
        occasion,
        fair,
        off,
        rank,
        _gates(frame, spent, rules),
        ours,
        _snoozed(frame, ours, day),
    )


def _overrides(frame: Frame, ours: Sequence[dict[str, Any]]) -> Floats:
    """Return people's own figures, from the account's currency to the org's."""
    figures = [o.get("potential_override") for o in ours]
    money = zip(figures, frame.accounts["currency"], strict=True)
    return np.array([np.nan if v is None else frame.units(round(float(v) * 100), c) for v, c in money])


def _snoozed(frame: Frame, ours: Sequence[dict[str, Any]], day: int) -> frozenset[str]:
    today = date_of(day).isoformat()
    return frozenset(i for i, o in zip(frame.ids, ours, strict=True) if str(o.get("snooze_until") or "") > today)


def _rank(values: Floats, ids: Sequence[str]) -> Floats:
    """Rank of potential from 0 to 1; ties share the mean of their ranks, so that order and names do not matter."""
    if not len(ids):
        return np.zeros(0)
    ordered = np.sort(values)
    low, high = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    ranks: Floats = (low + high) / 2 / len(values)
    return ranks


def _gates(frame: Frame, e: Effort, rules: Rules) -> tuple[str, ...]:
    """Tell why an account may not be judged; the first reason that holds."""
    size: Ints = np.bincount(e.book, minlength=e.books)
    created, since = frame.accounts["created_at"], frame.accounts["owner_from_at"]
    return tuple(
        _gate(owner, made, took, int(size[e.book[i]]), i, frame.day, e, rules)
        for i, (owner, made, took) in enumerate(zip(frame.accounts["owner_id"], created, since, strict=True))
    )


def _gate(owner: str | None, made: int | None, took: int, size: int, i: int, day: int, e: Effort, rules: Rules) -> str:
    if owner is None:
        return "no owner"
    if e.coverage[i] < rules.thin_logging or e.a_day[i] < rules.floor_minutes:
        return "logging"
    if made is not None and day - made // DAY < rules.youngest_days:
        return "young"
    if took > 0 and day - took // DAY < rules.owner_days:
        return "owner"
    if size < rules.least_book:
        return "book"
    few = e.activities[i] < rules.least_activities or e.minutes[i] < rules.least_hours * 60
    return "few" if few else ""
