"""The report as one HTML file: no script, no request, everything escaped."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from assay.report import chart, coverage, figures, layout, sections
from assay.report.headline import headline, what_could_move
from assay.report.model import Report
from assay.report.templating import environment
from scoring.records import COMFORT, UNDER, Score

__all__ = ["environment", "facts", "listed", "render_html"]

#: rows a table may have; the first that keeps the file below LIMIT is taken
ROW_CAPS = (600, 300, 150, 100, 70, 50, 30, 10)
#: bytes of a file that every mail server takes and every phone opens
LIMIT = 300_000
#: bytes of the shortest row of an account
LEAST_ROW = 450
#: accounts that changed state and are named
NAMED_CHANGES = 24
#: books drawn side by side
BARS = 40

Link = Callable[[Score], str]  #: where an account's own page is; "" where there is none


def render_html(report: Report) -> str:
    """The page; tables shrink until the file is small enough to mail."""
    told, page = facts(report), ""
    for cap in _caps(told["sums"]):
        page = environment().get_template("page.html.j2").render(told | listed(report, cap))
        if len(page.encode()) <= LIMIT:
            break
    return page


def _caps(sums: Sequence[figures.StateSum]) -> Iterable[int]:
    """The caps worth a try: a row in a table takes LEAST_ROW bytes or more."""
    accounts = {s.state: s.accounts for s in sums}
    over, under = accounts.pop(COMFORT), accounts.pop(UNDER)
    rows = {cap: min(cap, over) + min(cap, under) + min(cap // 2, sum(accounts.values())) for cap in ROW_CAPS}
    return [cap for cap in ROW_CAPS if rows[cap] * LEAST_ROW <= LIMIT] or ROW_CAPS[-1:]


def facts(report: Report) -> dict[str, Any]:
    """What the sections show of all accounts together; holds no list that grows with their number."""
    movable, changes = figures.movable(report.scores), figures.changed(report)
    books, bars = figures.comfort_by_book(report.scores), figures.hours_by_book(report.scores)
    more = sections.variables(report)
    moves = (*more["plan"].taken[: more["most"]], *more["plan"].given[: more["most"]])
    named = {account_id for account_id, _, _ in report.run.rejected} | {m.account_id for m in moves}
    return {
        "r": replace(report, scores=(), owners={}, said={}, previous_states=dict(list(report.previous_states.items())[:1])),
        "accounts": len(report.scores),
        "sums": figures.by_state(report.scores),
        "hours_total": figures.total(s.hours for s in report.scores),
        "m": movable,
        "books": figures.quartiles(books) if books else None,
        "bars": figures.evenly(bars, BARS),
        "book_count": len(bars),
        "headline": headline(report),
        "deck": what_could_move(movable),
        "changes": len(changes),
        "shown": changes[:NAMED_CHANGES],
        "moved": figures.transitions(report),
        "thin": coverage.thin_books(report.scores),
        "measures": coverage.measures(report.scores),
        "names": {s.account_id: s.name for s in report.scores if s.account_id in named},
        **more,
    }


def listed(report: Report, cap: int, link: Link | None = None) -> dict[str, Any]:
    """The tables, and the picture whose marks lead to their rows, or to the accounts' own pages."""
    tables = layout.parts(report, cap)
    anchors = layout.anchors(tables) if link is None else layout.links(tables, report.scores, link)
    return {"tables": tables, "c": chart.chart(report.scores, anchors), "link": link or (lambda _: "")}
