"""Lets requests-based SDKs speak through our one client (docs/adr/0002)."""

from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import BaseAdapter

from connectors.transport import Transport


class Bridge(BaseAdapter):
    """A requests adapter that forwards to `Transport`; `where` maps the URL an SDK insists on to the real one."""

    def __init__(self, transport: Transport, where: Callable[[str], str]) -> None:
        super().__init__()
        self.transport, self.where = transport, where

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """One request; errors come as `CrmError`, not as the SDK's own."""
        body = request.body.encode() if isinstance(request.body, str) else request.body
        headers = {k: v if isinstance(v, str) else v.decode() for k, v in request.headers.items()}
        answer = self.transport.request(
            request.method or "GET", self.where(request.url or ""), headers=headers, content=body or None
        )
        response = requests.Response()
        response.status_code, response._content = answer.status_code, answer.content
        response.headers.update(answer.headers)
        response.url, response.request, response.encoding = str(answer.url), request, answer.encoding or "utf-8"
        return response

    def close(self) -> None:
        """The client is not ours to close."""


def session(transport: Transport, where: Callable[[str], str]) -> requests.Session:
    """Return a requests session all of whose calls go through `transport`."""
    session = requests.Session()
    for prefix in ("https://", "http://"):
        session.mount(prefix, Bridge(transport, where))
    return session
