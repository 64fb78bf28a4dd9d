"""The backtest as one HTML file, as text and as a record; every figure follows from one `Backtest`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from assay.report import proof
from assay.report.chart import Axis
from assay.report.page import environment
from assay.text import terminal
from assay.text.words import finite, iso, money, percent
from scoring.proof.learned import BASELINES
from scoring.proof.stored import Proof, numbers

if TYPE_CHECKING:
    from scoring.proof.backtest import Backtest

#: what a backtest takes as it is today because no CRM keeps its past
NOT_KNOWN = (
    "size, industry and country of an account, and whether it still exists",
    "the amounts of line items, and which were deleted since",
    "the odds an admin gives a stage, and exchange rates",
    "which account an opportunity belonged to",
)
#: left, top, right and bottom of a plot inside its drawing
BOX = (76.0, 16.0, 344.0, 284.0)


@dataclass(frozen=True, slots=True)
class Tested:
    """A backtest and what it was made from."""

    org: str
    currency: str
    today: int
    since: int | None
    made: "Backtest | None"
    assumed: Sequence[Mapping[str, tuple[int, int]]]

    @property
    def proof(self) -> Proof:
        """As the night would store it."""
        return Proof.of(self.today, numbers(self.made))

    def sentences(self) -> list[str]:
        """What it says, the verdict first."""
        p = self.proof
        return [proof.verdict(p), *proof.on_trailing(p), proof.on_ranges(p)]

    def missing(self) -> list[str]:
        """Baselines that these records cannot make."""
        there = {m.name for m in self.made.methods} if self.made else set()
        return [name for name in BASELINES if name not in there] if self.made else []


# ---- HTML -----------------------------------------------------------------------------------------------------------


def html(t: Tested) -> str:
    """The page: verdict, table, plots, cuts, and what could not be known."""
    return (
        environment()
        .get_template("backtest_report.html.j2")
        .render(
            t=t,
            p=t.proof,
            says=t.sentences(),
            plot=_calibration_plot(t.made) if t.made else None,
            forest=_forest(t.proof),
            not_known=NOT_KNOWN,
        )
    )


@dataclass(frozen=True, slots=True)
class Plot:
    """Expected against won by tenths, both axes logarithmic and alike."""

    axis: Axis
    up: Axis
    points: Sequence[tuple[float, float, str]]  #: x, y, label


def _calibration_plot(b: "Backtest") -> Plot | None:
    values = [v for _, told, came in b.table for v in (told, came) if v > 0]
    if not values:
        return None
    low, high = min(values) / 1.3, max(values) * 1.3
    x, y = Axis(low, high, BOX[0], BOX[2]), Axis(low, high, BOX[3], BOX[1])
    points = [
        (x.at(told), y.at(came), f"expected {money(told)}, won {money(came)}, {n} accounts") for n, told, came in b.table
    ]
    return Plot(x, y, points)


def _forest(p: Proof) -> list[tuple[str, float, float, float]]:
    """(name, low, middle, high) of each difference as shares of a drawing's width, zero in its middle."""
    gaps = [(x.name, x.gap_low, x.gap, x.gap_high) for x in p.lines if x.name in BASELINES]
    rows = [(n, a, b, c) for n, a, b, c in gaps if a is not None and b is not None and c is not None]
    reach = max((abs(v) for _, a, _, c in rows for v in (a, c)), default=1.0) or 1.0
    return [(n, *(round(0.5 + v / reach / 2, 4) for v in (a, b, c))) for n, a, b, c in rows]  # type: ignore[misc]


# ---- text and JSON --------------------------------------------------------------------------------------------------


def text(t: Tested, at: terminal.Look) -> str:
    """The same for a terminal."""
    says = [Text(sentence) for sentence in t.sentences()]
    if t.made is None:
        since = "no opportunity is recorded" if t.since is None else f"records begin on {iso(t.since)}"
        return terminal.printed(at, *says, Text(f"{since}, the last night is {iso(t.today)}"))
    cuts = terminal.table("cut", "accounts", "bought", "expected", "won", "ideal top tenth", "80 % range held")
    for c, held in zip(t.made.cuts, t.made.coverage_by_cut, strict=True):
        shown = "nothing had ended" if held is None else percent(held)
        for_cut = (iso(c.day), f"{c.accounts:,}", f"{c.buyers:,}", money(c.expected), money(c.won), percent(c.ideal), shown)
        cuts.add_row(*map(terminal.plain, for_cut))
    table = terminal.table(
        "ordered by", "rank correlation", "revenue in the top tenth", "expected minus this, 95 %", "expected is"
    )
    for x in t.proof.lines:
        gap = "" if x.gap is None else f"{x.gap:+.3f} ({x.gap_low:+.3f} to {x.gap_high:+.3f})"
        table.add_row(*map(terminal.plain, (x.name, f"{x.rho:.3f}", percent(x.top), gap, x.verdict)))
    head = f"{t.org}: horizon {t.made.horizon_days} days, {len(t.made.cuts)} cuts, records since {iso(t.since or 0)}"
    notes = [Text(f"not in these records: {name}") for name in t.missing()]
    return terminal.printed(at, Text(head), cuts, table, *says, *notes, *map(Text, assumptions(t)))


def assumptions(t: Tested) -> list[str]:
    """What was taken as it is today, counted at the newest cut."""
    counted = t.assumed[-1] if t.assumed else {}
    return [f"taken as today: {what}: {assumed:,} of {there:,}" for what, (there, assumed) in counted.items() if there]


def record(t: Tested) -> dict[str, Any]:
    """Plain values for a program."""
    result = asdict(t.made) if t.made else {"cuts": [], "methods": []}
    for c in result["cuts"]:
        c["day"] = iso(c["day"])
    return {
        "org": t.org,
        "currency": t.currency,
        "as_of": iso(t.today),
        "records_since": None if t.since is None else iso(t.since),
        **{k: _plain(v) for k, v in result.items()},
        "says": t.sentences(),
        "missing": t.missing(),
        "taken_as_today": [{k: {"there": a, "assumed": b} for k, (a, b) in row.items()} for row in t.assumed],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return finite(value)
