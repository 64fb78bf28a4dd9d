"""Fetch the next page while this one is being saved."""

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")


def ahead(source: Iterator[T], pages: int = 1) -> Iterator[T]:
    """Yield what `source` yields, read by a thread that is at most `pages` ahead; its exception is raised here."""
    line: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(maxsize=pages)
    stop = threading.Event()
    reader = threading.Thread(target=_read, args=(source, line, stop), daemon=True)
    reader.start()
    try:
        while True:
            word, item = line.get()
            if word == "end":
                return
            if word == "error":
                raise item  # type: ignore[misc]
            yield item  # type: ignore[misc]
    finally:
        stop.set()
        while reader.is_alive():  # make room, so that a blocked reader sees the stop
            try:
                line.get(timeout=0.05)
            except queue.Empty:
                continue


def _read(source: Iterator[T], line: "queue.Queue[tuple[str, T | BaseException | None]]", stop: threading.Event) -> None:
    try:
        for item in source:
            line.put(("page", item))
            if stop.is_set():
                break
        line.put(("end", None))
    except BaseException as error:  # everything belongs to the caller's thread
        line.put(("error", error))
