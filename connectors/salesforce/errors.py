"""What Salesforce's answers mean. Pure: a response to an error with its way out (docs/facts/salesforce.md, "Errors")."""

import json
from typing import Any

import httpx

from connectors.errors import CrmError, FieldMissing, Forbidden, QuotaExhausted, Refused, Unauthorized, Unavailable

NAME = "salesforce"
#: passing troubles: Salesforce Edge says 420, an overloaded instance 406 (airbyte, jsforce)
PASSING = (406, 420, 429, 500, 502, 503, 504)
LOGIN_FIXES = {
    "invalid_client_id": "check [salesforce] client_id: the consumer key of your External Client App",
    "invalid_client": "check [salesforce] client_secret",
    "invalid_grant": "check that private_key_file matches the app's certificate, username is the integration user, "
    "that user is pre-authorised, and this machine's clock is right",
    "unsupported_grant_type": "allow the JWT bearer or client credentials flow in the External Client App",
}


class SessionEnded(Unauthorized):
    """The access token is no longer good; a new login helps once."""


def explain(response: httpx.Response) -> CrmError | None:
    """Return the error an answer means, or None if it is good."""
    html = "text/html" in response.headers.get("content-type", "")
    if response.is_success and not html:
        return None
    if html or response.status_code in PASSING:
        return _unavailable(response, html=html)
    if response.is_redirect:
        return CrmError("redirected elsewhere", crm=NAME, fix="set [salesforce] login_url to your My Domain address")
    body = _body(response)
    if isinstance(body, dict) and "error" in body:
        return _login(body)
    first = body[0] if isinstance(body, list) and body and isinstance(body[0], dict) else {}
    return _api(response.status_code, str(first.get("errorCode", "")), str(first.get("message", "")))


def _unavailable(response: httpx.Response, *, html: bool) -> CrmError:
    what = "answered a web page instead of data" if html else f"is not available (HTTP {response.status_code})"
    after = response.headers.get("retry-after", "")
    return Unavailable(
        what,
        crm=NAME,
        retry_after=float(after) if after.isdigit() else None,
        fix="wait and run again; if it stays, check [salesforce] login_url and the instance's status page",
    )


def _login(body: dict[str, Any]) -> CrmError:
    code = str(body["error"])
    fix = LOGIN_FIXES.get(code, "check the External Client App's flow, key and user")
    return Unauthorized(f"login refused: {code}: {body.get('error_description', '')}", crm=NAME, fix=fix)


def _api(status: int, code: str, message: str) -> CrmError:
    text = " ".join(message.split())[:300]
    if status == 401 or code == "INVALID_SESSION_ID":
        return SessionEnded(f"{code or 'HTTP 401'}: {text}", crm=NAME, fix="check that the user may use the API")
    if code == "REQUEST_LIMIT_EXCEEDED":
        if "Concurrent" in text:
            return Unavailable(f"{code}: {text}", crm=NAME, fix="too many long calls at once; the run tries again")
        return QuotaExhausted(f"{code}: {text}", crm=NAME, fix="wait for the 24-hour window; the next run goes on from here")
    if code in ("INVALID_FIELD", "INVALID_TYPE"):
        return FieldMissing(f"{code}: {text}", crm=NAME, fix="give the user access to it (permission set Assay_Integration)")
    if code in ("API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED", "INSUFFICIENT_ACCESS", "TXN_SECURITY_METERING_ERROR"):
        return Forbidden(f"{code}: {text}", crm=NAME, fix="give the user API access; see docs/salesforce.md")
    if code == "UNABLE_TO_LOCK_ROW" or (status == 400 and code == "QUERY_TIMEOUT"):
        return Unavailable(f"{code}: {text}", crm=NAME, fix="the run tries again")
    return Refused(f"{code or f'HTTP {status}'}: {text}", crm=NAME)


def _body(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError:
        return None


def code_of(error: CrmError) -> str:
    """Return the vendor's code at the head of an error's message."""
    return str(error.args[0]).partition(":")[0]
