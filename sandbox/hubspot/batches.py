"""Writing up to a hundred records in one call (docs/facts/hubspot.md, "List, search and batch")."""

from collections.abc import Iterator

from sandbox.hubspot import objects
from sandbox.hubspot.call import Call
from sandbox.hubspot.errors import ApiError, invalid
from sandbox.hubspot.objects import PAGE, envelope, inputs_of, no_object
from sandbox.hubspot.store import Portal, Record, Table, ids_of
from sandbox.hubspot.write import archive_one, check, conflict, create, insert, normalized, render_saved, save, texts


def batch_archive(portal: Portal, call: Call, table: Table) -> None:
    for record_id in inputs_of(call.json(), PAGE):
        archive_one(portal, table, record_id)


def batch_update(portal: Portal, call: Call, table: Table) -> tuple[int, bytes]:
    """Update many; an invalid value refuses the whole batch, ids that do not exist are errors of their own."""
    body = call.json()
    inputs_of(body, PAGE)
    updates: list[tuple[Record, dict[str, str]]] = []
    missing = []
    for row in body.get("inputs") or ():
        id_property = row.get("idProperty")
        number = str(row.get("id", ""))
        record = objects.by_property(table, id_property, number) if id_property else table.get(ids_of([number])[0])
        if record is None or record.archived_at:
            missing.append(number)
        else:
            updates.append((record, texts(row.get("properties"))))
    for record, values in updates:
        check(portal, table, values, record.values, call.release)
        conflict(table, values, record)
    saved = [save(portal, table, record, values, call.release) for record, values in updates]
    call.rows = len(saved)
    return envelope(portal, saved, [no_object(missing)] if missing else [])


def batch_create(portal: Portal, call: Call, table: Table) -> tuple[int, bytes]:
    """Create many; the first conflict fails them all, unless each input has its own `objectWriteTraceId`."""
    inputs = call.json().get("inputs") or []
    if len(inputs) > PAGE:
        raise invalid(f"Batch size must not exceed {PAGE}")
    traces = {str(x["objectWriteTraceId"]) for x in inputs if x.get("objectWriteTraceId")}
    one_by_one = bool(inputs) and len(traces) == len(inputs)
    errors = []
    if not one_by_one:
        for row in inputs:
            values = texts(row.get("properties"))
            check(portal, table, values, {}, call.release)
            conflict(table, values)
    created = []
    for row in inputs:
        try:
            created.append(create(portal, table, row, call.release))
        except ApiError as error:
            if not one_by_one:
                raise
            errors.append(error.body() | {"context": {"objectWriteTraceId": [str(row["objectWriteTraceId"])]}})
    call.rows = len(created)
    return envelope(portal, created, errors, 201)


def batch_upsert(portal: Portal, call: Call, table: Table) -> tuple[int, bytes]:
    """Upsert by a unique property; two inputs for one record refuse the batch, one conflict is a 409 for all."""
    inputs = call.json().get("inputs") or []
    rows = [(str(x.get("idProperty") or ""), str(x.get("id") or ""), texts(x.get("properties"))) for x in inputs]
    if any(not id_property for id_property, _, _ in rows):
        raise invalid("idProperty is required")
    for id_property, _, _ in rows:
        if id_property != "hs_object_id" and not table.unique(id_property):
            raise invalid(f"Property '{id_property}' is not a unique property of {table.type.name}")
    if len({i for _, i, _ in rows}) != len(rows):
        raise ApiError(409, "CONFLICT", "Two inputs resolve to the same record")
    return envelope(portal, list(_upserted(portal, call, table, rows)), [])


def _upserted(portal: Portal, call: Call, table: Table, rows: list[tuple[str, str, dict[str, str]]]) -> Iterator[str]:
    records = [objects.by_property(table, id_property, value) for id_property, value, _ in rows]
    for (_, _, values), record in zip(rows, records, strict=True):
        check(portal, table, values, record.values if record else {}, call.release)
        conflict(table, values, record)
    for (id_property, value, values), record in zip(rows, records, strict=True):
        call.rows += 1
        if record is None:
            created = insert(portal, table, normalized(table, values | {id_property: value}))
            yield render_saved(portal, table, created, values, call.release)
        else:
            yield save(portal, table, record, values, call.release)
