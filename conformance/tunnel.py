"""A CONNECT proxy on loopback that leads every named host to one port, for clients with a built-in address.

airbyte-source-salesforce logs in at login.salesforce.com and nowhere else (docs/facts/salesforce.md, "Foreign clients").
"""

import contextlib
import socket
import threading


class Tunnel:
    """Accepts CONNECT to anything and joins it with `127.0.0.1:port`."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.hosts: list[str] = []  #: the hosts that clients named
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            part = near.recv(4096)
            if not part:
                return
            head += part
        self.hosts.append(head.split(b" ")[1].decode())
        far = socket.create_connection(("127.0.0.1", self.target))
        near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=_pour, args=(far, near), daemon=True).start()
        _pour(near, far)


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            sink.sendall(part)
        sink.shutdown(socket.SHUT_WR)
