"""A dead man's switch: somebody outside hears of each night, and raises the alarm when nothing is heard.

The addresses are those of healthchecks.io and its kin: URL/start, URL for success, URL/fail.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import httpx
import structlog

from assay.night.options import Interrupted
from assay.night.outcome import Outcome
from assay.settings import Settings
from db.runs import GOOD

#: seconds; a night never waits long for whoever watches it
TIMEOUT = 10.0

log = structlog.get_logger("assay.ping")


class Ping:
    """Calls the watcher's addresses; does nothing without a URL, and never fails a night."""

    def __init__(self, settings: Settings) -> None:
        url = settings.schedule.ping_url
        self._url = url.get_secret_value() if url else ""
        self._ca_file = settings.ca_file

    def start(self) -> None:
        self._post("/start")

    def success(self) -> None:
        self._post("")

    def failure(self) -> None:
        self._post("/fail")

    def _post(self, suffix: str) -> None:
        if not self._url:
            return
        parts = urlsplit(self._url)
        url = urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix))
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


class PingOutcomes:
    """Keeps the outcomes of a night, so that its end can be reported."""

    def __init__(self) -> None:
        self.outcomes: Sequence[Outcome] = ()


@contextmanager
def ping_around(settings: Settings, *, whole: bool) -> Iterator[PingOutcomes]:
    """Report a night's start and how it ended; of a `whole` one only, for part of a night or a dry one proves nothing."""
    ping, night = Ping(settings), PingOutcomes()
    if whole:
        ping.start()
    try:
        yield night
    except Interrupted:
        whole = False  # the next run goes on from here; if it does not, the watcher hears nothing, and that is the alarm
        raise
    finally:
        if whole:
            good = bool(night.outcomes) and all(o.outcome in GOOD for o in night.outcomes)
            (ping.success if good else ping.failure)()
