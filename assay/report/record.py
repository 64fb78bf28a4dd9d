"""The report for machines: the same facts as the page, every account."""

from dataclasses import asdict
from typing import Any

from assay.report import coverage, figures, sections
from assay.report.headline import headline, what_could_move
from assay.report.model import Report
from assay.text.words import finite, iso
from scoring.records import Score


def render_json(report: Report) -> dict[str, Any]:
    """Plain values that `json.dumps(..., allow_nan=False)` takes."""
    accounts: list[Any] = _plain([account(s, hide_owner=report.hide_owners) for s in report.scores])
    return summary(report) | {"accounts": accounts}


def summary(report: Report) -> dict[str, Any]:
    """The same without the accounts one by one."""
    movable = figures.movable(report.scores)
    books = figures.comfort_by_book(report.scores)
    record = {
        "org": report.org,
        "crm": report.crm,
        "day": iso(report.day),
        "currency": report.currency,
        "preset": report.preset,
        "window_days": report.window_days,
        "headline": headline(report),
        "deck": what_could_move(movable),
        "states": [asdict(s) for s in figures.by_state(report.scores)],
        "movable": asdict(movable),
        "comfort_share_by_book_quartiles": figures.quartiles(books) if books else None,
        **sections.record(report),
        "changed": [_change(*c) for c in figures.changed(report)],
        "coverage": _coverage(report),
        "run": _run(report),
    }
    plain: dict[str, Any] = _plain(record)
    return plain


def account(s: Score, *, hide_owner: bool = False) -> dict[str, Any]:
    """A score with dates as text; without its owner where owners are hidden."""
    row = asdict(s) | {"state_since": iso(s.state_since), "as_of": iso(s.as_of)}
    if hide_owner:
        del row["owner_id"]
    return row


def _change(s: Score, before: str, now: str) -> dict[str, str]:
    return {"account_id": s.account_id, "name": s.name, "before": before, "now": now}


def _coverage(report: Report) -> dict[str, Any]:
    thin, books = coverage.thin_books(report.scores)
    return {
        "books": books,
        "books_too_thin": thin,
        "measures": [asdict(m) for m in coverage.measures(report.scores)],
    }


def _run(report: Report) -> dict[str, Any]:
    facts = asdict(report.run)
    facts["rejected"] = [
        {"account_id": account_id, "code": code, "message": message} for account_id, code, message in report.run.rejected
    ]
    return facts


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return finite(value)
