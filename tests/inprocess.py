"""A sandbox in the test's own process: real HTTP, no start-up time, its inside within reach."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.hubspot.app import HubSpotApp
from sandbox.salesforce.app import SalesforceApp
from sandbox.server import Front, Server


class Crm:
    """One served CRM: `app` is its inside, `line` its part of the ready line."""

    def __init__(self, app: Any, front: Front, line: dict[str, Any]) -> None:
        self.app, self.front, self.line = app, front, line

    @property
    def host(self) -> str:
        return str(self.line["url"]).removeprefix("http://")

    def edit(self, **change: Any) -> None:
        self.app.edit(change)

    def heard(self, method: str = "", path: str = "") -> list[Any]:
        """Requests since the last `forget`."""
        return [h for h in self.front.control.log if method in ("", h.method) and path in h.path]

    def forget(self) -> None:
        self.front.control.log.clear()

    def reset(self) -> None:
        self.app.reset()
        self.front.control.faults = []
        self.forget()


@contextmanager
def salesforce(folder: Path, keys: Path) -> Iterator[Crm]:
    """The Salesforce org of a folder; its key file goes to `keys`."""
    app = SalesforceApp.of(folder)
    with _served(app) as (front, url):
        yield Crm(app, front, app.ready(url, keys))


@contextmanager
def hubspot(folder: Path) -> Iterator[Crm]:
    app = HubSpotApp.of(folder)
    with _served(app) as (front, url):
        yield Crm(app, front, app.ready(url))


@contextmanager
def _served(app: Any) -> Iterator[tuple[Front, str]]:
    front = Front(app)
    server = Server(front, 0)
    url = server.start()
    try:
        yield front, url
    finally:
        server.stop()
