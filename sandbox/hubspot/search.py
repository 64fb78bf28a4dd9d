"""Search: filters, one sort, 10,000 results, an index that may lag (docs/facts/hubspot.md, "List, search and batch")."""

import json
import random
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.hubspot import render
from sandbox.hubspot.call import Call
from sandbox.hubspot.errors import invalid
from sandbox.hubspot.store import Portal, Property, Record, Table, iso

MAX_PAGE, MAX_RESULTS = 200, 10_000
GROUPS, FILTERS, TOTAL = 5, 6, 18
MAX_QUERY = 3_000
#: operator -> what its filter must hold; the others need `value`
NEEDS = {
    "BETWEEN": ("value", "highValue"),
    "IN": ("values",),
    "NOT_IN": ("values",),
    "HAS_PROPERTY": (),
    "NOT_HAS_PROPERTY": (),
}
Test = Callable[[Record], bool]
KEY = "hs_object_id"


class Searches:
    """Searches of one portal; the ids of the last filters are kept, so that paging does not test every record again."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self._last: dict[str, tuple[int, str, list[int]]] = {}

    def answer(self, call: Call, table: Table) -> bytes:
        body = call.json()
        limit, offset = self._page(body)
        ids = self._ids(table, body)
        total, page = len(ids), ids[offset : offset + limit]
        write = render.record(self.portal, table, body.get("properties") or ())
        texts = [write(table.by_id[i]) for i in page]
        call.rows = len(texts)
        paging = f',"paging":{{"next":{{"after":"{offset + limit}"}}}}' if offset + limit < total else ""
        return f'{{"total":{total},"results":[{",".join(texts)}]{paging}}}'.encode()

    @staticmethod
    def _page(body: dict[str, Any]) -> tuple[int, int]:
        limit, after = int(body.get("limit") or 10), str(body.get("after") or "0")
        if not 0 < limit <= MAX_PAGE:
            raise invalid(f"Invalid input: limit must be between 1 and {MAX_PAGE}")
        if not after.isdigit():
            raise invalid(f"after must be a number: {after}")
        if int(after) + limit > MAX_RESULTS:
            raise invalid("There was a problem with the request: paging beyond 10,000 results is not supported")
        return limit, int(after)

    def _ids(self, table: Table, body: dict[str, Any]) -> list[int]:
        """Return the matching ids in the requested order."""
        groups = [list(g.get("filters") or ()) for g in body.get("filterGroups") or ()]
        if len(str(body.get("query") or "")) > MAX_QUERY:
            raise invalid(f"query must not be longer than {MAX_QUERY} characters")
        self._check(table, groups)
        name, falling = _sort(body)
        above = [f for f in groups[0] if f["propertyName"] == KEY and f["operator"] == "GT"] if len(groups) == 1 else []
        rest = [[f for f in g if f not in above] for g in groups]
        ids = self._matching(table, rest, name, falling=falling, query=str(body.get("query") or ""))
        if not above:
            return ids
        if name == KEY and not falling:
            return ids[bisect_right(ids, int(float(above[0]["value"]))) :]
        return [i for i in ids if i > int(float(above[0]["value"]))]

    def _matching(
        self, table: Table, groups: list[list[dict[str, Any]]], name: str, *, falling: bool, query: str
    ) -> list[int]:
        key = json.dumps([groups, name, falling, query], sort_keys=True)
        last = self._last.get(table.type.name)
        lagging, unsettled = self.portal.switches.lag_seconds > 0, self.portal.switches.disorder_seconds > 0
        if last is not None and last[:2] == (table.version, key) and not lagging and not unsettled:
            return last[2]
        horizon = iso(self.portal.clock.now() - timedelta(seconds=self.portal.switches.lag_seconds))
        fresh = iso(self.portal.clock.now() - timedelta(seconds=self.portal.switches.disorder_seconds)) if unsettled else "~"
        tests = [[_test(table, f, fresh) for f in g] for g in groups]
        records = [
            r
            for i in table.ids
            if not (r := table.by_id[i]).archived_at
            and not (lagging and r.stamp > horizon)
            and (not groups or any(all(t(r) for t in g) for g in tests))
            and _contains(r, query)
        ]
        ids = [r.id for r in records] if name == KEY else [r.id for r in sorted(records, key=_key(table, name))]
        ids = ids[::-1] if falling else ids
        if unsettled and name != KEY:
            _disorder(ids, [n for n, i in enumerate(ids) if table.by_id[i].stamp > fresh])
        self._last[table.type.name] = (table.version, key, ids)
        return ids

    @staticmethod
    def _check(table: Table, groups: list[list[dict[str, Any]]]) -> None:
        if len(groups) > GROUPS or any(len(g) > FILTERS for g in groups) or sum(map(len, groups)) > TOTAL:
            raise invalid(f"Too many filters: {GROUPS} groups of {FILTERS}, {TOTAL} in all")
        for f in (f for g in groups for f in g):
            if f.get("propertyName") not in table.properties:
                raise invalid(f"There was a problem with the request: property {f.get('propertyName')} does not exist")
            if f.get("operator") not in OPERATORS:
                raise invalid(f"Invalid input: operator {f.get('operator')}")
            lacking = [k for k in NEEDS.get(f["operator"], ("value",)) if k not in f]
            if lacking:
                raise invalid(f"Invalid input: operator {f['operator']} needs {', '.join(lacking)}")


def _contains(r: Record, query: str) -> bool:
    return not query or any(query.lower() in v.lower() for v in r.values.values())


def _sort(body: dict[str, Any]) -> tuple[str, bool]:
    """Read the one sort rule, an object or a text."""
    rules = body.get("sorts") or [KEY]
    if len(rules) > 1:
        raise invalid("Only one sort is allowed")
    rule = rules[0]
    if isinstance(rule, str):
        return rule.lstrip("-"), rule.startswith("-")
    return str(rule["propertyName"]), rule.get("direction") == "DESCENDING"


def value_of(table: Table, r: Record, name: str) -> Any:
    """Return a property's value as search compares it; None for none."""
    if name == KEY:
        return float(r.id)
    text = r.stamp if name == table.type.stamp else r.values.get(name)
    return None if not text else typed(table.properties[name], text)


def typed(definition: Property, text: str) -> Any:
    if definition.type == "number":
        return float(text)
    if definition.type in ("date", "datetime"):
        return milliseconds(text)
    return text.lower()


def milliseconds(text: str) -> float:
    if text.lstrip("-").isdigit():
        return float(text)
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000 // 1


def _key(table: Table, name: str) -> Callable[[Record], Any]:
    def key(r: Record) -> Any:
        value = value_of(table, r, name)
        return (value is None, value if value is not None else 0, r.id)

    return key


def _disorder(ids: list[int], places: list[int]) -> None:
    """Shuffle the ids at these places, the same way each time."""
    shuffled = [ids[n] for n in places]
    random.Random(1).shuffle(shuffled)
    for n, i in zip(places, shuffled, strict=True):
        ids[n] = i


def _test(table: Table, f: dict[str, Any], fresh: str) -> Test:
    """Turn a filter into a test; no upper bound of the date holds for a record that changed after `fresh`."""
    name, operator = str(f["propertyName"]), str(f["operator"])
    definition = table.properties[name]
    try:
        first = typed(definition, str(f["value"])) if "value" in f else None
        second = typed(definition, str(f["highValue"])) if "highValue" in f else None
        several = {typed(definition, str(v)) for v in f.get("values") or ()}
    except ValueError:
        raise invalid(f"There was a problem with the request: {f.get('value')} is no {definition.type}") from None
    decide = OPERATORS[operator]
    if name == table.type.stamp and operator == "BETWEEN" and first is not None and second is not None:
        low, high = _stamp(first), _stamp(second)
        return lambda r: low <= r.stamp <= high or r.stamp > max(fresh, low)
    if name == table.type.stamp and operator in ("LT", "LTE"):
        return lambda r: r.stamp > fresh or decide(value_of(table, r, name), first, second, several)
    return lambda r: decide(value_of(table, r, name), first, second, several)


def _stamp(at: float) -> str:
    return iso(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at))


OPERATORS: dict[str, Callable[[Any, Any, Any, set[Any]], bool]] = {
    "EQ": lambda v, a, b, s: v == a,
    "NEQ": lambda v, a, b, s: v is not None and v != a,
    "LT": lambda v, a, b, s: v is not None and v < a,
    "LTE": lambda v, a, b, s: v is not None and v <= a,
    "GT": lambda v, a, b, s: v is not None and v > a,
    "GTE": lambda v, a, b, s: v is not None and v >= a,
    "BETWEEN": lambda v, a, b, s: v is not None and a <= v <= b,
    "IN": lambda v, a, b, s: v in s,
    "NOT_IN": lambda v, a, b, s: v is not None and v not in s,
    "HAS_PROPERTY": lambda v, a, b, s: v is not None,
    "NOT_HAS_PROPERTY": lambda v, a, b, s: v is None,
    "CONTAINS_TOKEN": lambda v, a, b, s: v is not None and str(a).strip("*") in str(v),
    "NOT_CONTAINS_TOKEN": lambda v, a, b, s: v is None or str(a).strip("*") not in str(v),
}
