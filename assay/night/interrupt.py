"""A run ends between two batches when it is asked to, or when it has lost its lease: what was sent is settled first."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import Any

from assay.night.options import Interrupted, Progress
from db.lease import Lease

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopOnRequest:
    """Passes on to another Progress, and raises `Interrupted` there once `stop` is set."""

    def __init__(self, progress: Progress, stop: Event) -> None:
        self.progress, self.stop = progress, stop

    def step(self, name: str) -> None:
        self._raise_if_asked()
        self.progress.step(name)

    def rows(self, stream: str, rows: int, calls: int) -> None:
        self.progress.rows(stream, rows, calls)
        self._raise_if_asked()

    def ended(self, summaries: Sequence[Mapping[str, Any]]) -> None:
        self.progress.ended(summaries)

    def _raise_if_asked(self) -> None:
        if self.stop.is_set():
            raise Interrupted("ended on request between two batches; the next run goes on from here")


class StopOnLeaseLost:
    """Passes on to another Progress, and raises `LeaseLost` there once the heartbeat has lost the lease, not only where the
    run would write."""

    def __init__(self, progress: Progress, lease: Lease) -> None:
        self.progress, self.lease = progress, lease

    def step(self, name: str) -> None:
        self.lease.check()
        self.progress.step(name)

    def rows(self, stream: str, rows: int, calls: int) -> None:
        self.lease.check()
        self.progress.rows(stream, rows, calls)

    def ended(self, summaries: Sequence[Mapping[str, Any]]) -> None:
        self.progress.ended(summaries)


@contextmanager
def stop_signals() -> Iterator[Event]:
    """An event that SIGTERM and Ctrl-C set; the second of them ends the process the usual way. Main thread only."""
    stop = Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    handlers = {number: signal.signal(number, ask) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
