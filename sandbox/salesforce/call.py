"""HTTP requests as the handlers see them, and the JSON they answer with."""

import json
from copy import copy
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import Response

from sandbox.salesforce.errors import ApiError
from sandbox.wire import Request


class Call:
    """Request of a client, read once; `rows` counts the records it read or wrote, for the log."""

    def __init__(self, request: Request, path: str) -> None:
        self.method, self.path, self.base, self.body = request.method, path, request.base, request.body
        self.query = {k: v[-1] for k, v in parse_qs(request.query, keep_blank_values=True).items()}
        self.headers = request.headers
        self.length = request.length
        self.heads = sum(len(k) + len(v) + 4 for k, v in request.headers.items())
        self.soql = ""
        self.rows = 0

    def part(self, method: str, path: str, query: str, body: bytes) -> "Call":
        """Make a subrequest of this one."""
        call = copy(self)
        call.method, call.path, call.body = method, "/" + path.strip("/"), body
        call.query = {k: v[-1] for k, v in parse_qs(query, keep_blank_values=True).items()}
        return call

    def json(self) -> Any:
        try:
            return json.loads(self.body or b"{}")
        except ValueError:
            raise ApiError(400, "JSON_PARSER_ERROR", "The HTTP entity body is not valid JSON") from None

    def form(self) -> dict[str, str]:
        return {k: v[-1] for k, v in parse_qs(self.body.decode()).items()} | self.query


def as_json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, media_type="application/json;charset=UTF-8")
