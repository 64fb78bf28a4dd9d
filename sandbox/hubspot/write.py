"""Writing records one by one."""

import json
from collections.abc import Mapping
from typing import Any

from sandbox.hubspot import objects, render, schema
from sandbox.hubspot.call import Call
from sandbox.hubspot.errors import ApiError, invalid, not_found
from sandbox.hubspot.store import Portal, Record, Table, ids_of
from sandbox.hubspot.types import LINKS, UNTYPED

#: from this release on an admin's validation rules hold for API writes too (docs/facts/hubspot.md, "Versions and paths")
RULES_SINCE = "2026-09"


def texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    """Turn JSON values into the stored texts; null clears as "" does."""
    return {
        str(k): "" if v is None else str(v).lower() if isinstance(v, bool) else str(v) for k, v in (values or {}).items()
    }


def check(portal: Portal, table: Table, values: Mapping[str, str], stored: Mapping[str, str], release: str) -> None:
    """Raise for the first value that may not be written, before anything is."""
    faults = []
    for name, value in values.items():
        definition = table.properties.get(name)
        if definition is None or definition.archived:
            faults.append(
                {
                    "isValid": False,
                    "message": f'Property "{name}" does not exist',
                    "error": "PROPERTY_DOESNT_EXIST",
                    "name": name,
                    "localizedErrorMessage": f'Property "{name}" does not exist',
                }
            )
        elif definition.read_only:
            faults.append(
                {
                    "isValid": False,
                    "message": f'"{name}" is a read only property; its value cannot be set.',
                    "error": "READ_ONLY_VALUE",
                    "name": name,
                }
            )
        elif message := schema.fault(definition, value):
            faults.append({"isValid": False, "message": message, "error": "INVALID_OPTION", "name": name})
    if faults:
        raise invalid(f"Property values were not valid: {json.dumps(faults)}")
    if release == RULES_SINCE:
        _obey(portal, table, values, stored)


def _obey(portal: Portal, table: Table, values: Mapping[str, str], stored: Mapping[str, str]) -> None:
    """Enforce an admin's rules: required properties, always or under a condition."""
    after = {**stored, **values}
    for rule in portal.rules:
        if rule.get("object", "companies") != table.type.name:
            continue
        if any(after.get(k) != str(v) for k, v in (rule.get("if") or {}).items()):
            continue
        missing = [n for n in rule.get("require", ()) if not after.get(n)]
        if missing:
            code = "MISSING_CONDITIONAL_REQUIRED_PROPERTY" if rule.get("if") else "MISSING_REQUIRED_PROPERTY"
            message = rule.get("message") or f"{', '.join(missing)} must be set"
            raise invalid(message, errors=[{"message": message, "code": code, "context": {"propertyName": missing}}])


def save(portal: Portal, table: Table, record: Record, values: Mapping[str, str], release: str) -> str:
    """Save and render a record; a 2026-09 call gets a warning for each date that was normalised."""
    values_to_store = normalized(table, values)
    same = all(record.values.get(k, "") == v for k, v in values_to_store.items())
    if not same or portal.switches.identical_write_bumps:
        portal.set(table, record, values_to_store)
    return render_saved(portal, table, record, values, release)


def normalized(table: Table, values: Mapping[str, str]) -> dict[str, str]:
    return {k: schema.normal(table.properties[k], v) if k in table.properties else v for k, v in values.items()}


def render_saved(portal: Portal, table: Table, record: Record, sent: Mapping[str, str], release: str) -> str:
    text = render.record(portal, table, list(sent))(record)
    if release != RULES_SINCE:
        return text
    warnings = [
        {
            "category": "PROPERTY_VALUE_NORMALIZED",
            "message": f"{k} was normalized",
            "context": {"propertyName": [k], "rawValue": [sent[k]], "normalizedValue": [v]},
        }
        for k, v in normalized(table, sent).items()
        if v != sent[k] and table.properties[k].type == "date"
    ]
    return text[:-1] + f',"warnings":{json.dumps(warnings)}}}' if warnings else text


def update_one(portal: Portal, call: Call, table: Table, record_id: str) -> bytes:
    record = table.get(ids_of([record_id])[0])
    if record is None or record.archived_at:
        raise not_found()
    values = texts(call.json().get("properties"))
    check(portal, table, values, record.values, call.release)
    conflict(table, values, record)
    call.rows = 1
    return save(portal, table, record, values, call.release).encode()


def create_one(portal: Portal, call: Call, table: Table) -> bytes:
    call.rows = 1
    return create(portal, table, call.json(), call.release).encode()


def create(portal: Portal, table: Table, body: Mapping[str, Any], release: str) -> str:
    values = texts(body.get("properties"))
    check(portal, table, values, {}, release)
    conflict(table, values)
    record = insert(portal, table, normalized(table, values))
    for link in body.get("associations") or ():
        for kind in link.get("types") or UNTYPED:
            _link(portal, table, record, str(link["to"]["id"]), int(kind.get("associationTypeId") or 0))
    return render_saved(portal, table, record, values, release)


def conflict(table: Table, values: Mapping[str, str], own: Record | None = None) -> None:
    """Raise if a unique value belongs to another record: a contact's address, a property declared unique."""
    for name, value in values.items():
        if value and table.unique(name) and (holder := objects.by_property(table, name, value)) not in (None, own):
            raise ApiError(409, "CONFLICT", f"{table.type.one.capitalize()} already exists. Existing ID: {holder.id}")


def _link(portal: Portal, table: Table, record: Record, to_id: str, type_id: int) -> None:
    for (from_type, to_type), plain in LINKS.items():
        if from_type == table.type.name and plain == type_id:
            portal.link(from_type, record.id, to_type, int(to_id), type_id)


def insert(portal: Portal, table: Table, values: Mapping[str, str], record_id: int | None = None, at: str = "") -> Record:
    """Create a record, stamped now or at another time."""
    moment = at or portal.stamp()
    record = Record(record_id or portal.new_id(table), {}, moment)
    record.values = {k: v for k, v in values.items() if v != ""} | {table.type.created: moment}
    if table.type.name == "deals":
        record.values |= portal.of_stage(record.values.get("dealstage", ""))
    table.add(record)
    return record


def archive_one(portal: Portal, table: Table, record_id: str) -> None:
    record = table.by_id.get(ids_of([record_id])[0])
    if record is not None:
        table.bin(record, portal.stamp())
