"""Keeps calls inside the portal's limits: a burst bucket, a slower one for search, a daily share (docs/facts/hubspot.md, "Rate limits")."""

import threading
import time
from collections.abc import Callable

import httpx

from connectors.daily_calls import Allowance, moment
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


class Budget(Allowance):
    """Fed by the X-HubSpot-RateLimit headers; asked before every call, and waits if need be."""

    def __init__(
        self,
        share: float,
        stop: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(share, stop, NAME, "portal")
        self.sleep = sleep
        self._burst = Bucket(1.0, 1.0, clock)
        self._burst.resize(SMALLEST_BURST, WINDOW)
        self._search = Bucket(SEARCHES, 1.0, clock)
        self._pace = threading.Lock()

    def after_response(self, response: httpx.Response) -> None:
        """Search answers carry no limits; OAuth answers no daily ones."""
        limits = {
            k[len("x-hubspot-ratelimit-") :]: v for k, v in response.headers.items() if k.startswith("x-hubspot-ratelimit")
        }
        if {"max", "interval-milliseconds"} <= limits.keys():
            with self._pace:
                self._burst.resize(int(limits["max"]), int(limits["interval-milliseconds"]) / 1000)
        daily = {"daily", "daily-remaining"} <= limits.keys()
        allowed = int(limits["daily"]) if daily else None
        self.learn(allowed - int(limits["daily-remaining"]) if allowed is not None else None, allowed, moment(response))

    def before_call(self, url: str) -> None:
        """Count one more call and wait for its turn, or raise before it is made."""
        self.take()
        with self._pace:
            wait = self._burst.take()
            if url.endswith("/search"):
                wait = max(wait, self._search.take())
        if wait:
            self.sleep(wait)
