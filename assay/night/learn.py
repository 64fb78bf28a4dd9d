"""Would earlier scores have been right? Cuts from the database, judged by `scoring.proof.backtest`, and what the night learns.

Every cut is made by the feature queries of the night, as of the cut; only the outcome is read as of today.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from assay.settings import ConfigError
from assay.text.words import iso
from db.calibrations import Calibrations
from db.firm import Firm
from db.store import Store
from scoring.facts import revenue
from scoring.facts.features import opportunities, queries
from scoring.frame import Facts
from scoring.pipeline import counted_quantile
from scoring.proof import backtest
from scoring.proof.backtest import Backtest, Cut
from scoring.proof.stored import numbers
from scoring.rules import Rules

EPOCH = date(1970, 1, 1)
#: share of the opportunities that may be older than what counts as the beginning of the records
ODD = 0.01


@dataclass(frozen=True, slots=True)
class Gathered:
    """The cuts of one firm and what could not be known as of them."""

    cuts: list[Cut]
    since: int | None  #: the day records begin
    today: int
    assumed: list[dict[str, tuple[int, int]]] = field(default_factory=list)  #: a cut: what -> (there, taken as it is today)


def gather(firm: Firm, today: int, rules: Rules, days: Sequence[int] = (), horizon: int | None = None) -> Gathered:
    """Make the cuts that docs/facts/scoring.md, "The range" asks for, or those on given `days`; none where no horizon fits."""
    since = recorded_since(firm, today)
    chosen = None if since is None else backtest.plan(since, today, horizon)
    if days:
        chosen = horizon or (chosen[0] if chosen else backtest.HORIZONS[-1]), tuple(sorted(set(days)))
        _check(chosen[0], chosen[1], since, today)
    if chosen is None:
        return Gathered([], since, today)
    cuts = [c for c in _cuts(firm, today, rules, *chosen) if c.frame.n]
    return Gathered(cuts, since, today, [_assumed(firm, c.day) for c in cuts])


def _check(horizon: int, days: Sequence[int], since: int | None, today: int) -> None:
    """Raise ConfigError for cuts that no outcome or no record belongs to."""
    for day in days:
        if day + horizon > today:
            end = f"end on {iso(day + horizon)}, after the last night ({iso(today)})"
            fix = "an earlier --cut or a shorter --horizon"
            raise ConfigError([f"--cut {iso(day)}: the {horizon} days after it {end}. Fix: {fix}"])
        if since is None or day <= since:
            raise ConfigError([f"--cut {iso(day)}: no opportunity is recorded before it. Fix: a later --cut"])


def recorded_since(firm: Firm, today: int) -> int | None:
    """The day the firm's opportunities begin; a few odd dates before are left aside."""
    born = firm.columns(revenue.born_days(firm.tables, firm.org, today))
    rows = list(zip(born["day"], born["opportunities"], strict=True))
    return counted_quantile(rows, ODD) if rows else None


def _cuts(firm: Firm, today: int, rules: Rules, horizon: int, days: Sequence[int]) -> Iterator[Cut]:
    now = opportunities(firm.tables, firm.org, today).subquery("now")
    for day in days:
        outcomes = firm.columns(revenue.outcomes(now, day, day + horizon))
        yield backtest.cut(facts(firm, day, rules), outcomes, day, horizon, rules)


def facts(firm: Firm, day: int, rules: Rules) -> Facts:
    """What potential is made of, as of a day."""
    asked = queries(firm.tables, firm.org, day, rules)
    return firm.facts({name: asked[name] for name in revenue.POTENTIAL})


def _assumed(firm: Firm, day: int) -> dict[str, tuple[int, int]]:
    assumed = {}
    for what, query in revenue.assumptions(firm.tables, firm.org, day).items():
        [row] = firm.rows(query)
        assumed[what] = (row["there"], row["assumed"])
    return assumed


# ---- what the night learns ------------------------------------------------------------------------------------------


def month_of(day: int) -> int:
    """The first day of the month."""
    then = EPOCH + timedelta(days=day)
    return day - then.day + 1


def learned(store: Store, firm: Firm, day: int, rules: Rules, *, keep: bool = True) -> Facts:
    """The fact `calibration` for the nights of a month: as stored, else learned now as of the month's first day."""
    calibrations, month = Calibrations(store.engine, firm.org), month_of(day)
    values = calibrations.of(month)
    if not values:
        values = numbers(proof(firm, month, rules))
        if keep:
            calibrations.save(month, values)
    names = sorted(values)
    return {"calibration": {"name": names, "value": [values[n] for n in names]}}


def proof(firm: Firm, today: int, rules: Rules) -> Backtest | None:
    """The backtest of the cuts that fit; None where none does."""
    cuts = gather(firm, today, rules).cuts
    return backtest.run(cuts, rules) if cuts else None
