"""Fetch the next page while this one is being saved."""

import gc
import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")


def ahead(source: Iterator[T], pages: int = 1) -> Iterator[T]:
    """Yield what `source` yields, read by a thread that is at most `pages` ahead; its exception is raised here.

    Meanwhile the cyclic garbage collector rests: pages are millions of small tuples without a cycle among them, and
    looking through them again and again costs a quarter of the pull.
    """
    collecting = gc.isenabled()
    gc.disable()
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
        if collecting:
            gc.enable()
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
