"""Fields of an account that [scope] asks for besides what is always read; pure.

What they are called and which a CRM has is the connectors' business. A stream that reads them has a name of its own, so that
its watermark is another one: when what is asked for changes, its records are read again in full.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from hashlib import blake2b

#: a role of the account's owner, and the kind of record; any other criterion is a field's own name
ROLE, RECORD_TYPE = "role", "record_type"
#: characters that a stream's name may have
NAME = 80


@dataclass(slots=True)
class Traits:
    """What was asked for and found."""

    fields: dict[str, tuple[str, ...]] = field(default_factory=dict)  #: criterion -> the CRM's fields that hold it
    absent: dict[str, str] = field(default_factory=dict)  #: criterion -> why this CRM cannot tell, in one sentence
    offered: dict[str, tuple[str, ...]] = field(default_factory=dict)  #: criterion -> values by the CRM's own definition


def stream(name: str, asked: Iterable[str]) -> str:
    """Return a stream's name together with what is asked for besides."""
    criteria = sorted(asked)
    if not criteria:
        return name
    full = f"{name} with {', '.join(criteria)}"
    return full if len(full) <= NAME else f"{name} with {blake2b(full.encode(), digest_size=8).hexdigest()}"


def kept(columns: Mapping[str, Sequence[Sequence[str]]], count: int) -> Sequence[str | None]:
    """Canonical JSON of each record's values by criterion; a cell with ";" holds several values, an empty one none ("")."""
    if not columns:
        return [None] * count
    texts: dict[tuple[tuple[str, ...], ...], str] = {}
    rows = list(zip(*(zip(*cells, strict=True) for cells in columns.values()), strict=True))
    for row in set(rows):
        values = {name: _values(cells) for name, cells in zip(columns, row, strict=True)}
        texts[row] = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return [texts[row] for row in rows]


def _values(cells: Sequence[str]) -> list[str]:
    values = dict.fromkeys(part.strip() for cell in cells for part in cell.split(";") if part.strip())
    return list(values) or [""]


def unknown(criterion: str, owner: str, fields: Iterable[str]) -> str:
    """Return the sentence for a field that is not there, with those whose names are nearest."""
    names = {name.casefold(): name for name in fields}
    near = [names[n] for n in get_close_matches(criterion.casefold(), names, 4, 0.5)]
    return f"{owner} has no field {criterion} that this user sees" + (f"; nearest: {', '.join(near)}" if near else "")
