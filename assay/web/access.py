"""Who may look: loopback without a token, everybody else with one (docs/facts/running.md, "The page")."""

import base64
import binascii
import hmac
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay.report.templating import style_hash
from assay.settings import ConfigError, Settings

#: answers that need no token and carry no data
OPEN = frozenset({"/healthz", "/readyz"})
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
#: nothing but our own stylesheet, pictures in the page, and forms that come back to us (docs/facts/running.md, "The page")
HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'self' {style_hash()}; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-robots-tag": "noindex",
}


def token_of(settings: Settings) -> str | None:
    """The token that opens the page, from `[web] token` or the file `token_file` names; raises `ConfigError`."""
    web = settings.web
    if web.token is not None:
        return _usable(web.token)
    if web.token_file is None:
        return None
    try:
        return _usable(SecretStr(Path(web.token_file).read_text(encoding="utf-8").strip()))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError([f"[web] token_file {web.token_file}: {why}. Fix: check the path and its mode"]) from None


def _usable(token: SecretStr) -> str:
    text = token.get_secret_value()
    if len(text) < 16:
        raise ConfigError(["[web] token is shorter than 16 characters. Fix: openssl rand -hex 32"])
    return text


def raise_if_exposed(host: str, settings: Settings) -> None:
    """Refuse to listen where others can reach the page while it asks for no token; raises `ConfigError`."""
    if token_of(settings) is None and host not in LOOPBACK:
        raise ConfigError(
            [
                f"the page would listen on {host} and show every account to whoever reaches it. "
                "Fix: set [web] token or token_file (ASSAY_WEB__TOKEN_FILE), or listen on 127.0.0.1"
            ]
        )


class Access:
    """ASGI middleware: the token, the host name, and the headers that every answer carries.

    Without a token only a loopback host name is answered: a web page elsewhere could otherwise point a name of its own at
    127.0.0.1 and read what the visitor's browser fetches (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                extra = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in present]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await (self._refusal(scope) or self.app)(scope, receive, dressed)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        if scope["path"] in OPEN:
            return None
        if self.token is not None:
            return None if _presented(headers.get("authorization", ""), self.token) else _ask()
        if _name(headers.get("host", "")) in LOOPBACK:
            return None
        return PlainTextResponse("this page answers to 127.0.0.1 and localhost only, unless [web] token is set\n", 421)


def _ask() -> ASGIApp:
    how = {"WWW-Authenticate": 'Basic realm="Assay", charset="UTF-8"', "Cache-Control": "no-store"}
    return PlainTextResponse("a token is needed: as Bearer token, or as the password of any user name\n", 401, how)


def _presented(header: str, token: str) -> bool:
    """Whether the header holds the token; takes as long for a near miss as for a far one."""
    kind, _, value = header.partition(" ")
    given = value.strip()
    if kind.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError, ValueError):
            given = ""
    elif kind.lower() != "bearer":
        given = ""
    return hmac.compare_digest(given.encode(), token.encode())


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
