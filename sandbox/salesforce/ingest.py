"""Bulk API 2.0 ingest: jobs with one result a row (docs/facts/salesforce.md, "Bulk API 2.0")."""

import csv
import io
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sandbox.salesforce import evaluate, write
from sandbox.salesforce.bulk_query import oldest_stamp
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.schema import new_id
from sandbox.salesforce.store import Org
from sandbox.salesforce.table import Table

#: raw bytes of one upload ("Bulk API 2.0 Limits")
MAX_UPLOAD = 150_000_000
OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
DELIMITERS = {"COMMA": ",", "TAB": "\t", "PIPE": "|", "SEMICOLON": ";", "CARET": "^", "BACKQUOTE": "`"}


class IngestJob:
    """Ingest job: Open until closed by the client, InProgress at the next look, then JobComplete or Failed."""

    def __init__(self, job_id: str, body: dict[str, Any], version: str, created: str) -> None:
        self.id, self.entity, self.version, self.created = job_id, str(body["object"]), version, created
        self.operation, self.key = str(body["operation"]), str(body.get("externalIdFieldName") or "Id")
        self.delimiter, self.ending = str(body.get("columnDelimiter", "COMMA")), str(body.get("lineEnding", "LF"))
        self.state, self.error, self.data = "Open", "", b""
        self.names: list[str] = []
        self.good: list[dict[str, str]] = []
        self.bad: list[dict[str, str]] = []
        self.unprocessed: list[dict[str, str]] = []
        self.work: Future[None] | None = None
        self.looks, self.fate, self.room = 1, "", 0  #: looks in progress; why it fails, and after how many rows

    def info(self) -> dict[str, Any]:
        stamp = self.created[:-1] + "+0000"
        facts = {
            "id": self.id,
            "operation": self.operation,
            "object": self.entity,
            "createdById": "",
            "createdDate": stamp,
            "systemModstamp": stamp,
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
            "lineEnding": self.ending,
            "columnDelimiter": self.delimiter,
            "jobType": "V2Ingest",
            "contentUrl": f"services/data/v{self.version}/jobs/ingest/{self.id}/batches",
        }
        if self.state in ("JobComplete", "Failed"):
            facts |= {
                "numberRecordsProcessed": len(self.good) + len(self.bad),
                "numberRecordsFailed": len(self.bad),
                "retries": 0,
                "totalProcessingTime": 1,
            }
        return facts | ({"errorMessage": self.error} if self.error else {})

    def look(self) -> dict[str, Any]:
        """Return its state now; the first look after the upload never finds it done."""
        if self.state == "UploadComplete":
            self.state = "InProgress"
            self.looks -= 1
        elif self.state == "InProgress" and self.looks > 0:
            self.looks -= 1
        elif self.state == "InProgress" and self.work and self.work.done():
            self.work.result()
            self.state = "Failed" if self.error else "JobComplete"
        return self.info()

    def run(self, org: Org) -> None:
        """Save row by row; an empty cell is ignored, #N/A clears; an unknown column fails the whole job."""
        reader = csv.DictReader(io.StringIO(self.data.decode("utf-8-sig"), newline=""), delimiter=DELIMITERS[self.delimiter])
        self.names = list(reader.fieldnames or [])
        table = org.tables[self.entity]
        unknown = [n for n in self.names if n.lower() not in table.lower]
        if unknown:
            self.error, self.unprocessed = f"InvalidBatch : Field name not found : {unknown[0]}", list(reader)
            return
        for place, row in enumerate(reader):
            if self.fate and place >= self.room:  # a failing job keeps what is saved; the rest is unprocessed
                self.error, self.unprocessed = self.fate, [row, *reader]
                return
            self._save(org, row)

    def _save(self, org: Org, row: dict[str, str]) -> None:
        record = row.get("Id") or ""
        values = {k: None if v == write.CLEAR else v for k, v in row.items() if k and k != "Id" and v}
        try:
            saved, created = self._done(org, record, values)
            self.good.append({"sf__Id": saved, "sf__Created": str(created).lower()} | row)
        except write.RowError as error:
            self.bad.append({"sf__Id": record, "sf__Error": error.as_bulk()} | row)

    def _done(self, org: Org, record: str, values: dict[str, Any]) -> tuple[str, bool]:
        """Save one row; returns the record's id, and whether it is new."""
        table = org.tables[self.entity]
        if self.operation == "upsert" and self.key != "Id":
            record = self._by_key(table, values)
        if self.operation == "insert" or (self.operation == "upsert" and not record):
            return write.create(org, table, values), True
        if self.operation in ("delete", "hardDelete"):
            write.delete(org, table, record)
            if self.operation == "hardDelete":
                table.remove(record)
        else:
            write.update(org, table, record, values)
        return record, False

    def _by_key(self, table: Table, values: dict[str, Any]) -> str:
        """Return the record that the external id names, "" if none does."""
        key_value = values.get(self.key)
        if key_value is None:
            raise write.RowError("MISSING_ARGUMENT", f"{self.key} not specified", (self.key,))
        ids = [str(table.get(r, "Id")) for r in table.rows if table.get(r, self.key) == key_value]
        if len(ids) > 1:
            message = f"more than one record found for external id field: {ids}"
            raise write.RowError("DUPLICATE_EXTERNAL_ID", message, (self.key,))
        return ids[0] if ids else ""

    def table(self, which: str) -> bytes:
        """Write successfulresults, failedresults or unprocessedrecords as CSV, each with its header."""
        head, rows = self._part(which)
        out = io.StringIO()
        writer = csv.DictWriter(out, head, quoting=csv.QUOTE_ALL, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue().encode()

    def _part(self, which: str) -> tuple[list[str], Iterable[dict[str, str]]]:
        if which == "successfulresults":
            return ["sf__Id", "sf__Created", *self.names], self.good
        if which == "failedresults":
            return ["sf__Id", "sf__Error", *self.names], self.bad
        return self.names, self.unprocessed


class IngestJobs:
    """Ingest jobs of one org."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.jobs: dict[str, IngestJob] = {}
        self.started = 0
        self._pool = ThreadPoolExecutor(1)

    def create(self, body: dict[str, Any], version: str) -> IngestJob:
        table = evaluate.entity(self.org, str(body.get("object")))
        if body.get("operation") not in OPERATIONS:
            raise ApiError(400, "INVALIDJOB", f"Invalid operation: {body.get('operation')}")
        if body.get("columnDelimiter", "COMMA") not in DELIMITERS:
            raise ApiError(400, "INVALIDJOB", f"Unsupported columnDelimiter: {body['columnDelimiter']}")
        if body["operation"] == "upsert" and body.get("externalIdFieldName", "").lower() not in table.lower:
            raise ApiError(400, "INVALIDJOB", "externalIdFieldName is needed for upsert")
        self.started += 1
        named = body | {"object": table.name}
        job = IngestJob(new_id("750", 500_000 + self.started), named, version, self.org.clock.stamp())
        switches = self.org.switches
        job.looks, job.fate, job.room = switches.job_looks, switches.job_error, switches.job_rows
        self.jobs[job.id] = job
        return job

    def find(self, job_id: str) -> IngestJob:
        """Find a job; it and its results are kept for seven days."""
        if job_id not in self.jobs or self.jobs[job_id].created < oldest_stamp(self.org):
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return self.jobs[job_id]

    def upload(self, job: IngestJob, data: bytes) -> None:
        """Accept the one upload of a job; a second one is refused, as is one that is too large."""
        if job.state != "Open" or job.data:
            raise ApiError(400, "INVALIDJOBSTATE", f"Found multiple contents or a closed job: {job.id}, {job.state}")
        if len(data) > MAX_UPLOAD:
            raise ApiError(413, "REQUEST_ENTITY_TOO_LARGE", f"upload of {len(data)} bytes is over {MAX_UPLOAD}")
        job.data = data

    def change(self, job: IngestJob, state: str) -> None:
        """Start the job on UploadComplete, end it on Aborted."""
        if job.state != "Open" or state not in ("UploadComplete", "Aborted"):
            raise ApiError(400, "INVALIDJOBSTATE", f"Job in state {job.state} cannot become {state}")
        job.state = state
        if state == "UploadComplete":
            job.work = self._pool.submit(job.run, self.org)

    def delete(self, job: IngestJob) -> None:
        if job.state not in ("JobComplete", "Failed", "Aborted"):
            raise ApiError(400, "INVALIDJOBSTATE", f"Job in state {job.state} cannot be deleted")
        del self.jobs[job.id]
