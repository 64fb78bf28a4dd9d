"""A portal's records, links and definitions, in memory."""

import itertools
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.clock import OrgClock
from sandbox.hubspot.types import LINKS, PRIMARY, TYPES, Type
from sandbox.org_folder import OrgFacts

#: the activities that count as contact (docs/facts/hubspot.md, "Activities")
CONTACTING = ("calls", "meetings", "emails", "communications")
#: properties whose changes are kept with their time
WATCHED = {"companies": ("hubspot_owner_id",), "deals": ("dealstage", "amount", "closedate", "hubspot_owner_id", "pipeline")}


@dataclass(slots=True)
class Property:
    """Definition of a property; `values` are its options."""

    name: str
    type: str  #: string, number, date, datetime, bool, enumeration, phone_number
    label: str
    read_only: bool = False
    values: list[str] = field(default_factory=list)
    custom: bool = False
    archived: bool = False
    body: dict[str, Any] = field(default_factory=dict)  #: as it was posted
    used_in: list[str] = field(default_factory=list)  #: workflows and lists that keep it from being archived


class Record:
    """Record: its values by property, all texts; what has no value is absent."""

    __slots__ = ("archived_at", "history", "id", "stamp", "values")

    def __init__(self, record_id: int, values: dict[str, str], stamp: str) -> None:
        self.id, self.values, self.stamp = record_id, values, stamp
        self.archived_at: str | None = None
        self.history: dict[str, list[tuple[str, str]]] | None = None  #: property -> (time, value), oldest first

    def past(self, name: str, created: str) -> list[tuple[str, str]]:
        """Return a property's values with their times; without history, the value dates from the record's creation."""
        changes = (self.history or {}).get(name)
        return changes or ([(self.values.get(created, self.stamp), self.values[name])] if name in self.values else [])


class Table:
    """Records of a type, in the order of their ids."""

    def __init__(self, type_: Type, properties: dict[str, Property]) -> None:
        self.type, self.properties = type_, properties
        self.by_id: dict[int, Record] = {}
        self.ids: list[int] = []
        self.version = 0  #: grows with every change, so that searches know when to look again
        self.merged: dict[int, int] = {}  #: loser -> survivor
        self.highest = 0
        self.binned: set[int] = set()  #: archived records, which nothing is linked to any more

    def add(self, record: Record) -> None:
        self.by_id[record.id] = record
        if record.archived_at:
            self.binned.add(record.id)
        if not self.ids or record.id > self.ids[-1]:
            self.ids.append(record.id)
        else:
            insort(self.ids, record.id)
        self.highest = max(self.highest, record.id)
        self.version += 1

    def unique(self, name: str) -> bool:
        """Tell whether values must be unique: a contact's address, and what was declared so."""
        declared = self.properties[name].body.get("hasUniqueValue") if name in self.properties else False
        return bool(declared) or (self.type.name, name) == ("contacts", "email")

    def remove(self, record_id: int) -> None:
        del self.by_id[record_id]
        self.binned.discard(record_id)
        self.ids.pop(bisect_left(self.ids, record_id))
        self.version += 1

    def bin(self, record: Record, at: str | None) -> None:
        """Archive a record, or (without a time) restore it; its date does not move."""
        record.archived_at = at
        (self.binned.discard if at is None else self.binned.add)(record.id)
        self.version += 1

    def after(self, record_id: int, *, archived: bool) -> Iterator[Record]:
        """Iterate over the records beyond an id."""
        for at in range(bisect_right(self.ids, record_id), len(self.ids)):
            record = self.by_id[self.ids[at]]
            if (record.archived_at is not None) == archived:
                yield record

    def get(self, record_id: int) -> Record | None:
        """Return a record; a merged one's id gives its survivor."""
        while record_id in self.merged:
            record_id = self.merged[record_id]
        return self.by_id.get(record_id)


@dataclass(frozen=True, slots=True)
class Label:
    category: str
    type_id: int
    label: str | None


class Links:
    """Links between records, in both directions; plain links have no label of their own."""

    def __init__(self) -> None:
        self._to: dict[tuple[str, str], dict[int, int | list[int]]] = {}
        self._labels: dict[tuple[str, str, int, int], list[Label]] = {}

    def add(
        self, from_type: str, from_id: int, to_type: str, to_id: int, type_id: int | None = None, label: str | None = None
    ) -> None:
        for a, i, b, j in ((from_type, from_id, to_type, to_id), (to_type, to_id, from_type, from_id)):
            self._put(a, i, b, j)
        if type_id == PRIMARY.get((from_type, to_type)) and type_id is not None:
            self._mark(from_type, from_id, to_type, to_id, Label("HUBSPOT_DEFINED", type_id, "Primary"))
            back = Label("HUBSPOT_DEFINED", PRIMARY[to_type, from_type], "Primary")
            self._mark(to_type, to_id, from_type, from_id, back)
        elif label or (type_id is not None and type_id != LINKS.get((from_type, to_type))):
            self._mark(
                from_type,
                from_id,
                to_type,
                to_id,
                Label("USER_DEFINED" if label else "HUBSPOT_DEFINED", type_id or 0, label),
            )

    def _put(self, a: str, i: int, b: str, j: int) -> None:
        pair = self._to.setdefault((a, b), {})
        linked = pair.get(i)
        if linked is None:
            pair[i] = j
        elif isinstance(linked, list):
            if linked[-1] < j:
                linked.append(j)
            elif j not in linked:
                insort(linked, j)
        elif linked != j:
            pair[i] = sorted((linked, j))

    def _mark(self, a: str, i: int, b: str, j: int, label: Label) -> None:
        marks = self._labels.setdefault((a, b, i, j), [])
        if label not in marks:
            marks.append(label)

    def remove(self, from_type: str, from_id: int, to_type: str, to_id: int) -> None:
        for a, i, b, j in ((from_type, from_id, to_type, to_id), (to_type, to_id, from_type, from_id)):
            remaining = [x for x in self.of(a, i, b) if x != j]
            self._to.setdefault((a, b), {})[i] = remaining
            self._labels.pop((a, b, i, j), None)

    def of(self, from_type: str, from_id: int, to_type: str) -> Sequence[int]:
        linked = self._to.get((from_type, to_type), {}).get(from_id, ())
        return (linked,) if isinstance(linked, int) else linked

    def between(self, from_type: str, to_type: str) -> Mapping[int, int | list[int]]:
        """Map each record of a type to its links to the other: the one id, or all of them in order."""
        return self._to.get((from_type, to_type), {})

    def labels(self, from_type: str, from_id: int, to_type: str, to_id: int) -> list[Label]:
        """List a pair's links: the plain one, then those with labels."""
        plain = Label("HUBSPOT_DEFINED", LINKS.get((from_type, to_type), 0), None)
        return [plain, *self._labels.get((from_type, to_type, from_id, to_id), ())]

    def marked(self, from_type: str, to_type: str) -> bool:
        return (from_type, to_type) in PRIMARY

    def is_primary(self, from_type: str, from_id: int, to_type: str, to_id: int) -> bool:
        return any(x.label == "Primary" for x in self._labels.get((from_type, to_type, from_id, to_id), ()))

    def everything(self, type_: str, record_id: int) -> list[tuple[str, int]]:
        return [(b, j) for (a, b) in list(self._to) if a == type_ for j in self.of(a, record_id, b)]


@dataclass(slots=True)
class Switches:
    """Traps that a test may set (`/_sandbox/edit` op option)."""

    lag_seconds: float = 0.0
    search_per_second: float = 0.0  #: 0 = no limit
    association_page: int = 500
    inline_page: int = 100
    bad_id_fails: bool = False
    identical_write_bumps: bool = True
    disorder_seconds: float = 0.0  #: search is out of order, and blind to upper bounds, for what changed so recently
    property_limit: int = 1_000  #: custom properties of one type


class Portal:
    """Portal: its records, links, definitions, clock and switches."""

    def __init__(self, facts: OrgFacts, clock: OrgClock, properties: dict[str, dict[str, Property]]) -> None:
        self.facts, self.clock = facts, clock
        self.tables = {name: Table(t, properties.get(name, {})) for name, t in TYPES.items()}
        self.links = Links()
        self.owners: list[dict[str, Any]] = []
        self.pipelines: list[dict[str, Any]] = []
        self.stages: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, dict[str, Any]]] = {}
        self.rules: list[dict[str, Any]] = []
        self.switches = Switches()
        self.warnings: Counter[str] = Counter()
        self.portal_id = int(facts.extra.get("portal_id") or 10_000_000 + sum(map(ord, facts.name)) * 7919 % 80_000_000)
        self.zone = str(facts.extra.get("time_zone") or "UTC")
        self._numbers = itertools.count(1)

    def stamp(self) -> str:
        """Return now, to the millisecond."""
        return iso(self.clock.now())

    def new_id(self, table: Table) -> int:
        return max(table.highest, 300_000_000_000) + next(self._numbers)

    def touch(self, table: Table, record: Record) -> None:
        """Move the record's date, as any change does."""
        record.stamp = self.stamp()
        table.version += 1

    def set(self, table: Table, record: Record, values: dict[str, str]) -> None:
        """Set values ("" clears), keep the history of watched ones, and derive what follows from a deal's stage."""
        moment = self.stamp()
        for name, value in values.items():
            if name in WATCHED.get(table.type.name, ()) and record.values.get(name, "") != value:
                record.history = (record.history or {}) | {name: [*record.past(name, table.type.created), (moment, value)]}
            if value == "":
                record.values.pop(name, None)
            else:
                record.values[name] = value
        if table.type.name == "deals" and "dealstage" in values:
            record.values |= self.of_stage(values["dealstage"])
        self.touch(table, record)

    def of_stage(self, stage: str) -> dict[str, str]:
        """Derive a deal's properties from its stage."""
        facts = self.stages.get(stage)
        if facts is None:
            return {}
        odds = float(facts["metadata"].get("probability") or 0)
        closed = facts["metadata"].get("isClosed") == "true"
        return {
            "hs_is_closed": str(closed).lower(),
            "hs_is_closed_won": str(closed and odds == 1.0).lower(),
            "hs_deal_stage_probability": str(odds),
        }

    def link(
        self, from_type: str, from_id: int, to_type: str, to_id: int, type_id: int | None = None, label: str | None = None
    ) -> None:
        """Link two records; moves no date, except of the parent whose activities are counted again."""
        self.links.add(from_type, from_id, to_type, to_id, type_id, label)
        if TYPES[from_type].activity:
            self.roll_up(to_type, to_id)

    def roll_up(self, type_: str, record_id: int) -> None:
        table = self.tables[type_]
        record = table.by_id.get(record_id)
        if record is None or type_ not in ("companies", "contacts", "deals"):
            return
        counts = {name: len(self.links.of(type_, record_id, name)) for name, t in TYPES.items() if t.activity}
        contacts = sum(n for name, n in counts.items() if name in CONTACTING)
        now = self.stamp()
        record.values |= {"num_notes": str(sum(counts.values())), "notes_last_updated": now}
        if contacts:
            record.values |= {
                "num_contacted_notes": str(contacts),
                "notes_last_contacted": now,
                "hs_last_sales_activity_timestamp": now,
            }
        self.touch(table, record)

    def unlink_all(self, type_: str, record_id: int) -> None:
        for to_type, to_id in self.links.everything(type_, record_id):
            self.links.remove(type_, record_id, to_type, to_id)


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def ids_of(texts: Iterable[Any]) -> list[int]:
    """Parse ids; a text that is no number becomes an id that no record has."""
    return [int(t) if str(t).isdigit() else -1 for t in texts]
