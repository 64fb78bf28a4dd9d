"""Limits of calls: ten seconds, a day in the portal's time zone, search by itself (docs/facts/hubspot.md, "Rate limits")."""

import time
from collections import deque
from collections.abc import Callable
from zoneinfo import ZoneInfo

from sandbox.hubspot.store import Portal

WINDOW = 10.0
NO_LIMIT = 1_000_000


class Refused(Exception):
    """Refusal of a call beyond a limit; `policy` names the limit."""

    def __init__(self, policy: str, message: str) -> None:
        super().__init__(message)
        self.policy = policy

    def body(self) -> dict[str, str]:
        """Return the documented form; `errorType`, not `category`."""
        return {
            "status": "error",
            "message": self.args[0],
            "errorType": "RATE_LIMIT",
            "policyName": self.policy,
            "correlationId": "c033cdaa-2c40-4a64-ae48-b4cec88dad24",
            "requestId": "3d3e35b7-0dae-4b9f-a6e3-9c230cbcf8dd",
        }


class Limits:
    """Counters of calls that refuse those beyond a limit."""

    def __init__(self, portal: Portal, daily: int, burst: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.portal, self.daily, self.burst, self.clock = portal, daily, burst, clock
        self.used, self.day = 0, self._today()
        self._recent: deque[float] = deque()
        self._searches: deque[float] = deque()

    def _today(self) -> int:
        return self.portal.clock.now().astimezone(ZoneInfo(self.portal.zone)).toordinal()

    def take(self, *, search: bool) -> None:
        """Count a call, or raise `Refused`."""
        if self._today() != self.day:
            self.day, self.used = self._today(), 0
        if self.used >= self.daily:
            raise Refused("DAILY", "You have reached your daily limit.")
        if search and self.portal.switches.search_per_second:
            self._room(self._searches, self.portal.switches.search_per_second, 1.0, "SECONDLY", "secondly")
        if self.burst:
            self._room(self._recent, self.burst, WINDOW, "TEN_SECONDLY_ROLLING", "ten_secondly_rolling")
        self.used += 1

    def _room(self, recent: deque[float], limit: float, seconds: float, policy: str, word: str) -> None:
        now = self.clock()
        while recent and recent[0] <= now - seconds:
            recent.popleft()
        if len(recent) >= limit:
            raise Refused(policy, f"You have reached your {word} limit.")
        recent.append(now)

    def headers(self, *, daily: bool) -> dict[str, str]:
        """Return the limit headers; an OAuth app does not get the daily ones."""
        limit = self.burst or NO_LIMIT
        window = {
            "X-HubSpot-RateLimit-Max": str(limit),
            "X-HubSpot-RateLimit-Remaining": str(limit - len(self._recent)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        }
        day = {
            "X-HubSpot-RateLimit-Daily": str(self.daily),
            "X-HubSpot-RateLimit-Daily-Remaining": str(self.daily - self.used),
        }
        return window | day if daily else window
