"""`assay plan`: what the next write would change, one row a field."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from assay.text import csv_cells
from assay.text.terminal import Look, plain, printed, table
from assay.text.words import UNKNOWN, clean, count, finite
from scoring.records import WRITTEN, FieldUpdate, Value

COLUMNS = ("account_id", "name", "field", "old", "new", "why")
TITLES = {"fair_hours": "fair hours", "next_step": "next step"}


@dataclass(frozen=True, slots=True)
class Change:
    """One field of one account."""

    account_id: str
    name: str
    field: str  #: its meaning, such as `state` (connectors/fields.py)
    old: Value
    new: Value
    why: str


def changes(updates: Sequence[FieldUpdate], names: Mapping[str, str]) -> Iterator[Change]:
    """The rows of a plan, fields in the order in which people read them."""
    for update in updates:
        for meaning in sorted(update.values, key=_position):
            old, new = update.old.get(meaning), update.values[meaning]
            yield Change(update.account_id, names.get(update.account_id, ""), meaning, old, new, update.why)


def _position(meaning: str) -> tuple[int, str]:
    return (WRITTEN.index(meaning) if meaning in WRITTEN else len(WRITTEN), meaning)


def plan_table(updates: Sequence[FieldUpdate], names: Mapping[str, str], look: Look = Look()) -> str:  # noqa: B008 frozen
    """The plan for a terminal; an account is named once."""
    if not updates:
        return "Nothing would be written.\n"
    rich_table = table("account", "field", "old", "new", "why", wrap="new")
    for update in updates:
        first = True
        for c in changes([update], names):
            who, why = (c.name or c.account_id, c.why) if first else ("", "")
            rich_table.add_row(
                plain(who), plain(TITLES.get(c.field, c.field)), plain(readable(c.old)), plain(readable(c.new)), plain(why)
            )
            first = False
    return printed(look, rich_table, f"{count(len(updates), 'account')} would be written.")


def readable(value: Value) -> str:
    """A value as people read it; a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, int | float):
        return UNKNOWN if finite(value) is None else f"{value:,}"
    return clean(value)


def plan_csv(updates: Sequence[FieldUpdate], names: Mapping[str, str]) -> str:
    """The plan for a spreadsheet."""
    return csv_cells.written(COLUMNS, ([getattr(c, name) for name in COLUMNS] for c in changes(updates, names)))


def plan_json(updates: Sequence[FieldUpdate], names: Mapping[str, str]) -> str:
    """The plan for programs: a list of rows."""
    rows = [asdict(c) | {"old": finite(c.old), "new": finite(c.new)} for c in changes(updates, names)]
    return json.dumps(rows, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
