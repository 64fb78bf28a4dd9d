"""Single records, and the records of setup (reference: salesforce.md 1.6, 1.7)."""

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sandbox.salesforce import access, evaluate, render, setup, write
from sandbox.salesforce.call import Call, as_json
from sandbox.salesforce.errors import ApiError

if TYPE_CHECKING:
    from sandbox.salesforce.app import SalesforceApp


def retrieve(app: "SalesforceApp", call: Call, version: str, name: str, record: str) -> Response:
    table = app.table(name)
    row = table.find(record)
    row = row if row and access.can_read(app.org, table, row) else None
    if row is None or table.get(row, "IsDeleted") == "true":
        gone = row is not None
        raise ApiError(
            404,
            "ENTITY_IS_DELETED" if gone else "NOT_FOUND",
            "entity is deleted" if gone else "Provided external ID field does not exist or is not accessible: " + record,
        )
    wanted = call.query.get("fields")
    visible = [n for n, f in app.org.visible(table).items() if f.type not in ("address", "location")]
    columns = evaluate.columns(app.org, table, tuple(wanted.split(",") if wanted else visible))
    call.rows = 1
    return as_json(render.json_record(table.name, columns, row, version))


def update(app: "SalesforceApp", call: Call, version: str, name: str, record: str) -> Response:
    try:
        write.update(app.org, app.table(name), record, call.json())
    except write.RowError as error:
        missing = error.code in ("INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID") and error.fields in ((), ("Id",))
        status = 404 if missing or error.code == "ENTITY_IS_DELETED" else 400
        raise ApiError(status, "NOT_FOUND" if missing else error.code, str(error), error.fields) from None
    call.rows = 1
    return Response(status_code=204)


def upsert(app: "SalesforceApp", call: Call, version: str, name: str, key: str, value: str) -> Response:
    """By an external id: made, changed, or 300 and the addresses of all that match (salesforce.md 1.12)."""
    table = app.table(name)
    field = table.lower.get(key.lower())
    if field is None or f"{table.name}.{field}" in app.org.hidden:
        raise ApiError(404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {key}")
    found = [
        str(table.get(r, "Id")) for r in table.rows if table.get(r, field) == value and table.get(r, "IsDeleted") != "true"
    ]
    if len(found) > 1:
        return as_json([f"/services/data/v{version}/sobjects/{table.name}/{i}" for i in found], 300)
    values, call.rows = _values(call.json()), 1
    try:
        if found:
            write.update(app.org, table, found[0], values)
        record = found[0] if found else write.create(app.org, table, {field: value} | values)
    except write.RowError as error:
        raise ApiError(400, error.code, str(error), error.fields) from None
    return as_json({"id": record, "success": True, "errors": [], "created": not found}, 200 if found else 201)


def delete_field(app: "SalesforceApp", call: Call, version: str, field: str) -> Response:
    setup.raise_unless_allowed(app.org)
    setup.delete_field(app.org, field)
    return Response(status_code=204)


def create(app: "SalesforceApp", call: Call, version: str, name: str) -> Response:
    """A record of set-up, which decides what a user sees, or of data."""
    table = app.table(name)
    try:
        if table.name in setup.OBJECTS:
            setup.raise_unless_allowed(app.org)
            made = setup.create_setup(app.org, table.name, call.json())
        else:
            made = write.create(app.org, table, _values(call.json()))
    except write.RowError as error:
        raise ApiError(400, error.code, str(error), error.fields) from None
    call.rows = 1
    return as_json({"id": made, "success": True, "errors": []}, 201)


def delete(app: "SalesforceApp", call: Call, version: str, name: str, record: str) -> Response:
    table = app.table(name)
    if table.name in setup.OBJECTS:
        setup.raise_unless_allowed(app.org)
        setup.delete_setup(app.org, table.name, record)
        return Response(status_code=204)
    try:
        write.delete(app.org, table, record)
    except write.RowError as error:
        raise ApiError(404, error.code, str(error), error.fields) from None
    return Response(status_code=204)


def create_field(app: "SalesforceApp", call: Call, version: str) -> Response:
    setup.raise_unless_allowed(app.org)
    return as_json({"id": setup.create_field(app.org, call.json()), "success": True, "errors": []}, 201)


def _values(record: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in record.items() if k not in ("attributes", "id", "Id")}
