"""Serves an app over HTTP/1.1: uvicorn, with a response's headers and body in one write."""

import asyncio
import re
import threading
import traceback
from typing import Any

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.certificates import Tls
from sandbox.control import Control
from sandbox.faults import Broken

#: what is computed in a thread, so that polling is answered meanwhile
SLOW = ("/results", "/query", "/queryAll")


HEADER = re.compile(rb"(?<=\r\n)[a-z0-9-]+(?=: )")


def _cased(name: re.Match[bytes]) -> bytes:
    """A header's name as the vendors write it; uvicorn writes all in lower case.

    airbyte-source-salesforce 2.10.3 asks `dict(response.headers)` for the lower-case name, and fails where it finds it.
    """
    return name[0].title().replace(b"Hubspot", b"HubSpot").replace(b"Ratelimit", b"RateLimit")


class OneWrite:
    """A transport that joins the writes of one loop tick.

    Headers and body in two segments cost a delayed ACK (about 40 ms) with some clients and make every benchmark noise.
    """

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(HEADER.sub(_cased, data) if data.startswith(b"HTTP/1.1 ") else data)

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


#: open connections by the client's address, so that a fault rule can cut one
OPEN: dict[tuple[str, int], Any] = {}


class Protocol(HttpToolsProtocol):
    """uvicorn's own protocol over a joining transport."""

    def connection_made(self, transport: Any) -> None:
        # kept, because a TLS transport forgets it when the connection is lost
        self.peer = transport.get_extra_info("peername")[:2]
        OPEN[self.peer] = transport
        super().connection_made(OneWrite(transport, self.loop))  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        OPEN.pop(self.peer, None)
        super().connection_lost(exc)


class Front:
    """Between the server and a vendor's app: control calls, faults, log."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.control = Control(app)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        body = await request.body()
        try:
            response = await self._answer(request, body)
        except Exception:  # a defect of the sandbox itself: said aloud, so that nobody hunts for it in a client
            traceback.print_exc()
            raise
        if isinstance(response, Broken):
            await _break(response, scope, receive, send)
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request, body: bytes) -> Response:
        path = "/" + request.url.path.strip("/")
        if path.startswith("/_sandbox/"):
            control: Response = self.control.answer(request.method, path.removeprefix("/_sandbox/"), body)
            return control
        return await self.control.meet(request.method, path, lambda: self._truth(request, body, path))

    async def _truth(self, request: Request, body: bytes, path: str) -> Response:
        base = f"{request.url.scheme}://{request.scope['server'][0]}:{request.scope['server'][1]}"
        if path.endswith(SLOW):
            response, heard = await run_in_threadpool(self.app.answer, request, body, base)
        else:
            response, heard = self.app.answer(request, body, base)
        self.control.heard.append(heard)
        answer: Response = response
        return answer


async def _break(broken: Broken, scope: Any, receive: Any, send: Any) -> None:
    """End the connection: at once, or when half of the body has left."""
    line = OPEN[tuple(scope["client"])]
    if broken.whole is None:
        line.abort()
        return
    whole = broken.whole
    await send({"type": "http.response.start", "status": whole.status_code, "headers": whole.raw_headers})
    await send({"type": "http.response.body", "body": bytes(whole.body)[: len(whole.body) // 2], "more_body": True})
    await asyncio.sleep(0)  # lets the joined write leave
    line.close()


class Server:
    """One front on one port, in a thread of its own."""

    def __init__(self, front: Front, port: int, tls: Tls | None = None) -> None:
        self.front, self.scheme = front, "https" if tls else "http"
        files = {"ssl_keyfile": str(tls.key_file), "ssl_certfile": str(tls.certificate_file)} if tls else {}
        config = uvicorn.Config(
            self.front, host="127.0.0.1", port=port, http=Protocol, log_level="critical", access_log=False,
            date_header=False, server_header=False, lifespan="off", timeout_keep_alive=60, backlog=256,
            **files,  # type: ignore[arg-type]
        )  # fmt: skip
        self.server = uvicorn.Server(config)
        self.server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def start(self) -> str:
        """Listen; the base URL once it accepts connections."""
        self.thread.start()
        while not self.server.started:
            if not self.thread.is_alive():
                raise OSError(
                    f"port {self.server.config.port} cannot be listened on. Fix: choose another, or 0 for a free one"
                )
            threading.Event().wait(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        return f"{self.scheme}://127.0.0.1:{port}"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(timeout=10)
