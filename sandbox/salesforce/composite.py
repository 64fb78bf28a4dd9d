"""Many records or requests in one call: sObject Collections and Composite (docs/facts/salesforce.md, "Collections")."""

import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import Response

from sandbox.salesforce import setup, write
from sandbox.salesforce.call import Call, as_json
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.state import OrgState
from sandbox.salesforce.table import Row, Table

#: records of one collection call; runs of equal type in it ("Update Multiple Records with Fewer Round-Trips")
MAX_RECORDS, MAX_CHUNKS = 200, 10
#: subrequests of one composite call
MAX_SUBREQUESTS = 25
ROLLED_BACK = write.RowError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)
Prepared = tuple[Table, Row, dict[str, Any]]
#: answers one admitted request
Handle = Callable[[Call], Response]


def update_many(state: OrgState, call: Call, version: str) -> Response:
    """Answer PATCH composite/sobjects: at most 200 records, one result each, aligned with the input."""
    body = call.json()
    records = body.get("records") or []
    _check_size(records)
    call.rows = len(records)
    tried = [(record, _tried(state, record)) for record in records]
    if body.get("allOrNone") and any(isinstance(result, write.RowError) for _, result in tried):
        return as_json([_refused(record, r if isinstance(r, write.RowError) else ROLLED_BACK) for record, r in tried])
    return as_json([_saved(state, record, result) for record, result in tried])


def create_many(state: OrgState, call: Call, version: str) -> Response:
    """Answer POST composite/sobjects, one result each; `allOrNone` removes what was created before a refusal."""
    body = call.json()
    records = body.get("records") or []
    _check_size(records)
    call.rows = len(records)
    results: list[dict[str, Any]] = []
    for record in records:
        try:
            values = {k: v for k, v in record.items() if k != "attributes"}
            record_id = _create(state, record["attributes"]["type"], values)
            results.append({"id": record_id, "success": True, "errors": []})
        except write.RowError as error:
            results.append({"success": False, "errors": [error.as_json()]})
        except ApiError as error:
            refused = {"statusCode": error.code, "message": error.message, "fields": []}
            results.append({"success": False, "errors": [refused]})
    if body.get("allOrNone") and not all(r["success"] for r in results):
        for record, result in zip(records, results, strict=True):
            if result["success"]:
                state.table(record["attributes"]["type"]).remove(result["id"])
        results = [{"success": False, "errors": [ROLLED_BACK.as_json()]} if r["success"] else r for r in results]
    return as_json(results)


def _create(state: OrgState, name: str, values: dict[str, Any]) -> str:
    table = state.table(name)
    if table.name not in setup.OBJECTS:
        return write.create(state.org, table, values)
    setup.raise_unless_allowed(state.org)
    return setup.create_setup(state.org, table.name, values)


def delete_many(state: OrgState, call: Call, version: str) -> Response:
    """Answer DELETE composite/sobjects?ids=a,b; the object follows from each id."""
    ids = [i for i in call.query.get("ids", "").split(",") if i]
    if len(ids) > MAX_RECORDS:
        raise ApiError(
            400, "EXCEEDED_MAX_SIZE_REQUEST", f"record limit reached. cannot submit more than {MAX_RECORDS} records"
        )
    call.rows = len(ids)
    return as_json([_deleted(state, record_id) for record_id in ids])


def _deleted(state: OrgState, record_id: str) -> dict[str, Any]:
    table = next((t for t in state.org.tables.values() if t.find(record_id)), None)
    try:
        if table is None:
            raise write.RowError("MALFORMED_ID", f"malformed id {record_id}")
        if table.name in setup.OBJECTS:
            setup.raise_unless_allowed(state.org)
            setup.delete_setup(state.org, table.name, record_id)
            return {"id": record_id, "success": True, "errors": []}
        write.delete(state.org, table, record_id)
    except write.RowError as error:
        return _refused({"id": record_id}, error)
    return {"id": record_id, "success": True, "errors": []}


def _check_size(records: list[dict[str, Any]]) -> None:
    if len(records) > MAX_RECORDS:
        message = f"record limit reached. cannot submit more than {MAX_RECORDS} records into this call"
        raise ApiError(400, "EXCEEDED_MAX_SIZE_REQUEST", message)
    kinds = [r.get("attributes", {}).get("type") for r in records]
    if None in kinds:
        raise ApiError(400, "INVALID_TYPE", "sObject type is missing: give attributes.type with every record")
    if sum(a != b for a, b in pairwise(kinds)) >= MAX_CHUNKS:
        raise ApiError(
            400, "TOO_MANY_OBJECT_TYPE_CHUNKS", f"Cannot have more than {MAX_CHUNKS} chunks in a single operation"
        )


def _tried(state: OrgState, record: dict[str, Any]) -> Prepared | write.RowError:
    """Check the new values of one record; returns them, or why it is refused."""
    values = {k: v for k, v in record.items() if k not in ("attributes", "id", "Id")}
    table = state.table(record["attributes"]["type"])
    try:
        return table, *write.prepare(state.org, table, _id(record), values)
    except write.RowError as error:
        return error


def _saved(state: OrgState, record: dict[str, Any], result: Prepared | write.RowError) -> dict[str, Any]:
    if isinstance(result, write.RowError):
        return _refused(record, result)
    write.save(state.org, *result)
    return {"id": _id(record), "success": True, "errors": []}


def _refused(record: dict[str, Any], error: write.RowError) -> dict[str, Any]:
    return {"id": _id(record), "success": False, "errors": [error.as_json()]}


def _id(record: dict[str, Any]) -> str:
    return str(record.get("id") or record.get("Id") or "")


def composite(state: OrgState, call: Call, version: str, *, handle: Handle) -> Response:
    """Answer POST composite: one request after the other; `@{name.field}` is filled from an earlier answer.

    `handle` answers each of them, as it would alone.
    Without `allOrNone` a refused one does not stop the others, except those that refer to it.
    """
    requests = call.json().get("compositeRequest") or []
    if len(requests) > MAX_SUBREQUESTS:
        raise ApiError(400, "LIMIT_EXCEEDED", f"Limit of {MAX_SUBREQUESTS} subrequests exceeded: {len(requests)}")
    done: dict[str, Any] = {}
    answers = [_sub(handle, call, request, done) for request in requests]
    return as_json({"compositeResponse": answers})


def _sub(handle: Handle, call: Call, request: dict[str, Any], done: dict[str, Any]) -> dict[str, Any]:
    name = str(request.get("referenceId"))
    try:
        filled = json.loads(re.sub(r"@\{(\w+)\.(\w+)\}", lambda m: str(done[m[1]][m[2]]), json.dumps(request)))
        url = urlsplit(filled["url"])
        part = call.part(filled["method"], url.path, url.query, json.dumps(filled.get("body") or {}).encode())
        response = handle(part)
        status, body = response.status_code, json.loads(bytes(response.body) or b"null")
        done[name] = body
    except KeyError:
        error = ApiError(400, "PROCESSING_HALTED", "Invalid reference specified. No value was found.")
        status, body = error.status, error.body()
    except ApiError as error:
        status, body = error.status, error.body()
    return {"body": body, "httpHeaders": {}, "httpStatusCode": status, "referenceId": name}
