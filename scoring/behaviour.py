"""Is anything new opened? Counts of new people, new products, asks and resolutions against peers (docs/facts/scoring.md, "Behaviour")."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc

from scoring.calendar import DAY
from scoring.frame import Bools, Floats, Frame
from scoring.rules import Rules

#: times a date is moved back before an offer counts as stalled
MIN_PUSHES = 2


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Events of the window an account; `p_shallow` is the chance that it opens less than half of what its peers do."""

    people: Floats
    levels: Floats  #: levels or departments met for the first time
    families: Floats  #: product families presented that it did not own
    asks: Floats
    resolutions: Floats  #: of `decision_days`
    decisions: Floats  #: an ask and the resolution it leads to are one
    events: Floats  #: what was opened: people, families, decisions; a new level is a new person already
    stalled: Floats  #: open offers whose date was moved back twice or more: a decision was due and not asked for
    expected: Floats  #: what accounts of its size with as many hours open
    p_shallow: Floats
    has_people: bool  #: whether this org's records can show new people at all
    has_families: bool
    has_asks: bool


def behaviour(frame: Frame, hours: Floats, rules: Rules) -> Behaviour:
    """Count, then compare with what accounts of the same size open in as many hours."""
    people, families = frame.sum("met", "new_people"), _new_families(frame, rules)
    asks, resolutions = frame.sum("moves", "asks"), frame.sum("moves", "resolutions")
    decisions = np.maximum(asks, resolutions)
    events = people + families + decisions
    # who had bought before: a first order of today moves no peers
    customer = frame.sum("revenue", "orders") > frame.sum("revenue", "orders_365")
    expected, stalled = expected_events(events, hours, frame.numbers("employees"), customer), _stalled(frame)
    return Behaviour(
        people=people,
        levels=_new_levels(frame),
        families=families,
        asks=asks,
        resolutions=resolutions,
        decisions=decisions,
        events=events,
        stalled=stalled,
        expected=expected,
        p_shallow=_shallow(events, expected + stalled, rules),
        has_people=_has_any(frame, "met"),
        has_families=_has_any(frame, "families"),
        has_asks=_has_any(frame, "moves"),
    )


def _has_any(frame: Frame, fact: str) -> bool:
    return len(frame.facts[fact]["account_id"]) > 0


def _shallow(events: Floats, expected: Floats, rules: Rules) -> Floats:
    """P(m < `shallow_share`) of the account's own multiple m of what its peers open: m ~ Gamma(2 + events, 2 + expected)."""
    prior = rules.prior_events
    shallow: Floats = gammainc(prior + events, rules.shallow_share * (prior + expected))
    return shallow


def expected_events(events: Floats, hours: Floats, employees: Floats, customer: Bools) -> Floats:
    """Tell what peers open: log E = a + b log(hours + 1) + c log(employees) + d customer, learned by Poisson regression.

    The exponent is learned because events do not grow in proportion to hours: by a plain rate per hour every account with
    much time looks shallow, decoys and earning ones first (ADR 0011). Each half of the firm is judged by the other half,
    and nothing here moves with an offer or an order, so that no account's own event moves what is expected of it.
    """
    n = len(events)
    sized = ~np.isnan(employees)
    size = np.log1p(np.maximum(np.where(sized, employees, 0.0), 0.0))
    size = np.where(sized, size, size[sized].mean() if sized.any() else 0.0)
    spread = np.column_stack((np.log1p(hours), size, customer.astype(float)))
    design = np.column_stack((np.ones(n), spread - (spread.mean(axis=0) if n else 0.0)))
    turn = np.empty(n, dtype=np.int64)
    turn[np.lexsort((size, hours))] = np.arange(n)
    expected = np.zeros(n)
    for half in (turn % 2 == 0, turn % 2 == 1):
        expected[half] = np.exp(np.clip(design[half] @ _poisson(design[~half], events[~half]), -8.0, 8.0))
    return expected


#: what the exponents are shrunk to: half as much again for four times the hours, whatever the size
SLOPES = np.array([0.0, 0.3, 0.0, 0.0])
#: how strongly, in accounts that all open one event; the intercept is hardly held, at one event an account
HOLD = np.array([0.1, 4.0, 4.0, 4.0])


def _poisson(design: Floats, events: Floats) -> Floats:
    """Return coefficients of a ridged Poisson regression, by Newton's steps."""
    beta = SLOPES.copy()
    beta[0] = np.log((events.sum() + 1.0) / (len(events) + 1.0))
    center = beta.copy()
    for _ in range(30):
        mean = np.exp(np.clip(design @ beta, -8.0, 8.0))
        slope = design.T @ (events - mean) - HOLD * (beta - center)
        step = np.linalg.solve((design * mean[:, None]).T @ design + np.diag(HOLD), slope)
        beta += np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-9:
            break
    return beta


def _stalled(frame: Frame) -> Floats:
    moved, open_ones = frame.facts["pushes"], frame.facts["pipeline"]
    often = {i for i, n in zip(moved["opportunity_id"], moved["pushes"], strict=True) if n >= MIN_PUSHES}
    mine = zip(open_ones["account_id"], open_ones["id"], strict=True)
    stuck = [account for account, offer in mine if offer in often]
    return frame.add(stuck, [1.0] * len(stuck))


def _new_levels(frame: Frame) -> Floats:
    """Return levels and departments with nobody known before the window and somebody now."""
    m = frame.facts["met"]
    out = np.zeros(frame.n)
    for part in ("level", "department"):
        met: dict[tuple[str, str], list[int]] = {}
        for account, value, new, old in zip(m["account_id"], m[part], m["new_people"], m["old_people"], strict=True):
            if value is not None and account in frame.at:
                counts = met.setdefault((account, value), [0, 0])
                counts[0] += new
                counts[1] += old
        old_accounts = {account for (account, _), (_, old) in met.items() if old}
        for (account, _), (new, old) in met.items():
            if new and not old and account in old_accounts:  # the first meeting of all opens no new level
                out[frame.at[account]] += 1
    return out


def _new_families(frame: Frame, rules: Rules) -> Floats:
    """Return families first presented in the window to an account that did not own them before."""
    f = frame.facts["families"]
    start = (frame.day - rules.window_days) * DAY
    first: dict[tuple[str, str], tuple[int, int | None]] = {}
    for account, family, shown, bought in zip(
        f["account_id"], f["family"], f["first_shown_at"], f["first_bought_day"], strict=True
    ):
        shown_before, bought_before = first.get((account, family), (shown, bought))
        days = [d for d in (bought, bought_before) if d is not None]
        first[account, family] = (min(shown, shown_before), min(days) if days else None)
    fresh = [
        (a, 1.0)
        for (a, _), (shown, bought) in first.items()
        if shown >= start and (bought is None or bought >= frame.day - rules.window_days)
    ]
    return frame.add([a for a, _ in fresh], [v for _, v in fresh])
