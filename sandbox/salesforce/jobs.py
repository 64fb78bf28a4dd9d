"""Handlers of the addresses of Bulk API 2.0 jobs."""

from starlette.responses import Response

from sandbox.salesforce.call import Call, as_json
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.state import OrgState


def create_query(state: OrgState, call: Call, version: str) -> Response:
    body = call.json()
    call.soql = str(body.get("query", ""))
    return as_json(state.queries.create(body, version).info())


def list_queries(state: OrgState, call: Call, version: str) -> Response:
    return as_json({"done": True, "records": [j.info() for j in state.queries.jobs.values()], "nextRecordsUrl": None})


def look_at_query(state: OrgState, call: Call, version: str, job: str) -> Response:
    return as_json(state.queries.find(job).look())


def abort_query(state: OrgState, call: Call, version: str, job: str) -> Response:
    query_job = state.queries.find(job)
    if call.json().get("state") != "Aborted":
        raise ApiError(400, "INVALIDJOBSTATE", "only Aborted can be asked for")
    query_job.abort()
    return as_json(query_job.info())


def delete_query(state: OrgState, call: Call, version: str, job: str) -> Response:
    query_job = state.queries.find(job)
    if query_job.state in ("UploadComplete", "InProgress"):
        raise ApiError(400, "INVALIDJOBSTATE", f"Job in state {query_job.state} cannot be deleted")
    del state.queries.jobs[job]
    return Response(status_code=204)


def results(state: OrgState, call: Call, version: str, job: str) -> Response:
    max_records = call.query.get("maxRecords") or "0"
    if not max_records.isdigit():
        raise ApiError(400, "INVALID_BATCH_SIZE", f"maxRecords must be a number: {max_records}")
    page, headers = state.queries.results(state.queries.find(job), version, call.query.get("locator", ""), int(max_records))
    call.rows = int(headers["Sforce-NumberOfRecords"])
    return Response(page, headers=headers, media_type="text/csv")


def result_pages(state: OrgState, call: Call, version: str, job: str) -> Response:
    return as_json(state.queries.pages(state.queries.find(job), version, call.query.get("locator", "")))


def create_ingest(state: OrgState, call: Call, version: str) -> Response:
    return as_json(state.ingests.create(call.json(), version).info())


def list_ingests(state: OrgState, call: Call, version: str) -> Response:
    return as_json({"done": True, "records": [j.info() for j in state.ingests.jobs.values()], "nextRecordsUrl": None})


def upload(state: OrgState, call: Call, version: str, job: str) -> Response:
    state.ingests.upload(state.ingests.find(job), call.body)
    return Response(status_code=201)


def close(state: OrgState, call: Call, version: str, job: str) -> Response:
    ingest_job = state.ingests.find(job)
    state.ingests.change(ingest_job, str(call.json().get("state")))
    call.rows = max(0, ingest_job.data.count(b"\n") - 1) if ingest_job.state == "UploadComplete" else 0
    return as_json(ingest_job.info())


def look_at_ingest(state: OrgState, call: Call, version: str, job: str) -> Response:
    return as_json(state.ingests.find(job).look())


def delete_ingest(state: OrgState, call: Call, version: str, job: str) -> Response:
    state.ingests.delete(state.ingests.find(job))
    return Response(status_code=204)


def ingest_rows(state: OrgState, call: Call, version: str, job: str, which: str) -> Response:
    ingest_job = state.ingests.find(job)
    call.rows = len(ingest_job.good) + len(ingest_job.bad)
    return Response(ingest_job.table(which.lower()), media_type="text/csv")
