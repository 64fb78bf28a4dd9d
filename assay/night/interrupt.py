"""A run that is asked to end does so between two batches: what was sent is settled, the lease given back."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

from assay.nightly import Interrupted, Tell

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stoppable:
    """Passes on to another Tell, and raises `Interrupted` there once `asked` is set."""

    def __init__(self, tell: Tell, asked: Event) -> None:
        self.tell, self.asked = tell, asked

    def step(self, name: str) -> None:
        self._raise_if_asked()
        self.tell.step(name)

    def rows(self, stream: str, rows: int, calls: int) -> None:
        self.tell.rows(stream, rows, calls)
        self._raise_if_asked()

    def _raise_if_asked(self) -> None:
        if self.asked.is_set():
            raise Interrupted("ended on request between two batches; the next run goes on from here")


@contextmanager
def asked_to_end() -> Iterator[Event]:
    """An event that SIGTERM and Ctrl-C set; the second of them ends the process the usual way. Main thread only."""
    asked = Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, ask) for number in SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
