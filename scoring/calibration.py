"""What is learned from a customer's own past: weights, the range of `expected`, the room that was realised. Rows, never pickles.

Learned monthly from rolling cuts (`scoring.backtest`) and stored as named numbers, which a night reads as data. Without it
defaults and a fallback range hold, which claims no coverage (rulings 21).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from scoring.frame import Floats, Frame, Ints

#: the range is meant to hold in this share of cases
NOMINAL = 0.80
#: shares of past outcomes that a range may have to hold to reach that in another quarter, and how near counts as reached
LEVELS, REACHED = (NOMINAL, 0.84, 0.88, 0.92, 0.96, 0.99), 0.78
#: weights of run-rate, run-rate with pipeline, and what look-alikes usually buy, on a square-root scale (docs/adr/0013)
WEIGHTS = (0.45, 0.35, 0.2)
#: parts of the accounts, by what is expected of them, that have a range of their own
PARTS = 3
#: of the firm's typical revenue: c of the range's log((revenue + c) / (expected + c)); c keeps a zero from being infinitely far
SMALL = 0.10


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was learned, and what it rests on; the defaults are nothing learned."""

    weights: tuple[float, float, float] = WEIGHTS
    realised: float | None = None  #: share of the room beyond expectation that past years brought; shown, not used
    bands: tuple[tuple[float, float], ...] = ()  #: low and high in log units, a part of the accounts each; empty = fallback
    level: float = NOMINAL  #: share of past outcomes that the range holds, so that it holds in other quarters as well
    coverage: float | None = None  #: share of outcomes inside ranges learned from the other cuts
    coverage_forward: float | None = None  #: the same with ranges learned only from what had ended before the cut
    cuts: int = 0
    horizon_days: int = 0
    accounts: int = 0  #: accounts with an outcome, all cuts together

    def rows(self) -> dict[str, float]:
        """Name and number, as stored."""
        found: dict[str, float | None] = {f"weight.{n}": w for n, w in enumerate(self.weights)}
        found |= {
            f"band.{n}.{side}": v for n, pair in enumerate(self.bands) for side, v in zip(("low", "high"), pair, strict=True)
        }
        kept = ("realised", "level", "coverage", "coverage_forward", "cuts", "horizon_days", "accounts")
        found |= {name: getattr(self, name) for name in kept}
        return {name: float(value) for name, value in found.items() if value is not None}

    @staticmethod
    def of(rows: Mapping[str, float]) -> "Calibration":
        """From the stored numbers; names it does not know are left alone."""
        if not rows:
            return Calibration()
        parts = sum(f"band.{n}.low" in rows for n in range(PARTS))
        return replace(
            Calibration(),
            weights=(rows["weight.0"], rows["weight.1"], rows["weight.2"]),
            realised=rows.get("realised"),
            bands=tuple((rows[f"band.{n}.low"], rows[f"band.{n}.high"]) for n in range(parts)),
            level=rows["level"],
            coverage=rows.get("coverage"),
            coverage_forward=rows.get("coverage_forward"),
            cuts=int(rows["cuts"]),
            horizon_days=int(rows["horizon_days"]),
            accounts=int(rows["accounts"]),
        )


def of_frame(frame: Frame) -> Calibration:
    """What the night was given as the fact `calibration`."""
    found = frame.facts.get("calibration", {"name": (), "value": ()})
    return Calibration.of(dict(zip(found["name"], found["value"], strict=True)))


# ---- the range of `expected` ----------------------------------------------------------------------------------------


def parts(expected: Floats) -> Ints:
    """Which third of the accounts each belongs to, by what is expected of it; ties stay together."""
    if not len(expected):
        return np.zeros(0, dtype=np.int64)
    edges = np.quantile(expected, [n / PARTS for n in range(1, PARTS)])
    return np.searchsorted(edges, expected, "left").astype(np.int64)


def surprise(outcome: Floats, expected: Floats, c: float) -> Floats:
    """log((outcome + c) / (expected + c)); refunds beyond c count as c."""
    found: Floats = np.log((np.maximum(outcome, 0.0) + c) / (expected + c))
    return found


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
    """Low and high of each account; what is expected never lies outside its own range."""
    offsets = np.array(bands)[parts(expected)]
    low = (expected + c) * np.exp(offsets[:, 0]) - c
    high = (expected + c) * np.exp(offsets[:, 1]) - c
    return np.clip(low, 0.0, expected), np.maximum(high, expected)
