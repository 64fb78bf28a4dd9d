"""The portal's HTTP face: admits a request, finds its handler, and stamps the answer."""

import gzip
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.responses import Response

from sandbox.clock import http_date
from sandbox.control import LoggedCall
from sandbox.hubspot.call import Call
from sandbox.hubspot.edit import edit
from sandbox.hubspot.errors import ApiError, invalid, missing_scopes
from sandbox.hubspot.limits import Limits, Refused
from sandbox.hubspot.loading import load
from sandbox.hubspot.oauth import APP, REFRESH, OAuth
from sandbox.hubspot.objects import MAX_URL
from sandbox.hubspot.routes import as_json, modern, routes
from sandbox.hubspot.search import Searches
from sandbox.hubspot.store import Portal, Table
from sandbox.hubspot.types import TYPES, find_type
from sandbox.org_folder import BadFolder
from sandbox.wire import Request

TOKEN = "pat-na1-00000000-5a4d-b0c5-0000-a55a4000b0c5"
ALL_SCOPES = tuple(
    sorted(
        {s for t in TYPES.values() for s in (*t.scopes, *t.writing())}
        | {"crm.objects.owners.read", "oauth", "crm.schemas.companies.read", "crm.schemas.companies.write"}
    )
)


class HubSpotApp:
    """HTTP application of one portal."""

    def __init__(self, portal: Portal, quota: int = 250_000, burst: int = 0) -> None:
        self.quota, self.burst = quota, burst
        self.folder: Path | None = None
        self.start: datetime | None = None
        self.keys: dict[str, tuple[str, ...]] = {TOKEN: ALL_SCOPES}
        self.oauth = OAuth()
        self.routes = routes()
        self._take(portal)

    def _take(self, portal: Portal) -> None:
        self.portal = portal
        self.searches, self.limits = Searches(portal), Limits(portal, self.quota, self.burst)

    @property
    def org(self) -> Portal:
        """Return the portal under the name that the control API uses for every CRM."""
        return self.portal

    @classmethod
    def of(
        cls, folder: Path, quota: int = 250_000, clock: str | None = None, *, strict: bool = False, burst: int = 0
    ) -> "HubSpotApp":
        """Serve an org folder; raises `BadFolder`."""
        portal = load(folder)
        if strict and portal.warnings:
            raise BadFolder("; ".join(f"{w}: {n}" for w, n in sorted(portal.warnings.items())))
        app = cls(portal, quota, burst)
        app.folder = folder
        if clock:
            app.start = datetime.fromisoformat(clock.replace("Z", "+00:00"))
            portal.clock.set(app.start)
        return app

    def edit(self, change: dict[str, Any]) -> dict[str, Any]:
        """Change the keys and limits, which are the app's, or anything else, which is the portal's."""
        if change["op"] == "key":
            self.keys[change["token"]] = tuple(change["scopes"])
            return {}
        if change["op"] == "limits":
            self.limits.daily = int(change.get("daily", self.limits.daily))
            self.limits.burst = int(change.get("burst", self.limits.burst))
            self.limits.used = int(change.get("used", self.limits.used))
            return {}
        return edit(self.portal, change)

    def reset(self) -> None:
        """Load the folder again; clock and calls used start over too."""
        if self.folder is None:
            return
        self._take(load(self.folder))
        self.keys = {TOKEN: ALL_SCOPES}
        if self.start:
            self.portal.clock.set(self.start)

    def expire(self) -> None:
        """Withdraw all keys and end all tokens of the OAuth app."""
        self.keys.clear()
        self.oauth.clear()

    def answer(self, request: Request) -> tuple[Response, LoggedCall]:
        """Answer a request; returns the response and its line in the log."""
        path = "/" + request.path.strip("/")
        call = Call(request, path)
        search = path.endswith("/search")
        try:
            response = self._answer(call, search=search)
        except ApiError as error:
            response = as_json(error.body(), error.status)
        except Refused as error:
            response = as_json(error.body(), 429)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            response = as_json(invalid(f"Invalid input JSON: {type(error).__name__} {error}").body(), 400)
        self._stamp(call, response, search=search)
        return response, LoggedCall(call.method, path, response.status_code, call.rows, len(response.body), "")

    def _answer(self, call: Call, *, search: bool) -> Response:
        if call.length > MAX_URL:
            raise ApiError(414, "URI_TOO_LONG", "URI Too Long")
        scopes = self._admit(call)
        self.limits.take(search=search)
        path = modern(call.path)
        for method, pattern, handler, needs in self.routes:
            match = pattern.fullmatch(path)
            if match and method == call.method:
                arguments = match.groupdict()
                call.release = arguments.pop("release", "")
                table = self._table(arguments.pop("type_")) if "type_" in arguments else None
                self._allowed(scopes, needs, table)
                if "target" in arguments:
                    arguments["target"] = self._table(arguments["target"])
                return handler(self, call, **({"table": table} if table else {}), **arguments)
        raise ApiError(404, "OBJECT_NOT_FOUND", "resource not found")

    def _admit(self, call: Call) -> tuple[str, ...]:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if call.path.endswith("/access-token-info") or call.path.startswith("/oauth/"):
            return ()
        if self.oauth.knows(token):
            self.oauth.admit(token, self.portal.clock.now())
            call.app = True
            return ALL_SCOPES
        if token not in self.keys:
            raise ApiError(
                401,
                "INVALID_AUTHENTICATION",
                "Authentication credentials not found. This API supports OAuth 2.0 "
                "authentication and you can find more details at https://developers.hubspot.com/docs/oauth",
            )
        return self.keys[token]

    def _table(self, name: str) -> Table:
        type_ = find_type(name)
        if type_ is None:
            raise invalid(f"Unable to infer object type from: {name}")
        return self.portal.tables[type_.name]

    @staticmethod
    def _allowed(scopes: tuple[str, ...], needs: str, table: Table | None) -> None:
        required: tuple[str, ...] = (needs,) if needs else ()
        if table is not None:
            required = table.type.scopes if needs == "read" else table.type.writing()
            required = (f"crm.schemas.{table.type.name}.write",) if needs == "schema" else required
        if required and not set(required) & set(scopes):
            raise missing_scopes(required)

    def token_info(self, call: Call) -> dict[str, Any]:
        """Describe the key in the body; needs no scope and no header."""
        key = str(call.json().get("tokenKey"))
        if key not in self.keys:
            raise ApiError(404, "OBJECT_NOT_FOUND", "The access token was not found")
        return {"userId": 1, "hubId": self.portal.portal_id, "appId": 1, "scopes": list(self.keys[key])}

    def _stamp(self, call: Call, response: Response, *, search: bool) -> None:
        response.headers["Date"] = http_date(self.portal.clock.now())
        if not search:
            response.headers.update(self.limits.headers(daily=not call.app))
        if "gzip" in call.headers.get("accept-encoding", "") and len(response.body) > 1000:
            response.body = gzip.compress(response.body, 1)
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.body))

    def ready(self, base: str) -> dict[str, Any]:
        """Return what a client needs to connect."""
        return {
            "url": base,
            "tls_url": None,
            "token": TOKEN,
            "oauth": {**APP, "refresh_token": REFRESH},
            "portal_id": self.portal.portal_id,
            "log_url": f"{base}/_sandbox/log",
        }
