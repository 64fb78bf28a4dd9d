"""`/_sandbox/`: what a person in the CRM, an admin or bad luck would do. Never part of a vendor's API."""

import json
import re
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from starlette.responses import Response


class Heard(NamedTuple):
    """One request, for the log."""

    method: str
    path: str
    status: int
    rows: int
    bytes: int
    soql: str


@dataclass(slots=True)
class Fault:
    """Answers the nth to (nth+times-1)th request whose path matches with something else than the truth."""

    path: re.Pattern[str]
    method: str
    nth: int
    times: int
    action: str  #: status, html, expire, cut
    status: int
    body: str
    headers: dict[str, str]
    seen: int = 0

    def strikes(self, method: str, path: str) -> bool:
        if (self.method and self.method != method) or not self.path.search(path):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


def faults(rules: list[dict[str, Any]]) -> list[Fault]:
    """Fault rules from JSON; raises ValueError for an unknown action."""
    found = []
    for rule in rules:
        action = rule.get("action", "status")
        if action not in ("status", "html", "expire", "cut"):
            raise ValueError(f"unknown action {action!r}; known are status, html, expire, cut")
        found.append(
            Fault(re.compile(rule.get("path", "")), rule.get("method", ""), int(rule.get("nth", 1)),
                  int(rule.get("times", 1)), action, int(rule.get("status", 503)), rule.get("body", ""),
                  rule.get("headers", {}))
        )  # fmt: skip
    return found


MAINTENANCE = "<html><head><title>Down for maintenance</title></head><body>We are setting things up.</body></html>"


class Control:
    """The sandbox's levers for one vendor's app."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.heard: deque[Heard] = deque(maxlen=200_000)
        self.faults: list[Fault] = []

    def struck(self, method: str, path: str) -> Response | None:
        """The faulty answer to this request, if a rule strikes; None lets it through."""
        fault = next((f for f in self.faults if f.strikes(method, path)), None)
        if fault is None:
            return None
        if fault.action == "expire":
            self.app.expire()
            return None
        if fault.action == "html":
            return Response(fault.body or MAINTENANCE, 200, media_type="text/html")
        if fault.action == "cut":
            return CUT
        return Response(fault.body, fault.status, headers=fault.headers)

    def answer(self, method: str, name: str, body: bytes) -> Response:
        """GET log|clock, POST clock|faults|edit|reset; a bad request says why."""
        try:
            return self._answer(method, name, json.loads(body or b"null"))
        except (ValueError, KeyError, TypeError) as error:
            return Response(json.dumps({"error": f"{type(error).__name__}: {error}"}), 400, media_type="application/json")

    def _answer(self, method: str, name: str, body: Any) -> Response:
        if (method, name) == ("GET", "log"):
            lines = (json.dumps(h._asdict()) for h in tuple(self.heard))
            return Response("\n".join(lines), media_type="application/x-ndjson")
        if (method, name) == ("DELETE", "log"):
            self.heard.clear()
            return _ok({})
        if name == "clock":
            return self._clock(body or {})
        if (method, name) == ("POST", "faults"):
            self.faults = faults(body)
            return _ok({"rules": len(self.faults)})
        if (method, name) == ("POST", "edit"):
            edits = body if isinstance(body, list) else [body]
            return _ok([self.app.edit(e) for e in edits])
        if (method, name) == ("POST", "reset"):
            self.app.reset()
            return _ok({})
        return Response(f"no such control: {method} {name}\n", 404)

    def _clock(self, body: dict[str, Any]) -> Response:
        clock = self.app.org.clock
        if "set" in body:
            clock.set(datetime.fromisoformat(body["set"].replace("Z", "+00:00")))
        if "advance" in body:
            clock.set(clock.now() + timedelta(seconds=float(body["advance"])))
        return _ok({"now": clock.now().isoformat()})


#: stands for a connection that is cut before the answer
CUT = Response(status_code=599)


def _ok(body: Any) -> Response:
    return Response(json.dumps(body), media_type="application/json")
