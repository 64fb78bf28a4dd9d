"""Rows as REST JSON and as Bulk CSV; the two differ in how they write a time."""

from collections.abc import Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any

from sandbox.salesforce.evaluate import Column
from sandbox.salesforce.schema import Field
from sandbox.salesforce.spool import escaped
from sandbox.salesforce.table import Row

#: types whose values hold no quotes
PLAIN = ("id", "reference", "boolean", "int", "date", "datetime")
NUMBERS = ("double", "currency", "percent")


def json_value(field: Field, value: Any) -> Any:
    """Render a stored value as the REST API writes it."""
    if value is None:
        return None
    if field.type == "boolean":
        return value == "true"
    if field.type in NUMBERS:
        return float(value)
    if field.type == "int":
        return int(value)
    return value[:-1] + "+0000" if field.type == "datetime" else value


def json_record(entity: str, columns: Sequence[Column], row: Row, version: str) -> dict[str, Any]:
    """Render one record with its attributes and its nested parents."""
    record: dict[str, Any] = {"attributes": {"type": entity}}
    for column in columns:
        value = json_value(column.field, column.get(row))
        if column.path == "Id":
            record["attributes"]["url"] = _url(version, entity, value)
        *above, name = column.path.split(".")
        inside: dict[str, Any] | None = record
        for part, (kind, get_id) in zip(above, column.parents, strict=False):
            inside = _parent(inside, part, (kind, get_id(row), version)) if inside is not None else None
        if inside is not None:
            inside[name] = value
    return record


def _parent(record: dict[str, Any], part: str, who: tuple[str, Any, str]) -> dict[str, Any] | None:
    """Return the nested parent, created at its first field; null where the record has none."""
    kind, record_id, version = who
    if part not in record:
        facts = {"type": kind, "url": _url(version, kind, record_id)}
        record[part] = {"attributes": facts} if record_id else None
    parent: dict[str, Any] | None = record[part]
    return parent


def _url(version: str, entity: str, record_id: str) -> str:
    return f"/services/data/v{version}/sobjects/{entity}/{record_id}"


def csv_cells(column: Column, rows: Sequence[Row]) -> list[str]:
    """Render a column of Bulk CSV, ready to be put in quotes; null is the empty value."""
    get = column.get if column.at is None else itemgetter(column.at)
    values = list(map(get, rows))
    if column.field.type in NUMBERS:
        return ["" if v is None else java_double(v) for v in values]
    if None in values:
        values = ["" if v is None else v for v in values]
    return values if column.field.type in PLAIN else escaped(values)


def java_double(text: str) -> str:
    """Write a number as Java's Double.toString does, as Bulk CSV has it: 8.0E7 (dataloader issues 161, 1204)."""
    number = float(text)
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return repr(number)
    digits, _, exponent = f"{Decimal(repr(number)):E}".partition("E")
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"


#: describe type -> Apex type, as column metadata names it
APEX = {
    "id": "Id",
    "reference": "Id",
    "boolean": "Boolean",
    "double": "Double",
    "currency": "Double",
    "percent": "Double",
    "int": "Integer",
    "date": "Date",
    "datetime": "Datetime",
}
