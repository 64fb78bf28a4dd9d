"""`/_sandbox/`: what people in the CRM, admins and failing networks do. Never part of a vendor's API."""

import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from starlette.responses import Response

from sandbox.faults import Fault, faults


class LoggedCall(NamedTuple):
    """One request, for the log."""

    method: str
    path: str
    status: int
    rows: int
    bytes: int
    soql: str


class Control:
    """Control calls of one vendor's app, its log and its fault rules."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.log: deque[LoggedCall] = deque(maxlen=200_000)
        self.faults: list[Fault] = []

    async def answer_or_fault(self, method: str, path: str, app_answer: Callable[[], Awaitable[Response]]) -> Response:
        """Return the app's answer, or what a fault rule makes of it."""
        fault = next((f for f in self.faults if f.strikes(method, path)), None)
        if fault is None:
            return await app_answer()
        return await fault.answer(self.app, app_answer)

    def answer(self, method: str, name: str, body: bytes) -> Response:
        """Answer GET log|clock, POST clock|faults|edit|reset; a bad request gets the reason."""
        try:
            return self._answer(method, name, json.loads(body or b"null"))
        except (ValueError, KeyError, TypeError) as error:
            return Response(json.dumps({"error": f"{type(error).__name__}: {error}"}), 400, media_type="application/json")

    def _answer(self, method: str, name: str, body: Any) -> Response:
        if (method, name) == ("GET", "log"):
            lines = (json.dumps(h._asdict()) for h in tuple(self.log))
            return Response("\n".join(lines), media_type="application/x-ndjson")
        if (method, name) == ("DELETE", "log"):
            self.log.clear()
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


def set_switches(switches: Any, change: dict[str, Any]) -> None:
    """Set the fields of a dataclass that a change names; raises ValueError for one that is not there."""
    kinds = {f.name: type(getattr(switches, f.name)) for f in fields(switches)}
    values = {name: value for name, value in change.items() if name != "op"}
    if unknown := values.keys() - kinds.keys():
        raise ValueError(f"unknown option {min(unknown)!r}; known are {', '.join(kinds)}")
    for name, value in values.items():
        setattr(switches, name, kinds[name](value))


def _ok(body: Any) -> Response:
    return Response(json.dumps(body), media_type="application/json")
