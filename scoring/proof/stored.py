"""What the database keeps of a backtest: named numbers, written once a month and read all day.

No maths here, as in `learned`: whoever shows the last backtest needs neither numpy nor scipy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scoring.proof.learned import BASELINES, BESIDE, OURS, Calibration

if TYPE_CHECKING:
    from scoring.proof.backtest import Backtest

#: what is kept of each order of the accounts
FIGURES = ("rho", "top", "gap", "gap_low", "gap_high")


@dataclass(frozen=True, slots=True)
class Line:
    """One order of the accounts; the gap is the rank correlation of `expected` minus this one's, with its 95 % interval."""

    name: str
    rho: float
    top: float  #: share of the revenue in the first tenth
    gap: float | None = None
    gap_low: float | None = None
    gap_high: float | None = None

    @property
    def verdict(self) -> str:
        """What the interval says of `expected` against this order."""
        if self.gap_low is None or self.gap_high is None:
            return ""
        return "better" if self.gap_low > 0 else "worse" if self.gap_high < 0 else "no difference"


@dataclass(frozen=True, slots=True)
class Proof:
    """The last stored backtest; without lines where no horizon left three cuts."""

    day: int  #: made from what had ended before it
    calibration: Calibration
    lines: tuple[Line, ...]
    ideal: float = 0.0  #: share of the revenue in the tenth that bought most

    @staticmethod
    def of(day: int, rows: Mapping[str, float]) -> "Proof":
        """Read the stored numbers of a month."""
        lines = tuple(_line(name, rows) for name in (OURS, BESIDE, *BASELINES) if f"rho.{name}" in rows)
        return Proof(day, Calibration.of(rows), lines, rows.get("ideal", 0.0))


def _line(name: str, rows: Mapping[str, float]) -> Line:
    rho, top, *gap = (rows.get(f"{figure}.{name}") for figure in FIGURES)
    return Line(name, rho or 0.0, top or 0.0, *gap)


def numbers(backtest: "Backtest | None") -> dict[str, float]:
    """Name what the night stores: what was learned, and how each order of the accounts came out."""
    if backtest is None:
        return Calibration().rows()
    rows = backtest.calibration.rows() | {"ideal": sum(c.ideal for c in backtest.cuts) / len(backtest.cuts)}
    for m in backtest.methods:
        rows |= {f"rho.{m.name}": m.rho, f"top.{m.name}": m.top}
        if m.difference is not None:
            d = m.difference
            rows |= {f"gap.{m.name}": d.mean, f"gap_low.{m.name}": d.low, f"gap_high.{m.name}": d.high}
    return rows
