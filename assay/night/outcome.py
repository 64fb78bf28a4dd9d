"""One CRM's part of a night: what it did, how long each step took, and how it ended."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from structlog.contextvars import bound_contextvars

from assay.night.options import Progress
from assay.night.stops import Stopped
from connectors.errors import CrmError, QuotaExhausted
from connectors.port import Check, Crm
from db.runs import Runs
from db.store import Org, Store

T = TypeVar("T")
#: how a night may end, worst first, each with the exit code of the command line
EXIT_CODES = {"failed": 1, "stopped": 5, "quota": 4, "rejected": 3, "done": 0}
#: what a run's row has columns for
COLUMNS = ("crm", "run", "outcome", "message", "mode", "day", "calls")


@dataclass(slots=True)
class Outcome:
    """What one night did for one org: filled step by step, stored as the run's detail."""

    crm: str
    run: int = 0
    outcome: str = "running"  #: running, or one of EXIT_CODES
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
    whole: bool = True  #: a night as the schedule runs it, no rehearsal and no undo
    facts: dict[str, Any] = field(default_factory=dict)  #: what the next runs compare themselves with

    def detail(self) -> dict[str, Any]:
        """What is kept beside the run's own columns."""
        detail = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in COLUMNS}
        return detail | {"seconds": {step: round(seconds, 3) for step, seconds in self.seconds.items()}}

    def summary(self) -> dict[str, Any]:
        """What a log line says of it."""
        summary = {
            "crm": self.crm,
            "run": self.run,
            "outcome": self.outcome,
            "mode": self.mode,
            "calls": self.calls,
            "planned": self.planned,
            "written": self.acked,
            "rejected": self.rejected,
        }
        return summary | ({"reason": self.message} if self.message else {})


def worst(outcomes: Iterable[str]) -> str:
    """The gravest of several outcomes: by severity, never by the number of the exit code."""
    return min(outcomes, key=list(EXIT_CODES).index)


@dataclass(slots=True)
class Night:
    """One CRM's part of the night."""

    crm: Crm
    out: Outcome
    org: Org | None = None
    check: Check | None = None
    anew: bool = False  #: the org has taken another one's place

    @property
    def known(self) -> tuple[Org, Check]:
        """The org and what it said; only after its check."""
        if self.org is None or self.check is None:
            raise RuntimeError(f"{self.crm.name} has not been checked")
        return self.org, self.check

    @contextmanager
    def fallible(self) -> Iterator[None]:
        """What the CRM, or a safety rule, ends ends here; the outcome says how."""
        try:
            with bound_contextvars(crm=self.crm.name, run=self.out.run):
                yield
        except QuotaExhausted as error:
            self.out.outcome, self.out.message = "quota", str(error)
        except Stopped as error:
            self.out.outcome, self.out.message = "stopped", str(error)
        except CrmError as error:
            self.out.outcome, self.out.message = "failed", str(error)

    def end(self, store: Store) -> None:
        """Keep what happened, whatever it was."""
        out = self.out
        out.calls = self.crm.calls
        if out.outcome == "running":
            out.outcome = "failed"
        if out.run:
            ended = {"day": out.day, "message": out.message, "calls": out.calls, "detail": out.detail()}
            Runs(store.engine).end(out.run, int(time.time()), out.outcome, **ended)


def running(nights: Sequence[Night]) -> list[Night]:
    """The nights that nothing has ended yet."""
    return [night for night in nights if night.out.outcome == "running"]


def timed(out: Outcome, progress: Progress, name: str, work: Callable[[], T]) -> T:
    """Do a step of the night and note how long it took."""
    progress.step(name)
    start = time.perf_counter()
    try:
        return work()
    finally:
        out.seconds[name] = time.perf_counter() - start
