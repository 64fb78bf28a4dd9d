"""Some records of one object, column by column, and what else a mapping needs; pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.keyed import Keyed

Columns = Mapping[str, Sequence[str]]
Rows = list[tuple[Any, ...]]


@dataclass(slots=True)
class Context:
    """What a mapping needs besides the page: owners' time zones, the key of hashes, and where oddities are counted."""

    subjects: Keyed
    people: Keyed
    zones: dict[str, str] = field(default_factory=dict)
    odd: Counter[str] = field(default_factory=Counter)
    traits: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: criterion of [scope] -> fields of Account


class Sheet:
    """A page's columns; a field that the org or the user does not have reads as empty."""

    def __init__(self, columns: Columns, count: int) -> None:
        self.columns, self.count = columns, count
        self._empty = [""] * count

    def __getitem__(self, name: str) -> Sequence[str]:
        return self.columns.get(name, self._empty)

    def fill(self, value: Any) -> list[Any]:
        return [value] * self.count


def rows(*columns: Sequence[Any]) -> Rows:
    """Columns of one length as rows."""
    return list(zip(*columns, strict=True))


def ids_of(prefix: str, column: Sequence[str]) -> list[str | None]:
    """Return a polymorphic id where it points at the object with this key prefix."""
    return [v if v[:3] == prefix else None for v in column]
