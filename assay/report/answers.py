"""What people said of the verdicts: how often they agreed, disputed or corrected, and how many of those are comfort zones now."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.text.words import count, iso, percent
from connectors.fields import ANSWER_OPTIONS
from scoring.records import COMFORT, Score

CORRECTED, SNOOZED, DISPUTED = "Potential corrected", "Snoozed", "Disagree"


@dataclass(frozen=True, slots=True)
class Answered:
    """One kind of answer."""

    what: str
    accounts: int
    comfort: int  #: of them comfort zones now


def answers(scores: Sequence[Score], ours: Mapping[str, Mapping[str, Any]]) -> list[Answered]:
    """Kinds of answers that there are, in the order in which the CRM offers them; never who gave them."""
    every, comfort = Counter[str](), Counter[str]()
    for s in scores:
        for what in _said(ours.get(s.account_id, {}), s.as_of):
            every[what] += 1
            comfort[what] += s.state == COMFORT
    order = [*ANSWER_OPTIONS, CORRECTED, SNOOZED]
    kinds = sorted(every, key=lambda w: (order.index(w) if w in order else len(order), w))
    return [Answered(what, every[what], comfort[what]) for what in kinds]


def _said(ours: Mapping[str, Any], day: int) -> list[str]:
    answer = str(ours.get("answer") or "")
    corrected, snoozed = ours.get("potential_override") is not None, _later(ours.get("snooze_until"), day)
    return [w for w, there in ((answer, answer), (CORRECTED, corrected), (SNOOZED, snoozed)) if there]


def _later(until: Any, day: int) -> bool:
    return bool(until) and str(until) > iso(day)


def summary(scores: Sequence[Score], told: Sequence[Answered]) -> str:
    """One sentence: the share of disputed comfort zones is the only label that a firm's own people give us."""
    zones = sum(s.state == COMFORT for s in scores)
    if not told:
        return "Nobody has answered a verdict yet."
    disputed = sum(a.comfort for a in told if a.what == DISPUTED)
    if not zones:
        return "No comfort zone stands tonight that could be disputed."
    return f"Disputed by a person: {disputed} of {count(zones, 'comfort zone')} ({percent(disputed / zones)})."
