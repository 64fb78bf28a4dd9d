"""Writing up to a hundred records in one call (hubspot.md 1.7, section 7 line 5)."""

from collections.abc import Iterator

from sandbox.hubspot import objects
from sandbox.hubspot.call import Call
from sandbox.hubspot.errors import ApiError, invalid
from sandbox.hubspot.objects import PAGE, envelope, inputs_of, no_object
from sandbox.hubspot.store import Portal, Record, Table, ids_of
from sandbox.hubspot.write import archive_one, check, conflict, create, insert, normalized, shown, texts, written


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
        conflict(table, values, record)
    saved = [written(portal, table, record, values, call.release) for record, values in found]
    call.rows = len(saved)
    return envelope(portal, saved, [no_object(missing)] if missing else [])


def batch_create(portal: Portal, call: Call, table: Table) -> tuple[int, bytes]:
    """The first conflict fails them all, unless each input can be told by an `objectWriteTraceId` of its own (1.7)."""
    inputs = call.json().get("inputs") or []
    if len(inputs) > PAGE:
        raise invalid(f"Batch size must not exceed {PAGE}")
    traces = {str(x["objectWriteTraceId"]) for x in inputs if x.get("objectWriteTraceId")}
    one_by_one = bool(inputs) and len(traces) == len(inputs)
    errors = []
    if not one_by_one:
        for given in inputs:
            values = texts(given.get("properties"))
            check(portal, table, values, {}, call.release)
            conflict(table, values)
    made = []
    for given in inputs:
        try:
            made.append(create(portal, table, given, call.release))
        except ApiError as error:
            if not one_by_one:
                raise
            errors.append(error.body() | {"context": {"objectWriteTraceId": [str(given["objectWriteTraceId"])]}})
    call.rows = len(made)
    return envelope(portal, made, errors, 201)


def batch_upsert(portal: Portal, call: Call, table: Table) -> tuple[int, bytes]:
    """By a unique property; two inputs that mean one record refuse the batch, one conflict is a 409 for all (1.7)."""
    inputs = call.json().get("inputs") or []
    wanted = [(str(x.get("idProperty") or ""), str(x.get("id") or ""), texts(x.get("properties"))) for x in inputs]
    if any(not by for by, _, _ in wanted):
        raise invalid("idProperty is required")
    for by, _, _ in wanted:
        if by != "hs_object_id" and not table.unique(by):
            raise invalid(f"Property '{by}' is not a unique property of {table.type.name}")
    if len({i for _, i, _ in wanted}) != len(wanted):
        raise ApiError(409, "CONFLICT", "Two inputs resolve to the same record")
    return envelope(portal, list(_upserted(portal, call, table, wanted)), [])


def _upserted(portal: Portal, call: Call, table: Table, wanted: list[tuple[str, str, dict[str, str]]]) -> Iterator[str]:
    records = [objects.by_property(table, by, value) for by, value, _ in wanted]
    for (_, _, values), record in zip(wanted, records, strict=True):
        check(portal, table, values, record.values if record else {}, call.release)
        conflict(table, values, record)
    for (by, value, values), record in zip(wanted, records, strict=True):
        call.rows += 1
        if record is None:
            made = insert(portal, table, normalized(table, values | {by: value}))
            yield shown(portal, table, made, values, call.release)
        else:
            yield written(portal, table, record, values, call.release)
