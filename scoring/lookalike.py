"""What accounts like this one buy: a wallet by quantile regression, and product families it does not own.

(docs/facts/scoring.md, "Potential")
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.spatial import cKDTree

from scoring.calendar import DAY
from scoring.frame import Bools, Floats, Frame, Ints

#: customers that carry a regression, and that a group's own quantile needs
FIT, SEGMENT = 60, 15
#: accounts that must carry a size before it may speak
KNOWN = 30
#: rows of the regression, a quarter of a second; fewer would be other ones every night, and move every wallet by a seventh (ADR 0024)
MAX_ROWS = 20_000
#: asks for the lower one where a whole interval of quantiles fits: else the solver's version decides
LOWER = 1e-5
#: customers at which a group's own figure weighs half
GROUP_PRIOR = 20.0
#: look-alikes asked for a product family, and the weight of the whole firm's share beside them
NEIGHBOURS, PENETRATION_PRIOR = 25, 10.0
#: distance of another industry, in standard deviations of size
OTHER_INDUSTRY = 2.0
#: families that are offered, the most widely owned
MAX_FAMILIES = 40


def typical(amounts: Floats) -> float:
    """Return the median positive amount, the firm's own yardstick; 1 where there is none."""
    positive = amounts[amounts > 0]
    return float(np.median(positive)) if len(positive) else 1.0


def small(amounts: Floats) -> float:
    """c of log(x + c): a fixed fraction of the median positive amount, so that units do not matter."""
    return 0.01 * typical(amounts)


# ---- wallet ---------------------------------------------------------------------------------------------------------


def wallet(frame: Frame, run_rate: Floats, tau: float) -> tuple[Floats, Bools]:
    """What an account of this size and kind buys when it buys more than `tau` of its like, and where that is a fallback.

    A linear quantile regression on customers (Perlich et al. 2007, "realistic wallet"); what industry and country add is
    shrunk by their customers. With too few customers the industry's shrunk quantile, then the firm's.
    """
    buys = np.flatnonzero(run_rate > 0)
    if len(buys) < FIT:
        return _by_segment(frame, run_rate, buys, tau), np.ones(frame.n, dtype=bool)
    design, c = _design(frame), small(run_rate)
    y = np.log(run_rate[buys] + c)
    fitted = design @ quantile_regression(design[buys], y, tau)
    for column in ("industry", "country"):
        groups, count = frame.groups(column)
        fitted = fitted + _group_shift(y - fitted[buys], groups[buys], count, tau)[groups]
    top = float(run_rate.max())
    return np.clip(np.exp(np.minimum(fitted, 700.0)) - c, 0.0, top), np.zeros(frame.n, dtype=bool)


def _by_segment(frame: Frame, run_rate: Floats, buys: Ints, tau: float) -> Floats:
    everywhere = float(np.quantile(run_rate[buys], tau)) if len(buys) else 0.0
    groups, count = frame.groups("industry")
    quantiles = np.full(count, everywhere)
    for group in range(count):
        mine = run_rate[buys[groups[buys] == group]]
        if len(mine) >= SEGMENT:
            quantiles[group] = (len(mine) * np.quantile(mine, tau) + GROUP_PRIOR * everywhere) / (len(mine) + GROUP_PRIOR)
    return quantiles[groups]


def _group_shift(residual: Floats, groups: Ints, count: int, tau: float) -> Floats:
    """Tell how far a group's own quantile lies from the line, shrunk by its size."""
    shift = np.zeros(count)
    order = np.argsort(groups, kind="stable")
    edges = np.searchsorted(groups[order], np.arange(count + 1))
    for group in range(count):
        mine = residual[order[edges[group] : edges[group + 1]]]
        if len(mine):
            shift[group] = len(mine) / (len(mine) + GROUP_PRIOR) * np.quantile(mine, tau)
    return shift


def _design(frame: Frame) -> Floats:
    """Intercept, log employees, log company revenue, log age, each with a mark for missing."""
    columns = [np.ones(frame.n)]
    for raw in (*_sizes(frame), _age(frame)):
        missing = np.isnan(raw)
        if (~missing).sum() >= KNOWN:  # a size that a handful of accounts carry fits those accounts, not the rest
            columns += [np.where(missing, 0.0, raw - raw[~missing].mean()), missing.astype(float)]
    return np.column_stack(columns)


def _sizes(frame: Frame) -> list[Floats]:
    """Log employees and log company revenue; NaN where unknown."""
    return [np.log1p(np.maximum(frame.numbers(name), 0.0)) for name in ("employees", "annual_revenue_cents")]


def _age(frame: Frame) -> Floats:
    """Log days since the account was created; NaN where unknown."""
    return np.log1p(np.maximum(frame.day - frame.numbers("created_at") / DAY, 0.0))


def quantile_regression(x: Floats, y: Floats, tau: float) -> Floats:
    """Coefficients of the linear tau-quantile: the dual of the linear programme (Koenker, Quantile Regression, 2005, 6.2).

    Rows beyond `MAX_ROWS` are thinned evenly after sorting by y, so that the order of arrival does not matter.
    """
    tau -= LOWER
    if len(y) > MAX_ROWS:
        order = np.lexsort((*x.T, y))
        keep = order[np.linspace(0, len(y) - 1, MAX_ROWS).round().astype(int)]
        x, y = x[keep], y[keep]
    used = np.abs(x).sum(axis=0) > 0
    solution = linprog(-y, A_eq=x[:, used].T, b_eq=(1 - tau) * x[:, used].sum(axis=0), bounds=(0, 1), method="highs")
    beta = np.zeros(x.shape[1])
    if solution.status == 0:
        beta[used] = -solution.eqlin.marginals
    else:
        beta[0] = np.quantile(y, tau)
    return beta


# ---- whitespace -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Whitespace:
    """What families an account does not own could bring. An idea, not a forecast."""

    value: Floats
    best: dict[int, tuple[str, int, int]]  #: account -> (family, owners among its look-alikes, look-alikes)


def whitespace(frame: Frame) -> Whitespace:
    """Share of the nearest look-alikes that own a family, times its owners' usual spend; summed over what is not owned."""
    names, owned, spend = _ownership(frame)
    if not names:
        return Whitespace(np.zeros(frame.n), {})
    customers = np.flatnonzero(owned.any(axis=1))
    owners, peers = _among_neighbours(_position(frame), customers, owned)
    share = (owners + PENETRATION_PRIOR * owned[customers].mean(axis=0)) / (peers[:, None] + PENETRATION_PRIOR)
    open_share = np.where(owned, 0.0, share)
    top = open_share.argmax(axis=1)
    rows = np.arange(frame.n)
    offered = np.flatnonzero((open_share[rows, top] > 0) & (owners[rows, top] > 0))
    best = {int(i): (names[top[i]], int(owners[i, top[i]]), int(peers[i])) for i in offered}
    return Whitespace(open_share @ spend, best)


def _ownership(frame: Frame) -> tuple[list[str], Bools, Floats]:
    """The most widely owned families, who owns them, and their owners' median spend a year, shrunk to all families'."""
    f = frame.facts["families"]
    bought: dict[str, dict[int, float]] = {}
    for account, family, currency, first, cents in zip(
        f["account_id"], f["family"], f["currency"], f["first_bought_day"], f["bought_365"], strict=True
    ):
        if account in frame.at and first is not None:
            spent = bought.setdefault(family, {})
            spent[frame.at[account]] = spent.get(frame.at[account], 0.0) + frame.units(cents, currency)
    names = sorted(bought, key=lambda name: (-len(bought[name]), name))[:MAX_FAMILIES]
    owned = np.zeros((frame.n, len(names)), dtype=bool)
    every = [v for name in names for v in bought[name].values() if v > 0]
    overall = float(np.median(every)) if every else 0.0
    spend = np.zeros(len(names))
    for n, name in enumerate(names):
        owned[list(bought[name]), n] = True
        positive = [v for v in bought[name].values() if v > 0]
        own = float(np.median(positive)) if positive else 0.0
        spend[n] = (len(positive) * own + PENETRATION_PRIOR * overall) / (len(positive) + PENETRATION_PRIOR)
    return names, owned, spend


def _position(frame: Frame) -> Floats:
    """Where an account stands among its kind: standardised sizes (unknown = the middle) and a step between industries."""
    columns = []
    for raw in _sizes(frame):
        present = ~np.isnan(raw)
        if present.sum() >= KNOWN:
            spread = float(raw[present].std()) or 1.0
            columns.append(np.where(present, (raw - raw[present].mean()) / spread, 0.0))
    groups, count = frame.groups("industry")
    sizes = np.bincount(groups, minlength=count)
    largest = sorted(range(count), key=lambda g: (-sizes[g], g))[:8]  # rare industries share one place
    columns += [np.where(groups == g, OTHER_INDUSTRY / np.sqrt(2), 0.0) for g in largest]
    return np.column_stack(columns).round(9)


def _among_neighbours(position: Floats, customers: Ints, owned: Bools) -> tuple[Floats, Floats]:
    """Return owners of each family among every account's nearest customers, and how many those are.

    Customers at one place are asked together, so neither their order nor their names decide who is near.
    """
    places, inverse = np.unique(position[customers], axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    crowd = np.bincount(inverse, minlength=len(places)).astype(float)
    holders = np.zeros((len(places), owned.shape[1]))
    np.add.at(holders, inverse, owned[customers].astype(float))
    positions, back = np.unique(position, axis=0, return_inverse=True)
    k = min(NEIGHBOURS, len(places))
    near = np.asarray(cKDTree(places).query(positions, k=[*range(1, k + 1)])[1], dtype=np.int64)
    reached = np.cumsum(crowd[near], axis=1)
    counts = np.where(reached - crowd[near] < NEIGHBOURS, 1.0, 0.0)  # nearest first, until there are enough
    owners = np.zeros((len(positions), owned.shape[1]))
    for n in range(k):
        owners += counts[:, n, None] * holders[near[:, n]]
    back = back.reshape(-1)
    peers = (counts * crowd[near]).sum(axis=1)[back]
    peers[customers] -= 1  # nobody is its own look-alike
    return owners[back], peers
