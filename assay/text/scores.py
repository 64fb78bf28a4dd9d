"""`assay scores`: every account's verdict."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from assay.text import csv_cells
from assay.text.terminal import Look, plain, printed, state, table
from assay.text.words import finite, hours, iso, money, span
from scoring.records import Score

#: in this order, in CSV and JSON lines alike; part of the interface
FIELDS = (
    "crm", "account_id", "name", "owner_id", "state", "state_since",
    "expected", "expected_low", "expected_high", "headroom", "potential", "potential_low", "potential_high",
    "trailing_12m", "currency", "grade", "hours", "hours_low", "hours_high", "fair_hours", "hours_gap",
    "p_over", "p_under", "p_shallow", "confidence", "reasons", "next_step", "coverage", "evidence",
    "as_of", "model_version",
)  # fmt: skip
#: digits behind the point, so that two machines print the same; what is not named has two
_DIGITS = {"p_over": 4, "p_under": 4, "p_shallow": 4}
_NUMBERS = frozenset({"hours", "share", "last 12 m", "expected", "potential", "range", "conf."})

ByCrm = Mapping[str, Sequence[Score]]  #: CRM -> its scores


def scores_table(by_crm: ByCrm, look: Look = Look()) -> str:  # noqa: B008 frozen
    """The verdicts as a table; a narrow terminal leaves out the next step and the range."""
    wide = look.width >= 140
    headings = ["account", "state", "hours", "share", "last 12 m", "expected", "potential"]
    rich_table = table(
        *headings,
        *(["range"] if wide else []),
        "grade",
        "conf.",
        *(["next step"] if wide else []),
        right=_NUMBERS,
        wrap="next step" if wide else "account",
    )
    for _, s in _all(by_crm):
        row = [plain(s.name), state(s.state), *map(plain, _numbers(s, wide)), plain(s.grade), plain(s.confidence)]
        rich_table.add_row(*row, *([plain(s.next_step)] if wide else []))
    return printed(look, rich_table)


def _numbers(s: Score, wide: bool) -> list[str]:
    cells = [hours(s.hours), hours(s.fair_hours), money(s.trailing_12m), money(s.expected), money(s.potential)]
    return [*cells, span(s.potential_low, s.potential_high)] if wide else cells


def scores_csv(by_crm: ByCrm) -> str:
    """The verdicts for a spreadsheet; reasons as "code: text" joined by " | ", mappings as JSON."""
    return csv_cells.written(FIELDS, (_cells(crm, s) for crm, s in _all(by_crm)))


def scores_jsonl(by_crm: ByCrm) -> str:
    """The verdicts, one JSON object a line."""
    lines = (json.dumps(record(crm, s), ensure_ascii=False, allow_nan=False) for crm, s in _all(by_crm))
    return "".join(line + "\n" for line in lines)


def record(crm: str, s: Score) -> dict[str, Any]:
    """A verdict as plain values in the order of FIELDS: dates as text, what is not finite as null."""
    values = asdict(s) | {"crm": crm, "state_since": iso(s.state_since), "as_of": iso(s.as_of)}
    values["reasons"] = [asdict(reason) for reason in s.reasons]
    for name in ("coverage", "evidence"):
        values[name] = {key: finite(value) for key, value in sorted(values[name].items())}
    return {name: _rounded(name, values[name]) for name in FIELDS}


def _rounded(name: str, value: Any) -> Any:
    value = finite(value)
    return round(value, _DIGITS.get(name, 2)) if isinstance(value, float) else value


def _cells(crm: str, s: Score) -> list[object]:
    values = record(crm, s)
    values["reasons"] = " | ".join(f"{reason.code}: {reason.text}" for reason in s.reasons)
    for name in ("coverage", "evidence"):
        values[name] = json.dumps(values[name], ensure_ascii=False, allow_nan=False)
    return list(values.values())


def _all(by_crm: ByCrm) -> Iterator[tuple[str, Score]]:
    for crm, scores in by_crm.items():
        for s in scores:
            yield crm, s
