"""One request and what the log says of it."""

import json
from typing import Any

from starlette.requests import Request

from sandbox.hubspot.errors import invalid


class Call:
    """A request taken apart; `rows` is what it read or wrote."""

    def __init__(self, request: Request, body: bytes, path: str, base: str) -> None:
        self.method, self.path, self.base, self.body = request.method, path, base, body
        self.raw_path = request.url.path
        self.headers = request.headers
        pairs = request.query_params.multi_items()
        self.query = dict(pairs)
        self._pairs = pairs
        self.length = len(request.url.path) + len(request.url.query)
        self.rows, self.release = 0, ""

    def names(self, key: str) -> list[str]:
        """A list of names, comma by comma or one by one."""
        return [n for k, v in self._pairs if k == key for n in v.split(",") if n]

    def flag(self, key: str) -> bool:
        return self.query.get(key, "").lower() == "true"

    def json(self) -> dict[str, Any]:
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            raise invalid("Invalid input JSON: could not be parsed") from None
        if not isinstance(found, dict):
            raise invalid("Invalid input JSON: an object is needed")
        return found
