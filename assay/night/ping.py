"""A dead man's switch: somebody outside hears of each night, and raises the alarm when nothing is heard.

The addresses are those of healthchecks.io and its kin: URL/start, URL for success, URL/fail.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import httpx
import structlog

from assay.night.outcome import Outcome
from assay.night.progress import GOOD
from assay.nightly import Interrupted
from assay.settings import Settings

#: seconds; a night never waits long for its watcher
TIMEOUT = 10.0

log = structlog.get_logger("assay.night.ping")


class Ping:
    """Tells the watcher; says nothing without a URL, and never fails a night."""

    def __init__(self, settings: Settings) -> None:
        url = settings.schedule.ping_url
        self._url = url.get_secret_value() if url else ""
        self._ca_file = settings.ca_file

    def start(self) -> None:
        self._tell("/start")

    def success(self) -> None:
        self._tell("")

    def failure(self) -> None:
        self._tell("/fail")

    def _tell(self, what: str) -> None:
        if not self._url:
            return
        parts = urlsplit(self._url)
        url = urlunsplit(parts._replace(path=parts.path.rstrip("/") + what))
        verify = httpx.create_ssl_context(verify=str(self._ca_file)) if self._ca_file else True
        try:
            with httpx.Client(
                timeout=TIMEOUT, verify=verify, transport=httpx.HTTPTransport(verify=verify, retries=2)
            ) as client:
                client.post(url).raise_for_status()
        except httpx.HTTPStatusError as error:
            log.warning("ping refused", host=parts.hostname, status=error.response.status_code)
        except httpx.HTTPError as error:
            log.warning("ping not delivered", host=parts.hostname, error=type(error).__name__)


class Watcher:
    """Keeps what a block saw, so that its end can be told."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def saw(self, outcomes: list[Outcome]) -> list[Outcome]:
        self.outcomes = outcomes
        return outcomes


@contextmanager
def watched(settings: Settings, *, whole: bool) -> Iterator[Watcher]:
    """Tell the watcher of a night and how it went; of a `whole` one only, for part of a night or a dry one proves nothing."""
    ping, watcher = Ping(settings), Watcher()
    if whole:
        ping.start()
    try:
        yield watcher
    except Interrupted:
        whole = False  # the next run goes on from here; if it does not, the watcher hears nothing, and that is the alarm
        raise
    finally:
        if whole:
            good = bool(watcher.outcomes) and all(o.outcome in GOOD for o in watcher.outcomes)
            (ping.success if good else ping.failure)()
