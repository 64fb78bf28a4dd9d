"""The org's HTTP face: admits a request, finds its handler, and stamps the answer."""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.responses import Response

from sandbox.clock import http_date
from sandbox.control import LoggedCall
from sandbox.org_folder import BadFolder
from sandbox.salesforce import sight
from sandbox.salesforce.call import Call, as_json
from sandbox.salesforce.edit import edit
from sandbox.salesforce.errors import ApiError, OAuthError
from sandbox.salesforce.loading import load
from sandbox.salesforce.metadata import VERSIONS
from sandbox.salesforce.routes import routes
from sandbox.salesforce.state import OrgState
from sandbox.salesforce.store import Org
from sandbox.wire import Request

#: who may customise the org; only a session is handed out
ADMIN = "admin@sandbox.example"
#: bytes of URI and headers that are accepted (help article 000386264)
MAX_BYTES = 16_384
NO_LOGIN = ("/services/oauth2/token", "/services/oauth2/revoke", "/services/oauth2/introspect", "/services/data")


class SalesforceApp:
    """HTTP application of one org."""

    def __init__(self, org: Org, quota: int = 100_000) -> None:
        self.state = OrgState(org, quota)
        self.folder: Path | None = None
        self.start: datetime | None = None  #: another now than org.toml's
        self.routes = routes(self._handle)

    @property
    def org(self) -> Org:
        """Return the org, for the control API."""
        return self.state.org

    @classmethod
    def of(cls, folder: Path, quota: int = 100_000, clock: str | None = None, *, strict: bool = False) -> "SalesforceApp":
        """Serve an org folder; raises `BadFolder`."""
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
        """Change the limits, which are the service's, or anything else, which is the org's."""
        if change["op"] == "limits":
            self.state.set_limits(change)
            return {}
        return edit(self.org, change)

    def reset(self) -> None:
        """Load the folder again; clock and calls used start over too, sessions stay open."""
        if self.folder is None:
            return
        org = load(self.folder)
        if self.start:
            org.clock.set(self.start)
        self.state.load(org)

    def expire(self) -> None:
        """End every session."""
        self.state.client_app.sessions.clear()

    def answer(self, request: Request) -> tuple[Response, LoggedCall]:
        """Answer a request; returns the response and its line in the log."""
        path = "/" + request.path.strip("/")
        call = Call(request, path)
        try:
            response = self._answer(call)
        except ApiError as error:
            response = as_json(error.body(), error.status)
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # a body of another shape than the API's
            message = f"{type(error).__name__}: {error}"
            response = as_json(ApiError(400, "JSON_PARSER_ERROR", message).body(), 400)
        except OAuthError as error:
            response = as_json({"error": error.error, "error_description": error.description}, error.status)
        self._stamp(call, response)
        return response, LoggedCall(call.method, path, response.status_code, call.rows, len(response.body), call.soql)

    def _answer(self, call: Call) -> Response:
        if call.length > MAX_BYTES:
            raise ApiError(414, "URI_TOO_LONG", "URI Too Long")
        if call.length + call.heads > MAX_BYTES:
            raise ApiError(431, "REQUEST_HEADER_FIELDS_TOO_LARGE", "Request Header Fields Too Large")
        if call.path.startswith("/services/Soap/"):
            return Response(NO_SOAP, 500, media_type="text/xml")
        if call.path in NO_LOGIN:
            return self._handle(call)
        token = call.headers.get("authorization", "").removeprefix("Bearer ").removeprefix("OAuth ")
        running = sight.RUNNING.set(self.state.admit(token))
        try:
            return self._handle_as_user(call)
        finally:
            sight.RUNNING.reset(running)
            if call.method != "GET":
                self.org.sights.clear()  # it may have been a permission

    def _handle_as_user(self, call: Call) -> Response:
        if call.path.startswith("/services/data/v") and not self.org.sight.api:
            raise ApiError(403, "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner")
        return self._handle(call)

    def _handle(self, call: Call) -> Response:
        """Answer an admitted request, or a part of one."""
        others = []
        for method, pattern, handler in self.routes:
            match = pattern.fullmatch(call.path)
            if match and method == call.method:
                _check_version(match.groupdict().get("version"))
                return handler(self.state, call, **match.groupdict())
            others += [method] if match else []
        if others:
            message = f"HTTP Method '{call.method}' not allowed. Allowed are {','.join(others)}"
            raise ApiError(405, "METHOD_NOT_ALLOWED", message)
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")

    def _stamp(self, call: Call, response: Response) -> None:
        login = call.path.startswith("/services/oauth2")
        response.headers["Date"] = http_date(datetime.now(UTC) if login else self.org.clock.now())
        if call.path.startswith("/services/data/v"):
            usage = f"{self.state.used}/{self.state.quota}"
            info = f"api-usage={usage}; per-app-api-usage={usage}(appName=assay-sandbox)"
            response.headers["Sforce-Limit-Info"] = info
        wants = "gzip" in call.headers.get("accept-encoding", "")
        if wants and len(response.body) > 1000 and "content-encoding" not in response.headers:
            response.body = gzip.compress(response.body, 1)
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.body))

    def ready(self, base: str, folder: Path) -> dict[str, Any]:
        """Return what a client needs to log in."""
        client_app, org_id, now = self.state.client_app, self.state.org_id(), self.org.clock.now()
        return {
            "url": base,
            "tls_url": None,
            "access_token": client_app.open_session(org_id, now),
            "client_id": client_app.client_id,
            "client_secret": client_app.client_secret,
            "username": client_app.username,
            "private_key_file": str(client_app.write_key(folder)),
            "refresh_token": client_app.refresh_token,
            "admin_access_token": client_app.open_session(org_id, now, ADMIN),
            "log_url": f"{base}/_sandbox/log",
        }


def _check_version(version: str | None) -> None:
    if version is None:
        return
    if int(version[:2]) < VERSIONS.start:
        raise ApiError(410, "UNSUPPORTED_API_VERSION", "API version is no longer supported")
    if int(version[:2]) >= VERSIONS.stop:
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")


NO_SOAP = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault><faultcode>INVALID_OPERATION</faultcode>'
    "<faultstring>INVALID_OPERATION: SOAP API login() is disabled by default in this org.</faultstring></soapenv:Fault>"
    "</soapenv:Body></soapenv:Envelope>"
)
