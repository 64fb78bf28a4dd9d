"""Access tokens of an OAuth app: half an hour each, from a refresh token that lasts and does not rotate."""

import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from sandbox.hubspot.errors import ApiError

LIFETIME = timedelta(seconds=1_800)
APP = {"client_id": "c0ffee00-0000-4a64-ae48-000000000app", "client_secret": "c0ffee00-secret"}
REFRESH = "na1-c0ffee00-refresh"


class OAuth:
    """Tokens of the app and when they end, on the portal's clock."""

    def __init__(self) -> None:
        self._ends: dict[str, datetime] = {}

    def token(self, body: bytes, now: datetime) -> dict[str, Any]:
        """Answer /oauth/{v1,v3,date}/token."""
        form = dict(parse_qsl(body.decode()))
        if form.get("grant_type") != "refresh_token":
            raise _refused("UNSUPPORTED_GRANT_TYPE", "only refresh_token is supported")
        if {k: form.get(k) for k in APP} != APP:
            raise _refused("BAD_CLIENT_ID", "missing or invalid client id or secret")
        if form.get("refresh_token") != REFRESH:
            raise _refused("BAD_REFRESH_TOKEN", "missing or unknown refresh token")
        access_token = secrets.token_urlsafe(40)
        self._ends[access_token] = now + LIFETIME
        return {
            "token_type": "bearer",
            "refresh_token": REFRESH,
            "access_token": access_token,
            "expires_in": int(LIFETIME.total_seconds()),
        }

    def knows(self, token: str) -> bool:
        return token in self._ends

    def admit(self, token: str, now: datetime) -> None:
        """Raise if its half hour is over."""
        if now >= self._ends[token]:
            raise ApiError(401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired.")

    def clear(self) -> None:
        self._ends.clear()


def _refused(status: str, message: str) -> ApiError:
    return ApiError(400, status, message)
