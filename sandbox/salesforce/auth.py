"""Logins: JWT bearer, client credentials, refresh token (docs/facts/salesforce.md, "Login and tokens")."""

import base64
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.salesforce.errors import OAuthError
from sandbox.salesforce.store import Org, Switches

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: an assertion may be valid this long at most ("OAuth 2.0 JWT Bearer Flow": within 3 minutes; 5 are tolerated)
MAX_ASSERTION_SECONDS = 300


@dataclass(slots=True)
class Session:
    """Session of a user who logged in."""

    username: str
    opened: datetime  #: on the org clock
    calls: int = 0


@dataclass(slots=True)
class ClientApp:
    """External client app, its key, and the sessions it has opened."""

    username: str
    client_id: str = field(default_factory=lambda: "3MVG9" + secrets.token_urlsafe(40))
    client_secret: str = field(default_factory=lambda: secrets.token_hex(32).upper())
    refresh_token: str = field(default_factory=lambda: "5Aep861" + secrets.token_urlsafe(40))
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    sessions: dict[str, Session] = field(default_factory=dict)  #: by token

    def write_key(self, folder: Path) -> Path:
        """Write the private key of the connected app, readable by its owner only."""
        path = folder / "salesforce.key"
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.touch(mode=0o600)
        path.write_bytes(pem)
        return path

    def open_session(self, org_id: str, now: datetime, username: str = "") -> str:
        token = f"{org_id[:15]}!{secrets.token_urlsafe(72)}"
        self.sessions[token] = Session(username or self.username, now)
        return token

    def admits(self, token: str, now: datetime, switches: Switches) -> bool:
        """Tell whether the session is open; counts the call, and ends a session that is too old or has made its calls."""
        session = self.sessions.get(token)
        if session is None:
            return False
        old = switches.session_seconds and (now - session.opened).total_seconds() >= switches.session_seconds
        if old or (switches.session_calls and session.calls >= switches.session_calls):
            del self.sessions[token]
            return False
        session.calls += 1
        return True


def token(client_app: ClientApp, org: Org, form: dict[str, str], authorization: str, base: str) -> dict[str, Any]:
    """Answer /services/oauth2/token; raises `OAuthError`. Uses the machine's clock (docs/facts/running.md, "Clocks")."""
    grant = form.get("grant_type", "")
    if grant == JWT_GRANT:
        _check_assertion(client_app, form.get("assertion", ""), base)
    elif grant in ("client_credentials", "refresh_token"):
        check_client(client_app, form, authorization)
        if grant == "refresh_token" and form.get("refresh_token") != client_app.refresh_token:
            raise OAuthError("invalid_grant", "expired access/refresh token")
    elif grant == "password":
        raise OAuthError("invalid_grant", "authentication failure")
    else:
        raise OAuthError("unsupported_grant_type", "grant type not supported")
    org_id = str(next(iter(org.tables["Organization"].by_id)))
    next_token = {}
    if grant == "refresh_token" and org.switches.rotate_refresh_token:
        client_app.refresh_token = "5Aep861" + secrets.token_urlsafe(40)
        next_token = {"refresh_token": client_app.refresh_token}
    return next_token | {
        "access_token": client_app.open_session(org_id, org.clock.now()),
        "instance_url": base,
        "token_type": "Bearer",
        "scope": "api",
        "id": f"{base}/id/{org_id}/{org.user}",
        "issued_at": str(int(org.clock.now().timestamp() * 1000)),
        "signature": secrets.token_urlsafe(32),
        "api_instance_url": base,
    }


def check_client(client_app: ClientApp, form: dict[str, str], authorization: str) -> None:
    client, secret = form.get("client_id", ""), form.get("client_secret", "")
    if authorization.startswith("Basic "):
        client, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
    if client != client_app.client_id:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if not secrets.compare_digest(secret, client_app.client_secret):
        raise OAuthError("invalid_client", "invalid client credentials")


def _check_assertion(client_app: ClientApp, assertion: str, base: str) -> None:
    try:
        unverified = jwt.decode(assertion, options={"verify_signature": False})
        if unverified.get("iss") != client_app.client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        audience = ["https://login.salesforce.com", "https://test.salesforce.com", base]
        claims = jwt.decode(assertion, client_app.key.public_key(), algorithms=["RS256"], audience=audience)
        if int(claims["exp"]) - time.time() > MAX_ASSERTION_SECONDS:
            raise OAuthError("invalid_grant", "invalid assertion: expiration is too far in the future")
    except jwt.ExpiredSignatureError:
        raise OAuthError("invalid_grant", "expired authorization code: assertion has expired") from None
    except jwt.InvalidAudienceError:
        raise OAuthError("invalid_grant", "audience is invalid") from None
    except (jwt.InvalidTokenError, KeyError):
        raise OAuthError("invalid_grant", "invalid assertion") from None
    if claims.get("sub") != client_app.username:
        raise OAuthError("invalid_grant", "user hasn't approved this consumer")
