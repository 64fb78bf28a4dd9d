"""One request, taken apart."""

import json
from typing import Any
from urllib.parse import parse_qsl

from sandbox.hubspot.errors import invalid
from sandbox.wire import Request


class Call:
    """Request of a client; `rows` counts the records it read or wrote, for the log."""

    def __init__(self, request: Request, path: str) -> None:
        self.method, self.path, self.base, self.body = request.method, path, request.base, request.body
        self.raw_path = request.path
        self.headers = request.headers
        self._pairs = parse_qsl(request.query, keep_blank_values=True)
        self.query = dict(self._pairs)
        self.length = request.length
        self.rows, self.release = 0, ""
        self.app = False  #: whether an OAuth app asks, not a key

    def names(self, key: str) -> list[str]:
        """Return a list of names, given comma by comma or one by one."""
        return [n for k, v in self._pairs if k == key for n in v.split(",") if n]

    def flag(self, key: str) -> bool:
        return self.query.get(key, "").lower() == "true"

    def json(self) -> dict[str, Any]:
        try:
            body = json.loads(self.body or b"{}")
        except ValueError:
            raise invalid("Invalid input JSON: could not be parsed") from None
        if not isinstance(body, dict):
            raise invalid("Invalid input JSON: an object is needed")
        return body
