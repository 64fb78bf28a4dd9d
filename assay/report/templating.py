"""How pages are made and dressed: templates, one stylesheet, the words for states and measures.

Report and web page share all of it; the web page adds a folder of templates of its own.
"""

import base64
import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from assay.report import chart
from assay.text import words
from scoring.records import STATES

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
PROMISE = (
    "Assay weighs the selling time of an account against its share in proportion to potential, within the book of the person "
    "who owns it. The share is a yardstick, not the best possible plan. Potential is an estimate, shown with its range and "
    "beside the revenue of the last 12 months; how often such a range holds is not claimed here. An account is judged only "
    "where there is enough evidence. Nothing here ranks people, and nothing here is made for decisions about employment."
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
        "measure": measure,
        "width": _width,
        "part": lambda share: f"{100 * share:.2f}%",
        "sharing": lambda sums: [(s.state, s.share) for s in sums],
        "worded": _worded,
    }
    env.filters.update(filters)
    env.globals.update(
        states=STATES,
        glyphs=chart.GLYPHS,
        meanings=MEANINGS,
        box=(chart.LEFT, chart.TOP, chart.RIGHT, chart.BOTTOM),
        lane=chart.LANE,
        promise=PROMISE,
        style=Markup(style()),  # noqa: S704 our own file
        style_hash=style_hash(),
    )
    return env


@lru_cache(maxsize=1)
def style() -> str:
    """The stylesheet."""
    return (Path(__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")


def style_hash() -> str:
    """What a content security policy says to allow this stylesheet and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()}'"


def measure(name: str) -> str:
    """What a measure of coverage is called for people."""
    return MEASURES.get(name, words.clean(name).replace("_", " "))


def _showable(value: object) -> object:
    """Every text that a template prints passes here; what is markup already has passed."""
    return words.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _width(value: float, other: float) -> str:
    """A bar's length where the larger of two values fills the row."""
    top = max(value, other)
    share = value / top if top > 0 and math.isfinite(top) and math.isfinite(value) else 0.0
    return f"{100 * max(0.0, share):.0f}%"


def _worded(parts: Iterable[Sequence[Any]]) -> str:
    """Parts of a whole as a sentence: "Comfort zone 33 %, Balanced 67 %"."""
    return ", ".join(f"{state} {words.percent(share)}" for state, share in parts if share > 0)
