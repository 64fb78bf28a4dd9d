"""Which accounts get a row, and what the template needs to know about each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from assay.report.chart import LABELLED
from assay.report.figures import of_state
from assay.report.model import Report
from scoring.records import COMFORT, STATES, UNDER, Score


@dataclass(frozen=True, slots=True)
class Row:
    """One account in a table."""

    anchor: str
    score: Score
    owner: str  #: empty where owners are hidden
    before: str  #: the state of the night before where it differs


@dataclass(frozen=True, slots=True)
class Part:
    """A table's rows and how many there would be."""

    rows: Sequence[Row]
    accounts: int

    @property
    def left_out(self) -> int:
        return self.accounts - len(self.rows)


def parts(report: Report, cap: int) -> dict[str, Part]:
    """The tables: comfort zones, under-worked, and every other account; at most `cap` rows each, half for the last."""
    others = [s for s in report.scores if s.state not in (COMFORT, UNDER)]
    chosen = {
        "comfort": of_state(report.scores, COMFORT),
        "under": of_state(report.scores, UNDER),
        "others": sorted(others, key=lambda s: (STATES.index(s.state), s.name.casefold(), s.account_id)),
    }
    caps = {"comfort": cap, "under": cap, "others": cap // 2}
    return {name: Part(_rows(report, name[0], found[: caps[name]]), len(found)) for name, found in chosen.items()}


def _rows(report: Report, prefix: str, scores: Sequence[Score]) -> list[Row]:
    return [Row(f"{prefix}{n}", s, _owner(report, s), _before(report, s)) for n, s in enumerate(scores, start=1)]


def _owner(report: Report, s: Score) -> str:
    if report.hide_owners or s.owner_id is None:
        return ""
    return report.owners.get(s.owner_id, s.owner_id)


def _before(report: Report, s: Score) -> str:
    before = report.previous_states.get(s.account_id, s.state)
    return "" if before == s.state else before


def anchors(tables: Mapping[str, Part]) -> dict[str, str]:
    """Account id -> where on the page its row is."""
    return {row.score.account_id: f"#{row.anchor}" for part in tables.values() for row in part.rows}


def links(tables: Mapping[str, Part], scores: Sequence[Score], link: Callable[[Score], str]) -> dict[str, str]:
    """Account id -> its own page: for all while each has a mark of its own, else for those in a table."""
    chosen = scores if len(scores) <= LABELLED else [row.score for part in tables.values() for row in part.rows]
    return {s.account_id: link(s) for s in chosen}
