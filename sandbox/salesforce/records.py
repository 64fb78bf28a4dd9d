"""Single records, sObject Collections, and the records of setup (reference: salesforce.md 1.6, 1.7)."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sandbox.salesforce import access, evaluate, render, setup, write
from sandbox.salesforce.call import Call, as_json
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.store import Row, Table

if TYPE_CHECKING:
    from sandbox.salesforce.app import SalesforceApp

#: records of one collection call; runs of equal type in it ("Update Multiple Records with Fewer Round-Trips")
MOST, RUNS = 200, 10


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
    setup.grant(app.org)
    call.rows = 1
    return Response(status_code=204)


def delete_field(app: "SalesforceApp", call: Call, version: str, field: str) -> Response:
    setup.delete_field(app.org, field)
    return Response(status_code=204)


def create(app: "SalesforceApp", call: Call, version: str, name: str) -> Response:
    """Set-up records only: the product never creates CRM records, and clients are told so plainly."""
    table = app.table(name)
    if table.name not in setup.OBJECTS:
        said = "this sandbox creates records by /_sandbox/edit only"
        raise ApiError(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", said)
    made = setup.create_setup(app.org, table.name, call.json())
    return as_json({"id": made, "success": True, "errors": []}, 201)


def create_field(app: "SalesforceApp", call: Call, version: str) -> Response:
    return as_json({"id": setup.create_field(app.org, call.json()), "success": True, "errors": []}, 201)


def collection(app: "SalesforceApp", call: Call, version: str) -> Response:
    """PATCH composite/sobjects: at most 200 records, one result each, aligned with the input."""
    body = call.json()
    records = body.get("records") or []
    _check_size(records)
    call.rows = len(records)
    tried = [(record, _tried(app, record)) for record in records]
    if body.get("allOrNone") and any(isinstance(result, write.RowError) for _, result in tried):
        return as_json([_refused(record, r if isinstance(r, write.RowError) else UNDONE) for record, r in tried])
    return as_json([_saved(app, record, result) for record, result in tried])


UNDONE = write.RowError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)
Prepared = tuple[Table, Row, dict[str, Any]]


def _check_size(records: list[dict[str, Any]]) -> None:
    if len(records) > MOST:
        said = f"record limit reached. cannot submit more than {MOST} records into this call"
        raise ApiError(400, "EXCEEDED_MAX_SIZE_REQUEST", said)
    kinds = [r.get("attributes", {}).get("type") for r in records]
    if None in kinds:
        raise ApiError(400, "INVALID_TYPE", "sObject type is missing: give attributes.type with every record")
    if sum(a != b for a, b in pairwise(kinds)) >= RUNS:
        raise ApiError(400, "TOO_MANY_OBJECT_TYPE_CHUNKS", f"Cannot have more than {RUNS} chunks in a single operation")


def _tried(app: "SalesforceApp", record: dict[str, Any]) -> Prepared | write.RowError:
    """The checked new values of one record, or why it is refused."""
    values = {k: v for k, v in record.items() if k not in ("attributes", "id", "Id")}
    table = app.table(record["attributes"]["type"])
    try:
        return table, *write.prepare(app.org, table, _id(record), values)
    except write.RowError as error:
        return error


def _saved(app: "SalesforceApp", record: dict[str, Any], result: Prepared | write.RowError) -> dict[str, Any]:
    if isinstance(result, write.RowError):
        return _refused(record, result)
    write.save(app.org, *result)
    return {"id": _id(record), "success": True, "errors": []}


def _refused(record: dict[str, Any], error: write.RowError) -> dict[str, Any]:
    return {"id": _id(record), "success": False, "errors": [error.as_json()]}


def _id(record: dict[str, Any]) -> str:
    return str(record.get("id") or record.get("Id") or "")
