"""Potential = expected revenue + realisable headroom, with a range (docs/facts/scoring.md, "Potential").

Trailing revenue is hard to beat as a forecast, so it stands beside these numbers everywhere.
"""

from dataclasses import dataclass

import numpy as np

from scoring.frame import Bools, Floats, Frame
from scoring.lookalike import KNOWN, Whitespace, small, typical, wallet, whitespace
from scoring.pipeline import counted_quantile, decided_by_stages, offers
from scoring.proof import calibration
from scoring.proof.learned import Calibration
from scoring.rules import Rules

#: z of an 80 % range
Z80 = 1.2816
#: below this many accounts with revenue a firm that sells by opportunities is ranked by blended ranks
BLENDED = 150


@dataclass(frozen=True, slots=True)
class Potential:
    """Money in whole units of the org's currency, for the next 12 months."""

    trailing: Floats
    expected: Floats
    expected_low: Floats
    expected_high: Floats
    headroom: Floats
    potential: Floats
    low: Floats
    high: Floats
    pipeline: Floats
    wallet: Floats  #: what look-alikes that buy a lot buy
    doubt: Floats  #: log units of doubt about potential, not the spread of outcomes
    guess: Bools  #: nothing to go by: no revenue, no offer, no size
    overridden: Bools
    customer: Bools
    whitespace: dict[int, tuple[str, int, int]]  #: account -> (family, owners among its peers, peers)


@dataclass(frozen=True, slots=True)
class Signals:
    """What records say about an account's next `share` of a year; money in whole units, rates a year."""

    trailing_12m: Floats
    trailing_6m: Floats
    orders: Floats  #: won in a year
    customer: Bools
    run_rate: Floats
    pipeline: Floats
    usual: Floats  #: what look-alikes usually buy
    wallet: Floats
    fallback: Bools  #: too few customers for a wallet of its own
    space: Whitespace
    size: Floats  #: mean rank of employees and company revenue, 0-1
    sized: Bools
    blended: bool  #: expected money follows the blended ranks of won revenue, pipeline and size
    share: float  #: of a year

    @property
    def small(self) -> float:
        """c of the range's logarithms."""
        return calibration.SMALL * typical(self.run_rate)


def signals(frame: Frame, rules: Rules) -> Signals:
    """Read the facts once; a backtest judges the same signals with several calibrations."""
    won_365, won_182 = frame.money("revenue", "won_365"), frame.money("revenue", "won_182")
    half, year = (max(1.0, d / record_days(frame)) for d in (182, 365))
    run_rate = np.maximum(half * won_182 + year * 0.5 * won_365, 0.0)
    bought, fallback = wallet(frame, run_rate, rules.wallet_quantile)
    size, sized = _size(frame)
    return Signals(
        trailing_12m=won_365,
        trailing_6m=won_182,
        orders=frame.sum("revenue", "orders_365"),
        customer=frame.sum("revenue", "orders") > 0,
        run_rate=run_rate,
        pipeline=offers(frame, rules),
        usual=wallet(frame, run_rate, 0.5)[0],
        wallet=bought,
        fallback=fallback,
        space=whitespace(frame),
        size=size,
        sized=sized,
        blended=decided_by_stages(frame) and int((run_rate > 0).sum()) < BLENDED,
        share=rules.horizon_days / 365,
    )


def components(s: Signals) -> Floats:
    """Return the square roots whose weighted sum is the square root of what is expected; one row an account."""
    rate = s.run_rate * s.share
    return np.sqrt(np.column_stack([rate, rate + s.pipeline, s.usual * s.share]))


def expected(s: Signals, weights: tuple[float, float, float]) -> Floats:
    """Revenue of the horizon; in a firm of few accounts that sells by opportunities the same amounts by blended ranks."""
    money: Floats = (components(s) @ np.array(weights)) ** 2
    if not s.blended:
        return money
    parts = [ranks(s.run_rate), ranks(s.pipeline)] + ([s.size] if s.sized.sum() >= KNOWN else [])
    blend = ranks(np.mean(parts, axis=0).round(9))
    return np.interp(blend, (np.arange(len(money)) + 0.5) / len(money), np.sort(money))


def headroom(s: Signals, money: Floats, realisable: float) -> Floats:
    """Tell what could be realised beyond what is expected: a share of the larger of wallet and whitespace."""
    room: Floats = realisable * s.share * np.maximum(0.0, np.maximum(s.wallet - money / s.share, s.space.value))
    return room


def potential(frame: Frame, overrides: Floats, rules: Rules) -> Potential:
    """Judge every account's potential; `overrides` (NaN = none) are a person's own figures and win."""
    learned = calibration.of_frame(frame)
    s = signals(frame, rules)
    money = expected(s, learned.weights)
    room = headroom(s, money, rules.realisable)
    guess = ~s.customer & (s.pipeline <= 0) & ~s.sized
    overridden = ~np.isnan(overrides)
    total = np.where(overridden, overrides, money + room)
    doubt = rules.doubt + np.where(s.fallback, rules.doubt_fallback, 0.0) + np.where(s.customer, 0.0, 0.25)
    spread = 0.35 + 0.65 / (1 + np.sqrt(s.orders))
    expected_low, expected_high = _range(s, money, learned, spread)
    low, high = _fallback(total, np.where(overridden, 0.0, spread), small(s.run_rate))
    return Potential(
        trailing=s.trailing_12m,
        expected=money,
        expected_low=expected_low,
        expected_high=expected_high,
        headroom=room,
        potential=total,
        low=low,
        high=high,
        pipeline=s.pipeline,
        wallet=s.wallet,
        doubt=np.where(overridden, 0.15, doubt),
        guess=guess & ~overridden,
        overridden=overridden,
        customer=s.customer,
        whitespace=s.space.best,
    )


def _range(s: Signals, money: Floats, learned: Calibration, spread: Floats) -> tuple[Floats, Floats]:
    """Return the learned range, else the fallback."""
    if learned.bands:
        return calibration.ranges(money, learned.bands, s.small)
    return _fallback(money, spread, small(s.run_rate))


def _fallback(center: Floats, spread: Floats, c: float) -> tuple[Floats, Floats]:
    """Return an 80 % range on log(x + c) that claims no coverage (docs/facts/scoring.md, "The range")."""
    low = (center + c) * np.exp(-Z80 * spread) - c
    return np.maximum(low, 0.0), (center + c) * np.exp(Z80 * spread) - c


def record_days(frame: Frame) -> int:
    """Return days back to the first wins of the last year, at least a quarter: a firm that began to record in March sold for
    ten months by December, not for twelve. One win in a hundred may lie before."""
    wins = frame.facts.get("won_days", {"close_day": (), "opportunities": ()})
    rows = list(zip(wins["close_day"], wins["opportunities"], strict=True))
    return max(91, frame.day - counted_quantile(rows, 0.01)) if rows else 365


def _size(frame: Frame) -> tuple[Floats, Bools]:
    """Return mean rank of employees and company revenue, the middle where unknown; and where either is known."""
    parts = []
    any_size = np.zeros(frame.n, dtype=bool)
    for name in ("employees", "annual_revenue_cents"):
        raw = frame.numbers(name)
        sized = ~np.isnan(raw)
        any_size |= sized
        rank = np.full(frame.n, 0.5)
        rank[sized] = ranks(raw[sized])
        if sized.sum() >= KNOWN:
            parts.append(rank)
    return (np.mean(parts, axis=0) if parts else np.full(frame.n, 0.5)), any_size


def ranks(values: Floats) -> Floats:
    """Rank from 0 to 1; ties share the mean of theirs."""
    if not len(values):
        return np.zeros(0)
    ordered = np.sort(values)
    low, high = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    middle: Floats = (low + high) / 2 / len(values)
    return middle
