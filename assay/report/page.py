"""The report as one HTML file: no script, no request, everything escaped."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from assay.report import chart, coverage, figures, layout, sections, words
from assay.report.headline import headline, what_could_move
from assay.report.model import Report
from scoring.records import STATES

#: rows a table may have; the first that keeps the file below LIMIT is taken
ROW_CAPS = (600, 300, 150, 100, 70, 50, 30, 10)
#: bytes of a file that every mail server takes and every phone opens
LIMIT = 300_000
#: accounts that changed state and are named
NAMED_CHANGES = 24

MEANINGS = dict(
    zip(
        STATES,
        (
            "More time than its share, little new opened",
            "Much time, and it moves or pays",
            "Less time than its share",
            "Near its share, or not clearly off it",
            "Not judged: too few or too recent records",
            "Not judged: its book logs too little",
        ),
        strict=True,
    )
)
#: what the measures of `Score.coverage` are called for people; others go by their own name
MEASURES = {
    "logging": "Logged time, compared with well-logged books",
    "logged_minutes_a_day": "Logged minutes a working day",
    "measured_share": "Selling time of measured length; the rest has a default length",
    "mail_share": "Mails among the activities; unknown where they may be kept outside the CRM",
    "owner": "Since when the account has its owner",
}


def render_html(report: Report) -> str:
    """The page; tables shrink until the file is small enough to mail."""
    page = ""
    for cap in ROW_CAPS:
        page = _render(report, cap)
        if len(page.encode()) <= LIMIT:
            break
    return page


def _render(report: Report, cap: int) -> str:
    tables = layout.parts(report, cap)
    movable = figures.movable(report.scores)
    changes = figures.changed(report)
    books = figures.comfort_by_book(report.scores)
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            r=report,
            tables=tables,
            c=chart.chart(report.scores, layout.anchors(tables)),
            sums=figures.by_state(report.scores),
            hours_total=figures.total(s.hours for s in report.scores),
            m=movable,
            books=figures.quartiles(books) if books else None,
            headline=headline(report),
            deck=what_could_move(movable),
            changes=changes,
            shown=changes[:NAMED_CHANGES],
            moved=figures.transitions(report),
            thin=coverage.thin_books(report.scores),
            measures=coverage.measures(report.scores),
            names={s.account_id: s.name for s in report.scores},
            **sections.variables(report),
        )
    )


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Templates that escape everything and refuse unknown names."""
    env = Environment(
        loader=PackageLoader("assay.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_showable,
        trim_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "money": words.money,
        "hours": words.hours,
        "span": words.span,
        "percent": words.percent,
        "count": words.count,
        "short": words.short,
        "iso": words.iso,
        "long_date": words.long_date,
        "compact": words.compact,
        "measure": lambda name: MEASURES.get(name, words.clean(name).replace("_", " ")),
        "width": _width,
    }
    env.filters.update(filters)
    env.globals.update(
        states=STATES,
        glyphs=chart.GLYPHS,
        meanings=MEANINGS,
        box=(chart.LEFT, chart.TOP, chart.RIGHT, chart.BOTTOM),
        lane=chart.LANE,
    )
    return env


def _showable(value: object) -> object:
    """Every text that a template prints passes here; what is markup already has passed."""
    return words.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _width(value: float, other: float) -> str:
    """A bar's length where the larger of two values fills the row."""
    top = max(value, other)
    share = value / top if top > 0 and math.isfinite(top) else 0.0
    return f"{100 * max(0.0, share):.0f}%"
