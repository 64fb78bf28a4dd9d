"""Our share of a CRM's daily API calls: counted before a call is made, over all runs of a day.

(docs/facts/running.md, "Daily API calls")
"""

import threading
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from connectors.errors import QuotaExhausted

if TYPE_CHECKING:
    import httpx

#: calls reserved at a time: what a killed run has reserved counts as made
BLOCK = 20


class Meter(Protocol):
    """Remembers calls beyond this run; `at` is the CRM's own clock (seconds)."""

    def spent(self, at: int) -> tuple[int, int]:
        """Calls of the last 24 hours, and how many a day the CRM last said it allows (0: unknown)."""
        ...

    def add(self, at: int, calls: int, allowed: int) -> None:
        """Count calls before they are made; a negative number gives back."""
        ...


class Forgetful:
    """No memory beyond this run."""

    def spent(self, at: int) -> tuple[int, int]:
        return 0, 0

    def add(self, at: int, calls: int, allowed: int) -> None:
        pass


class Allowance:
    """Two limits, neither exceeded by one call: `share` of the day's calls for us, `stop` of them for everybody.

    `learn` takes from each answer how many calls everybody has made. Calls under way have not been counted by the CRM
    yet, so they are added to what it says.
    """

    def __init__(self, share: float, stop: float, crm: str, whose: str) -> None:
        self.share, self.stop, self.crm, self.whose = share, stop, crm, whose
        self.meter: Meter = Forgetful()
        self.clock: Callable[[], float] = time.time  #: until the CRM has told its own
        self.used: int | None = None  #: by everybody, as the CRM says
        self.allowed: int | None = None
        self.ours = 0  #: calls of this run
        self.before = 0  #: calls of our earlier runs in the last 24 hours
        self._at = 0
        self._reserved = 0
        self._under_way = 0
        self._lock = threading.Lock()

    def learn(self, used: int | None, allowed: int | None, at: int = 0) -> None:
        """An answer has come; the CRM may have said how many calls are used, and what time it is.

        A call whose answer never came stays "under way": the limit is then reached a call early, never late.
        """
        with self._lock:
            self._under_way = max(0, self._under_way - 1)
            if used is None or allowed is None:
                return
            if at and not self._at:
                self.before, _ = self.meter.spent(at)
            self.used, self.allowed, self._at = used, allowed, max(at, self._at)

    def take(self) -> None:
        """Count one more call, or raise `QuotaExhausted` before it is made."""
        with self._lock:
            if self.ours == 0 and self.allowed is None:
                self._recall()
            self._check()
            self.ours += 1
            self._under_way += 1
            if self._at and self.ours > self._reserved:
                self._count(self.ours + BLOCK - 1)

    def _recall(self) -> None:
        """What the last runs have learned holds until the first answer; if our share is used up, not even one call is made."""
        before, allowed = self.meter.spent(int(self.clock()))
        if allowed:
            self.before, self.allowed, self.used = before, allowed, before

    def _count(self, calls: int) -> None:
        """Remember that this run has made so many calls, or is about to."""
        if self._at and calls != self._reserved:
            self.meter.add(self._at, calls - self._reserved, self.allowed or 0)
            self._reserved = calls

    def close(self) -> None:
        """The run has ended: give back what was reserved and not used; the next run learns anew what is left."""
        with self._lock:
            self._count(self.ours)
            self.ours = self.before = self._at = self._reserved = self._under_way = 0
            self.used = self.allowed = None

    def _check(self) -> None:
        if self.allowed is None or self.used is None:
            return
        if self.before + self.ours >= whole(self.share * self.allowed):
            raise QuotaExhausted(
                f"Assay has used its share of the {self.whose}'s API calls "
                f"({self.before + self.ours} of {self.share:.0%} of {self.allowed} in 24 hours)",
                crm=self.crm,
                fix=f"the next run goes on from here; or raise [{self.crm}] quota_share",
            )
        if self.used + self._under_way >= whole(self.stop * self.allowed):
            raise QuotaExhausted(
                f"{self.used} of the {self.whose}'s {self.allowed} daily API calls are used, Assay stops at {self.stop:.0%}",
                crm=self.crm,
                fix=f"the next run goes on from here; see who else uses the {self.whose}'s API",
            )


@runtime_checkable
class Limited(Protocol):
    """A CRM that allows so many calls a day, and keeps what it allows in an `Allowance`."""

    @property
    def budget(self) -> Allowance: ...


def whole(calls: float) -> int:
    """Return a share in whole calls: 7 % of 100,000 is 7,000.000000000001 to a machine, and that is not one more."""
    return int(calls + 1e-6)


def moment(response: "httpx.Response") -> int:
    """Return the CRM's clock: the Date header of an answer; 0 without one."""
    date = response.headers.get("date")
    return int(parsedate_to_datetime(date).timestamp()) if date else 0
