"""What one night did for one org, and how long each step took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from assay.nightly import Tell

T = TypeVar("T")
#: what a run's row has columns for
COLUMNS = ("crm", "run", "outcome", "message", "mode", "day", "calls")


@dataclass(slots=True)
class Outcome:
    """What one night did for one org: filled step by step, stored as the run's detail."""

    crm: str
    run: int = 0
    outcome: str = "running"  #: done, rejected, quota, stopped, failed
    message: str = ""
    mode: str = "dry"
    day: int = 0
    calls: int = 0
    rows: dict[str, int] = field(default_factory=dict)  #: stream -> rows read
    changed: dict[str, int] = field(default_factory=dict)  #: stream -> rows that were new or different
    gone: dict[str, int] = field(default_factory=dict)  #: kind -> rows the CRM no longer lists
    odd: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    nights: int = 0  #: nights judged: one, or more where earlier ones were replayed
    states: dict[str, int] = field(default_factory=dict)
    scope: dict[str, Any] = field(default_factory=dict)  #: accounts in and out of scope, of this CRM and of the firm
    calls_left: int | None = None  #: of the org's daily API calls, when the night began
    planned: int = 0
    lacking: list[str] = field(default_factory=list)  #: what the user should see in the CRM and does not
    visible: dict[str, int] = field(default_factory=dict)  #: records that the user sees, where the CRM says so
    within_band: int = 0
    acked: int = 0
    rejected: int = 0
    waiting: int = 0  #: accounts that the CRM refused and that are not due again
    facts: dict[str, Any] = field(default_factory=dict)  #: what the next runs compare themselves with

    def detail(self) -> dict[str, Any]:
        """What is kept beside the run's own columns."""
        kept = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in COLUMNS}
        return kept | {"seconds": {step: round(seconds, 3) for step, seconds in self.seconds.items()}}


def timed(out: Outcome, tell: "Tell", name: str, work: Callable[[], T]) -> T:
    """Do a step of the night and note how long it took."""
    tell.step(name)
    with _clock(out, name):
        return work()


@contextmanager
def _clock(out: Outcome, name: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        out.seconds[name] = time.perf_counter() - start
