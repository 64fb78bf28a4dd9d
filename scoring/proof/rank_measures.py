"""How well an order of accounts, made before, agrees with what came after. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scoring.frame import Floats
from scoring.potential import ranks

#: share of the accounts that a plan would put first
TOP = 0.10
#: resamples of the accounts; held in memory this many at a time
DRAWS, DRAWS_AT_ONCE = 400, 50
#: parts of the table of calibration
DECILES = 10


def spearman(a: Floats, b: Floats) -> float:
    """Rank correlation with mean ranks for ties (Spearman 1904); 0 where either side is constant."""
    x, y = ranks(a), ranks(b)
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def top_share(order: Floats, revenue: Floats) -> float:
    """Share of the revenue that the first tenth of the order won; accounts that tie at its edge count in part."""
    total = float(revenue.sum())
    return float((_in_top(order) * revenue).sum()) / total if total > 0 else 0.0


def _in_top(order: Floats) -> Floats:
    """Tell how much of each account is in the first tenth: 1, 0, or a part where several tie at the edge."""
    seats = max(1.0, np.ceil(TOP * len(order)))
    edge = np.sort(order)[::-1][int(seats) - 1]
    above, level = order > edge, order == edge
    shares: Floats = above + level * ((seats - above.sum()) / level.sum())
    return shares


def calibration_table(expected: Sequence[Floats], revenue: Sequence[Floats]) -> list[tuple[int, float, float]]:
    """Return (accounts, mean expected, mean won) by tenths of what was expected, all cuts together, lowest first."""
    predicted, won = np.concatenate(expected), np.concatenate(revenue)
    order = np.lexsort((won, predicted))
    return [
        (len(part), float(predicted[part].mean()), float(won[part].mean()))
        for part in np.array_split(order, DECILES)
        if len(part)
    ]


# ---- is it better, or is that chance? -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """The first order's figure minus another's, mean over the cuts, with a 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """better, worse or no difference: worse and better only where the interval leaves out zero."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "no difference"


@dataclass(frozen=True, slots=True)
class Compared:
    """One cut: who the accounts were, what each order said of them, what they bought."""

    accounts: Sequence[str]
    orders: Mapping[str, Floats]
    revenue: Floats


def differences(cuts: Sequence[Compared], first: str) -> dict[str, tuple[Difference, Difference]]:
    """`first` against every other order: (rank correlation, share of revenue in the top tenth).

    A paired bootstrap over accounts (Efron & Tibshirani 1993, 8.3): an account is drawn with all its cuts, for both orders
    alike. Ranks and the top tenth stay those of all accounts.
    """
    names = [name for name in cuts[0].orders if name != first]
    rho, share = _drawn(cuts, (first, *names))
    return {name: (_difference(rho, n), _difference(share, n)) for n, name in enumerate(names, start=1)}


def _difference(drawn: Floats, n: int) -> Difference:
    """Row 0 of `drawn` is the figure itself, the rest are resamples; column 0 is the first order."""
    gaps = drawn[:, 0] - drawn[:, n]
    low, high = np.quantile(gaps[1:], (0.025, 0.975))
    return Difference(float(gaps[0]), float(low), float(high))


def _drawn(cuts: Sequence[Compared], names: Sequence[str]) -> tuple[Floats, Floats]:
    """Rank correlation and top share (draws + 1, orders), means over the cuts."""
    everybody = sorted({account for cut in cuts for account in cut.accounts})
    at = {account: i for i, account in enumerate(everybody)}
    places = [np.array([at[a] for a in cut.accounts]) for cut in cuts]
    rng = np.random.default_rng(len(everybody))
    rho, share = np.zeros((DRAWS + 1, len(names))), np.zeros((DRAWS + 1, len(names)))
    for start in range(0, DRAWS + 1, DRAWS_AT_ONCE):
        rows = slice(start, min(start + DRAWS_AT_ONCE, DRAWS + 1))
        weight = rng.multinomial(len(everybody), np.full(len(everybody), 1 / len(everybody)), rows.stop - start).astype(
            float
        )
        if start == 0:
            weight[0] = 1.0
        for cut, place in zip(cuts, places, strict=True):
            for n, name in enumerate(names):
                rho[rows, n] += _correlation(weight[:, place], ranks(cut.orders[name]), ranks(cut.revenue)) / len(cuts)
                share[rows, n] += _weighted_share(weight[:, place], _in_top(cut.orders[name]), cut.revenue) / len(cuts)
    return rho, share


def _correlation(weight: Floats, x: Floats, y: Floats) -> Floats:
    """Return Pearson's correlation under each row of weights."""
    total = weight.sum(axis=1)
    mx, my = weight @ x / total, weight @ y / total
    covariance = weight @ (x * y) / total - mx * my
    spread = (weight @ (x * x) / total - mx**2) * (weight @ (y * y) / total - my**2)
    correlation: Floats = np.divide(covariance, np.sqrt(np.maximum(spread, 0)), out=np.zeros_like(mx), where=spread > 1e-18)
    return correlation


def _weighted_share(weight: Floats, top: Floats, revenue: Floats) -> Floats:
    total = weight @ revenue
    share: Floats = np.divide(weight @ (top * revenue), total, out=np.zeros_like(total), where=total > 0)
    return share
