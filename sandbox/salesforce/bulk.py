"""Bulk API 2.0: query jobs with result pages, ingest jobs (reference: salesforce.md 1.4, 1.5)."""

import base64
import csv
import io
from dataclasses import dataclass, field
from typing import Any

from sandbox.salesforce import evaluate, render, soql
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.schema import NOT_BULK, new_id
from sandbox.salesforce.store import Org, Row
from sandbox.salesforce.write import CLEAR, RowError, update

#: rows of a page when the client does not say (the server chooses)
PAGE = 25_000
PAGES_LISTED = 5


@dataclass(slots=True)
class QueryJob:
    """UploadComplete until first asked, InProgress while it works, then JobComplete."""

    id: str
    version: str
    operation: str
    text: str
    query: soql.Query
    created: str
    state: str = "UploadComplete"
    rows: list[Row] = field(default_factory=list)
    columns: list[evaluate.Column] = field(default_factory=list)

    def info(self) -> dict[str, Any]:
        facts = {
            "id": self.id, "operation": self.operation, "object": self.query.entity, "createdById": "", "state": self.state,
            "createdDate": self.created, "systemModstamp": self.created, "concurrencyMode": "Parallel",
            "contentType": "CSV", "apiVersion": float(self.version), "lineEnding": "LF", "columnDelimiter": "COMMA",
        }  # fmt: skip
        if self.state == "JobComplete":
            facts |= {
                "numberRecordsProcessed": len(self.rows),
                "retries": 0,
                "totalProcessingTime": 1,
                "jobType": "V2Query",
            }
        return facts


class Bulk:
    """All jobs of one org."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.queries: dict[str, QueryJob] = {}
        self.ingests: dict[str, IngestJob] = {}
        self.count = 0

    def _id(self) -> str:
        self.count += 1
        return new_id("750", self.count)

    # ---- query ----

    def create_query(self, body: dict[str, Any], version: str) -> QueryJob:
        """Start a job; the refusals are those of `salesforce.md` 1.4."""
        text = str(body.get("query", ""))
        query = soql.parse(text)
        table = evaluate.entity(self.org, query.entity)
        if table.name in NOT_BULK:
            raise ApiError(400, "INVALIDENTITY", f"Entity '{table.name}' is not supported by the Bulk API.")
        if query.group or query.offset or any("(" in f for f in query.fields):
            raise ApiError(400, "FEATURENOTENABLED", "Aggregate Relationships not supported in Bulk Query")
        columns = evaluate.columns(self.org, table, query.fields)
        if any(c.field.type == "address" for c in columns):
            raise ApiError(400, "FEATURENOTENABLED", "Selecting compound data not supported in Bulk Query")
        if query.where is not None:
            evaluate.predicate(self.org, table, query.where)
        job = QueryJob(self._id(), version, str(body.get("operation", "query")), text, query, self.org.clock.stamp())
        job.columns = columns
        self.queries[job.id] = job
        return job

    def query_job(self, job_id: str) -> QueryJob:
        if job_id not in self.queries:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return self.queries[job_id]

    def poll(self, job: QueryJob) -> dict[str, Any]:
        """The first look finds it waiting, the second at work, the third done."""
        seen = job.info()
        if job.state == "UploadComplete":
            job.state = "InProgress"
        elif job.state == "InProgress":
            job.rows = evaluate.select(self.org, job.query, deleted=job.operation == "queryAll")
            job.state = "JobComplete"
        return seen

    def results(self, job: QueryJob, version: str, locator: str, wanted: int) -> tuple[bytes, dict[str, str]]:
        """One page and its headers; the locator is opaque and stays valid."""
        self._readable(job, version)
        start, size = _unlock(job, locator) if locator else (0, wanted or PAGE)
        size = wanted or size
        rows = job.rows[start : start + size]
        end = start + size
        following = _lock(job, end, size) if end < len(job.rows) else "null"
        headers = {"Sforce-NumberOfRecords": str(len(rows)), "Sforce-Locator": following}
        return render.csv_page(job.columns, rows), headers

    def result_pages(self, job: QueryJob, version: str, locator: str) -> dict[str, Any]:
        """Up to five page addresses at once, for parallel download (GA since v58)."""
        self._readable(job, version)
        start = _unlock(job, locator)[0] if locator else 0
        starts = range(start, max(len(job.rows), 1), PAGE)
        base = f"/services/data/v{version}/jobs/query/{job.id}"
        pages = [{"resultUrl": f"{base}/results?locator={_lock(job, s, PAGE)}"} for s in starts[:PAGES_LISTED]]
        rest = starts[PAGES_LISTED:]
        following = f"{base}/resultPages?locator={_lock(job, rest[0], PAGE)}" if rest else None
        return {"resultPages": pages, "nextRecordsUrl": following, "done": not rest}

    @staticmethod
    def _readable(job: QueryJob, version: str) -> None:
        if job.version != version:
            raise ApiError(409, "API_ERROR", f"Job was created with API version {job.version}, asked with {version}")
        if job.state != "JobComplete":
            raise ApiError(400, "INVALIDJOBSTATE", f"Job state is {job.state}, results are not available yet")

    # ---- ingest ----

    def create_ingest(self, body: dict[str, Any], version: str) -> "IngestJob":
        table = evaluate.entity(self.org, str(body.get("object")))
        if body.get("operation") != "update":
            raise ApiError(400, "INVALIDJOB", f"operation {body.get('operation')} is not offered by this sandbox")
        job = IngestJob(self._id(), table.name, version, self.org.clock.stamp())
        self.ingests[job.id] = job
        return job

    def ingest_job(self, job_id: str) -> "IngestJob":
        if job_id not in self.ingests:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return self.ingests[job_id]

    def poll_ingest(self, job: "IngestJob") -> dict[str, Any]:
        seen = job.info()
        if job.state == "UploadComplete":
            job.state = "InProgress"
        elif job.state == "InProgress":
            job.run(self.org)
        return seen


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


@dataclass(slots=True)
class IngestJob:
    """An update job: Open, UploadComplete, InProgress, JobComplete."""

    id: str
    object: str
    version: str
    created: str
    state: str = "Open"
    data: bytes = b""
    good: list[dict[str, str]] = field(default_factory=list)
    bad: list[dict[str, str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def info(self) -> dict[str, Any]:
        return {
            "id": self.id, "operation": "update", "object": self.object, "createdById": "", "createdDate": self.created,
            "systemModstamp": self.created, "state": self.state, "concurrencyMode": "Parallel", "contentType": "CSV",
            "apiVersion": float(self.version), "contentUrl": f"services/data/v{self.version}/jobs/ingest/{self.id}/batches",
            "lineEnding": "LF", "columnDelimiter": "COMMA", "numberRecordsProcessed": len(self.good) + len(self.bad),
            "numberRecordsFailed": len(self.bad), "retries": 0, "totalProcessingTime": 1, "jobType": "V2Ingest",
        }  # fmt: skip

    def run(self, org: Org) -> None:
        """Update row by row; an empty cell is ignored, #N/A clears."""
        reader = csv.DictReader(io.StringIO(self.data.decode("utf-8-sig")))
        self.names = list(reader.fieldnames or [])
        table = org.tables[self.object]
        for row in reader:
            values = {k: None if v == CLEAR else v for k, v in row.items() if k and k != "Id" and v not in ("", None)}
            try:
                update(org, table, row.get("Id") or "", values)
                self.good.append({"sf__Id": row["Id"], "sf__Created": "false"} | row)
            except RowError as error:
                self.bad.append({"sf__Id": row["Id"], "sf__Error": error.as_bulk()} | row)
            except ApiError as error:
                self.bad.append({"sf__Id": row["Id"], "sf__Error": f"{error.code}:{error.message}:--"} | row)
        self.state = "JobComplete"

    def csv(self, which: str) -> bytes:
        """successfulResults, failedResults or unprocessedrecords, each with its header."""
        second = "sf__Error" if which == "failedresults" else "sf__Created"
        head = self.names if which == "unprocessedrecords" else ["sf__Id", second, *self.names]
        rows = {"successfulresults": self.good, "failedresults": self.bad}.get(which, [])
        out = io.StringIO()
        writer = csv.DictWriter(out, head, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue().encode()
