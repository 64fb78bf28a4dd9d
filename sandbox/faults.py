"""Fault injection: which requests a rule applies to, and what becomes of their answers.

The named answers are those that real orgs and portals have sent (docs/facts/salesforce.md, "Errors";
docs/facts/hubspot.md, "Rate limits").
"""

import json
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

MAINTENANCE = "<html><head><title>Down for maintenance</title></head><body>We are setting things up.</body></html>"
#: status, html, named: another answer, and nothing is done (with `done`: it is done all the same). expire: every session
#: ends. cut: the connection breaks before anything is done. lose: it is done, and the answer is lost. truncate: half of
#: the answer arrives. strip: some headers of the answer are missing.
ACTIONS = ("status", "html", "expire", "cut", "lose", "truncate", "strip", "named")


def _salesforce(code: str, message: str) -> str:
    return json.dumps([{"message": message, "errorCode": code}])


def _hubspot(message: str, policy: str) -> str:
    """Write the documented form; other forms that live portals have sent are in `NAMED`."""
    facts = {
        "status": "error",
        "message": message,
        "errorType": "RATE_LIMIT",
        "correlationId": "c0ffee00",
        "policyName": policy,
    }
    return json.dumps(facts)


JSON = {"Content-Type": "application/json;charset=UTF-8"}
HTML = {"Content-Type": "text/html"}
#: name -> status, body, headers
NAMED: Mapping[str, tuple[int, str, Mapping[str, str]]] = {
    "salesforce_concurrent": (
        403,
        _salesforce("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
        JSON,
    ),
    "salesforce_daily": (403, _salesforce("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), JSON),
    "salesforce_timeout": (400, _salesforce("QUERY_TIMEOUT", "Your query request was running for too long."), JSON),
    "salesforce_unavailable": (503, _salesforce("SERVER_UNAVAILABLE", "API temporarily unavailable"), JSON),
    "salesforce_unknown": (500, _salesforce("UNKNOWN_EXCEPTION", "An unexpected error occurred. ErrorId: 1"), JSON),
    "salesforce_420": (420, "We are setting things up", HTML),
    "salesforce_406": (406, "", {}),
    "salesforce_retired": (410, _salesforce("UNSUPPORTED_API_VERSION", "API version is no longer supported"), JSON),
    "salesforce_disabled": (
        403,
        _salesforce("API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner"),
        JSON,
    ),
    "salesforce_policy": (
        403,
        _salesforce("TXN_SECURITY_METERING_ERROR", "An error occurred while evaluating a policy."),
        JSON,
    ),
    "salesforce_needs_limit": (
        400,
        _salesforce(
            "API_ERROR",
            "Implementation restriction: Task only allows security evaluation "
            "for non-admin users when LIMIT is specified and is at most 100.",
        ),
        JSON,
    ),
    "salesforce_too_large": (400, _salesforce("OPERATION_TOO_LARGE", "exceeded 100000 distinct who/what's"), JSON),
    "salesforce_query_storage": (
        400,
        _salesforce("LIMIT_EXCEEDED", "Max bulk v2 query result size stored (1000000000) kb per 24 hrs has been exceeded"),
        JSON,
    ),
    "salesforce_login_rate": (400, json.dumps({"error": "invalid_grant", "error_description": "login rate exceeded"}), JSON),
    "hubspot_burst": (429, _hubspot("You have reached your ten_secondly_rolling limit.", "TEN_SECONDLY_ROLLING"), JSON),
    "hubspot_secondly": (429, _hubspot("You have reached your secondly limit.", "SECONDLY"), JSON),
    "hubspot_daily": (429, _hubspot("You have reached your daily limit.", "DAILY"), JSON),
    "hubspot_limits": (
        429,
        json.dumps(
            {
                "status": "error",
                "message": "You have reached your ten_secondly_rolling limit.",
                "category": "RATE_LIMITS",
                "correlationId": "c0ffee00",
            }
        ),
        JSON,
    ),
    "hubspot_patience": (
        429,
        _hubspot("You have reached your ten_secondly_rolling limit.", "TEN_SECONDLY_ROLLING"),
        {**JSON, "Retry-After": "1"},
    ),
    "hubspot_530": (530, "error code: 1016", HTML),
    "hubspot_locked": (423, json.dumps({"status": "error", "message": "Locked", "category": "LOCKED"}), JSON),
    "hubspot_migrating": (477, "", {"Retry-After": "60"}),
    "bad_gateway": (502, "<html><body><h1>502 Bad Gateway</h1></body></html>", HTML),
    "maintenance": (200, MAINTENANCE, HTML),
}


class Broken(Response):
    """Broken connection: it ends after half of a true answer's body, or at once."""

    def __init__(self, whole: Response | None = None) -> None:
        super().__init__(status_code=599)
        self.whole = whole


@dataclass(slots=True)
class Fault:
    """Rule for the nth to (nth+times-1)th request that matches, or for each with a probability, drawn with a seed."""

    path: re.Pattern[str]
    method: str
    nth: int
    times: int
    probability: float | None
    action: str
    status: int
    body: str
    headers: dict[str, str]
    strip: tuple[str, ...] = ()
    done: bool = False
    rng: random.Random = field(default_factory=random.Random)
    matched: int = 0
    fired: int = 0

    def strikes(self, method: str, path: str) -> bool:
        if (self.method and self.method != method) or not self.path.search(path):
            return False
        self.matched += 1
        if self.probability is None:
            return self.nth <= self.matched < self.nth + self.times
        if self.fired >= self.times or self.rng.random() >= self.probability:
            return False
        self.fired += 1
        return True

    async def answer(self, app: Any, app_answer: Callable[[], Awaitable[Response]]) -> Response:
        """Return what the client gets; `app_answer` lets the app do what was asked."""
        if self.action == "cut":
            return Broken()
        if self.action in ("status", "html", "named"):
            if self.done:
                await app_answer()
            return Response(self.body, self.status, headers=self.headers)
        if self.action == "expire":
            app.expire()
        response = await app_answer()
        if self.action == "lose":
            return Broken()
        if self.action == "truncate":
            return Broken(response)
        for name in self.strip:
            del response.headers[name]
        return response


#: what a fault rule may say
WHICH_REQUESTS = {"path", "method", "nth", "times", "probability", "seed"}
WHAT_HAPPENS = {"action", "name", "status", "body", "headers", "strip", "done"}
KEYS = WHICH_REQUESTS | WHAT_HAPPENS


def faults(rules: list[dict[str, Any]]) -> list[Fault]:
    """Read fault rules from JSON; raises ValueError for an unknown key, action or name."""
    if not isinstance(rules, list):
        raise ValueError("a list of fault rules is needed")
    return [_fault(rule) for rule in rules]


def _fault(rule: dict[str, Any]) -> Fault:
    if unknown := rule.keys() - KEYS:
        raise ValueError(f"unknown key {min(unknown)!r} of a fault rule; known are {', '.join(sorted(KEYS))}")
    action = rule.get("action", "named" if "name" in rule else "status")
    if action not in ACTIONS:
        raise ValueError(f"unknown action {action!r}; known are {', '.join(ACTIONS)}")
    status, body, headers = int(rule.get("status", 503)), rule.get("body", ""), dict(rule.get("headers", {}))
    if action == "html":
        status, body, headers = 200, body or MAINTENANCE, {"Content-Type": "text/html"} | headers
    if action == "named":
        if rule.get("name") not in NAMED:
            raise ValueError(f"unknown name {rule.get('name')!r}; known are {', '.join(NAMED)}")
        status, default_body, more = NAMED[rule["name"]]
        body, headers = body or default_body, {**more, **headers}
    chance = rule.get("probability")
    if chance is not None and not 0 <= float(chance) <= 1:
        raise ValueError(f"probability is between 0 and 1, not {chance}")
    return Fault(
        path=re.compile(rule.get("path", "")),
        method=rule.get("method", ""),
        nth=int(rule.get("nth", 1)),
        times=int(rule.get("times", 1 if chance is None else 1_000_000_000)),
        probability=None if chance is None else float(chance),
        action=action,
        status=status,
        body=body,
        headers=headers,
        strip=tuple(rule.get("strip", ())),
        done=bool(rule.get("done")),
        rng=random.Random(int(rule.get("seed", 1))),
    )
