"""Some records of one type, column by column, and what else a mapping needs; pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.hubspot.links import Link, Links
from connectors.keyed import Keyed

Rows = list[tuple[Any, ...]]
#: makes an id of a moment
DIGITS_ONLY = str.maketrans("", "", "-:.TZ+")


@dataclass(frozen=True, slots=True)
class StageFacts:
    """What a pipeline says of a stage."""

    probability: int
    closed: bool
    won: bool


@dataclass(slots=True)
class Context:
    """What a mapping needs besides the records."""

    subjects: Keyed
    people: Keyed
    zone: str = "UTC"  #: the portal's time zone; HubSpot's owners have none of their own
    stages: dict[str, StageFacts] = field(default_factory=dict)
    families: dict[str, str] = field(default_factory=dict)  #: product -> family
    odd: Counter[str] = field(default_factory=Counter)
    traits: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: criterion of [scope] -> properties of companies


class Sheet:
    """Some records of one type, column by column; a property that is absent or null reads as empty."""

    def __init__(self, type_: str, records: Sequence[Mapping[str, Any]], links: Links) -> None:
        self.type, self.records, self.links, self.count = type_, records, links, len(records)
        self._properties = [r["properties"] for r in records]
        self.ids = [str(r["id"]) for r in records]

    def __getitem__(self, name: str) -> list[str]:
        return [p.get(name) or "" for p in self._properties]

    def fill(self, value: Any) -> list[Any]:
        return [value] * self.count

    def linked(self, to_type: str) -> list[Sequence[Link]]:
        of_type = self.links.get(to_type, {})
        return [of_type.get(i, ()) for i in self.ids]

    def numbers(self, name: str, odd: Counter[str]) -> list[str]:
        """Read a number property; what is no number ("1;2;3" has been seen) is left out and counted."""
        column = self[name]
        valid = {text: is_number(text) for text in set(column)}
        if wrong := sum(1 for v in column if not valid[v]):
            odd[f"{self.type}.{name}: no number, left out"] += wrong
        return [v if valid[v] else "" for v in column]


def is_number(text: str) -> bool:
    """Whether a text is a finite number, or nothing."""
    try:
        return not text or abs(float(text)) < float("inf")
    except ValueError:
        return False


def rows(*columns: Sequence[Any]) -> Rows:
    """Columns of one length as rows."""
    return list(zip(*columns, strict=True))
