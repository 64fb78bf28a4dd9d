"""How a night's progress is shown: bars on a terminal, log lines elsewhere. Always on stderr."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.contextvars import get_contextvars

from assay.night.options import Progress
from db.runs import GOOD


class Quiet:
    """Shows nothing."""

    def step(self, name: str) -> None: ...

    def rows(self, stream: str, rows: int, calls: int) -> None: ...

    def ended(self, summaries: Sequence[Mapping[str, Any]]) -> None: ...


class Logged:
    """A log line a step and a stream."""

    def __init__(self) -> None:
        self.log = structlog.get_logger("assay.night")
        self.stream: dict[str, Any] = {}  #: the stream whose rows are coming, to be logged once when it ends

    def step(self, name: str) -> None:
        self.flush()
        self.log.info(name)

    def rows(self, stream: str, rows: int, calls: int) -> None:
        if stream != self.stream.get("stream"):
            self.flush()
        self.stream = get_contextvars() | {"stream": stream, "rows": rows, "calls": calls}

    def ended(self, summaries: Sequence[Mapping[str, Any]]) -> None:
        self.flush()
        for summary in summaries:
            (self.log.info if summary["outcome"] in GOOD else self.log.error)("night ended", **summary)

    def flush(self) -> None:
        if self.stream:
            self.log.info("rows", **self.stream)
        self.stream = {}


class Bars:
    """A live line a stream: rows, rows a second, API calls."""

    def __init__(self, bars: Any) -> None:
        self.bars = bars  #: rich.progress.Progress
        self.tasks: dict[str, tuple[Any, float]] = {}

    def step(self, name: str) -> None:
        self.bars.add_task(name, total=None, facts="")

    def rows(self, stream: str, rows: int, calls: int) -> None:
        if stream not in self.tasks:
            self.tasks[stream] = (self.bars.add_task(f"  {stream}", total=None, facts=""), time.monotonic())
        task, start = self.tasks[stream]
        rate = rows / max(time.monotonic() - start, 0.05)
        self.bars.update(task, facts=f"{rows:,} rows  {rate:,.0f} rows/s  {calls} API calls")

    def ended(self, summaries: Sequence[Mapping[str, Any]]) -> None:
        """Whoever sits at the terminal reads the outcomes on stdout."""


@contextmanager
def progress_for(quiet: bool = False) -> Iterator[Progress]:
    """The right way to show progress here."""
    if quiet:
        yield Quiet()
    elif not sys.stderr.isatty():
        logged = Logged()
        yield logged
        logged.flush()
    else:
        with _bars() as bars:
            yield Bars(bars)


def _bars() -> Any:
    """rich's live lines, which obey NO_COLOR; loaded only where there is a terminal."""
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    return RichProgress(
        SpinnerColumn(),
        TextColumn("{task.description:<24}"),
        TextColumn("{task.fields[facts]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
