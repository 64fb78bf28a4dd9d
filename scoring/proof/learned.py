"""What a firm's own past taught, as named numbers, and the orders of accounts that a backtest compares.

No maths here: whoever shows the last backtest, as the page does all day, needs neither numpy nor scipy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

#: what is proven, and what stands beside it
OURS, BESIDE = "expected", "potential"
#: what any CRM can rank by without us
BASELINES = ("trailing 12 months", "trailing 6 months", "open pipeline", "orders in 12 months", "size", "random")
#: cuts that a horizon must leave (docs/facts/scoring.md, "The range")
LEAST_CUTS = 3
#: the range is meant to hold in this share of cases
NOMINAL = 0.80
#: weights of run-rate, run-rate with pipeline, and what look-alikes usually buy, on a square-root scale (docs/adr/0013)
WEIGHTS = (0.45, 0.35, 0.2)
#: parts of the accounts, by what is expected of them, that have a range of their own
PARTS = 3


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
        numbers: dict[str, float | None] = {f"weight.{n}": w for n, w in enumerate(self.weights)}
        numbers |= {
            f"band.{n}.{side}": v for n, pair in enumerate(self.bands) for side, v in zip(("low", "high"), pair, strict=True)
        }
        names = ("realised", "level", "coverage", "coverage_forward", "cuts", "horizon_days", "accounts")
        numbers |= {name: getattr(self, name) for name in names}
        return {name: float(value) for name, value in numbers.items() if value is not None}

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
