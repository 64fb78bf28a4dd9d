"""Evaluation of parsed queries, by types and by the running user's view (docs/facts/salesforce.md, "REST queries")."""

import operator
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from operator import itemgetter
from typing import Any

from sandbox.salesforce import access, dates
from sandbox.salesforce.errors import ApiError, malformed, no_column, no_type
from sandbox.salesforce.schema import Field
from sandbox.salesforce.soql import Compare, Literal, Node, Order, Query
from sandbox.salesforce.store import Org
from sandbox.salesforce.table import Row, Table

Test = Callable[[Row], bool]
Get = Callable[[Row], Any]
NUMBERS = ("double", "currency", "percent", "int")
STAMP = "%Y-%m-%dT%H:%M:%S.%f"


class Column:
    """Selected field: how to get it from a row, and what it is.

    `at` is its cell if the row itself has it, else `parents` are the objects on the way, each with how to get the id.
    """

    def __init__(
        self, path: str, field: Field, get: Get, at: int | None = None, parents: tuple[tuple[str, Get], ...] = ()
    ) -> None:
        self.path, self.field, self.get, self.at, self.parents = path, field, get, at, parents


def select(org: Org, query: Query, *, deleted: bool) -> list[Row]:
    """Return the rows a query means, in its order; `deleted` also gives deleted and archived ones (queryAll)."""
    table = entity(org, query.entity)
    if table.name == "UserRecordAccess":
        table = access.record_access(org, query.where)
    rows = access.with_people(org, table, access.visible_rows(org, table), query.where)
    if not deleted:
        hide = [table.at[f] for f in ("IsDeleted", "IsArchived") if f in table.at]
        rows = [r for r in rows if not any(r[i] == "true" for i in hide)]
    if query.where is not None:
        test = predicate(org, table, query.where)
        rows = [r for r in rows if test(r)]
    for order in reversed(query.order):
        rows = _ordered(org, table, rows, order)
    stop = None if query.limit is None else query.offset + query.limit
    return rows[query.offset : stop] if query.offset or stop is not None else rows


def entity(org: Org, name: str) -> Table:
    table = org.table(name)
    if table is None:
        raise no_type(name)
    return table


def columns(org: Org, table: Table, paths: tuple[str, ...]) -> list[Column]:
    """Resolve the selected fields; raises INVALID_FIELD for what the user does not see or selects twice."""
    selected = [column(org, table, p) for p in paths]
    doubled = next((p for p, n in Counter(c.path for c in selected).items() if n > 1), None)
    if doubled:
        raise ApiError(400, "INVALID_FIELD", f"duplicate field selected: {doubled}")
    return selected


def check(org: Org, query: Query) -> None:
    """Raise for anything in WHERE or ORDER BY that the org would refuse, without looking at a row."""
    table = entity(org, query.entity)
    if query.where is not None:
        predicate(org, table, query.where)
    for order in query.order:
        _sortable(org, table, order)


def column(org: Org, table: Table, path: str) -> Column:
    """Resolve `Owner.Name` or `What.Type` through parents, at most five levels."""
    head, _, rest = path.partition(".")
    if not rest:
        field = _visible(org, table, head)
        at = table.at[field.name]
        return Column(field.name, field, itemgetter(at), at)
    if head.lower() == table.name.lower():
        return column(org, table, rest)
    link = _relationship(org, table, head)
    if len(link.refers_to) > 1:
        return _polymorphic(org, table, link, rest)
    return _through(org, table, link, rest)


def _visible(org: Org, table: Table, name: str) -> Field:
    field = table.fields.get(table.lower.get(name.lower(), ""))
    if field is None or f"{table.name}.{field.name}" in org.hidden:
        raise no_column(name, table.name)
    return field


def _relationship(org: Org, table: Table, name: str) -> Field:
    for field in table.fields.values():
        if field.relationship.lower() == name.lower() and f"{table.name}.{field.name}" not in org.hidden:
            return field
    raise ApiError(
        400,
        "INVALID_FIELD",
        f"Didn't understand relationship '{name}' in field path. If you are attempting "
        "to use a custom relationship, be sure to append the '__r' after the custom relationship name.",
    )


def _through(org: Org, table: Table, link: Field, rest: str) -> Column:
    parent = entity(org, link.refers_to[0])
    inner, at = column(org, parent, rest), table.at[link.name]

    def get(row: Row) -> Any:
        above = parent.by_id.get(row[at]) if row[at] else None
        return None if above is None else inner.get(above)

    first = (parent.name, itemgetter(at))
    rest_of = tuple((name, _above(parent, at, inner_id)) for name, inner_id in inner.parents)
    return Column(f"{link.relationship}.{inner.path}", inner.field, get, parents=(first, *rest_of))


def _above(parent: Table, at: int, get: Get) -> Get:
    """Return a getter that applies `get` to the parent's row."""
    return lambda row: None if (row_above := parent.by_id.get(row[at])) is None else get(row_above)


def _polymorphic(org: Org, table: Table, link: Field, rest: str) -> Column:
    """Resolve `What.Type` and the few fields all parents share."""
    at = table.at[link.name]
    if rest.lower() == "type":
        kinds = [(t.name, t) for n in link.refers_to if (t := org.table(n))]

        def kind(row: Row) -> Any:
            return next((n for n, t in kinds if row[at] in t.by_id), None)

        named = (("Name", itemgetter(at)),)  # the vendor's word for an object that may be of several kinds
        return Column(f"{link.relationship}.Type", Field("Type", "Type", "string", 40), kind, parents=named)
    options = [t for n in link.refers_to if (t := org.table(n)) and rest in t.fields]
    if not options:
        raise no_column(rest, "Name")

    def get(row: Row) -> Any:
        return next((t.get(t.by_id[row[at]], rest) for t in options if row[at] in t.by_id), None)

    return Column(f"{link.relationship}.{rest}", options[0].fields[rest], get, parents=(("Name", itemgetter(at)),))


def predicate(org: Org, table: Table, node: Node) -> Test:
    """Turn a WHERE clause into a test of a row."""
    if isinstance(node, Compare):
        return _comparison(org, table, node)
    tests = [predicate(org, table, p) for p in node.parts]
    if node.op == "not":
        return lambda row: not tests[0](row)
    if node.op == "and":
        return lambda row: all(t(row) for t in tests)
    return lambda row: any(t(row) for t in tests)


def _comparison(org: Org, table: Table, node: Compare) -> Test:
    compared = column(org, table, node.field)
    if not compared.field.filterable:
        raise ApiError(400, "INVALID_FIELD", f"field '{node.field}' can not be filtered in a query call")
    get = _comparable(compared)
    if node.op in ("in", "not in"):
        values = _joined(org, node.inner) if node.inner else {_value(compared.field, v, org) for v in node.values}
        return (lambda r: get(r) in values) if node.op == "in" else (lambda r: get(r) not in values)
    literal = node.values[0]
    if node.op == "like":
        return _like(compared.field, get, literal)
    if literal.kind == "dateliteral":
        return _in_span(compared.field, get, node.op, literal, org)
    return _ordering(get, node.op, _value(compared.field, literal, org))


def _joined(org: Org, inner: Query) -> set[Any]:
    """Return the values of a semi-join, which never include null."""
    selected = column(org, entity(org, inner.entity), inner.fields[0])
    if selected.field.type not in ("id", "reference"):
        raise malformed(f"The inner select field '{inner.fields[0]}' must be an id")
    get = _comparable(selected)
    return {get(row) for row in select(org, inner, deleted=False)} - {None}


def _comparable(compared: Column) -> Get:
    """Return a getter of comparable values: numbers, texts in lower case, dates as text."""
    kind, raw = compared.field.type, compared.get
    if kind in NUMBERS:
        return lambda row: None if (v := raw(row)) is None else float(v)
    if kind in ("boolean", "date", "datetime"):
        return raw
    if kind in ("id", "reference"):
        return lambda row: None if (v := raw(row)) is None else v[:15]
    return lambda row: None if (v := raw(row)) is None else v.lower()


def _ordering(get: Get, op: str, value: Any) -> Test:
    if op == "=":
        return lambda r: get(r) == value
    if op == "!=":
        return lambda r: get(r) != value
    if value is None:
        raise malformed(f"invalid operator {op} on null")
    compare = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}[op]
    return lambda r: (v := get(r)) is not None and bool(compare(v, value))


def _like(field: Field, get: Get, literal: Literal) -> Test:
    if literal.kind != "string" or field.type in (*NUMBERS, "boolean", "date", "datetime"):
        raise ApiError(400, "INVALID_FIELD", f"invalid operator on {field.type} field {field.name}: LIKE")
    pattern = "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in literal.text.lower())
    regex = re.compile(pattern, re.DOTALL)
    return lambda r: (v := get(r)) is not None and regex.fullmatch(v) is not None


def _in_span(field: Field, get: Get, op: str, literal: Literal, org: Org) -> Test:
    if field.type not in ("date", "datetime"):
        raise _wrong_type(field, literal)
    first, last = dates.span(literal.text, org.clock.now().date())
    after = last + timedelta(days=1)
    low, high = (
        (first.isoformat(), after.isoformat())
        if field.type == "date"
        else (_stamp(datetime.combine(first, time(), UTC)), _stamp(datetime.combine(after, time(), UTC)))
    )
    tests: dict[str, Callable[[str], bool]] = {
        "=": lambda v: low <= v < high,
        "!=": lambda v: not low <= v < high,
        "<": lambda v: v < low,
        "<=": lambda v: v < high,
        ">": lambda v: v >= high,
        ">=": lambda v: v >= low,
    }
    test = tests[op]
    return lambda r: (v := get(r)) is not None and test(v)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(STAMP)[:-3] + "Z"


#: which literals fit which field types
FITS = {
    "boolean": ("boolean",),
    "date": ("date",),
    "datetime": ("datetime",),
    "int": ("number",),
    "double": ("number",),
    "currency": ("number",),
    "percent": ("number",),
}


def _value(field: Field, literal: Literal, org: Org) -> Any:
    """Turn a literal into a value comparable with the field's; raises, as the real API does, if the types differ."""
    if literal.kind == "null":
        return None
    if literal.kind not in FITS.get(field.type, ("string",)):
        raise _wrong_type(field, literal)
    if field.type in NUMBERS:
        return float(literal.text)
    if field.type == "datetime":
        return _stamp(datetime.fromisoformat(literal.text.replace("Z", "+00:00")))
    if field.type in ("id", "reference"):
        return literal.text[:15]
    return literal.text if field.type in ("boolean", "date") else literal.text.lower()


def _wrong_type(field: Field, literal: Literal) -> ApiError:
    quotes = "should be enclosed in quotes" if field.type not in FITS else "should not be enclosed in quotes"
    expected = SPELLED.get(field.type, field.type if field.type in FITS else "string")
    return ApiError(
        400,
        "INVALID_FIELD",
        f"\n{field.name} = {literal.text}\n^\nERROR at Row:1:Column:1\n"
        f"value of filter criterion for field '{field.name}' must be of type {expected} and {quotes}",
    )


#: how the message spells a type, where not as describe does
SPELLED = {"datetime": "dateTime", "currency": "double", "percent": "double"}


def _ordered(org: Org, table: Table, rows: list[Row], order: Order) -> list[Row]:
    """Sort rows; nulls come first unless asked otherwise, in both directions."""
    get = _comparable(_sortable(org, table, order))
    empty = [r for r in rows if get(r) is None]
    full = sorted((r for r in rows if get(r) is not None), key=get, reverse=order.descending)
    return full + empty if order.nulls_last else empty + full


def _sortable(org: Org, table: Table, order: Order) -> Column:
    sorted_by = column(org, table, order.field)
    if not sorted_by.field.filterable:
        raise malformed(f"field '{order.field}' can not be sorted in a query call")
    return sorted_by
