"""Potential = expected revenue + realisable headroom, with a range (reference 2.2).

Trailing revenue is hard to beat as a forecast, so it stands beside these numbers everywhere.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from scoring.frame import Bools, Floats, Frame, Ints
from scoring.rules import Rules

#: weights of run-rate, run-rate with pipeline, and the segment's mean, on a square-root scale (2.2)
WEIGHTS = (0.5, 0.4, 0.1)
#: accounts that carry a look-alike regression, and that a segment's own quantile needs
FIT, SEGMENT = 60, 15
#: accounts that must carry a size before it may speak
KNOWN = 30
#: rows and industries of the regression; more add time, not truth
MOST_ROWS, MOST_INDUSTRIES = 800, 8
#: z of an 80 % range
Z80 = 1.2816
#: prior weight of whitespace's global share (2.2)
PENETRATION_PRIOR = 10.0


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
    doubt: Floats  #: log units of doubt about potential, not the spread of outcomes (rulings 23)
    guess: Bools  #: nothing to go by: no revenue, no offer, no size
    overridden: Bools
    customer: Bools
    whitespace: dict[int, tuple[str, int, int]]  #: account -> (family, owners among its peers, peers)


def potential(frame: Frame, overrides: Floats, rules: Rules) -> Potential:
    """Judge every account's potential; `overrides` (NaN = none) are a person's own figures and win."""
    won_365, won_182 = frame.money("revenue", "won_365"), frame.money("revenue", "won_182")
    orders = frame.sum("revenue", "orders_365")
    customer = frame.sum("revenue", "orders") > 0
    run_rate = won_182 + 0.5 * won_365
    offers = _offers(frame, rules)
    industry, industries = frame.groups("industry")
    mean = _segment_mean(run_rate, industry, industries)
    w = WEIGHTS
    expected = (w[0] * np.sqrt(run_rate) + w[1] * np.sqrt(run_rate + offers) + w[2] * np.sqrt(mean)) ** 2
    wallet, fallback = _wallet(frame, run_rate, industry, industries, rules)
    space, best = _whitespace(frame, industry, industries)
    headroom = rules.realisable * np.maximum(0.0, np.maximum(wallet - expected, space))
    sized = ~np.isnan(frame.numbers("employees")) | ~np.isnan(frame.numbers("annual_revenue_cents"))
    guess = ~customer & (offers <= 0) & ~sized
    given = ~np.isnan(overrides)
    total = np.where(given, overrides, expected + headroom)
    spread = np.where(given, 0.0, 0.35 + 0.65 / (1 + np.sqrt(orders)))
    small = _small(run_rate)
    doubt = rules.doubt + np.where(fallback, rules.doubt_fallback, 0.0) + np.where(customer, 0.0, 0.25)
    return Potential(
        won_365, expected, *_band(expected, spread, small), headroom, total, *_band(total, spread, small), offers, wallet,
        np.where(given, 0.15, doubt), guess & ~given, given, customer, best,
    )  # fmt: skip


def _band(center: Floats, spread: Floats, small: float) -> tuple[Floats, Floats]:
    """The fallback's 80 % range, on log(x + c): it claims no coverage until a backtest has measured one (rulings 21)."""
    low = (center + small) * np.exp(-Z80 * spread) - small
    return np.maximum(low, 0.0), (center + small) * np.exp(Z80 * spread) - small


def _small(amounts: Floats) -> float:
    """c of log(x + c): a fixed fraction of the org's median positive revenue, so that units do not matter (rulings 19)."""
    positive = amounts[amounts > 0]
    return 0.01 * float(np.median(positive)) if len(positive) else 1.0


def _offers(frame: Frame, rules: Rules) -> Floats:
    """Open opportunities that close within the horizon, weighted by learned and shrunk stage odds (2.2)."""
    odds = stage_odds(frame, rules)
    p = frame.facts["pipeline"]
    values = []
    for stage, chance, cents, currency, close in zip(
        p["stage"], p["probability"], p["amount_cents"], p["currency"], p["close_day"], strict=True
    ):
        soon = close is None or close < frame.day + rules.horizon_days
        share = odds.get(stage, (chance or 0) / 100)
        late = close is not None and close < frame.day - 90  # long overdue: nobody believes the date any more
        values.append(frame.units(cents, currency) * share * soon * (0.5 if late else 1.0))
    return frame.add(p["account_id"], np.maximum(values, 0.0).tolist() if values else [])


def stage_odds(frame: Frame, rules: Rules) -> dict[str, float]:
    """(won + k * the admin's odds) / (closed + k), k opportunities strong."""
    admin = dict(zip(frame.facts["stages"]["id"], frame.facts["stages"]["probability"], strict=True))
    found = frame.facts["stage_odds"]
    seen = {s: (c, w) for s, c, w in zip(found["stage"], found["closed"], found["won"], strict=True)}
    k = rules.stage_prior
    return {
        stage: (seen.get(stage, (0, 0))[1] + k * (chance or 0) / 100) / (seen.get(stage, (0, 0))[0] + k)
        for stage, chance in admin.items()
    }


def _segment_mean(run_rate: Floats, groups: Ints, count: int) -> Floats:
    """The customers' mean of an account's industry, shrunk to the org's."""
    buys = run_rate > 0
    overall = float(run_rate[buys].mean()) if buys.any() else 0.0
    sums = np.bincount(groups[buys], weights=run_rate[buys], minlength=count)
    sizes = np.bincount(groups[buys], minlength=count)
    means: Floats = ((sums + 20 * overall) / (sizes + 20))[groups]
    return means


def _wallet(frame: Frame, run_rate: Floats, groups: Ints, count: int, rules: Rules) -> tuple[Floats, Bools]:
    """What an account of this size and industry buys when it buys a lot: a linear quantile regression on customers.

    Perlich et al. 2007 (realistic wallet). With too few customers the industry's quantile, then the org's.
    """
    buys = np.flatnonzero(run_rate > 0)
    tau = rules.wallet_quantile
    if len(buys) >= FIT:
        design = _design(frame, groups, count)
        small = _small(run_rate)
        beta = quantile_regression(design[buys], np.log(run_rate[buys] + small), tau)
        top = float(run_rate.max())
        return np.clip(np.exp(design @ beta) - small, 0.0, top), np.zeros(frame.n, dtype=bool)
    everywhere = float(np.quantile(run_rate[buys], tau)) if len(buys) else 0.0
    wallet = np.full(frame.n, everywhere)
    for group in range(count):
        mine = buys[groups[buys] == group]
        if len(mine) >= SEGMENT:
            wallet[groups == group] = np.quantile(run_rate[mine], tau)
    return wallet, np.ones(frame.n, dtype=bool)


def _design(frame: Frame, groups: Ints, count: int) -> Floats:
    """Intercept, log size, log company revenue, each with a mark for missing, and the largest industries."""
    columns = [np.ones(frame.n)]
    for name in ("employees", "annual_revenue_cents"):
        raw = frame.numbers(name)
        missing = np.isnan(raw)
        if (~missing).sum() < KNOWN:
            continue  # a size that a handful of accounts carry fits those accounts, not the rest
        logs = np.log1p(np.where(missing, 0.0, np.maximum(raw, 0.0)))
        center = float(logs[~missing].mean()) if (~missing).any() else 0.0
        columns += [np.where(missing, 0.0, logs - center), missing.astype(float)]
    sizes = np.bincount(groups, minlength=count)
    largest = sorted(range(count), key=lambda g: (-sizes[g], g))[1 : MOST_INDUSTRIES + 1]  # the largest is the base
    columns += [(groups == g).astype(float) for g in largest]
    return np.column_stack(columns)


def quantile_regression(x: Floats, y: Floats, tau: float) -> Floats:
    """Coefficients of the linear tau-quantile: the dual of the linear programme (Koenker, Quantile Regression, 2005, 6.2).

    Rows beyond `MOST_ROWS` are thinned evenly after sorting by y, so that the order of arrival does not matter.
    """
    if len(y) > MOST_ROWS:
        order = np.lexsort((*x.T, y))
        keep = order[np.linspace(0, len(y) - 1, MOST_ROWS).round().astype(int)]
        x, y = x[keep], y[keep]
    used = np.abs(x).sum(axis=0) > 0
    solution = linprog(-y, A_eq=x[:, used].T, b_eq=(1 - tau) * x[:, used].sum(axis=0), bounds=(0, 1), method="highs")
    beta = np.zeros(x.shape[1])
    if solution.status == 0:
        beta[used] = -solution.eqlin.marginals
    else:
        beta[0] = np.quantile(y, tau)
    return beta


def _whitespace(frame: Frame, groups: Ints, count: int) -> tuple[Floats, dict[int, tuple[str, int, int]]]:
    """What families an account does not own could bring: share of its industry that owns one, times their median spend.

    An idea, not a forecast (2.2): the strongest one is named in the next step.
    """
    f = frame.facts["families"]
    owned: dict[str, dict[int, float]] = {}
    for account, family, currency, bought, cents in zip(
        f["account_id"], f["family"], f["currency"], f["first_bought_day"], f["bought_365"], strict=True
    ):
        if account in frame.at and bought is not None:
            spent = owned.setdefault(family, {})
            spent[frame.at[account]] = spent.get(frame.at[account], 0.0) + frame.units(cents, currency)
    value, best, strength = np.zeros(frame.n), {}, np.zeros(frame.n)
    sizes = np.bincount(groups, minlength=count)
    for family in sorted(owned):
        has = np.zeros(frame.n, dtype=bool)
        has[list(owned[family])] = True
        among = np.bincount(groups[has], minlength=count)
        share = (among + PENETRATION_PRIOR * has.mean()) / (sizes + PENETRATION_PRIOR)
        positive = [v for v in owned[family].values() if v > 0]
        gain = np.where(has, 0.0, share[groups] * (float(np.median(positive)) if positive else 0.0))
        value += gain
        appeal = np.where(has, 0.0, share[groups])
        for i in np.flatnonzero(appeal > strength):
            best[int(i)] = (family, int(among[groups[i]]), int(sizes[groups[i]]))
        strength = np.maximum(strength, appeal)
    return value, best
