"""Bulk API 2.0 query: background jobs and their result pages (docs/facts/salesforce.md, "Bulk API 2.0")."""

import base64
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from sandbox.salesforce import evaluate, render, soql
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.schema import NOT_BULK, new_id
from sandbox.salesforce.spool import SLICE, Dialect, Spool
from sandbox.salesforce.store import Org
from sandbox.salesforce.table import Table

#: rows of a page when the client does not say: the server chooses; org.toml's `result_page_rows` overrules
PAGE = 25_000
PAGES_LISTED = 5
#: jobs a day ("Bulk API 2.0 Limits")
MAX_JOBS = 10_000
#: days that a job and its results are kept
KEPT_DAYS = 7
DELIMITERS = {"COMMA": ",", "TAB": "\t", "PIPE": "|", "SEMICOLON": ";", "CARET": "^", "BACKQUOTE": "`"}
ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


class QueryJob:
    """Query job: UploadComplete at first, InProgress at the first look, then JobComplete as soon as it is done."""

    def __init__(self, job_id: str, version: str, body: dict[str, Any], created: str) -> None:
        self.id, self.version, self.created = job_id, version, created
        self.operation, self.text = str(body.get("operation", "query")), str(body.get("query", ""))
        self.delimiter, self.ending = str(body.get("columnDelimiter", "COMMA")), str(body.get("lineEnding", "LF"))
        self.entity, self.state, self.error = "", "UploadComplete", ""
        self.spool: Spool | None = None
        self.work: Future[Spool] | None = None
        self.looks, self.fate = 1, ""  #: looks that find it in progress; why it fails

    def info(self) -> dict[str, Any]:
        facts = {
            "id": self.id,
            "operation": self.operation,
            "object": self.entity,
            "createdById": "",
            "state": self.state,
            "createdDate": _rest(self.created),
            "systemModstamp": _rest(self.created),
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
            "lineEnding": self.ending,
            "columnDelimiter": self.delimiter,
        }
        if self.spool:
            facts |= {
                "jobType": "V2Query",
                "numberRecordsProcessed": self.spool.total,
                "retries": 0,
                "totalProcessingTime": 1 + self.spool.total // 1000,
            }
        return facts | ({"errorMessage": self.error} if self.error else {})

    def look(self) -> dict[str, Any]:
        """Return its state now; the first look never finds it done."""
        if self.state == "UploadComplete":
            self.state = "InProgress"
            self.looks -= 1
        elif self.state == "InProgress" and self.looks > 0:
            self.looks -= 1
        elif self.state == "InProgress" and self.work and self.work.done():
            failure = self.work.exception()
            self.state, self.error = ("Failed", str(failure)) if failure else ("JobComplete", "")
            self.spool = None if failure else self.work.result()
        return self.info()

    def abort(self) -> None:
        if self.state not in ("UploadComplete", "InProgress"):
            raise ApiError(400, "INVALIDJOBSTATE", f"Aborting already {self.state} Job not allowed")
        self.state = "Aborted"
        if self.work:
            self.work.cancel()


class QueryJobs:
    """Query jobs of one org."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.page = int(org.facts.extra.get("result_page_rows", PAGE))
        self.jobs: dict[str, QueryJob] = {}
        self.numbers = 0  #: for the ids of jobs
        self.started, self.day = 0, org.clock.now().date()
        self._pool = ThreadPoolExecutor(1)

    def create(self, body: dict[str, Any], version: str) -> QueryJob:
        """Start a job; raises for what Bulk cannot do, before any work."""
        today = self.org.clock.now().date()
        if today != self.day:
            self.started, self.day = 0, today
        if self.started >= MAX_JOBS:
            raise ApiError(
                400, "LIMIT_EXCEEDED", f"Max bulk v2 query jobs ({MAX_JOBS}) per 24 hrs has been reached ({self.started})"
            )
        self.started += 1
        self.numbers += 1
        job = QueryJob(new_id("750", self.numbers), version, body, self.org.clock.stamp())
        job.looks, job.fate = self.org.switches.job_looks, self.org.switches.job_error
        if job.operation not in ("query", "queryAll"):
            raise ApiError(400, "INVALIDJOB", f"Invalid operation: {job.operation}")
        if body.get("contentType", "CSV") != "CSV":
            raise ApiError(400, "INVALIDJOB", f"Unsupported contentType: {body['contentType']}")
        if job.delimiter not in DELIMITERS or job.ending not in ENDINGS:
            raise ApiError(400, "INVALIDJOB", f"Unsupported columnDelimiter or lineEnding: {job.delimiter}, {job.ending}")
        query = soql.parse(job.text)
        table, columns = _bulkable(self.org, query)
        job.entity = table.name
        job.work = self._pool.submit(_run, self.org, query, columns, job)
        self.jobs[job.id] = job
        return job

    def find(self, job_id: str) -> QueryJob:
        """Find a job; it and its results are kept for seven days."""
        if job_id not in self.jobs or self.jobs[job_id].created < oldest_stamp(self.org):
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return self.jobs[job_id]

    def results(self, job: QueryJob, version: str, locator: str, max_records: int) -> tuple[bytes, dict[str, str]]:
        """Return one page and its headers; the locator is opaque and stays valid."""
        spool = _readable(job, version)
        start, size = _unlock(job, locator) if locator else (0, self.page)
        size = max_records or size
        end = min(start + size, spool.total)
        following = _lock(job, end, size) if end < spool.total else "null"
        headers = {"Sforce-NumberOfRecords": str(max(0, end - start)), "Sforce-Locator": following}
        return spool.page(start, size), headers

    def pages(self, job: QueryJob, version: str, locator: str) -> dict[str, Any]:
        """List up to five page addresses at once, for parallel download (GA since v58)."""
        if float(version) < 58:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        spool = _readable(job, version)
        starts = range(_unlock(job, locator)[0] if locator else 0, max(spool.total, 1), self.page)
        base = f"/services/data/v{version}/jobs/query/{job.id}"
        listed = [{"resultUrl": f"{base}/results?locator={_lock(job, s, self.page)}"} for s in starts[:PAGES_LISTED]]
        rest = starts[PAGES_LISTED:]
        following = f"{base}/resultPages?locator={_lock(job, rest[0], self.page)}" if rest else None
        return {"resultPages": listed, "nextRecordsUrl": following, "done": not rest}


def _bulkable(org: Org, query: soql.Query) -> tuple[Table, list[evaluate.Column]]:
    """Return table and columns of a query that Bulk accepts; raises for what it refuses."""
    table = evaluate.entity(org, query.entity)
    if table.name in NOT_BULK:
        raise ApiError(400, "INVALIDENTITY", f"Entity '{table.name}' is not supported by the Bulk API.")
    if query.group or query.offset or any("(" in f for f in query.fields):
        raise ApiError(400, "API_ERROR", "Aggregate Relationships, OFFSET and GROUP BY not supported in Bulk Query")
    columns = evaluate.columns(org, table, query.fields)
    if any(c.field.type in ("address", "location") for c in columns):
        raise ApiError(400, "FEATURENOTENABLED", "Selecting compound data not supported in Bulk Query")
    evaluate.check(org, query)
    return table, columns


def oldest_stamp(org: Org) -> str:
    """Return the stamp of the oldest jobs that still exist."""
    return (org.clock.now() - timedelta(days=KEPT_DAYS)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _run(org: Org, query: soql.Query, columns: list[evaluate.Column], job: QueryJob) -> Spool:
    if job.fate:
        raise RuntimeError(job.fate)
    rows = evaluate.select(org, query, deleted=job.operation == "queryAll")
    spool = Spool([c.path for c in columns], Dialect(DELIMITERS[job.delimiter], ENDINGS[job.ending]))
    for start in range(0, len(rows), SLICE):
        part = rows[start : start + SLICE]
        spool.add([render.csv_cells(c, part) for c in columns])
    spool.close()
    return spool


def _readable(job: QueryJob, version: str) -> Spool:
    if job.version != version:
        raise ApiError(409, "API_ERROR", f"Job was created with API version {job.version}, asked with {version}")
    if job.state != "JobComplete" or job.spool is None:
        raise ApiError(400, "INVALIDJOBSTATE", f"Job state is {job.state}, results are not available")
    return job.spool


def _lock(job: QueryJob, start: int, size: int) -> str:
    return base64.urlsafe_b64encode(f"{job.id[-9:]}.{start}.{size}".encode()).decode().rstrip("=")


def _unlock(job: QueryJob, locator: str) -> tuple[int, int]:
    try:
        tail, start, size = base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode().split(".")
        if tail != job.id[-9:]:
            raise ValueError
        return int(start), int(size)
    except ValueError:
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator") from None


def _rest(stamp: str) -> str:
    return stamp[:-1] + "+0000"
