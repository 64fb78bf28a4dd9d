"""The state of an account: a pure fold over one row a night, with hysteresis (docs/facts/scoring.md, "States")."""

from collections.abc import Container, Mapping
from typing import NamedTuple

from scoring.judge import Judgement
from scoring.records import BALANCED, COMFORT, EARNING, NO_EVIDENCE, THIN_LOGGING, UNDER
from scoring.rules import Rules

#: decimals kept of a probability
PLACES = 4


class NightRow(NamedTuple):
    """One account and night, in the order of the table `night`."""

    account_id: str
    day: int
    p_over: float
    p_under: float
    p_shallow: float
    gate: str
    grade: str
    target: str
    state: str
    since: int
    streak: int


def advance(
    previous: Mapping[str, NightRow], j: Judgement, rules: Rules, frozen: Container[str] = frozenset()
) -> list[NightRow]:
    """Judge the next night of every account; a frozen one (bad data) keeps its grade and state."""
    return [_next(previous.get(account), j, i, rules, frozen=account in frozen) for i, account in enumerate(j.frame.ids)]


def _next(before: NightRow | None, j: Judgement, i: int, rules: Rules, *, frozen: bool) -> NightRow:
    account, day = j.frame.ids[i], j.frame.day
    if frozen and before is not None:
        return before._replace(day=day)
    over, under = round(float(j.ratio.p_over[i]), PLACES), round(float(j.ratio.p_under[i]), PLACES)
    shallow = round(float(j.behaviour.p_shallow[i]), PLACES)
    grade = _grade(None if before is None else before.grade, j, i, rules)
    target = entry(j.gates[i], over, under, shallow, grade, rules)
    if target == COMFORT and account in j.snoozed:
        target = BALANCED
    row = NightRow(account, day, over, under, shallow, j.gates[i], grade, target, target, day, 0)
    return row if before is None else settle(before, row, rules, snoozed=account in j.snoozed)


def entry(gate: str, over: float, under: float, shallow: float, grade: str, rules: Rules) -> str:
    """Return the state of this night alone: evidence first, then the rules of docs/facts/scoring.md, "States"."""
    if gate == "logging":
        return THIN_LOGGING
    if gate not in ("", "few"):
        return NO_EVIDENCE
    if under >= rules.p_under and grade in ("A", "B"):
        return UNDER  # what is missing is the evidence, so few activities do not forbid it
    if gate == "few":
        return NO_EVIDENCE
    if over * shallow >= rules.enter and grade != "?":
        return COMFORT
    if over >= rules.p_over_earning and shallow < rules.p_shallow_earning:
        return EARNING
    return BALANCED


def settle(before: NightRow, row: NightRow, rules: Rules, *, snoozed: bool = False) -> NightRow:
    """Change the state only when enough nights in a row have pointed away from it; missing evidence counts at once.

    A comfort zone needs that many nights in a row that pointed at it, not just away from what was.
    """
    if row.target in (NO_EVIDENCE, THIN_LOGGING) or (snoozed and before.state == COMFORT):
        since = before.since if before.state == row.target else row.day
        return row._replace(state=row.target, since=since)
    if not _away(before.state, row, rules):
        return row._replace(state=before.state, since=before.since)
    streak = 1 if row.target == COMFORT != before.target else before.streak + 1
    need = rules.nights_out if before.state == COMFORT else rules.nights_in
    settled = row.day - before.since >= (rules.dwell_days if before.state not in (NO_EVIDENCE, THIN_LOGGING) else 0)
    if streak >= need and settled:
        return row._replace(state=row.target, since=row.day)
    return row._replace(state=before.state, since=before.since, streak=streak)


def _away(state: str, row: NightRow, rules: Rules) -> bool:
    """Whether this night points away from the state; a comfort zone is left only well below where it was entered."""
    if state == COMFORT:
        return row.p_over * row.p_shallow <= rules.leave
    return row.target != state


def _grade(before: str | None, j: Judgement, i: int, rules: Rules) -> str:
    """Grade A, B or C by rank of potential, held while the rank stays within the slack of its old grade's edge."""
    if j.potential.guess[i]:
        return "?"
    rank = float(j.rank[i])
    if before in ("A", "B", "C"):
        low, high = {"A": (rules.grade_a, 1.0), "B": (rules.grade_b, rules.grade_a), "C": (0.0, rules.grade_b)}[before]
        if low - rules.grade_slack <= rank < high + rules.grade_slack:
            return before
    return "A" if rank >= rules.grade_a else "B" if rank >= rules.grade_b else "C"
