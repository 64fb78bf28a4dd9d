"""One account's records as people read and see them. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from assay.text.words import EPOCH, clean, iso, money
from scoring.records import Score

DAY = 86_400
#: rows of a table of records on a page
MOST = 40
#: lanes of the timeline, and the kinds of activities in each
LANES = (("Meetings", ("meeting",)), ("Calls", ("call",)), ("Mails", ("email",)), ("Tasks", ("task", "note")))
LEFT, RIGHT, LANE, TOP = 92.0, 704.0, 34.0, 12.0
#: why a record counts as it does, in words (scoring.facts.minutes.chain)
WHY = {
    "counted": "as measured",
    "default": "usual length, nobody measured",
    "clipped": "measured, cut to a believable length",
    "no_show": "nobody came",
    "duplicate": "another record of the same",
    "damped": "many mails of one subject that day",
    "bulk": "one mail to many accounts",
    "capped": "the day was fuller than a day",
    "service": "not selling: its type, or the role of who did it",
    "twin": "second record of the same mail",
}
TITLES = {
    "activities": "Activities that were weighed",
    "opportunities": "Opportunities",
    "opportunity_changes": "How the opportunities changed",
    "line_items": "Products",
    "contacts": "Contacts",
}
#: fields that people need to check a number, by kind of record
SHOWN = {
    "activities": ("starts_at", "kind", "person", "seconds", "counted", "code", "id"),
    "opportunities": ("name", "stage", "amount_cents", "currency", "close_day", "closed", "won", "id"),
    "opportunity_changes": ("changed_at", "stage", "amount_cents", "close_day", "probability", "opportunity_id"),
    "line_items": ("family", "amount_cents", "created_at", "opportunity_id"),
    "contacts": ("level", "department", "created_at", "id"),
}
HEADS = {
    "starts_at": "when", "changed_at": "when", "created_at": "created", "close_day": "closes", "amount_cents": "amount",
    "seconds": "logged, min", "counted": "counted, min", "code": "why", "opportunity_id": "opportunity", "person": "who",
    "probability": "odds",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of records."""

    title: str
    heads: Sequence[tuple[str, bool]]  #: (heading, whether a number)
    rows: Sequence[Sequence[str]]
    records: int


def sheets(records: Mapping[str, Sequence[Mapping[str, Any]]], owners: Mapping[str, str], *, hide: bool) -> list[Sheet]:
    """The records behind a verdict, the newest first; who did what only where owners are shown."""
    return [_sheet(kind, rows, owners, hide) for kind, rows in records.items()]


def _sheet(kind: str, rows: Sequence[Mapping[str, Any]], owners: Mapping[str, str], hide: bool) -> Sheet:
    names = [n for n in SHOWN.get(kind, tuple(rows[0]) if rows else ()) if not (hide and n == "person")]
    newest = sorted(rows, key=lambda r: -(_moment(r) or 0))[:MOST]
    heads = [(HEADS.get(n, n.replace("_", " ")), _numeric(n)) for n in names]
    return Sheet(TITLES.get(kind, kind), heads, [[said(n, r.get(n), owners) for n in names] for r in newest], len(rows))


def _numeric(name: str) -> bool:
    return name in ("seconds", "counted", "probability") or name.endswith("_cents")


def _moment(row: Mapping[str, Any]) -> int | None:
    for name, unit in (("starts_at", 1), ("changed_at", 1), ("close_day", DAY), ("created_at", 1)):
        if row.get(name) is not None:
            return int(row[name]) * unit
    return None


def said(name: str, value: Any, owners: Mapping[str, str]) -> str:
    """A field's value for people; units by its name (scoring.records)."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in ("seconds", "counted"):
        return f"{value / 60:,.0f}"
    if name.endswith("_at"):
        return instant(value)
    if name.endswith("_day"):
        return _date(value)
    if name.endswith("_cents"):
        return money(value / 100)
    if name == "code":
        return WHY.get(value, clean(value).replace("_", " "))
    if name == "probability":
        return f"{value} %"
    return clean(owners.get(value, value) if name == "person" else value)


def instant(at: int) -> str:
    """Seconds since 1970 as date and time, UTC; a stamp no calendar holds is said to be unknown."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):
        return "unknown"


def _date(day: int) -> str:
    try:
        return iso(day)
    except OverflowError:
        return "unknown"


# ---- drawings -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scale:
    """A number with its range on a line; positions in per cent."""

    name: str
    value: str
    range: str
    at: float
    low: float
    high: float
    tick: float | None  #: the share, where there is one


def money_scales(s: Score, ranged: Any) -> list[Scale]:
    """Last year, what is expected and what is possible on one line; empty where nothing is known."""
    rows = (
        ("Last 12 months", s.trailing_12m, s.trailing_12m, s.trailing_12m),
        ("Expected, next 12 months", s.expected, s.expected_low, s.expected_high),
        ("Potential, next 12 months", s.potential, s.potential_low, s.potential_high),
    )
    top = max((v for row in rows for v in row[1:] if math.isfinite(v)), default=0.0)
    if top <= 0:
        return []
    return [
        Scale(name, money(v), ranged(low, high) if low != high else "", _at(v, top), _at(low, top), _at(high, top), None)
        for name, v, low, high in rows
        if math.isfinite(v)
    ]


def hour_scale(s: Score, say: Any, ranged: Any) -> list[Scale]:
    """Hours with their range, and the share in proportion to potential as a tick."""
    numbers = [v for v in (s.hours, s.hours_high, s.fair_hours) if math.isfinite(v)]
    top = max(numbers, default=0.0)
    if top <= 0 or not math.isfinite(s.hours):
        return []
    said, between = f"{say(s.hours)} h", f"{ranged(s.hours_low, s.hours_high, 'hours')} h"
    tick = _at(s.fair_hours, top) if math.isfinite(s.fair_hours) else None
    return [Scale("Selling hours", said, between, _at(s.hours, top), _at(s.hours_low, top), _at(s.hours_high, top), tick)]


def _at(value: float, top: float) -> float:
    return round(1 + 97 * max(0.0, min(value, top)) / top, 1) if math.isfinite(value) else 1.0


@dataclass(frozen=True, slots=True)
class Dot:
    """One activity; `r` grows with the square root of the minutes that count."""

    x: float
    y: float
    r: float
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """What was done in the window, a lane a kind; and how opportunities ended."""

    height: float
    lanes: Sequence[tuple[float, str]]
    months: Sequence[tuple[float, str]]
    dots: Sequence[Dot]
    ends: Sequence[tuple[float, float, str, str]]  #: (x, y, won, lost or open, words)


def timeline(s: Score, window: int, records: Mapping[str, Sequence[Mapping[str, Any]]]) -> Timeline | None:
    """The window up to the night; None where nothing happened in it."""
    first = s.as_of - window
    dots = [d for r in records.get("activities", ()) for d in _dots(r, first, s.as_of)]
    bottom = TOP + len(LANES) * LANE + LANE / 2
    ends = list(_ends(records.get("opportunities", ()), first, s.as_of, bottom))
    if not dots and not ends:
        return None
    lanes = [(TOP + (n + 0.5) * LANE, name) for n, (name, _) in enumerate(LANES)] + [(bottom, "Offers")]
    return Timeline(TOP + (len(LANES) + 1) * LANE + 26, lanes, list(_months(first, s.as_of)), dots, ends)


def _x(day: float, first: int, last: int) -> float:
    return round(LEFT + (day - first) / (last - first) * (RIGHT - LEFT), 1)


def _dots(r: Mapping[str, Any], first: int, last: int) -> Iterable[Dot]:
    lane = next((n for n, (_, kinds) in enumerate(LANES) if r["kind"] in kinds), None)
    if lane is None or r["starts_at"] is None or not first <= r["starts_at"] / DAY <= last:
        return
    minutes = (r["counted"] or 0) / 60
    label = f"{instant(r['starts_at'])} {r['kind']}: {minutes:.0f} minutes count, {WHY.get(r['code'], clean(r['code']))}"
    yield Dot(
        _x(r["starts_at"] / DAY, first, last), TOP + (lane + 0.5) * LANE, round(min(15, 1.6 * math.sqrt(minutes)), 1), label
    )


def _ends(rows: Sequence[Mapping[str, Any]], first: int, last: int, y: float) -> Iterable[tuple[float, float, str, str]]:
    for r in rows:
        if r["close_day"] is not None and first <= r["close_day"] <= last and not r["deleted"]:
            how = "won" if r["won"] else "lost" if r["closed"] else "open"
            amount = "" if r["amount_cents"] is None else f", {money(r['amount_cents'] / 100)}"
            yield _x(r["close_day"], first, last), y, how, f"{iso(r['close_day'])}: {clean(r['name'])[:80]}, {how}{amount}"


def _months(first: int, last: int) -> Iterable[tuple[float, str]]:
    for day in range(first, last + 1):
        date = EPOCH + timedelta(days=day)
        if date.day == 1 and day < last - 8:
            yield _x(day, first, last), f"{date:%b}"
