"""Rows as REST JSON and as Bulk CSV; the two differ in how they write a time (reference: salesforce.md 1.3)."""

from collections.abc import Sequence
from typing import Any

from sandbox.salesforce.evaluate import Column
from sandbox.salesforce.schema import Field
from sandbox.salesforce.store import Row

NUMBERS = ("double", "currency", "percent")
TEXTS = ("string", "textarea", "picklist", "combobox", "url", "email", "phone", "multipicklist")


def json_value(field: Field, value: Any) -> Any:
    """A stored value as the REST API writes it."""
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
    """One record with its attributes and its nested parents."""
    record: dict[str, Any] = {"attributes": {"type": entity}}
    for column in columns:
        value = json_value(column.field, column.get(row))
        if column.path == "Id":
            record["attributes"]["url"] = f"/services/data/v{version}/sobjects/{entity}/{value}"
        _place(record, column.path.split("."), value)
    return record


def _place(record: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        if record.get(part) is None:
            record[part] = None if value is None else {"attributes": {"type": part}}
        if record[part] is None:
            return
        record = record[part]
    record[path[-1]] = value


def csv_page(columns: Sequence[Column], rows: Sequence[Row]) -> bytes:
    """A page with its own header row, every value quoted; column by column, because that is several times faster."""
    lines = ['"' + '","'.join(c.path for c in columns) + '"']
    if rows:
        cells = [_cells(c, rows) for c in columns]
        lines += ['"' + '","'.join(values) + '"' for values in zip(*cells, strict=True)]
    return ("\n".join(lines) + "\n").encode()


def _cells(column: Column, rows: Sequence[Row]) -> list[str]:
    values = [v if (v := column.get(r)) is not None else "" for r in rows]
    if column.field.type in TEXTS:
        return [v.replace('"', '""') if '"' in v else v for v in values]
    return values
