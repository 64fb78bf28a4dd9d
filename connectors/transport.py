"""The one HTTP client: timeouts, retries, call count, budget, allow-listed hosts, no secrets in any message."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import stamina

from connectors.errors import CrmError, Unavailable

#: seconds; a result page of many megabytes needs the long one
CONNECT, READ = 10.0, 120.0
ATTEMPTS, PATIENCE = 5, 120.0

Explain = Callable[[httpx.Response], CrmError | None]


class Transport:
    """Speaks HTTP to one CRM; `explain` turns an answer into an error or None.

    `before_call` may hold a call to a URL back or refuse it, `after_response` sees every answer that is no error of the line.
    `hosts` are the vendor's own: a name, or with a dot in front all below it; `allow_hosts` are the admin's, with their port.
    """

    def __init__(
        self,
        crm: str,
        explain: Explain,
        *,
        hosts: Sequence[str] = (),
        allow_hosts: Sequence[str] = (),
        ca_file: Path | None = None,
        before_call: Callable[[str], None] = lambda _: None,
        after_response: Callable[[httpx.Response], None] = lambda _: None,
        attempts: int = ATTEMPTS,
    ) -> None:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it logs whole URLs, and with them SOQL
        verify: Any = httpx.create_ssl_context(verify=str(ca_file)) if ca_file else True
        self.crm, self.explain, self.hosts, self.allow_hosts = crm, explain, tuple(hosts), tuple(allow_hosts)
        self.before_call, self.after_response, self.attempts = before_call, after_response, attempts
        self.calls = 0
        self._lock = threading.Lock()
        timeout = httpx.Timeout(READ, connect=CONNECT)
        self._client = httpx.Client(timeout=timeout, verify=verify, follow_redirects=False)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | Iterable[bytes] | None = None,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        repeat: bool = True,
    ) -> httpx.Response:
        """One call, retried while the trouble is passing; raises `CrmError`.

        Reads may always be sent again. A write says `repeat=False`: it is sent again only if the CRM asks for that by name
        (a burst limit, a lock), for else it may have arrived (connectors/lost_answers.py).
        """
        self._check_host(url)
        for attempt in stamina.retry_context(on=_wait if repeat else _asked, attempts=self.attempts, timeout=PATIENCE):
            with attempt:
                return self._once(method, url, headers=headers, content=content, json=json, params=params)
        raise AssertionError  # retry_context either returns or raises

    def text(self, url: str, *, headers: Mapping[str, str] | None = None) -> Iterator[str]:
        """The text of a large CSV answer, piece by piece as it comes; asked once, raises `CrmError` also when it breaks off."""
        self._check_host(url)
        with closing(self._once("GET", url, stream=True, headers=headers)) as response:
            try:
                yield from response.iter_text()
            except httpx.HTTPError as error:
                raise self._unreachable(url, error) from None

    def _once(self, method: str, url: str, *, stream: bool = False, **kwargs: Any) -> httpx.Response:
        self.before_call(url)
        with self._lock:
            self.calls += 1
        try:
            response = self._client.send(self._client.build_request(method, url, **kwargs), stream=stream)
            if stream and "text/csv" not in response.headers.get("content-type", ""):
                response.read()  # an error's words, which `explain` wants whole
        except httpx.HTTPError as error:
            raise self._unreachable(url, error) from None
        if not stream:
            response.stream = httpx.ByteStream(b"")  # httpx ties a response to its stream; untied, a page is freed at once
        self.after_response(response)
        refusal = self.explain(response)
        if refusal is not None:
            raise refusal
        return response

    def _unreachable(self, url: str, error: httpx.HTTPError) -> Unavailable:
        where = urlsplit(url).netloc
        return Unavailable(
            f"{where} cannot be reached ({type(error).__name__})",
            crm=self.crm,
            fix="check the address, the network and any proxy; the next run goes on where this one stopped",
        )

    def _check_host(self, url: str) -> None:
        """Only https to the vendor's own hosts, unless a host is listed."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        allowed = parts.scheme == "https" and any(host == h or (h[0] == "." and host.endswith(h)) for h in self.hosts)
        if not allowed and parts.netloc not in self.allow_hosts:
            raise CrmError(
                f"{parts.scheme}://{parts.netloc} is not one of the vendor's hosts",
                crm=self.crm,
                fix=f'if it is right, set allow_hosts = ["{parts.netloc}"]',
            )

    def is_plain(self, netloc: str) -> bool:
        """Whether a host is a listed one on this machine, spoken to without TLS."""
        return netloc in self.allow_hosts and netloc.rpartition(":")[0] in ("127.0.0.1", "localhost", "[::1]")

    def close(self) -> None:
        self._client.close()


def _wait(error: Exception) -> bool | float:
    """Whether to try again, and how long the CRM asks to wait first."""
    if not isinstance(error, CrmError) or error.permanent:
        return False
    return True if error.retry_after is None else min(error.retry_after, PATIENCE)


def _asked(error: Exception) -> bool | float:
    """Whether the CRM has said that the call was not done and when to send it again."""
    return _wait(error) if isinstance(error, CrmError) and error.retry_after is not None else False
