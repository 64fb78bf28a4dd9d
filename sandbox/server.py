"""Server of an app on a port, in a thread of its own: control calls, faults, log, then the vendor's API."""

import asyncio
import ssl
import threading
from contextlib import closing
from typing import Any
from weakref import WeakSet

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from sandbox.certificates import Tls
from sandbox.control import Control
from sandbox.wire import Request, Wire

#: what is computed in a thread, so that polling is answered meanwhile
SLOW = ("/results", "/query", "/queryAll")


class Front:
    """Layer between the wire and a vendor's app: control calls, faults, log."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.control = Control(app)

    async def answer(self, request: Request) -> Response:
        path = "/" + request.path.strip("/")
        if path.startswith("/_sandbox/"):
            return self.control.answer(request.method, path.removeprefix("/_sandbox/"), request.body)
        return await self.control.answer_or_fault(request.method, path, lambda: self._app_answer(request, path))

    async def _app_answer(self, request: Request, path: str) -> Response:
        if path.endswith(SLOW):
            response, logged = await run_in_threadpool(self.app.answer, request)
        else:
            response, logged = self.app.answer(request)
        self.control.log.append(logged)
        answer: Response = response
        return answer


class Server:
    """Server of one front on one port of this machine."""

    def __init__(self, front: Front, port: int, tls: Tls | None = None) -> None:
        self.front, self.port, self.tls = front, port, tls
        self.base = ""
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._lines: WeakSet[asyncio.Transport] = WeakSet()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> str:
        """Listen; returns the base URL once it accepts connections."""
        self._thread.start()
        self._up.wait()
        if not self.base:
            raise OSError(f"port {self.port} cannot be listened on. Fix: choose another, or 0 for a free one")
        return self.base

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        with closing(self._loop):
            try:
                server = self._loop.run_until_complete(self._listen())
            except OSError:
                return
            finally:
                self._up.set()
            self._loop.run_forever()
            server.close()
            for line in list(self._lines):
                line.abort()
            self._loop.run_until_complete(asyncio.sleep(0))  # the lines end in the loop's next round

    async def _listen(self) -> asyncio.Server:
        secure = None
        if self.tls:
            secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            secure.load_cert_chain(self.tls.certificate_file, self.tls.key_file)
        server = await self._loop.create_server(
            lambda: Wire(self.front.answer, self.base, self._lines), "127.0.0.1", self.port, ssl=secure, backlog=256
        )
        self.base = f"{'https' if secure else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server
