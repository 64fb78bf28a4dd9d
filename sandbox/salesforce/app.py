"""The org's HTTP face: which path does what. Paths and replies: reference/salesforce.md 1.1-1.7."""

import gzip
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from sandbox.clock import http_date
from sandbox.control import Heard
from sandbox.org_folder import BadFolder
from sandbox.salesforce import auth, evaluate, render, setup, soql, write
from sandbox.salesforce.bulk import Bulk
from sandbox.salesforce.edit import edit
from sandbox.salesforce.errors import ApiError, OAuthError, malformed
from sandbox.salesforce.schema import PREFIXES
from sandbox.salesforce.store import Org, Row, Table, load

VERSIONS = range(41, 69)
#: rows of a REST page: the most the vendor gives, and the least that can be asked for
PAGE, LEAST = 2000, 200
NO_LOGIN = ("/services/oauth2/token", "/services/oauth2/revoke", "/services/data")


class Call:
    """One request, read once."""

    def __init__(self, request: Request, body: bytes, path: str, base: str) -> None:
        self.method, self.path, self.base, self.body = request.method, path, base, body
        self.query = {k: v[-1] for k, v in parse_qs(request.url.query, keep_blank_values=True).items()}
        self.headers = request.headers
        self.soql = ""
        self.rows = 0

    def json(self) -> Any:
        try:
            return json.loads(self.body or b"{}")
        except ValueError:
            raise ApiError(400, "JSON_PARSER_ERROR", "The HTTP entity body is not valid JSON") from None

    def form(self) -> dict[str, str]:
        return {k: v[-1] for k, v in parse_qs(self.body.decode()).items()} | self.query


class SalesforceApp:
    """Answers requests for one org."""

    def __init__(self, org: Org, quota: int = 100_000) -> None:
        self.org, self.quota, self.used = org, quota, 0
        self.folder: Path | None = None
        self.door = auth.Door("assay@sandbox.example")
        self.bulk = Bulk(org)
        self.cursors: dict[str, tuple[Table, list[evaluate.Column], list[Row], int]] = {}
        self.routes: list[tuple[str, re.Pattern[str], Callable[..., Response]]] = [
            (method, re.compile(pattern), handler) for method, pattern, handler in self._routes()
        ]

    @classmethod
    def of(cls, folder: Path, quota: int = 100_000, clock: str | None = None, *, strict: bool = False) -> "SalesforceApp":
        """The app of an org folder; raises `BadFolder`."""
        org = load(folder)
        if strict and org.warnings:
            raise BadFolder("; ".join(f"{w}: {n}" for w, n in sorted(org.warnings.items())))
        if clock:
            org.clock.set(datetime.fromisoformat(clock.replace("Z", "+00:00")))
        app = cls(org, quota)
        app.folder = folder
        return app

    def edit(self, change: dict[str, Any]) -> dict[str, Any]:
        return edit(self.org, change)

    def reset(self) -> None:
        """Back to the loaded state; sessions stay open, the clock runs on."""
        if self.folder:
            self.org = load(self.folder, self.org.clock)
            self.bulk, self.used = Bulk(self.org), 0
            self.cursors.clear()

    def _routes(self) -> list[tuple[str, str, Callable[..., Response]]]:
        v = r"/services/data/v(?P<version>\d\d\.\d)"
        return [
            ("POST", r"/services/oauth2/token", self.token),
            ("POST", r"/services/oauth2/revoke", lambda call: Response(status_code=200)),
            ("GET", r"/services/oauth2/userinfo", self.userinfo),
            ("POST", r"/services/oauth2/introspect", self.introspect),
            ("GET", r"/services/data", self.versions),
            ("GET", v, self.resources),
            ("GET", v + r"/sobjects", self.describe_global),
            ("GET", v + r"/sobjects/(?P<name>\w+)/describe", self.describe),
            ("GET", v + r"/sobjects/(?P<name>\w+)", self.basic),
            ("POST", v + r"/sobjects/(?P<name>\w+)", self.create),
            ("GET", v + r"/sobjects/(?P<name>\w+)/(?P<record>\w{15,18})", self.retrieve),
            ("PATCH", v + r"/sobjects/(?P<name>\w+)/(?P<record>\w{15,18})", self.update),
            ("GET", v + r"/(?P<mode>query|queryAll)", self.query),
            ("GET", v + r"/(?:query|queryAll)/(?P<locator>[\w-]+)", self.more),
            ("GET", v + r"/tooling/query", self.query),
            ("POST", v + r"/tooling/sobjects/CustomField", self.create_field),
            ("PATCH", v + r"/composite/sobjects", self.collection),
            ("GET", v + r"/limits", self.limits),
            ("GET", v + r"/connect/organization", self.organization),
            ("POST", v + r"/jobs/query", self.bulk_create),
            ("GET", v + r"/jobs/query/(?P<job>\w+)", self.bulk_info),
            ("PATCH", v + r"/jobs/query/(?P<job>\w+)", self.bulk_abort),
            ("DELETE", v + r"/jobs/query/(?P<job>\w+)", self.bulk_delete),
            ("GET", v + r"/jobs/query/(?P<job>\w+)/results", self.bulk_results),
            ("GET", v + r"/jobs/query/(?P<job>\w+)/resultPages", self.bulk_pages),
            ("POST", v + r"/jobs/ingest", self.ingest_create),
            ("PUT", v + r"/jobs/ingest/(?P<job>\w+)/batches", self.ingest_upload),
            ("PATCH", v + r"/jobs/ingest/(?P<job>\w+)", self.ingest_close),
            ("GET", v + r"/jobs/ingest/(?P<job>\w+)", self.ingest_info),
            ("DELETE", v + r"/jobs/ingest/(?P<job>\w+)", lambda call, version, job: Response(status_code=204)),
            ("GET", v + r"/jobs/ingest/(?P<job>\w+)/(?P<which>\w+Results|\w+[rR]ecords)", self.ingest_results),
        ]

    # ---- the frame ----

    def answer(self, request: Request, body: bytes, base: str) -> tuple[Response, Heard]:
        """Any request to a response, and what the log is to say of it."""
        path = "/" + request.url.path.strip("/")
        call = Call(request, body, path, base)
        try:
            response = self._answer(call)
        except ApiError as error:
            response = as_json(error.body(), error.status)
        except OAuthError as error:
            response = as_json({"error": error.error, "error_description": error.description}, error.status)
        self._stamp(call, response)
        return response, Heard(call.method, path, response.status_code, call.rows, len(response.body), call.soql)

    def _answer(self, call: Call) -> Response:
        if call.path.startswith("/services/Soap/"):
            return Response(NO_SOAP, 500, media_type="text/xml")
        if call.path not in NO_LOGIN:
            self._admit(call)
        for method, pattern, handler in self.routes:
            match = pattern.fullmatch(call.path)
            if match and method == call.method:
                self._version(match.groupdict().get("version"))
                return handler(call, **match.groupdict())
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")

    def _admit(self, call: Call) -> None:
        token = call.headers.get("authorization", "").removeprefix("Bearer ").removeprefix("OAuth ")
        if token not in self.door.sessions:
            raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if self.used >= self.quota:
            raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.used += 1

    @staticmethod
    def _version(version: str | None) -> None:
        if version is None:
            return
        if int(version[:2]) < VERSIONS.start:
            raise ApiError(410, "UNSUPPORTED_API_VERSION", "API version is no longer supported")
        if int(version[:2]) >= VERSIONS.stop:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")

    def _stamp(self, call: Call, response: Response) -> None:
        login = call.path.startswith("/services/oauth2")
        response.headers["Date"] = http_date(datetime.now(UTC) if login else self.org.clock.now())
        if call.path.startswith("/services/data/v"):
            response.headers["Sforce-Limit-Info"] = f"api-usage={self.used}/{self.quota}"
        wants = "gzip" in call.headers.get("accept-encoding", "")
        if wants and len(response.body) > 1000 and "content-encoding" not in response.headers:
            response.body = gzip.compress(response.body, 1)
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.body))

    # ---- login and looking around ----

    def token(self, call: Call) -> Response:
        return as_json(auth.token(self.door, self.org, call.form(), call.headers.get("authorization", ""), call.base))

    def userinfo(self, call: Call) -> Response:
        org_id = next(iter(self.org.tables["Organization"].by_id))
        return as_json({"sub": f"{call.base}/id/{org_id}/{self.org.user}", "user_id": self.org.user,
                        "organization_id": org_id, "preferred_username": self.door.username, "active": True})  # fmt: skip

    def introspect(self, call: Call) -> Response:
        return as_json({"active": call.form().get("token") in self.door.sessions, "username": self.door.username})

    def versions(self, call: Call) -> Response:
        return as_json([{"label": f"v{n}", "url": f"/services/data/v{n}.0", "version": f"{n}.0"} for n in VERSIONS])

    def resources(self, call: Call, version: str) -> Response:
        base = f"/services/data/v{version}"
        return as_json(
            {n: f"{base}/{n}" for n in ("sobjects", "query", "queryAll", "limits", "jobs", "composite", "tooling")}
        )

    def limits(self, call: Call, version: str) -> Response:
        left = {"Max": self.quota, "Remaining": max(0, self.quota - self.used)}
        jobs = {"Max": 10_000, "Remaining": 10_000 - len(self.bulk.queries)}
        return as_json({"DailyApiRequests": left, "DailyBulkV2QueryJobs": jobs,
                        "DailyBulkApiBatches": {"Max": 15_000, "Remaining": 15_000}})  # fmt: skip

    def organization(self, call: Call, version: str) -> Response:
        """Connect API "Organization Settings": the only REST answer with a single-currency org's currency."""
        multi = self.org.multi_currency
        features = {"multiCurrency": multi, "defaultCurrencyIsoCode": None if multi else self.org.facts.currency}
        table = self.org.tables["Organization"]
        row = table.rows[0]
        return as_json({"name": table.get(row, "Name"), "orgId": table.get(row, "Id"), "features": features})

    # ---- describe ----

    def describe_global(self, call: Call, version: str) -> Response:
        objects = [self._summary(t) for t in self.org.tables.values() if t.name != "CustomField"]
        return as_json({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects})

    def _summary(self, table: Table) -> dict[str, Any]:
        return {"name": table.name, "label": table.name, "keyPrefix": PREFIXES.get(table.name), "queryable": True,
                "createable": True, "updateable": True, "deletable": True, "custom": table.name.endswith("__c")}  # fmt: skip

    def describe(self, call: Call, version: str, name: str) -> Response:
        table = self._table(name)
        fields = [f.describe() for f in self.org.visible(table).values()]
        return as_json(self._summary(table) | {"fields": fields, "recordTypeInfos": [], "childRelationships": []})

    def basic(self, call: Call, version: str, name: str) -> Response:
        return as_json({"objectDescribe": self._summary(self._table(name)), "recentItems": []})

    def _table(self, name: str) -> Table:
        table = self.org.table(name)
        if table is None:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return table

    # ---- records ----

    def retrieve(self, call: Call, version: str, name: str, record: str) -> Response:
        table = self._table(name)
        row = table.find(record)
        if row is None:
            raise ApiError(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: " + record)
        wanted = call.query.get("fields")
        visible = [n for n, f in self.org.visible(table).items() if f.type != "address"]
        columns = evaluate.columns(self.org, table, tuple(wanted.split(",") if wanted else visible))
        return as_json(render.json_record(table.name, columns, row, version))

    def update(self, call: Call, version: str, name: str, record: str) -> Response:
        try:
            write.update(self.org, self._table(name), record, call.json())
        except write.RowError as error:
            raise ApiError(400, error.code, error.message, error.fields) from None
        return Response(status_code=204)

    def create(self, call: Call, version: str, name: str) -> Response:
        """Set-up records only: the product never creates CRM records, and clients are told so plainly."""
        table = self._table(name)
        if table.name not in setup.OBJECTS:
            raise ApiError(
                400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "this sandbox creates records by /_sandbox/edit only"
            )
        return as_json({"id": setup.create_setup(self.org, table.name, call.json()), "success": True, "errors": []}, 201)

    def create_field(self, call: Call, version: str) -> Response:
        return as_json({"id": setup.create_field(self.org, call.json()), "success": True, "errors": []}, 201)

    def collection(self, call: Call, version: str) -> Response:
        """PATCH composite/sobjects: at most 200 records, one result each, aligned with the input."""
        body = call.json()
        records = body.get("records") or []
        if len(records) > 200:
            raise ApiError(
                400, "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than 200 records: {len(records)}"
            )
        results = [self._collected(record) for record in records]
        call.rows = len(records)
        return as_json(results)

    def _collected(self, record: dict[str, Any]) -> dict[str, Any]:
        values = {k: v for k, v in record.items() if k not in ("attributes", "id", "Id")}
        record_id = str(record.get("id") or record.get("Id") or "")
        try:
            write.update(self.org, self._table(record["attributes"]["type"]), record_id, values)
        except write.RowError as error:
            return {"id": record_id, "success": False, "errors": [error.as_json()]}
        return {"id": record_id, "success": True, "errors": []}

    # ---- REST query ----

    def query(self, call: Call, version: str, mode: str = "query") -> Response:
        call.soql = call.query.get("q", "")
        if not call.soql:
            raise malformed("SOQL statements cannot be empty or null")
        query = soql.parse(call.soql)
        table = evaluate.entity(self.org, query.entity)
        rows = evaluate.select(self.org, query, deleted=mode == "queryAll")
        if evaluate.count_only(query):
            return as_json({"totalSize": len(rows), "done": True, "records": []})
        if query.group or any("(" in f for f in query.fields):
            found = evaluate.groups(self.org, query, rows)
            records = [{"attributes": {"type": "AggregateResult"}} | f for f in found]
            return as_json({"totalSize": len(found), "done": True, "records": records})
        columns = evaluate.columns(self.org, table, query.fields)
        return self._page(call, version, (table, columns, rows, _batch(call)), 0, None)

    def more(self, call: Call, version: str, locator: str) -> Response:
        """The next page; the same address serves query and queryAll."""
        key, _, start = locator.rpartition("-")
        if key not in self.cursors or not start.isdigit():
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(call, version, self.cursors[key], int(start), key)

    def _page(self, call: Call, version: str, cursor: Any, start: int, key: str | None) -> Response:
        table, columns, rows, size = cursor
        page = rows[start : start + size]
        call.rows = len(page)
        body = {"totalSize": len(rows), "done": start + size >= len(rows)}
        if not body["done"]:
            if key is None:
                key = f"01g{len(self.cursors):015d}"
                self.cursors[key] = cursor
            body["nextRecordsUrl"] = f"/services/data/v{version}/query/{key}-{start + size}"
        return as_json(body | {"records": [render.json_record(table.name, columns, r, version) for r in page]})

    # ---- Bulk 2.0 ----

    def bulk_create(self, call: Call, version: str) -> Response:
        job = self.bulk.create_query(call.json(), version)
        call.soql = job.text
        return as_json(job.info())

    def bulk_info(self, call: Call, version: str, job: str) -> Response:
        return as_json(self.bulk.poll(self.bulk.query_job(job)))

    def bulk_abort(self, call: Call, version: str, job: str) -> Response:
        found = self.bulk.query_job(job)
        found.state = str(call.json().get("state", "Aborted"))
        return as_json(found.info())

    def bulk_delete(self, call: Call, version: str, job: str) -> Response:
        self.bulk.query_job(job)
        del self.bulk.queries[job]
        return Response(status_code=204)

    def bulk_results(self, call: Call, version: str, job: str) -> Response:
        wanted = int(call.query.get("maxRecords") or 0)
        page, headers = self.bulk.results(self.bulk.query_job(job), version, call.query.get("locator", ""), wanted)
        call.rows = int(headers["Sforce-NumberOfRecords"])
        return Response(page, headers=headers, media_type="text/csv")

    def bulk_pages(self, call: Call, version: str, job: str) -> Response:
        return as_json(self.bulk.result_pages(self.bulk.query_job(job), version, call.query.get("locator", "")))

    def ingest_create(self, call: Call, version: str) -> Response:
        return as_json(self.bulk.create_ingest(call.json(), version).info())

    def ingest_upload(self, call: Call, version: str, job: str) -> Response:
        found = self.bulk.ingest_job(job)
        if found.state != "Open":
            raise ApiError(400, "INVALIDJOBSTATE", f"Job state is {found.state}, data can only be added to an open job")
        found.data = call.body
        return Response(status_code=201)

    def ingest_close(self, call: Call, version: str, job: str) -> Response:
        found = self.bulk.ingest_job(job)
        found.state = str(call.json().get("state", found.state))
        return as_json(found.info())

    def ingest_info(self, call: Call, version: str, job: str) -> Response:
        return as_json(self.bulk.poll_ingest(self.bulk.ingest_job(job)))

    def ingest_results(self, call: Call, version: str, job: str, which: str) -> Response:
        found = self.bulk.ingest_job(job)
        call.rows = len(found.good) + len(found.bad)
        return Response(found.csv(which.lower()), media_type="text/csv")

    # ---- for the ready line ----

    def ready(self, base: str, folder: Path) -> dict[str, Any]:
        """What a client needs to log in."""
        org_id = next(iter(self.org.tables["Organization"].by_id))
        return {
            "url": base, "tls_url": None, "access_token": self.door.open_session(org_id), "client_id": self.door.client_id,
            "client_secret": self.door.client_secret, "username": self.door.username,
            "private_key_file": str(self.door.write_key(folder)), "refresh_token": self.door.refresh_token,
            "log_url": f"{base}/_sandbox/log",
        }  # fmt: skip


NO_SOAP = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault><faultcode>INVALID_OPERATION</faultcode>'
    "<faultstring>INVALID_OPERATION: SOAP API login() is disabled by default in this org.</faultstring></soapenv:Fault>"
    "</soapenv:Body></soapenv:Envelope>"
)


def _batch(call: Call) -> int:
    match = re.search(r"batchSize=(\d+)", call.headers.get("sforce-query-options", ""))
    return min(max(int(match[1]), LEAST), PAGE) if match else PAGE


def as_json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, media_type="application/json;charset=UTF-8")
