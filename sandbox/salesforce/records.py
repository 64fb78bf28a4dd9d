"""Single records, and the records of setup (docs/facts/salesforce.md, "Fields and permissions")."""

from typing import Any

from starlette.responses import Response

from sandbox.salesforce import access, evaluate, render, setup, write
from sandbox.salesforce.call import Call, as_json
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.state import OrgState


def retrieve(state: OrgState, call: Call, version: str, name: str, record: str) -> Response:
    table = state.table(name)
    row = table.find(record)
    row = row if row and access.can_read(state.org, table, row) else None
    if row is None or table.get(row, "IsDeleted") == "true":
        is_deleted = row is not None
        raise ApiError(
            404,
            "ENTITY_IS_DELETED" if is_deleted else "NOT_FOUND",
            "entity is deleted"
            if is_deleted
            else "Provided external ID field does not exist or is not accessible: " + record,
        )
    field_names = call.query.get("fields")
    visible = [n for n, f in state.org.visible(table).items() if f.type not in ("address", "location")]
    columns = evaluate.columns(state.org, table, tuple(field_names.split(",") if field_names else visible))
    call.rows = 1
    return as_json(render.json_record(table.name, columns, row, version))


def update(state: OrgState, call: Call, version: str, name: str, record: str) -> Response:
    try:
        write.update(state.org, state.table(name), record, call.json())
    except write.RowError as error:
        missing = error.code in ("INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID") and error.fields in ((), ("Id",))
        status = 404 if missing or error.code == "ENTITY_IS_DELETED" else 400
        raise ApiError(status, "NOT_FOUND" if missing else error.code, str(error), error.fields) from None
    call.rows = 1
    return Response(status_code=204)


def upsert(state: OrgState, call: Call, version: str, name: str, key: str, value: str) -> Response:
    """Upsert by an external id: created, changed, or 300 and the addresses of all that match."""
    table = state.table(name)
    field = table.lower.get(key.lower())
    if field is None or f"{table.name}.{field}" in state.org.hidden:
        raise ApiError(404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {key}")
    ids = [
        str(table.get(r, "Id")) for r in table.rows if table.get(r, field) == value and table.get(r, "IsDeleted") != "true"
    ]
    if len(ids) > 1:
        return as_json([f"/services/data/v{version}/sobjects/{table.name}/{i}" for i in ids], 300)
    values, call.rows = _values(call.json()), 1
    try:
        if ids:
            write.update(state.org, table, ids[0], values)
        record = ids[0] if ids else write.create(state.org, table, {field: value} | values)
    except write.RowError as error:
        raise ApiError(400, error.code, str(error), error.fields) from None
    return as_json({"id": record, "success": True, "errors": [], "created": not ids}, 200 if ids else 201)


def delete_field(state: OrgState, call: Call, version: str, field: str) -> Response:
    setup.raise_unless_allowed(state.org)
    setup.delete_field(state.org, field)
    return Response(status_code=204)


def create(state: OrgState, call: Call, version: str, name: str) -> Response:
    """Create a record of setup, which decides what a user sees, or of data."""
    table = state.table(name)
    try:
        if table.name in setup.OBJECTS:
            setup.raise_unless_allowed(state.org)
            record_id = setup.create_setup(state.org, table.name, call.json())
        else:
            record_id = write.create(state.org, table, _values(call.json()))
    except write.RowError as error:
        raise ApiError(400, error.code, str(error), error.fields) from None
    call.rows = 1
    return as_json({"id": record_id, "success": True, "errors": []}, 201)


def delete(state: OrgState, call: Call, version: str, name: str, record: str) -> Response:
    table = state.table(name)
    if table.name in setup.OBJECTS:
        setup.raise_unless_allowed(state.org)
        setup.delete_setup(state.org, table.name, record)
        return Response(status_code=204)
    try:
        write.delete(state.org, table, record)
    except write.RowError as error:
        raise ApiError(404, error.code, str(error), error.fields) from None
    return Response(status_code=204)


def create_field(state: OrgState, call: Call, version: str) -> Response:
    setup.raise_unless_allowed(state.org)
    return as_json({"id": setup.create_field(state.org, call.json()), "success": True, "errors": []}, 201)


def _values(record: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in record.items() if k not in ("attributes", "id", "Id")}
