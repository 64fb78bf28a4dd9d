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
LEAST_NIGHTS = 60
#: books below which a correlation says nothing
LEAST_BOOKS = 10
WITHHELD = (NO_EVIDENCE, THIN_LOGGING)


def measure(store: Store, truth: Mapping[str, Truth]) -> Row:
    """Every figure of one world; None where it does not apply."""
    (org,) = store.orgs()
    told = [s for s in store.verdicts(org.id) if s.account_id in truth]
    known = [truth[s.account_id] for s in told]
    return {
        "accounts": len(told),
        "comfort": _share([t.state == COMFORT for t in known]),
        **_rankings(told, known),
        **_flags(told, known),
        **_potential(told, known),
        **_expected(store, org.id),
        **_minutes(told, known),
        **_books(told, known),
        **nights(store, org.id, truth),
    }


# ---- rankings -------------------------------------------------------------------------------------------------------


def average_precision(values: Sequence[float], wanted: Sequence[bool]) -> float | None:
    """Mean precision at each wanted item, best first; items of equal value share their ranks' mean precision."""
    if not any(wanted):
        return None
    groups: dict[float, list[bool]] = {}
    for value, want in zip(values, wanted, strict=True):
        groups.setdefault(value, []).append(want)
    seen = hits = total = 0.0
    for value in sorted(groups, reverse=True):
        size, good = len(groups[value]), sum(groups[value])
        total += sum((hits + good * k / size) / (seen + k) for k in range(1, size + 1)) * good / size
        seen, hits = seen + size, hits + good
    return total / hits


def joint(s: Score) -> float:
    return 0.0 if s.evidence["gate"] else s.p_over * s.p_shallow


def _rankings(told: Sequence[Score], known: Sequence[Truth]) -> Row:
    wanted = [t.state == COMFORT for t in known]
    small = 0.01 * float(np.median([s.trailing_12m for s in told if s.trailing_12m > 0] or [1.0]))
    plain = dict(zip([s.account_id for s in told], shallow_by_rate(told), strict=True))
    ranks: dict[str, Callable[[Score], float]] = {
        "ap": joint,
        "ap_activities": lambda s: float(s.evidence["activities"] or 0),
        "ap_hours": lambda s: s.hours,
        "ap_hours_per_revenue": lambda s: s.hours / (s.trailing_12m + small),
        "ap_share_ratio": lambda s: s.hours / max(s.fair_hours, 0.1),
        "ap_p_over": lambda s: 0.0 if s.evidence["gate"] else s.p_over,
        "ap_behaviours": lambda s: 0.0 if s.evidence["gate"] else plain[s.account_id],
        "ap_p_shallow": lambda s: 0.0 if s.evidence["gate"] else s.p_shallow,
    }
    return {name: average_precision([of(s) for s in told], wanted) for name, of in ranks.items()}


def shallow_by_rate(told: Sequence[Score]) -> list[float]:
    """Behaviours alone, as reference/scoring.md 2.4 has them: events an hour against the firm's, P(rate < 0.6 of it)."""
    kinds = ("new_people", "new_families", "asks", "resolutions")
    events = np.array([sum(float(s.evidence[k] or 0) for k in kinds) for s in told])
    hours = np.array([s.hours for s in told])
    rate = (events.sum() - events + 2) / (hours.sum() - hours + 2)
    found: list[float] = gammainc(2 + events, 0.6 * rate * (2 / rate + hours)).tolist()
    return found


# ---- states ---------------------------------------------------------------------------------------------------------


def _flags(told: Sequence[Score], known: Sequence[Truth]) -> Row:
    flagged = [(s, t) for s, t in zip(told, known, strict=True) if s.state == COMFORT]
    right = [t.state == COMFORT for _, t in flagged]
    thin = [
        s for s, _ in flagged if float(s.evidence["activities"] or 0) < RULES.least_activities or s.hours < RULES.least_hours
    ]
    planted = sum(t.state == COMFORT for t in known)
    states = {f"recall_{name}": _recall(told, known, state) for name, state in
              (("earning", "Earning its time"), ("under", "Under-worked"), ("balanced", "Balanced"))}  # fmt: skip
    return {
        "flags": len(flagged), "precision": _share(right), "recall": sum(right) / planted if planted else None,
        "decoys": _share([t.kind.startswith("decoy") for _, t in flagged]), "below_gate": len(thin), **states,
    }  # fmt: skip


def _recall(told: Sequence[Score], known: Sequence[Truth], state: str) -> float | None:
    return _share([s.state == state for s, t in zip(told, known, strict=True) if t.state == state])


def _books(told: Sequence[Score], known: Sequence[Truth]) -> Row:
    """Books of reps who log almost nothing: how many are withheld in full."""
    books: dict[int, list[bool]] = {}
    for s, t in zip(told, known, strict=True):
        if t.state == THIN_LOGGING:
            books.setdefault(t.rep, []).append(s.state in WITHHELD)
    return {"thin_books": len(books), "thin_withheld": _share([all(b) for b in books.values()]), "fair": _fair(told)}


def _fair(told: Sequence[Score]) -> float | None:
    """Rank correlation of a judged book's logging with its share of comfort zones: whoever logs more is not flagged more."""
    books: dict[str, list[Score]] = {}
    for s in told:
        if s.owner_id is not None and s.state not in WITHHELD:
            books.setdefault(s.owner_id, []).append(s)
    if len(books) < LEAST_BOOKS:
        return None
    shares = [sum(s.state == COMFORT for s in b) / len(b) for b in books.values()]
    return float(spearmanr([float(b[0].coverage["logging"] or 0) for b in books.values()], shares).statistic)


# ---- numbers --------------------------------------------------------------------------------------------------------


def _potential(told: Sequence[Score], known: Sequence[Truth]) -> Row:
    rank = spearmanr([s.potential for s in told], [t.potential for t in known]).statistic
    inside = [s.potential_low <= t.potential <= s.potential_high for s, t in zip(told, known, strict=True)]
    trailing = spearmanr([s.trailing_12m for s in told], [t.potential for t in known]).statistic
    # planted is all that an account could buy, ours what of it can be had in a year: as it stands, and at equal medians
    scale = median(t.potential for t in known) / median(s.potential for s in told)
    aligned = [s.potential_low * scale <= t.potential <= s.potential_high * scale for s, t in zip(told, known, strict=True)]
    return {"potential_rank": float(rank), "trailing_rank": float(trailing), "coverage": _share(inside),
            "coverage_aligned": _share(aligned)}  # fmt: skip


def _expected(store: Store, org: int) -> Row:
    """How the range of what is expected held on the firm's own past: cuts left out, and only what had ended before the cut."""
    found = Calibrations(store.engine, org).latest()
    numbers = found[1] if found else {}
    return {"held": numbers.get("coverage"), "held_forward": numbers.get("coverage_forward")}


def _minutes(told: Sequence[Score], known: Sequence[Truth]) -> Row:
    """Our minutes against what was entered, where at least an hour was."""
    off = [abs(s.hours * 60 - t.logged) / t.logged for s, t in zip(told, known, strict=True) if t.logged >= 60]
    total = sum(s.hours * 60 for s in told) / max(1.0, sum(t.logged for t in known))
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
    ever = {account: history for account, history in flagged.items() if any(history)}
    told = count >= LEAST_NIGHTS
    flips = [sum(a != b for a, b in pairwise(h)) for h in ever.values()]
    planted = [h for account, h in flagged.items() if truth[account].state == COMFORT]
    seen = [h.index(True) for h in planted if any(h)]
    left = [h.index(False) for h in planted if h and h[0] and not all(h)]
    return {
        "nights": count, "ever_flagged": len(ever),
        "flips": 100 * sum(flips) / len(ever) * 30 / (count - 1) if told and ever else None,
        "restless": _share([n > 2 for n in flips]) if told else None,
        "nights_to_flag": median(seen) if told and seen else None, "found": _share([any(h) for h in planted]),
        "nights_to_release": median(left) if told and left else None,
        "released": _share([not h[-1] for h in planted if h and h[0]]),
    }  # fmt: skip


def _share(values: Sequence[Any]) -> float | None:
    return sum(map(bool, values)) / len(values) if values else None
