"""A login that lasts a run: tokens in memory only, renewed once when the org ends the session."""

import threading
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from jwt.exceptions import PyJWTError

from connectors import requests_bridge
from connectors.errors import Unauthorized
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.errors import NAME, SessionEnded
from connectors.transport import Transport

if TYPE_CHECKING:  # 20 MB, and only a login needs it: the page and half of the commands do without
    from simple_salesforce.api import Salesforce


class Session:
    """Requests to one org's own address with a valid token."""

    def __init__(self, config: SalesforceConfig, transport: Transport) -> None:
        self.config, self.transport = config, transport
        self.version = config.api_version
        self._requests = requests_bridge.session(transport, self._where)
        self._token, self.base = "", ""
        self._lock = threading.Lock()

    def login(self) -> None:
        """JWT bearer with a key, else client credentials, else an admin's own session; raises `Unauthorized`."""
        c = self.config
        if c.access_token:
            self._token, self.base = c.access_token, c.instance_url.rstrip("/") or c.login_url.rstrip("/")
            return
        from simple_salesforce.exceptions import SalesforceAuthenticationFailed
        from simple_salesforce.login import SalesforceLogin

        try:
            if c.private_key:
                self._token, host = SalesforceLogin(
                    username=c.username,
                    consumer_key=c.client_id,
                    privatekey=c.private_key,
                    domain=self._audience(),
                    session=self._requests,
                )
            else:
                self._token, host = SalesforceLogin(
                    consumer_key=c.client_id, consumer_secret=c.client_secret, domain="org.my", session=self._requests
                )
        except (SalesforceAuthenticationFailed, PyJWTError, ValueError, TypeError) as error:
            raise Unauthorized(
                f"login failed: {' '.join(str(error).split())[:200]}",
                crm=NAME,
                fix="check [salesforce] private_key_file: an RSA private key in PEM form",
            ) from None
        self.base = self._scheme(str(host)) + str(host)

    def _audience(self) -> str:
        """`aud` of the assertion is login or test, whatever My Domain the request goes to."""
        host = urlsplit(self.config.login_url).hostname or ""
        return "test" if host.startswith("test.") or ".sandbox." in host else "login"

    def _where(self, url: str) -> str:
        """The SDK insists on https and on a host of its own; ours is what the configuration says."""
        parts = urlsplit(url)
        if parts.path.startswith("/services/oauth2/token"):
            return self.config.login_url.rstrip("/") + parts.path
        return self._scheme(parts.netloc) + parts.netloc + parts.path + (f"?{parts.query}" if parts.query else "")

    def _scheme(self, netloc: str) -> str:
        plain = self.transport.is_plain(netloc) and self.config.login_url.startswith("http://")
        return "http://" if plain else "https://"

    def sdk(self) -> "Salesforce":
        """Return simple-salesforce for the control plane, over our transport."""
        from simple_salesforce.api import Salesforce

        return Salesforce(session_id=self._token, instance_url=self.base, version=self.version, session=self._requests)

    def call(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **kwargs: Any) -> httpx.Response:
        """Send a request to the org; after INVALID_SESSION_ID one new login and the same request again."""
        token = self._token
        try:
            return self._send(method, path, headers, **kwargs)
        except SessionEnded:
            self._renew(token)
            return self._send(method, path, headers, **kwargs)

    def text(self, path: str) -> Iterator[str]:
        """Yield the text of a large CSV answer, piece by piece; the same new login where the session has ended."""
        token = self._token
        try:
            yield from self.transport.text(self._url(path), headers=self._headers(path))
        except SessionEnded:  # said before the first piece
            self._renew(token)
            yield from self.transport.text(self._url(path), headers=self._headers(path))

    def _send(self, method: str, path: str, headers: Mapping[str, str] | None, **kwargs: Any) -> httpx.Response:
        return self.transport.request(method, self._url(path), headers={**self._headers(path), **(headers or {})}, **kwargs)

    def _url(self, path: str) -> str:
        return path if path.startswith("http") else self.base + path

    def _headers(self, path: str) -> dict[str, str]:
        plain = {"Accept-Encoding": "identity"} if self.transport.is_plain(urlsplit(self._url(path)).netloc) else {}
        return {"Authorization": f"Bearer {self._token}", **plain}

    def _renew(self, spent: str) -> None:
        with self._lock:  # several downloads may find out at once; one login is enough
            if self._token == spent:
                self.login()

    def data(self, path: str) -> str:
        """Return a path below this version's root."""
        return f"/services/data/v{self.version}{path}"

    def control(self, ask: "Callable[[Salesforce], Any]") -> Any:
        """Ask through the SDK; an ended session is renewed once."""
        token = self._token
        try:
            return ask(self.sdk())
        except SessionEnded:
            self._renew(token)
            return ask(self.sdk())


def server_time(response: httpx.Response) -> int:
    """Return the API's clock: its Date header."""
    return int(parsedate_to_datetime(response.headers["date"]).timestamp())
