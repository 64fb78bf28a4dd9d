"""Saves and deletes of single records, refused row by row with the vendor's codes (docs/facts/salesforce.md, "Errors")."""

import json
import re
from typing import Any

from sandbox.org_folder import PARSERS
from sandbox.salesforce import access, activities, tracking
from sandbox.salesforce.schema import PREFIXES, Field
from sandbox.salesforce.store import Org
from sandbox.salesforce.table import Row, Table

CLEAR = "#N/A"
NUMBERS = ("currency", "double", "percent")
ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?")


class RowError(Exception):
    """Reason why one record was not saved."""

    def __init__(self, code: str, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.fields = code, message, fields

    def as_json(self) -> dict[str, Any]:
        """Render it for the collections API, which says statusCode where others say errorCode."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}

    def as_bulk(self) -> str:
        """Render the text of sf__Error (jsforce's bulk2 tests against a real org)."""
        return f"{self.code}:{self.message}:{','.join(self.fields)} --"


def update(org: Org, table: Table, record_id: str, values: dict[str, Any]) -> None:
    """Save some fields of one record; raises `RowError` and saves nothing if any is refused."""
    row, new = prepare(org, table, record_id, values)
    save(org, table, row, new)


def prepare(org: Org, table: Table, record_id: str, values: dict[str, Any]) -> tuple[Row, dict[str, Any]]:
    """Check the new values of a record and return both; saves nothing."""
    row = table.find(record_id)
    if row is None:
        is_valid_id = record_id[:3] == PREFIXES.get(table.name) and ID.fullmatch(record_id)
        raise RowError(
            "INVALID_CROSS_REFERENCE_KEY" if is_valid_id else "MALFORMED_ID",
            "invalid cross reference id" if is_valid_id else f"{table.name} ID: id value of incorrect type: {record_id}",
            () if is_valid_id else ("Id",),
        )
    if table.get(row, "IsDeleted") == "true":
        raise RowError("ENTITY_IS_DELETED", "entity is deleted")
    if not access.can_read(org, table, row):
        message = "insufficient access rights on cross-reference id"
        raise RowError("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", message)
    if not access.can_edit(org, table, row):
        raise RowError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
    new = dict(_checked(org, table, name, value) for name, value in values.items())
    _rules(org, table, row, new)
    return row, new


def save(org: Org, table: Table, row: Row, new: dict[str, Any]) -> None:
    tracking.track(org, table, row, new)
    table.set(row, new)
    if {"WhatId", "WhoId"} & new.keys():
        ends = {n: table.get(row, n) for n in ("WhatId", "WhoId")}
        table.set(row, activities.computed(org, table, ends))
    org.touch(table, row)
    if table.holds("LastModifiedById"):
        table.set(row, {"LastModifiedById": org.user})
    _automate(org, table, row)


def _automate(org: Org, table: Table, row: Row) -> None:
    """Save what flows save besides: stamps move on records that nobody edited."""
    for saved, touches, by in org.automations:
        if saved == table.name:
            other_table = org.tables[touches]
            for other_row in other_table.rows:
                if other_table.get(other_row, by) == table.get(row, "Id"):
                    org.touch(other_table, other_row)


def create(org: Org, table: Table, values: dict[str, Any]) -> str:
    """Create a record, checked as an update is, and for its required fields; returns its id."""
    new = dict(_checked(org, table, name, value, new=True) for name, value in values.items())
    missing = [f.name for f in table.fields.values() if _required(f) and new.get(f.name) is None]
    if missing:
        raise RowError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", tuple(missing))
    _rules(org, table, None, new)
    owner = {"OwnerId": org.user} if table.fields.get("OwnerId") and "OwnerId" not in new else {}
    return org.insert(table.name, owner | activities.computed(org, table, new) | new)


def delete(org: Org, table: Table, record_id: str) -> None:
    """Move a record to the recycle bin, from where queryAll shows it."""
    row, _ = prepare(org, table, record_id, {})
    table.set(row, {"IsDeleted": "true"})
    org.touch(table, row)
    org.deletions.append((table.name, str(table.get(row, "Id")), org.clock.stamp()))


def _required(field: Field) -> bool:
    needed = "createable" in field.flags and not field.nillable and "defaulted" not in field.flags
    return needed and field.type != "boolean" and field.name not in ("OwnerId", "CurrencyIsoCode")


def _checked(org: Org, table: Table, name: str, value: Any, *, new: bool = False) -> tuple[str, Any]:
    field = table.fields.get(table.lower.get(name.lower(), ""))
    path = f"{table.name}.{field.name}" if field else ""
    if field is None:
        raise RowError("INVALID_FIELD", f"No such column '{name}' on sobject of type {table.name}", (name,))
    allowed = "createable" in field.flags if new else field.updateable
    if path in org.hidden or path in org.read_only or not allowed:
        raise RowError(
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            f"Unable to create/update fields: {field.name}. Please check the security settings of this field and verify "
            "that it is read/write for your profile or permission set.",
            (field.name,),
        )
    if value is None or value == "":
        if not field.nillable:
            raise RowError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{field.name}]", (field.name,))
        return field.name, None
    return field.name, _typed(org, field, value)


def _typed(org: Org, field: Field, value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        text = PARSERS[field.type](text) if field.type in PARSERS else text
    except ValueError:
        raise RowError(
            "INVALID_TYPE_ON_FIELD_IN_RECORD", f"{field.label}: value not of required type: {text}", (field.name,)
        ) from None
    if field.type in NUMBERS or field.type == "int":
        return _in_range(field, text)
    if field.type == "reference":
        return _reference(org, field, text)
    if field.type not in PARSERS and field.length and len(text) > field.length:
        message = f"{field.label}: data value too large: {text[:255]} (max length={field.length})"
        raise RowError("STRING_TOO_LONG", message, (field.name,))
    if field.restricted and text not in field.picklist:
        message = f"{field.label}: bad value for restricted picklist field: {text}"
        raise RowError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, (field.name,))
    return text


def _in_range(field: Field, text: str) -> str:
    """Allow `precision` digits of which `scale` after the point; int is 32 bits wide."""
    limit = 2.0**31 if field.type == "int" else 10.0 ** (field.precision - field.scale) if field.precision else 1e18
    if abs(float(text)) >= limit:
        message = f"{field.label}: value outside of valid range on numeric field: {text}"
        raise RowError("NUMBER_OUTSIDE_VALID_RANGE", message, (field.name,))
    rounds = field.type in NUMBERS and field.precision and field.scale < 6
    return f"{round(float(text), field.scale):.{field.scale}f}" if rounds else text


def _reference(org: Org, field: Field, text: str) -> str:
    if not ID.fullmatch(text):
        raise RowError("MALFORMED_ID", f"{field.label}: id value of incorrect type: {text}", (field.name,))
    prefixes = {PREFIXES[n] for n in field.refers_to if n in PREFIXES}
    if prefixes and text[:3] not in prefixes:
        message = f"{field.label}: id value of incorrect type: {text}"
        raise RowError("FIELD_INTEGRITY_EXCEPTION", message, (field.name,))
    tables = [org.tables[n] for n in field.refers_to if n in org.tables and PREFIXES.get(n) == text[:3]]
    record = next((row for t in tables if (row := t.find(text))), None)
    if tables and record is None:
        raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", (field.name,))
    return tables[0].get(record, "Id") if record else text


def _rules(org: Org, table: Table, row: Row | None, new: dict[str, Any]) -> None:
    """Enforce rules set by a control call: validation rules, flows that throw, locks that clear after some tries."""
    for rule in org.rules:
        if rule["object"] != table.name or ("id" in rule and (row is None or rule["id"] != table.get(row, "Id"))):
            continue
        if "field" in rule and new.get(rule["field"]) != rule.get("equals"):
            continue
        if "times" in rule:
            rule["times"] = str(int(rule["times"]) - 1)
            if int(rule["times"]) < 0:
                continue
        raise RowError(rule.get("code", "FIELD_CUSTOM_VALIDATION_EXCEPTION"), rule.get("message", "not allowed"))
