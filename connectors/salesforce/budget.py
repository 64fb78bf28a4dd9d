"""Keeps us inside our share of the org's daily API calls (docs/facts/salesforce.md, "Daily calls")."""

import re

import httpx

from connectors.daily_calls import Allowance, moment
from connectors.salesforce.errors import NAME

#: the per-app part may follow: "api-usage=18/5000; per-app-api-usage=17/250(appName=x)"
USAGE = re.compile(r"(?:^|[;,]\s*)api-usage=(\d+)/(\d+)")


class Budget(Allowance):
    """Fed by Sforce-Limit-Info; asked before every call."""

    def __init__(self, share: float, stop: float) -> None:
        super().__init__(share, stop, NAME, "org")

    def after_response(self, response: httpx.Response) -> None:
        """Learn from an answer what is used; those of the login carry no usage."""
        match = USAGE.search(response.headers.get("sforce-limit-info", ""))
        used, allowed = (int(match[1]), int(match[2])) if match else (None, None)
        self.learn(used, allowed, moment(response))

    def before_call(self, _url: str) -> None:
        """Count one more call, or raise before it is made."""
        self.take()
