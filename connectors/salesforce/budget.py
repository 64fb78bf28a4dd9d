"""Keeps a run inside its share of the org's daily API calls (reference: salesforce.md 1.11)."""

import re
import threading

import httpx

from connectors.errors import QuotaExhausted
from connectors.salesforce.errors import NAME

#: the per-app part may follow: "api-usage=18/5000; per-app-api-usage=17/250(appName=x)"
USAGE = re.compile(r"(?:^|[;,]\s*)api-usage=(\d+)/(\d+)")


class Budget:
    """Fed by Sforce-Limit-Info; asked before every call."""

    def __init__(self, share: float, stop: float) -> None:
        self.share, self.stop = share, stop
        self.used: int | None = None
        self.allowed: int | None = None
        self.ours = 0
        self._lock = threading.Lock()

    def heard(self, response: httpx.Response) -> None:
        match = USAGE.search(response.headers.get("sforce-limit-info", ""))
        if match:
            self.used, self.allowed = int(match[1]), int(match[2])

    def admit(self, _url: str) -> None:
        """Count one more call, or raise before it is made; the limit is never exceeded by one call."""
        with self._lock:
            self._check()
            self.ours += 1

    def _check(self) -> None:
        if self.allowed is None or self.used is None:
            return
        if self.ours >= self.share * self.allowed:
            raise QuotaExhausted(
                f"this run has used its share of the org's API calls ({self.ours} of {self.share:.0%} of {self.allowed})",
                crm=NAME, fix="the next run goes on from here; or raise [salesforce] quota_share",
            )  # fmt: skip
        if self.used >= self.stop * self.allowed:
            raise QuotaExhausted(
                f"{self.used} of the org's {self.allowed} daily API calls are used, Assay stops at {self.stop:.0%}",
                crm=NAME, fix="the next run goes on from here; see who else uses the org's API",
            )  # fmt: skip
