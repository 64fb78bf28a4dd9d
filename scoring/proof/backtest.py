"""Would earlier scores have been right? Rolling cuts on a customer's own past, and what is learned from them. Pure.

A cut is a day: what was known before it (the same code as tonight's) against the revenue won in the horizon after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import nnls

from scoring.frame import Facts, Floats, Frame
from scoring.potential import Signals, components, expected, headroom, signals
from scoring.proof import calibration
from scoring.proof.learned import BASELINES, BESIDE, LEAST_CUTS, NOMINAL, OURS, PARTS, WEIGHTS, Calibration
from scoring.proof.rank_measures import Compared, Difference, calibration_table, differences, spearman, top_share
from scoring.rules import Rules

#: horizons in days, the best first; days between cuts; cuts that are used at most (docs/facts/scoring.md, "The range")
HORIZONS, APART, MAX_CUTS = (365, 182, 91), 91, 8
#: accounts with an outcome, all cuts together, below which nothing is learned
LEAST_ACCOUNTS = 60
#: gain in rank correlation that learned weights must show, and on how many cuts
GAIN, GAINS = 0.02, 3


# ---- which cuts -----------------------------------------------------------------------------------------------------


def plan(since: int, today: int, horizon: int | None = None) -> tuple[int, tuple[int, ...]] | None:
    """Return horizon and days of the cuts for records from `since` to `today`; None if no horizon leaves three cuts.

    Each cut has a horizon after it, and at least as long a record before it.
    """
    for length in HORIZONS if horizon is None else (horizon,):
        last = today - length
        room = (last - length - since) // APART + 1
        if room >= LEAST_CUTS:
            return length, tuple(last - APART * n for n in reversed(range(min(room, MAX_CUTS))))
    return None


@dataclass(frozen=True, slots=True)
class Cut:
    """What was known before `day`, and what came: revenue of each account in the `horizon_days` from it on."""

    day: int
    horizon_days: int
    frame: Frame
    signals: Signals
    revenue: Floats

    @property
    def end(self) -> int:
        return self.day + self.horizon_days


def cut(facts: Facts, outcomes: Mapping[str, Sequence[Any]], day: int, horizon_days: int, rules: Rules) -> Cut:
    """From the facts as of `day` and the rows of `revenue_features.outcomes`."""
    frame = Frame(facts | {"outcomes": outcomes}, day)  # type: ignore[operator]
    won = np.maximum(frame.money("outcomes", "cents"), 0.0)
    return Cut(day, horizon_days, frame, signals(frame, replace(rules, horizon_days=horizon_days)), won)


# ---- what is learned ------------------------------------------------------------------------------------------------


def learn(cuts: Sequence[Cut]) -> Calibration:
    """Learn everything the cuts teach; with fewer than three, or too few accounts, nothing."""
    if len(cuts) < LEAST_CUTS or sum(len(c.revenue) for c in cuts) < LEAST_ACCOUNTS:
        return Calibration()
    weights = learned_weights(cuts)
    predicted = [expected(c.signals, weights) for c in cuts]
    surprises = [_by_part(c, e) for c, e in zip(cuts, predicted, strict=True)]
    everything = range(len(cuts))
    level, coverage = _level(cuts, predicted, surprises)
    ended = {k: [j for j in everything if cuts[j].end <= cuts[k].day] for k in everything}
    forward = [_inside(cuts[k], predicted[k], _bands(surprises, past)) for k, past in ended.items() if past]
    return Calibration(
        weights=weights,
        realised=_realised(cuts, predicted),
        bands=_bands(surprises, everything, level),
        level=level,
        coverage=coverage,
        coverage_forward=_mean(forward),
        cuts=len(cuts),
        horizon_days=cuts[0].horizon_days,
        accounts=sum(len(c.revenue) for c in cuts),
    )


def _level(cuts: Sequence[Cut], predicted: Sequence[Floats], surprises: Sequence[Sequence[Floats]]) -> tuple[float, float]:
    """Tell how wide a range must be, and how often it then held in a cut that had no part in it.

    What is to come is another quarter, not another account of the same ones: where quarters differ, a range that holds 80 %
    of pooled outcomes holds fewer of the next (docs/adr/0013).
    """
    level, coverage = NOMINAL, 0.0
    for level in calibration.LEVELS:
        others = [[j for j in range(len(cuts)) if j != k] for k in range(len(cuts))]
        inside = [_inside(c, predicted[k], _bands(surprises, others[k], level)) for k, c in enumerate(cuts)]
        coverage = float(np.concatenate(inside).mean())
        if coverage >= calibration.REACHED:
            break
    return level, coverage


def _mean(parts: Sequence[Floats]) -> float | None:
    return float(np.concatenate(parts).mean()) if parts else None


def _by_part(c: Cut, predicted: Floats) -> list[Floats]:
    surprises, part = calibration.surprise(c.revenue, predicted, c.signals.small), calibration.parts(predicted)
    return [surprises[part == n] for n in range(PARTS)]


def _bands(
    surprises: Sequence[Sequence[Floats]], cuts: Sequence[int], level: float = NOMINAL
) -> tuple[tuple[float, float], ...]:
    """One range a part of the accounts, pooled over these cuts; a part nobody is in takes everybody's."""
    pooled = [np.concatenate([surprises[k][n] for k in cuts]) for n in range(PARTS)]
    everybody = np.concatenate(pooled)
    return tuple(calibration.band(p if len(p) else everybody, level) for p in pooled)


def _inside(c: Cut, predicted: Floats, bands: tuple[tuple[float, float], ...]) -> Floats:
    low, high = calibration.ranges(predicted, bands, c.signals.small)
    slack = 1e-9 * c.signals.small
    return ((c.revenue >= low - slack) & (c.revenue <= high + slack)).astype(float)


def learned_weights(cuts: Sequence[Cut]) -> tuple[float, float, float]:
    """Half-way from the defaults to non-negative least squares, if that would have ranked better at enough later cuts.

    At each cut only outcomes that had ended by then may teach. Un-shrunk weights jump from one extreme to another between
    neighbouring cuts (docs/facts/scoring.md, "Potential").
    """
    if cuts[0].signals.blended:
        return WEIGHTS
    gains = []
    for c in cuts:
        past = [p for p in cuts if p.end <= c.day]
        if past:
            gains.append(
                spearman(expected(c.signals, half_way(past)), c.revenue) - spearman(expected(c.signals, WEIGHTS), c.revenue)
            )
    better = sum(gain >= GAIN for gain in gains) >= GAINS and float(np.mean(gains)) >= GAIN
    return half_way(cuts) if better else WEIGHTS


def half_way(cuts: Sequence[Cut]) -> tuple[float, float, float]:
    """Return the defaults moved half-way to the best fit of these cuts, on the square-root scale."""
    x = np.concatenate([components(c.signals) for c in cuts])
    y = np.sqrt(np.concatenate([c.revenue for c in cuts]))
    scale = float(np.abs(x).max()) or 1.0
    best, _ = nnls(x / scale, y / scale)
    a, b, c = (np.array(WEIGHTS) + best) / 2
    return float(a), float(b), float(c)


def _realised(cuts: Sequence[Cut], predicted: Sequence[Floats]) -> float:
    """Return the share of the room that came: the slope of revenue on room beside the one on what was expected.

    Weighted least squares with 1 / size, so that neither large nor small accounts decide alone.
    """
    e = np.concatenate(list(predicted))
    room = np.concatenate([headroom(c.signals, x, 1.0) for c, x in zip(cuts, predicted, strict=True)])
    revenue = np.concatenate([c.revenue for c in cuts])
    some = e + room > 0
    weight = 1 / np.sqrt(e[some] + room[some])
    x = np.column_stack([e[some], room[some]]) * weight[:, None]
    (_, slope), *_ = np.linalg.lstsq(x, revenue[some] * weight)
    return float(np.clip(slope, 0.0, 1.0))


# ---- how good it would have been ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Method:
    """One order of the accounts, means over the cuts; `difference` is ours minus this one."""

    name: str
    rho: float
    top: float
    rho_by_cut: tuple[float, ...]
    difference: Difference | None = None
    top_difference: Difference | None = None


@dataclass(frozen=True, slots=True)
class CutFacts:
    """One cut in figures."""

    day: int
    accounts: int
    buyers: int  #: accounts that bought in the horizon
    expected: float  #: in sum
    won: float
    ideal: float  #: share of the revenue of the tenth that bought most
    learned_from: int  #: earlier cuts that had ended by then


@dataclass(frozen=True, slots=True)
class Backtest:
    """Everything the page and the table show."""

    horizon_days: int
    cuts: tuple[CutFacts, ...]
    methods: tuple[Method, ...]  #: ours, potential, then those baselines that these records hold
    table: tuple[tuple[int, float, float], ...]  #: accounts, mean expected, mean won, by tenths
    coverage_by_cut: tuple[float | None, ...]  #: of ranges learned from what had ended by then
    calibration: Calibration
    blended: bool


def run(cuts: Sequence[Cut], rules: Rules) -> Backtest:
    """Judge every cut with what its past had taught, then all cuts together. `cuts` in order of time, not empty."""
    past = [[p for p in cuts if p.end <= c.day] for c in cuts]
    learned_by_then = [_learned_by_then(p) for p in past]
    predicted = [expected(c.signals, k.weights) for c, k in zip(cuts, learned_by_then, strict=True)]
    compared = [_compared(c, e, rules) for c, e in zip(cuts, predicted, strict=True)]
    inside = [
        float(_inside(c, e, k.bands).mean()) if k.bands else None
        for c, e, k in zip(cuts, predicted, learned_by_then, strict=True)
    ]
    return Backtest(
        horizon_days=cuts[0].horizon_days,
        cuts=tuple(_cut_facts(c, e, len(p)) for c, e, p in zip(cuts, predicted, past, strict=True)),
        methods=_methods(_that_rank(compared)),
        table=tuple(calibration_table(predicted, [c.revenue for c in cuts])),
        coverage_by_cut=tuple(inside),
        calibration=learn(cuts),
        blended=cuts[-1].signals.blended,
    )


def _learned_by_then(past: Sequence[Cut]) -> Calibration:
    """As `learn`, but an early cut may take its range from fewer than three."""
    if not past:
        return Calibration()
    if len(past) >= LEAST_CUTS:
        return learn(past)
    surprises = [_by_part(c, expected(c.signals, WEIGHTS)) for c in past]
    return Calibration(bands=_bands(surprises, range(len(past))))


def _compared(c: Cut, predicted: Floats, rules: Rules) -> Compared:
    s = c.signals
    room = headroom(s, predicted, rules.realisable)
    draw = np.random.default_rng(c.day).random(len(predicted))
    baselines = (s.trailing_12m, s.trailing_6m, s.pipeline, s.orders, s.size, draw)
    orders = {OURS: predicted, BESIDE: predicted + room} | dict(zip(BASELINES, baselines, strict=True))
    return Compared(c.frame.ids, orders, c.revenue)


def _that_rank(compared: Sequence[Compared]) -> list[Compared]:
    """Without the orders that put every account in one place at every cut: this CRM does not hold what they need."""
    speaks = {n for n in compared[0].orders for c in compared if len(c.orders[n]) and np.ptp(c.orders[n]) > 0} | {OURS}
    return [replace(c, orders={n: v for n, v in c.orders.items() if n in speaks}) for c in compared]


def _methods(compared: Sequence[Compared]) -> tuple[Method, ...]:
    against = differences(compared, OURS)
    methods = []
    for name in compared[0].orders:
        rho = tuple(spearman(c.orders[name], c.revenue) for c in compared)
        top = float(np.mean([top_share(c.orders[name], c.revenue) for c in compared]))
        methods.append(Method(name, float(np.mean(rho)), top, rho, *against.get(name, (None, None))))
    return tuple(methods)


def _cut_facts(c: Cut, predicted: Floats, learned_from: int) -> CutFacts:
    return CutFacts(
        day=c.day,
        accounts=len(c.revenue),
        buyers=int((c.revenue > 0).sum()),
        expected=float(predicted.sum()),
        won=float(c.revenue.sum()),
        ideal=top_share(c.revenue, c.revenue),
        learned_from=learned_from,
    )
