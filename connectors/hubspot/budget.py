"""Keeps calls inside the portal's limits (reference: hubspot.md 1.3): a burst bucket, a slower one for search, a daily share."""

import threading
import time
from collections.abc import Callable

import httpx

from connectors.errors import QuotaExhausted
from connectors.hubspot.errors import NAME

#: until the first answer says otherwise: the smallest tier's calls in ten seconds
SMALLEST_BURST, WINDOW = 100, 10.0
#: search allows five a second for the whole account, by anybody
SEARCHES = 4.0


class Bucket:
    """Lets `rate` calls a second through, `size` of them at once; says how long to wait for the next."""

    def __init__(self, rate: float, size: float, clock: Callable[[], float]) -> None:
        self.rate, self.size, self.clock = rate, size, clock
        self.level, self.at = size, clock()

    def take(self) -> float:
        """Take one; the seconds to wait before using it."""
        now = self.clock()
        self.level = min(self.size, self.level + (now - self.at) * self.rate)
        self.at = now
        self.level -= 1
        return max(0.0, -self.level / self.rate)

    def resize(self, calls: float, seconds: float) -> None:
        """No more than `calls` in any `seconds`: the full bucket and its refill together stay below."""
        rate, size = 0.8 * calls / seconds, max(1.0, 0.1 * calls)
        if (rate, size) != (self.rate, self.size):
            self.rate, self.size, self.level = rate, size, min(self.level, size)


class Budget:
    """Fed by the X-HubSpot-RateLimit headers; asked before every call, and waits if need be."""

    def __init__(
        self,
        share: float,
        stop: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.share, self.stop, self.sleep = share, stop, sleep
        self.used: int | None = None
        self.allowed: int | None = None
        self.ours = 0
        self._burst = Bucket(1.0, 1.0, clock)
        self._burst.resize(SMALLEST_BURST, WINDOW)
        self._search = Bucket(SEARCHES, 1.0, clock)
        self._lock = threading.Lock()

    def heard(self, response: httpx.Response) -> None:
        """Search answers carry no limits; OAuth answers no daily ones."""
        said = {
            k[len("x-hubspot-ratelimit-") :]: v for k, v in response.headers.items() if k.startswith("x-hubspot-ratelimit")
        }
        with self._lock:
            if {"daily", "daily-remaining"} <= said.keys():
                self.allowed = int(said["daily"])
                self.used = self.allowed - int(said["daily-remaining"])
            if {"max", "interval-milliseconds"} <= said.keys():
                self._burst.resize(int(said["max"]), int(said["interval-milliseconds"]) / 1000)

    def admit(self, url: str) -> None:
        """Count one more call, wait for its turn, or raise before it is made."""
        with self._lock:
            self._check()
            self.ours += 1
            wait = self._burst.take()
            if url.endswith("/search"):
                wait = max(wait, self._search.take())
        if wait:
            self.sleep(wait)

    def _check(self) -> None:
        if self.allowed is None or self.used is None:
            return
        if self.ours >= self.share * self.allowed:
            raise QuotaExhausted(
                f"this run has used its share of the portal's API calls ({self.ours} of {self.share:.0%} of {self.allowed})",
                crm=NAME, fix="the next run goes on from here; or raise [hubspot] quota_share",
            )  # fmt: skip
        if self.used >= self.stop * self.allowed:
            raise QuotaExhausted(
                f"{self.used} of the portal's {self.allowed} daily API calls are used, Assay stops at {self.stop:.0%}",
                crm=NAME, fix="the next run goes on from here; see who else uses the portal's API",
            )  # fmt: skip
