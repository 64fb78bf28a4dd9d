"""How a night's progress is told: bars on a terminal, log lines elsewhere. Always on stderr."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from structlog.contextvars import get_contextvars

from assay.night.outcome import Outcome
from assay.nightly import Tell

#: outcomes of a night that did what it was asked to
GOOD = ("done", "rejected")


class Quiet:
    """Says nothing."""

    def step(self, name: str) -> None: ...

    def rows(self, stream: str, rows: int, calls: int) -> None: ...


class Logged:
    """A log line a step and a stream."""

    def __init__(self) -> None:
        self.log = structlog.get_logger("assay.night")
        self.told: dict[str, Any] = {}

    def step(self, name: str) -> None:
        self.flush()
        self.log.info(name)

    def rows(self, stream: str, rows: int, calls: int) -> None:
        if stream != self.told.get("stream"):
            self.flush()
        self.told = get_contextvars() | {"stream": stream, "rows": rows, "calls": calls}

    def flush(self) -> None:
        if self.told:
            self.log.info("rows", **self.told)
        self.told = {}


class Bars:
    """A live line a stream: rows, rows a second, API calls."""

    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.tasks: dict[str, tuple[object, float]] = {}
        self.current: object | None = None

    def step(self, name: str) -> None:
        self.current = self.bars.add_task(name, total=None, facts="")

    def rows(self, stream: str, rows: int, calls: int) -> None:
        if stream not in self.tasks:
            self.tasks[stream] = (self.bars.add_task(f"  {stream}", total=None, facts=""), time.monotonic())
        task, start = self.tasks[stream]
        rate = rows / max(time.monotonic() - start, 0.05)
        self.bars.update(task, facts=f"{rows:,} rows  {rate:,.0f} rows/s  {calls} API calls")  # type: ignore[arg-type]


@contextmanager
def telling(quiet: bool = False) -> Iterator[Tell]:
    """The right way to tell progress here; rich obeys NO_COLOR."""
    console = Console(stderr=True)
    if quiet:
        yield Quiet()
    elif not sys.stderr.isatty():
        logged = Logged()
        yield logged
        logged.flush()
    else:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:<24}"),
            TextColumn("{task.fields[facts]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console, transient=True) as bars:
            yield Bars(bars)


def log_outcomes(outcomes: list[Outcome]) -> None:
    """One line a CRM: how its night ended."""
    log = structlog.get_logger("assay.night")
    for o in outcomes:
        facts: dict[str, Any] = {"crm": o.crm, "run": o.run, "outcome": o.outcome, "mode": o.mode, "calls": o.calls,
                                 "planned": o.planned, "written": o.acked, "rejected": o.rejected}  # fmt: skip
        tell = log.info if o.outcome in GOOD else log.error
        tell("night ended", **facts, **({"reason": o.message} if o.message else {}))
