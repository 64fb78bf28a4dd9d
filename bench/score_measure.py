"""What a judged world is measured by: verdicts and nights as they are stored, against what was planted."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
from scipy.special import gammainc
from scipy.stats import spearmanr
from score_world import Truth

from db.calibrations import Calibrations
from db.store import Store
from scoring.records import COMFORT, NO_EVIDENCE, THIN_LOGGING, Score
from scoring.rules import Rules

Row = dict[str, float | None]
RULES = Rules()
#: nights below which flips say nothing
MIN_NIGHTS = 60
#: books below which a correlation says nothing
MIN_BOOKS = 10
WITHHELD = (NO_EVIDENCE, THIN_LOGGING)


def measure(store: Store, truth: Mapping[str, Truth]) -> Row:
    """Every figure of one world; None where it does not apply."""
    (org,) = store.orgs()
    scores = [s for s in store.verdicts(org.id) if s.account_id in truth]
    truths = [truth[s.account_id] for s in scores]
    return {
        "accounts": len(scores),
        "comfort": _share([t.state == COMFORT for t in truths]),
        **_rankings(scores, truths),
        **_flags(scores, truths),
        **_potential(scores, truths),
        **_expected(store, org.id),
        **_minutes(scores, truths),
        **_books(scores, truths),
        **nights(store, org.id, truth),
    }


# ---- rankings -------------------------------------------------------------------------------------------------------


def average_precision(values: Sequence[float], targets: Sequence[bool]) -> float | None:
    """Mean precision at each wanted item, best first; items of equal value share their ranks' mean precision."""
    if not any(targets):
        return None
    groups: dict[float, list[bool]] = {}
    for value, target in zip(values, targets, strict=True):
        groups.setdefault(value, []).append(target)
    passed = hits = total = 0.0
    for value in sorted(groups, reverse=True):
        size, good = len(groups[value]), sum(groups[value])
        total += sum((hits + good * k / size) / (passed + k) for k in range(1, size + 1)) * good / size
        passed, hits = passed + size, hits + good
    return total / hits


def joint(s: Score) -> float:
    return 0.0 if s.evidence["gate"] else s.p_over * s.p_shallow


def _rankings(scores: Sequence[Score], truths: Sequence[Truth]) -> Row:
    targets = [t.state == COMFORT for t in truths]
    small = 0.01 * float(np.median([s.trailing_12m for s in scores if s.trailing_12m > 0] or [1.0]))
    by_rate = dict(zip([s.account_id for s in scores], shallow_by_rate(scores), strict=True))
    ranks: dict[str, Callable[[Score], float]] = {
        "ap": joint,
        "ap_activities": lambda s: float(s.evidence["activities"] or 0),
        "ap_hours": lambda s: s.hours,
        "ap_hours_per_revenue": lambda s: s.hours / (s.trailing_12m + small),
        "ap_share_ratio": lambda s: s.hours / max(s.fair_hours, 0.1),
        "ap_p_over": lambda s: 0.0 if s.evidence["gate"] else s.p_over,
        "ap_behaviours": lambda s: 0.0 if s.evidence["gate"] else by_rate[s.account_id],
        "ap_p_shallow": lambda s: 0.0 if s.evidence["gate"] else s.p_shallow,
    }
    return {name: average_precision([of(s) for s in scores], targets) for name, of in ranks.items()}


def shallow_by_rate(scores: Sequence[Score]) -> list[float]:
    """Behaviours alone: events an hour against the firm's, P(rate < 0.6 of it) (docs/facts/scoring.md, "Behaviour")."""
    kinds = ("new_people", "new_families", "asks", "resolutions")
    events = np.array([sum(float(s.evidence[k] or 0) for k in kinds) for s in scores])
    hours = np.array([s.hours for s in scores])
    rate = (events.sum() - events + 2) / (hours.sum() - hours + 2)
    probabilities: list[float] = gammainc(2 + events, 0.6 * rate * (2 / rate + hours)).tolist()
    return probabilities


# ---- states ---------------------------------------------------------------------------------------------------------


def _flags(scores: Sequence[Score], truths: Sequence[Truth]) -> Row:
    flagged = [(s, t) for s, t in zip(scores, truths, strict=True) if s.state == COMFORT]
    right = [t.state == COMFORT for _, t in flagged]
    thin = [
        s for s, _ in flagged if float(s.evidence["activities"] or 0) < RULES.least_activities or s.hours < RULES.least_hours
    ]
    planted = sum(t.state == COMFORT for t in truths)
    states = {
        f"recall_{name}": _recall(scores, truths, state)
        for name, state in (("earning", "Earning its time"), ("under", "Under-worked"), ("balanced", "Balanced"))
    }
    return {
        "flags": len(flagged),
        "precision": _share(right),
        "recall": sum(right) / planted if planted else None,
        "decoys": _share([t.kind.startswith("decoy") for _, t in flagged]),
        "below_gate": len(thin),
        **states,
    }


def _recall(scores: Sequence[Score], truths: Sequence[Truth], state: str) -> float | None:
    return _share([s.state == state for s, t in zip(scores, truths, strict=True) if t.state == state])


def _books(scores: Sequence[Score], truths: Sequence[Truth]) -> Row:
    """Books of reps who log almost nothing: how many are withheld in full."""
    books: dict[int, list[bool]] = {}
    for s, t in zip(scores, truths, strict=True):
        if t.state == THIN_LOGGING:
            books.setdefault(t.rep, []).append(s.state in WITHHELD)
    return {"thin_books": len(books), "thin_withheld": _share([all(b) for b in books.values()]), "fair": _fair(scores)}


def _fair(scores: Sequence[Score]) -> float | None:
    """Rank correlation of a judged book's logging with its share of comfort zones: whoever logs more is not flagged more."""
    books: dict[str, list[Score]] = {}
    for s in scores:
        if s.owner_id is not None and s.state not in WITHHELD:
            books.setdefault(s.owner_id, []).append(s)
    if len(books) < MIN_BOOKS:
        return None
    shares = [sum(s.state == COMFORT for s in b) / len(b) for b in books.values()]
    return float(spearmanr([float(b[0].coverage["logging"] or 0) for b in books.values()], shares).statistic)


# ---- numbers --------------------------------------------------------------------------------------------------------


def _potential(scores: Sequence[Score], truths: Sequence[Truth]) -> Row:
    rank = spearmanr([s.potential for s in scores], [t.potential for t in truths]).statistic
    inside = [s.potential_low <= t.potential <= s.potential_high for s, t in zip(scores, truths, strict=True)]
    trailing = spearmanr([s.trailing_12m for s in scores], [t.potential for t in truths]).statistic
    # planted is all that an account could buy, ours what of it can be had in a year: as it stands, and at equal medians
    scale = median(t.potential for t in truths) / median(s.potential for s in scores)
    aligned = [
        s.potential_low * scale <= t.potential <= s.potential_high * scale for s, t in zip(scores, truths, strict=True)
    ]
    return {
        "potential_rank": float(rank),
        "trailing_rank": float(trailing),
        "coverage": _share(inside),
        "coverage_aligned": _share(aligned),
    }


def _expected(store: Store, org: int) -> Row:
    """How the range of what is expected held on the firm's own past: cuts left out, and only what had ended before the cut."""
    calibration = Calibrations(store.engine, org).latest()
    numbers = calibration[1] if calibration else {}
    return {"held": numbers.get("coverage"), "held_forward": numbers.get("coverage_forward")}


def _minutes(scores: Sequence[Score], truths: Sequence[Truth]) -> Row:
    """Our minutes against what was entered, where at least an hour was."""
    off = [abs(s.hours * 60 - t.logged) / t.logged for s, t in zip(scores, truths, strict=True) if t.logged >= 60]
    total = sum(s.hours * 60 for s in scores) / max(1.0, sum(t.logged for t in truths))
    return {"minutes_off": median(off) if off else None, "minutes_total": total}


# ---- nights ---------------------------------------------------------------------------------------------------------


def nights(store: Store, org: int, truth: Mapping[str, Truth]) -> Row:
    """How states moved over the stored nights: flips in and out of a comfort zone, nights to the first flag and release."""
    last = store.last_night(org) or 0
    flagged: dict[str, list[bool]] = {account: [] for account in truth}
    first = last
    while rows := store.nights(org, first):
        states = {r[0]: r[8] == COMFORT for r in rows}
        for account, history in flagged.items():
            history.insert(0, states.get(account, False))
        first -= 1
    count = last - first
    flagged_once = {account: history for account, history in flagged.items() if any(history)}
    enough_nights = count >= MIN_NIGHTS
    flips = [sum(a != b for a, b in pairwise(h)) for h in flagged_once.values()]
    planted = [h for account, h in flagged.items() if truth[account].state == COMFORT]
    nights_to_flag = [h.index(True) for h in planted if any(h)]
    nights_to_release = [h.index(False) for h in planted if h and h[0] and not all(h)]
    return {
        "nights": count,
        "ever_flagged": len(flagged_once),
        "flips": 100 * sum(flips) / len(flagged_once) * 30 / (count - 1) if enough_nights and flagged_once else None,
        "restless": _share([n > 2 for n in flips]) if enough_nights else None,
        "nights_to_flag": median(nights_to_flag) if enough_nights and nights_to_flag else None,
        "found": _share([any(h) for h in planted]),
        "nights_to_release": median(nights_to_release) if enough_nights and nights_to_release else None,
        "released": _share([not h[-1] for h in planted if h and h[0]]),
    }


def _share(values: Sequence[Any]) -> float | None:
    return sum(map(bool, values)) / len(values) if values else None
