"""Updates of single records, refused row by row with the vendor's codes (reference: salesforce.md 1.12)."""

import json
from typing import Any

from sandbox.org_folder import PARSERS
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.schema import Field
from sandbox.salesforce.store import Org, Row, Table

CLEAR = "#N/A"


class RowError(Exception):
    """Why one record was not saved."""

    def __init__(self, code: str, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.fields = code, message, fields

    def as_json(self) -> dict[str, Any]:
        """The collections API says statusCode where others say errorCode."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}

    def as_bulk(self) -> str:
        """The text of sf__Error (jsforce's bulk2 tests against a real org)."""
        return f"{self.code}:{self.message}:{','.join(self.fields)} --"


def update(org: Org, table: Table, record_id: str, values: dict[str, Any]) -> None:
    """Save some fields of one record; raises `RowError` and saves nothing if any is refused."""
    row = table.find(record_id)
    if row is None:
        raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    if table.get(row, "IsDeleted") == "true":
        raise RowError("ENTITY_IS_DELETED", "entity is deleted")
    new = {name: _checked(org, table, name, value) for name, value in values.items()}
    _rules(org, table, row, new)
    for name, value in new.items():
        row[table.at[name]] = value
    org.touch(table, row)


def _checked(org: Org, table: Table, name: str, value: Any) -> Any:
    field = table.fields.get(table.lower.get(name.lower(), ""))
    if field is None:
        raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {table.name}")
    path = f"{table.name}.{field.name}"
    if path in org.hidden or path in org.read_only or not field.updateable:
        raise RowError(
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            f"Unable to create/update fields: {field.name}. Please check the security settings of this field and verify "
            "that it is read/write for your profile or permission set.",
            (field.name,),
        )
    return None if value is None else _typed(field, value)


def _typed(field: Field, value: Any) -> str:
    text = (
        ("true" if value else "false") if isinstance(value, bool) else value if isinstance(value, str) else json.dumps(value)
    )
    try:
        text = PARSERS[field.type](text) if field.type in PARSERS else text
    except ValueError:
        raise RowError(
            "INVALID_TYPE_ON_FIELD_IN_RECORD", f"{field.label}: value not of required type: {text}", (field.name,)
        ) from None
    if field.type in ("string", "textarea") and field.length and len(text) > field.length:
        raise RowError(
            "STRING_TOO_LONG",
            f"{field.label}: data value too large: {text[:40]}... (max length={field.length})",
            (field.name,),
        )
    if field.restricted and text not in field.picklist:
        raise RowError(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{field.label}: bad value for restricted picklist field: {text}",
            (field.name,),
        )
    if field.precision and field.type in ("currency", "double", "percent"):
        whole = field.precision - field.scale
        if abs(float(text)) >= 10**whole:
            raise RowError(
                "NUMBER_OUTSIDE_VALID_RANGE", f"{field.label}: value outside of valid range: {text}", (field.name,)
            )
        text = f"{round(float(text), field.scale):.{field.scale}f}" if field.scale < 6 else text
    return text


def _rules(org: Org, table: Table, row: Row, new: dict[str, Any]) -> None:
    """Rules that a control call has set: validation rules, flows that throw, locks that clear after some tries."""
    for rule in org.rules:
        if rule["object"] != table.name or ("id" in rule and rule["id"] != row[table.at["Id"]]):
            continue
        if "field" in rule and new.get(rule["field"]) != rule.get("equals"):
            continue
        if "times" in rule:
            rule["times"] = str(int(rule["times"]) - 1)
            if int(rule["times"]) < 0:
                continue
        raise RowError(rule.get("code", "FIELD_CUSTOM_VALIDATION_EXCEPTION"), rule.get("message", "not allowed"))
