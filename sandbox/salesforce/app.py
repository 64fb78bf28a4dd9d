"""The org's HTTP face: admits a request, finds who answers it, and stamps the answer.

Versions, sizes, quotas: reference salesforce.md 1.1, 1.3, 1.11.
"""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.responses import Response

from sandbox.clock import http_date
from sandbox.control import Heard
from sandbox.org_folder import BadFolder
from sandbox.salesforce import auth, sight
from sandbox.salesforce.bulk_query import QueryJobs
from sandbox.salesforce.call import Call, as_json
from sandbox.salesforce.edit import edit
from sandbox.salesforce.errors import ApiError, OAuthError
from sandbox.salesforce.ingest import IngestJobs
from sandbox.salesforce.loading import load
from sandbox.salesforce.metadata import VERSIONS
from sandbox.salesforce.queries import Cursor
from sandbox.salesforce.routes import routes
from sandbox.salesforce.store import Org, Table
from sandbox.wire import Request

#: who may customise the org; only a session is handed out
ADMIN = "admin@sandbox.example"
#: bytes of URI and headers that are accepted (help article 000386264)
LONGEST = 16_384
NO_LOGIN = ("/services/oauth2/token", "/services/oauth2/revoke", "/services/oauth2/introspect", "/services/data")


class SalesforceApp:
    """Answers requests for one org."""

    def __init__(self, org: Org, quota: int = 100_000) -> None:
        self.org, self.quota, self.used = org, quota, 0
        self.agreed = quota  #: the quota before a control call changed it
        self.day = org.clock.now().date()  #: the day the calls were used on
        self.folder: Path | None = None
        self.start: datetime | None = None  #: another now than org.toml's
        self.door = auth.Door("assay@sandbox.example")
        self.queries, self.ingests = QueryJobs(org), IngestJobs(org)
        self.cursors: dict[str, Cursor] = {}
        self.routes = routes()

    @classmethod
    def of(cls, folder: Path, quota: int = 100_000, clock: str | None = None, *, strict: bool = False) -> "SalesforceApp":
        """The app of an org folder; raises `BadFolder`."""
        org = load(folder)
        if strict and org.warnings:
            raise BadFolder("; ".join(f"{w}: {n}" for w, n in sorted(org.warnings.items())))
        app = cls(org, quota)
        app.folder = folder
        if clock:
            app.start = datetime.fromisoformat(clock.replace("Z", "+00:00"))
            org.clock.set(app.start)
        return app

    def edit(self, change: dict[str, Any]) -> dict[str, Any]:
        """Limits are the app's; everything else is the org's."""
        if change["op"] == "limits":
            self.quota, self.used = int(change.get("daily", self.quota)), int(change.get("used", self.used))
            self.queries.made = int(change.get("query_jobs_used", self.queries.made))
            return {}
        return edit(self.org, change)

    def reset(self) -> None:
        """Back to the loaded state, clock and calls used included; sessions stay open."""
        if self.folder is None:
            return
        self.org = load(self.folder)
        if self.start:
            self.org.clock.set(self.start)
        self.queries, self.ingests = QueryJobs(self.org), IngestJobs(self.org)
        self.quota, self.used, self.day = self.agreed, 0, self.org.clock.now().date()
        self.cursors.clear()

    def expire(self) -> None:
        """Every session ends."""
        self.door.sessions.clear()

    def org_id(self) -> str:
        return str(next(iter(self.org.tables["Organization"].by_id)))

    def identity(self, base: str) -> str:
        """The address of the running user's identity."""
        return f"{base}/id/{self.org_id()}/{self.org.user}"

    def table(self, name: str) -> Table:
        table = self.org.table(name)
        if table is None:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return table

    def answer(self, request: Request) -> tuple[Response, Heard]:
        """Any request to a response, and what the log is to say of it."""
        path = "/" + request.path.strip("/")
        call = Call(request, path)
        try:
            response = self._answer(call)
        except ApiError as error:
            response = as_json(error.body(), error.status)
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # a body of another shape than the API's
            said = f"{type(error).__name__}: {error}"
            response = as_json(ApiError(400, "JSON_PARSER_ERROR", said).body(), 400)
        except OAuthError as error:
            response = as_json({"error": error.error, "error_description": error.description}, error.status)
        self._stamp(call, response)
        return response, Heard(call.method, path, response.status_code, call.rows, len(response.body), call.soql)

    def _answer(self, call: Call) -> Response:
        if call.length > LONGEST:
            raise ApiError(414, "URI_TOO_LONG", "URI Too Long")
        if call.length + call.heads > LONGEST:
            raise ApiError(431, "REQUEST_HEADER_FIELDS_TOO_LARGE", "Request Header Fields Too Large")
        if call.path.startswith("/services/Soap/"):
            return Response(NO_SOAP, 500, media_type="text/xml")
        if call.path in NO_LOGIN:
            return self.handle(call)
        running = sight.RUNNING.set(self._admit(call))
        try:
            return self._handle_as_user(call)
        finally:
            sight.RUNNING.reset(running)
            if call.method != "GET":
                self.org.sights.clear()  # it may have been a permission

    def _handle_as_user(self, call: Call) -> Response:
        if call.path.startswith("/services/data/v") and not self.org.sight.api:
            raise ApiError(403, "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner")
        return self.handle(call)

    def handle(self, call: Call) -> Response:
        """The answer to an admitted request, or to a part of one."""
        others = []
        for method, pattern, handler in self.routes:
            match = pattern.fullmatch(call.path)
            if match and method == call.method:
                self._version(match.groupdict().get("version"))
                return handler(self, call, **match.groupdict())
            others += [method] if match else []
        if others:
            said = f"HTTP Method '{call.method}' not allowed. Allowed are {','.join(others)}"
            raise ApiError(405, "METHOD_NOT_ALLOWED", said)
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")

    def _admit(self, call: Call) -> str:
        """Check the session and count the call; the user's id."""
        token = call.headers.get("authorization", "").removeprefix("Bearer ").removeprefix("OAuth ")
        if not self.door.admits(token, self.org.clock.now(), self.org.switches):
            raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        today = self.org.clock.now().date()
        if today != self.day:
            self.day, self.used = today, 0
        if self.used >= self.quota:
            raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.used += 1
        return self.org.people[self.door.sessions[token].username]

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
            response.headers["Sforce-Limit-Info"] = (
                f"api-usage={self.used}/{self.quota}; per-app-api-usage={self.used}/{self.quota}(appName=assay-sandbox)"
            )
        wants = "gzip" in call.headers.get("accept-encoding", "")
        if wants and len(response.body) > 1000 and "content-encoding" not in response.headers:
            response.body = gzip.compress(response.body, 1)
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.body))

    def ready(self, base: str, folder: Path) -> dict[str, Any]:
        """What a client needs to log in."""
        return {
            "url": base, "tls_url": None, "access_token": self.door.open_session(self.org_id(), self.org.clock.now()),
            "client_id": self.door.client_id, "client_secret": self.door.client_secret, "username": self.door.username,
            "private_key_file": str(self.door.write_key(folder)), "refresh_token": self.door.refresh_token,
            "admin_access_token": self.door.open_session(self.org_id(), self.org.clock.now(), ADMIN),
            "log_url": f"{base}/_sandbox/log",
        }  # fmt: skip


NO_SOAP = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault><faultcode>INVALID_OPERATION</faultcode>'
    "<faultstring>INVALID_OPERATION: SOAP API login() is disabled by default in this org.</faultstring></soapenv:Fault>"
    "</soapenv:Body></soapenv:Envelope>"
)
