"""Writing records: one by one and in batches of a hundred (hubspot.md 1.7, section 7 line 6)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.hubspot import objects, render, schema
from sandbox.hubspot.call import Call
from sandbox.hubspot.errors import ApiError, invalid, not_found
from sandbox.hubspot.objects import PAGE, envelope, inputs_of, no_object
from sandbox.hubspot.store import Portal, Record, Table, ids_of
from sandbox.hubspot.types import LINKS, UNTYPED

#: from this release on an admin's validation rules hold for API writes too (hubspot.md 0)
RULES_SINCE = "2026-09"


def texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    """JSON values as the texts that are stored; null clears as "" does."""
    return {
        str(k): "" if v is None else str(v).lower() if isinstance(v, bool) else str(v) for k, v in (values or {}).items()
    }


def check(portal: Portal, table: Table, values: Mapping[str, str], held: Mapping[str, str], release: str) -> None:
    """Raise for the first record that may not be written; nothing has been by then."""
    faults = []
    for name, value in values.items():
        definition = table.properties.get(name)
        if definition is None or definition.archived:
            faults.append({"isValid": False, "message": f'Property "{name}" does not exist', "error": "PROPERTY_DOESNT_EXIST",
                           "name": name, "localizedErrorMessage": f'Property "{name}" does not exist'})  # fmt: skip
        elif definition.read_only:
            faults.append({"isValid": False, "message": f'"{name}" is a read only property; its value cannot be set.',
                           "error": "READ_ONLY_VALUE", "name": name})  # fmt: skip
        elif words := schema.fault(definition, value):
            faults.append({"isValid": False, "message": words, "error": "INVALID_OPTION", "name": name})
    if faults:
        raise invalid(f"Property values were not valid: {json.dumps(faults)}")
    if release == RULES_SINCE:
        _obey(portal, table, values, held)


def _obey(portal: Portal, table: Table, values: Mapping[str, str], held: Mapping[str, str]) -> None:
    """An admin's rules: required properties, always or under a condition."""
    after = {**held, **values}
    for rule in portal.rules:
        if rule.get("object", "companies") != table.type.name:
            continue
        if any(after.get(k) != str(v) for k, v in (rule.get("if") or {}).items()):
            continue
        lacking = [n for n in rule.get("require", ()) if not after.get(n)]
        if lacking:
            code = "MISSING_CONDITIONAL_REQUIRED_PROPERTY" if rule.get("if") else "MISSING_REQUIRED_PROPERTY"
            words = rule.get("message") or f"{', '.join(lacking)} must be set"
            raise invalid(words, errors=[{"message": words, "code": code, "context": {"propertyName": lacking}}])


def _written(portal: Portal, table: Table, record: Record, values: Mapping[str, str]) -> str:
    same = all(record.values.get(k, "") == v for k, v in values.items())
    if not same or portal.switches.identical_write_bumps:
        portal.set(table, record, dict(values))
    return render.record(portal, table, list(values))(record)


def update_one(portal: Portal, call: Call, table: Table, record_id: str) -> bytes:
    record = table.get(ids_of([record_id])[0])
    if record is None or record.archived_at:
        raise not_found()
    values = texts(call.json().get("properties"))
    check(portal, table, values, record.values, call.release)
    call.rows = 1
    return _written(portal, table, record, values).encode()


def create_one(portal: Portal, call: Call, table: Table) -> bytes:
    call.rows = 1
    return _create(portal, table, call.json(), call.release).encode()


def _create(portal: Portal, table: Table, body: Mapping[str, Any], release: str) -> str:
    values = texts(body.get("properties"))
    check(portal, table, values, {}, release)
    record = insert(portal, table, values)
    for link in body.get("associations") or ():
        for kind in link.get("types") or UNTYPED:
            _link(portal, table, record, str(link["to"]["id"]), int(kind.get("associationTypeId") or 0))
    return render.record(portal, table, list(values))(record)


def _link(portal: Portal, table: Table, record: Record, to_id: str, type_id: int) -> None:
    for (from_type, to_type), plain in LINKS.items():
        if from_type == table.type.name and plain == type_id:
            portal.link(from_type, record.id, to_type, int(to_id), type_id)


def insert(portal: Portal, table: Table, values: Mapping[str, str], record_id: int | None = None, at: str = "") -> Record:
    """A new record, stamped now or at another time."""
    moment = at or portal.stamp()
    record = Record(record_id or portal.new_id(table), {}, moment)
    record.values = {k: v for k, v in values.items() if v != ""} | {table.type.created: moment}
    if table.type.name == "deals":
        record.values |= portal.of_stage(record.values.get("dealstage", ""))
        record.history = {
            n: [(moment, record.values[n])] for n in ("dealstage", "amount", "closedate") if n in record.values
        }
    table.add(record)
    return record


def archive_one(portal: Portal, table: Table, record_id: str) -> None:
    record = table.by_id.get(ids_of([record_id])[0])
    if record is not None:
        table.bin(record, portal.stamp())


def batch_archive(portal: Portal, call: Call, table: Table) -> None:
    for record_id in inputs_of(call.json(), PAGE):
        archive_one(portal, table, record_id)


def batch_update(portal: Portal, call: Call, table: Table) -> tuple[int, bytes]:
    """An invalid value refuses the batch whole; ids that are not there are errors of their own."""
    body = call.json()
    inputs_of(body, PAGE)
    found: list[tuple[Record, dict[str, str]]] = []
    missing = []
    for given in body.get("inputs") or ():
        by = given.get("idProperty")
        number = str(given.get("id", ""))
        record = objects.by_property(table, by, number) if by else table.get(ids_of([number])[0])
        if record is None or record.archived_at:
            missing.append(number)
        else:
            found.append((record, texts(given.get("properties"))))
    for record, values in found:
        check(portal, table, values, record.values, call.release)
    written = [_written(portal, table, record, values) for record, values in found]
    call.rows = len(written)
    return envelope(portal, written, [no_object(missing)] if missing else [])


def batch_create(portal: Portal, call: Call, table: Table) -> tuple[int, bytes]:
    """The first conflict fails them all (1.7)."""
    inputs = call.json().get("inputs") or []
    if len(inputs) > PAGE:
        raise invalid(f"Batch size must not exceed {PAGE}")
    for given in inputs:
        check(portal, table, texts(given.get("properties")), {}, call.release)
    made = [_create(portal, table, given, call.release) for given in inputs]
    call.rows = len(made)
    return envelope(portal, made, [], 201)


def batch_upsert(portal: Portal, call: Call, table: Table) -> tuple[int, bytes]:
    """By a unique property; two inputs that mean one record refuse the batch, one conflict is a 409 for all (1.7)."""
    inputs = call.json().get("inputs") or []
    wanted = [(str(x.get("idProperty") or ""), str(x.get("id") or ""), texts(x.get("properties"))) for x in inputs]
    if any(not by for by, _, _ in wanted):
        raise invalid("idProperty is required")
    if len({i for _, i, _ in wanted}) != len(wanted):
        raise ApiError(409, "CONFLICT", "Two inputs resolve to the same record")
    return envelope(portal, list(_upserted(portal, call, table, wanted)), [])


def _upserted(portal: Portal, call: Call, table: Table, wanted: list[tuple[str, str, dict[str, str]]]) -> Iterator[str]:
    for by, value, values in wanted:
        check(portal, table, values, {}, call.release)
        record = objects.by_property(table, by, value)
        call.rows += 1
        if record is None:
            yield render.record(portal, table, list(values))(insert(portal, table, values | {by: value}))
        else:
            yield _written(portal, table, record, values)
