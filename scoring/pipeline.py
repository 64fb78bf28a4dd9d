"""Open opportunities as expected money: learned, shrunk stage odds, halved for what has stood still.

(docs/facts/scoring.md, "Potential")
"""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from scoring.calendar import DAY
from scoring.frame import Floats, Frame
from scoring.rules import Rules

#: won stays in a stage below which nobody can say what is slow
STAYS = 20
#: share of won opportunities that had left a stage after its usual time
USUAL = 0.90
#: days past its close date after which nobody believes the date any more
OVERDUE = 90


def offers(frame: Frame, rules: Rules) -> Floats:
    """Return the money that opportunities closing within the horizon should bring, an account."""
    odds, usual = stage_odds(frame, rules), usual_days(frame)
    unknown = _any_odds(frame, rules)
    entered = frame.facts.get("stage_since", {"opportunity_id": (), "since": ()})
    since = dict(zip(entered["opportunity_id"], entered["since"], strict=True))
    p = frame.facts["pipeline"]
    values = []
    for offer, stage, chance, cents, currency, close in zip(
        p["id"], p["stage"], p["probability"], p["amount_cents"], p["currency"], p["close_day"], strict=True
    ):
        soon = close is None or close < frame.day + rules.horizon_days
        overdue = close is not None and close < frame.day - OVERDUE
        age = frame.day - since[offer] // DAY if offer in since else 0
        slow = overdue or age > usual.get(stage, age)
        share = unknown if stage is None else odds.get(stage, (chance or 0) / 100)
        values.append(max(0.0, frame.units(cents, currency)) * share * soon * (0.5 if slow else 1.0))
    return frame.add(p["account_id"], values)


def stage_odds(frame: Frame, rules: Rules) -> dict[str, float]:
    """(won + k * the admin's odds) / (closed + k), k opportunities strong."""
    stages = frame.facts["stages"]
    closings = frame.facts["stage_odds"]
    counts = {s: (c, w) for s, c, w in zip(closings["stage"], closings["closed"], closings["won"], strict=True)}
    k = rules.stage_prior
    return {
        stage: (counts.get(stage, (0, 0))[1] + k * (chance or 0) / 100) / (counts.get(stage, (0, 0))[0] + k)
        for stage, chance in zip(stages["id"], stages["probability"], strict=True)
    }


def _any_odds(frame: Frame, rules: Rules) -> float:
    """Return odds of an opportunity whose stage then is not known: as if it had only begun."""
    open_ones = [v for s, v in stage_odds(frame, rules).items() if _is_open(frame, s)]
    return min(open_ones, default=0.0)


def _is_open(frame: Frame, stage: str) -> bool:
    stages = frame.facts["stages"]
    return 0 < (dict(zip(stages["id"], stages["probability"], strict=True))[stage] or 0) < 100


def usual_days(frame: Frame) -> dict[str, int]:
    """Return days within which nine of ten won opportunities had left a stage, where enough have been seen."""
    stays = frame.facts.get("stays", {"stage": (), "days": (), "opportunities": ()})
    by_stage: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for stage, days, times in zip(stays["stage"], stays["days"], stays["opportunities"], strict=True):
        by_stage[stage].append((days, times))
    return {s: counted_quantile(rows, USUAL) for s, rows in by_stage.items() if sum(n for _, n in rows) >= STAYS}


def counted_quantile(rows: Iterable[tuple[int, int]], share: float) -> int:
    """Find, of (value, how often), the smallest value that `share` of all do not exceed."""
    ordered = sorted(rows)
    reached = np.cumsum([n for _, n in ordered])
    return ordered[int(np.searchsorted(reached, share * reached[-1]))][0]


def decided_by_stages(frame: Frame) -> bool:
    """Whether this firm's revenue comes by opportunities that pass stages, not by orders entered as won.

    Judged by the open stage that most won opportunities have passed through.
    """
    closings = frame.facts["stage_odds"]
    open_stages = {s for s in frame.facts["stages"]["id"] if _is_open(frame, s)}
    passed = max((w for s, w in zip(closings["stage"], closings["won"], strict=True) if s in open_stages), default=0)
    won = sum(frame.facts["revenue"]["orders"])
    return passed >= 0.8 * won > 0
