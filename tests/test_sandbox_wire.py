"""HTTP as clients really speak it: sent ahead, in chunks, with a question before a large body, or not at all."""

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.wire import cased


@pytest.fixture
def line(ready: dict[str, Any]) -> Iterator[socket.socket]:
    url = httpx.URL(ready["url"])
    with socket.create_connection((url.host, url.port or 0), timeout=10) as found:
        yield found


def until(line: socket.socket, mark: bytes, times: int = 1) -> bytes:
    heard = b""
    while heard.count(mark) < times:
        more = line.recv(65_536)
        if not more:
            break
        heard += more
    return heard


def ask(path: str = "/services/data", head: str = "", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode()


def test_requests_sent_ahead_are_answered_in_their_order(line: socket.socket) -> None:
    line.sendall(ask() + ask("/services/data/v68.0/limits") + ask())
    heard = until(line, b"HTTP/1.1 ", 3)
    assert [part[:3] for part in heard.split(b"HTTP/1.1 ")[1:]] == [b"200", b"401", b"200"]


def test_a_body_may_come_in_chunks_and_a_question_before_it_is_answered(line: socket.socket) -> None:
    line.sendall(ask("/_sandbox/clock", "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", "POST"))
    assert until(line, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    for part in (b'{"adv', b'ance": 0}'):
        line.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
    line.sendall(b"0\r\n\r\n")
    assert b'"now"' in until(line, b"}")


def test_a_head_request_has_no_body_and_a_client_that_says_so_is_left(line: socket.socket) -> None:
    line.sendall(ask(method="HEAD", head="Connection: close\r\n"))
    heard = until(line, b"never")
    assert heard.endswith(b"Connection: close\r\n\r\n")


def test_what_is_no_http_is_refused(line: socket.socket) -> None:
    line.sendall(b"\x16\x03\x01 hello\r\n\r\n")
    assert until(line, b"never").startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_headers_are_written_as_the_vendors_write_them(salesforce: httpx.Client) -> None:
    """airbyte-source-salesforce 2.10.3 fails on lower-case names of Bulk pages."""
    names = [k.decode() for k, _ in salesforce.get("/services/data/v68.0/limits").headers.raw]
    assert {"Sforce-Limit-Info", "Content-Type", "Date"} <= set(names)
    assert cased(b"sforce-numberofrecords") == b"Sforce-NumberOfRecords"
    assert cased(b"x-hubspot-ratelimit-daily") == b"X-HubSpot-RateLimit-Daily"
