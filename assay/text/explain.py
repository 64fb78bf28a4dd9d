"""`assay explain`: one account's numbers, its reasons, and the records behind each number."""

import json
from collections.abc import Mapping, Sequence

from rich.console import RenderableType
from rich.text import Text

from assay.text.scores import record
from assay.text.terminal import SIGNS, Look, plain, printed, table
from assay.text.words import clean, finite, hours, iso, money, percent, span
from scoring.records import Score

Sections = Mapping[str, Sequence[Mapping[str, object]]]  #: heading -> records of one kind, all with the same keys


def explain_text(crm: str, s: Score, sections: Sections, owner: str = "", look: Look = Look()) -> str:  # noqa: B008 frozen
    """The account for a terminal."""
    parts: list[RenderableType] = [
        Text(f"{clean(s.name)} ({crm} {clean(s.account_id)})", style="bold"),
        plain(
            f"{SIGNS[s.state]} {s.state} since {iso(s.state_since)}, confidence {s.confidence} of 100, as of {iso(s.as_of)}"
        ),
        *([plain(f"owner: {owner}")] if owner else []),
        Text(""),
        *(plain(f"{reason.code}  {reason.text}") for reason in s.reasons),
        *([plain(f"next  {s.next_step}")] if s.next_step else []),
        _numbers(s),
    ]
    for heading, rows in sections.items():
        shown = [_treated(row) if "claimed" in row else row for row in rows]
        parts += [Text(f"{clean(heading)} ({len(rows):,})", style="bold"), _records(shown)]
    return printed(look, *parts)


def _numbers(s: Score) -> RenderableType:
    rich_table = table("number", "value", "range", right=frozenset({"value", "range"}))
    rows = (
        (f"revenue of the last 12 months, {s.currency}", money(s.trailing_12m), ""),
        ("expected, next 12 months", money(s.expected), span(s.expected_low, s.expected_high)),
        ("headroom", money(s.headroom), ""),
        (f"potential, grade {s.grade}", money(s.potential), span(s.potential_low, s.potential_high)),
        ("selling hours", hours(s.hours), span(s.hours_low, s.hours_high, "hours")),
        ("share in proportion to potential, hours", hours(s.fair_hours), ""),
        ("hours above (or below) the share", hours(s.hours_gap), ""),
        ("probability of too much time", percent(s.p_over), ""),
        ("probability of too little time", percent(s.p_under), ""),
        ("probability that little new is opened", percent(s.p_shallow), ""),
        *((f"coverage: {k}", _said(v), "") for k, v in sorted(s.coverage.items())),
        *((f"evidence: {k}", _said(v), "") for k, v in sorted(s.evidence.items())),
    )
    for row in rows:
        rich_table.add_row(*map(plain, row))
    return rich_table


#: where seconds of a record went that do not count for this account, in the order in which the rules take them
LOSSES = {"left_out": "left out", "clipped": "clipped", "lost": "", "capped": "over the day's limit",
          "elsewhere": "to other accounts"}  # fmt: skip


def _treated(row: Mapping[str, object]) -> dict[str, object]:
    """An activity with what became of its seconds in words: `claimed` = `counted` + all that is named here."""
    lost = [f"{row[k]} {words or row.get('rule')}" for k, words in LOSSES.items() if row.get(k)]
    kept = {k: v for k, v in row.items() if k not in (*LOSSES, "rule", "seconds")}
    return kept | {"not counted": ", ".join(lost)}


def _records(rows: Sequence[Mapping[str, object]]) -> RenderableType:
    if not rows:
        return Text("none\n")
    names = list(rows[0])
    numeric = frozenset(n for n in names if all(isinstance(r.get(n), int | float | None) for r in rows))
    rich_table = table(*names, right=numeric)
    for row in rows:
        rich_table.add_row(*(plain(_said(row.get(name))) for name in names))
    return rich_table


def _said(value: object) -> str:
    if value is None or finite(value) is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"
    return str(value)


def explain_json(crm: str, s: Score, sections: Sections, owner: str = "") -> str:
    """The account for programs: the verdict's fields, the owner's name, and `records` by section."""
    records = {h: [{k: finite(v) for k, v in row.items()} for row in rows] for h, rows in sections.items()}
    whole = record(crm, s) | {"owner": owner or None, "records": records}
    return json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=1, default=str) + "\n"
