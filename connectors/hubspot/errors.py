"""What HubSpot's answers mean. Pure: a response to an error with its way out (docs/facts/hubspot.md, "Errors")."""

import json
from typing import Any

import httpx

from connectors.errors import CrmError, Forbidden, QuotaExhausted, Refused, Unauthorized, Unavailable

NAME = "hubspot"
#: seconds to wait by policy; a ten-secondly window is waited out (HubSpot's own Node client does the same)
WINDOW, SECOND = 10.0, 1.0
#: record locked; account being moved; Cloudflare's and the gateway's troubles
LOCKED, MOVING = 423, 477
PASSING = (500, 502, 503, 504, 521, 522, 523, 524, 525, 526)
#: Cloudflare refuses what does not look like a token
NO_TOKEN = 530


class Locked(Unavailable):
    """A record is being changed by something else."""


def explain(response: httpx.Response) -> CrmError | None:
    """Return the error an answer means, or None if it is good. A 207 is good: its `errors` belong to single records."""
    html = "text/html" in response.headers.get("content-type", "")
    if response.is_success and not html:
        return None
    status = response.status_code
    if status == 429:
        return _limited(response)
    if status in (401, NO_TOKEN):
        return Unauthorized(
            f"the token was refused (HTTP {status}: {_message(_body(response))})",
            crm=NAME,
            fix="check [hubspot] token: Development > Keys > Service keys in the portal; a rotated key ends after 7 days",
        )
    if status == LOCKED:
        return Locked(
            "a record is locked (HTTP 423)",
            crm=NAME,
            retry_after=_after(response) or 2.0,
            fix="the row is tried again at the next run",
        )
    if html or status in (MOVING, *PASSING):
        return _unavailable(response, html=html)
    if response.is_redirect:
        return CrmError("redirected elsewhere", crm=NAME, fix="set [hubspot] base_url to https://api.hubapi.com")
    body = _body(response)
    if status == 403:
        return _forbidden(body)
    return Refused(f"{body.get('category') or f'HTTP {status}'}: {_message(body)}", crm=NAME)


def _limited(response: httpx.Response) -> CrmError:
    """429 comes in three forms, its policy in `policyName` or in the message, in any case of letters."""
    body = _body(response)
    said = f"{body.get('policyName', '')} {body.get('message', '')}".lower()
    if "daily" in said:
        return QuotaExhausted(
            "the portal's API calls of today are used up",
            crm=NAME,
            fix="they start anew at midnight of the portal's time zone; the next run goes on from here",
        )
    wait = WINDOW if "ten" in said or "secondly" not in said else SECOND
    return Unavailable(
        "too many calls at once (HTTP 429)",
        crm=NAME,
        retry_after=_after(response) or wait,
        fix="another tool uses the same key; give Assay its own",
    )


def _unavailable(response: httpx.Response, *, html: bool) -> CrmError:
    what = "answered a web page instead of data" if html else f"is not available (HTTP {response.status_code})"
    return Unavailable(what, crm=NAME, retry_after=_after(response), fix="wait and run again; see HubSpot's status page")


def _after(response: httpx.Response) -> float | None:
    after = response.headers.get("retry-after", "")
    return float(after) if after.isdigit() else None


def _forbidden(body: dict[str, Any]) -> CrmError:
    scopes = needed_scopes(body)
    if scopes:
        return Forbidden(
            f"the key lacks the scope {' or '.join(scopes)}",
            crm=NAME,
            fix="add it to the service key in the portal (Development > Keys), see docs/hubspot.md",
        )
    return Forbidden(f"{body.get('category', 'HTTP 403')}: {_message(body)}", crm=NAME, fix="see docs/hubspot.md, scopes")


def needed_scopes(body: dict[str, Any]) -> list[str]:
    """Return the scopes a MISSING_SCOPES answer asks for."""
    contexts = [body.get("context") or {}, *((e.get("context") or {}) for e in body.get("errors") or [])]
    return sorted({s for c in contexts for key in ("requiredGranularScopes", "requiredScopes") for s in c.get(key, [])})


def _message(body: dict[str, Any]) -> str:
    return " ".join(str(body.get("message", "")).split())[:300]


def _body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = json.loads(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
