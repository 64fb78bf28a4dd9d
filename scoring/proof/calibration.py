"""What is learned from a customer's own past: weights, the range of `expected`, the room that was realised. Rows, never pickles.

Learned monthly from rolling cuts (`scoring.proof.backtest`) and stored as named numbers, which a night reads as data. Without it
defaults and a fallback range hold, which claims no coverage (docs/facts/scoring.md, "The range").
"""

import numpy as np

from scoring.frame import Floats, Frame, Ints
from scoring.proof.learned import NOMINAL, PARTS, Calibration

#: shares of past outcomes that a range may have to hold to reach that in another quarter, and how near counts as reached
LEVELS, REACHED = (NOMINAL, 0.84, 0.88, 0.92, 0.96, 0.99), 0.78
#: of the firm's typical revenue: c of the range's log((revenue + c) / (expected + c)); c keeps a zero from being infinitely far
SMALL = 0.10


def of_frame(frame: Frame) -> Calibration:
    """Tell what the night was given as the fact `calibration`."""
    rows = frame.facts.get("calibration", {"name": (), "value": ()})
    return Calibration.of(dict(zip(rows["name"], rows["value"], strict=True)))


# ---- the range of `expected` ----------------------------------------------------------------------------------------


def parts(expected: Floats) -> Ints:
    """Tell which third of the accounts each belongs to, by what is expected of it; ties stay together."""
    if not len(expected):
        return np.zeros(0, dtype=np.int64)
    edges = np.quantile(expected, [n / PARTS for n in range(1, PARTS)])
    return np.searchsorted(edges, expected, "left").astype(np.int64)


def surprise(outcome: Floats, expected: Floats, c: float) -> Floats:
    """log((outcome + c) / (expected + c)); refunds beyond c count as c."""
    logs: Floats = np.log((np.maximum(outcome, 0.0) + c) / (expected + c))
    return logs


def band(surprises: Floats, level: float = NOMINAL) -> tuple[float, float]:
    """The split-conformal range of a new surprise (Lei et al. 2018, 2.2): equal parts of what `level` leaves below and above.

    Many equal surprises at the bottom (accounts that bought nothing) lie inside, so they leave less to the top.
    """
    ordered = np.sort(surprises)
    n = len(ordered)
    low = float(ordered[max(0, int(np.floor(round((1 - level) / 2 * (n + 1), 9))) - 1)])
    below = int(np.searchsorted(ordered, low, "left"))
    top = min(n, below + int(np.ceil(round(level * (n + 1), 9))))
    return low, float(ordered[top - 1])


def ranges(expected: Floats, bands: tuple[tuple[float, float], ...], c: float) -> tuple[Floats, Floats]:
    """Return low and high of each account; what is expected never lies outside its own range."""
    offsets = np.array(bands)[parts(expected)]
    low = (expected + c) * np.exp(offsets[:, 0]) - c
    high = (expected + c) * np.exp(offsets[:, 1]) - c
    return np.clip(low, 0.0, expected), np.maximum(high, expected)
