"""HTTP/1.1 on a socket: httptools parses; a response leaves in one write, with the vendors' spelling of headers.

A general server costs 0.3 ms a call, as much as a page of a hundred records does; and it writes headers and body apart
(a delayed ACK of about 40 ms with some clients), names in lower case (airbyte-source-salesforce 2.10.3 fails on those),
and has no way to break a line half way, which a fault script needs.
"""

import asyncio
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, MutableSet
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httptools
from starlette.responses import Response

from sandbox.faults import Broken


@dataclass(frozen=True, slots=True)
class Request:
    """Request of a client; `headers` by lower-case name, `base` the address it was sent to, `length` the target's bytes."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    base: str
    length: int


Answer = Callable[[Request], Awaitable[Response]]


class Wire(asyncio.Protocol):
    """Connection: requests are answered one after the other, whatever has been sent ahead."""

    def __init__(self, answer: Answer, base: str, lines: MutableSet[asyncio.Transport]) -> None:
        self._answer, self._base, self._lines = answer, base, lines
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._work: asyncio.Task[None] | None = None

    def connection_made(self, transport: Any) -> None:
        self._line: asyncio.Transport = transport
        self._lines.add(transport)
        self._parser = httptools.HttpRequestParser(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # no other protocol is supported; the request is complete
        except httptools.HttpParserError:
            self._line.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            self._line.close()

    def on_message_begin(self) -> None:
        """Start a request; httptools calls this and the others below, in their order."""
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue":
            self._line.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        self._body.append(part)

    def on_message_complete(self) -> None:
        path, _, query = self._target.decode("latin-1").partition("?")
        request = Request(
            self._parser.get_method().decode(),
            unquote(path),
            query,
            self._headers,
            b"".join(self._body),
            self._base,
            len(self._target),
        )
        self._waiting.append((request, self._parser.should_keep_alive()))
        if self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        while self._waiting:
            request, stays = self._waiting.popleft()
            try:
                response = await self._answer(request)
            except Exception:  # a defect of the sandbox itself: printed, so that nobody looks for it in a client
                traceback.print_exc()
                response, stays = Response("Internal Server Error", 500), False
            self._send(request, response, stays=stays)
        self._work = None

    def _send(self, request: Request, response: Response, *, stays: bool) -> None:
        if isinstance(response, Broken):
            if response.whole is None:
                self._line.abort()
                return
            whole = response.whole
            self._line.write(head(whole) + bytes(whole.body)[: len(whole.body) // 2])
            stays = False
        else:
            body = b"" if request.method == "HEAD" else bytes(response.body)
            self._line.write(head(response, b"" if stays else b"Connection: close\r\n") + body)
        if not stays:
            self._line.close()


def head(response: Response, more: bytes = b"") -> bytes:
    """Write the status line and the headers."""
    lines = b"".join([cased(name) + b": " + value + b"\r\n" for name, value in response.raw_headers])
    return status_line(response.status_code) + lines + more + b"\r\n"


@cache
def status_line(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


@cache
def cased(name: bytes) -> bytes:
    """Write a header's name as the vendors do."""
    text = name.title()
    for plain, vendor in (b"Hubspot", b"HubSpot"), (b"Ratelimit", b"RateLimit"), (b"Numberofrecords", b"NumberOfRecords"):
        text = text.replace(plain, vendor)
    return text
