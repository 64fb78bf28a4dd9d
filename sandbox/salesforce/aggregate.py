"""COUNT, COUNT_DISTINCT, SUM, AVG, MIN and MAX, with or without GROUP BY ("SOQL Aggregate Functions")."""

from collections.abc import Callable
from typing import Any

from sandbox.salesforce import evaluate
from sandbox.salesforce.errors import malformed
from sandbox.salesforce.evaluate import NUMBERS, Column
from sandbox.salesforce.render import json_value
from sandbox.salesforce.schema import Field
from sandbox.salesforce.soql import Query
from sandbox.salesforce.store import Org
from sandbox.salesforce.table import Row, Table

FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "count": len,
    "count_distinct": lambda values: len(set(values)),
    "sum": lambda values: sum(values) if values else None,
    "avg": lambda values: sum(values) / len(values) if values else None,
    "min": lambda values: min(values, default=None),
    "max": lambda values: max(values, default=None),
}


def is_count(query: Query) -> bool:
    """Recognise `SELECT COUNT() FROM ...`, which gives the number alone, without records."""
    return query.fields == ("count()",)


def is_aggregate(query: Query) -> bool:
    return bool(query.group) or any("(" in f for f in query.fields)


def records(org: Org, query: Query, rows: list[Row]) -> list[dict[str, Any]]:
    """Return the AggregateResult records."""
    table = evaluate.entity(org, query.entity)
    keys = [evaluate.column(org, table, g) for g in query.group]
    parts = _selected(org, table, query, keys)
    groups: dict[tuple[Any, ...], list[Row]] = {} if keys else {(): []}
    for row in rows:
        groups.setdefault(tuple(k.get(row) for k in keys), []).append(row)
    return [
        {"attributes": {"type": "AggregateResult"}} | {name: value(members) for name, value in parts}
        for members in groups.values()
    ]


Part = tuple[str, Callable[[list[Row]], Any]]


def _selected(org: Org, table: Table, query: Query, keys: list[Column]) -> list[Part]:
    grouped = {k.path.lower(): k for k in keys}
    parts: list[Part] = []
    unnamed = 0
    for field, alias in zip(query.fields, query.aliases, strict=True):
        if "(" in field:
            parts.append((alias or f"expr{unnamed}", _function(org, table, field)))
            unnamed += not alias
        elif field.lower() in grouped:
            parts.append((alias or field.split(".")[-1], _key(grouped[field.lower()])))
        else:
            raise malformed(f"Field must be grouped or aggregated: {field}")
    return parts


def _key(column: Column) -> Callable[[list[Row]], Any]:
    return lambda members: json_value(column.field, column.get(members[0]))


def _function(org: Org, table: Table, text: str) -> Callable[[list[Row]], Any]:
    name, _, inner = text.rstrip(")").partition("(")
    if name not in FUNCTIONS or (not inner and name != "count"):
        raise malformed(f"unexpected token: '('; no function {name}({inner})")
    column = evaluate.column(org, table, inner or "Id")
    if name in ("sum", "avg") and column.field.type not in NUMBERS:
        raise malformed(f"field {inner} does not support aggregate operator {name.upper()}")
    numeric = column.field.type in NUMBERS
    field: Field = column.field

    def value(members: list[Row]) -> Any:
        texts = [t for row in members if (t := column.get(row)) is not None]
        result = FUNCTIONS[name]([float(t) for t in texts] if numeric else texts)
        return json_value(field, result) if name in ("min", "max") and not numeric else result

    return value
