"""hubspot-api-client over our one transport and on dated paths, for the control plane (docs/adr/0008).

Its own transport opens a pool for each access, has no timeout and knows v3 and v4 only (docs/facts/hubspot.md, "The official client").
"""

import json
from typing import Any

import httpx
from hubspot import HubSpot

from connectors.hubspot.config import HubSpotConfig
from connectors.transport import Transport

#: v3 paths to the dated ones: the date follows the API's name (docs/facts/hubspot.md, "Versions and paths")
DATED = {f"/crm/v3/{name}": f"/crm/{name}/{{date}}" for name in ("objects", "properties", "pipelines", "owners")}


class Answer:
    """A response in the form the SDK's models are read from."""

    def __init__(self, response: httpx.Response) -> None:
        self.status, self.reason, self.data = response.status_code, response.reason_phrase, response.content
        self._headers = response.headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        value: str | None = self._headers.get(name, default)
        return value

    def getheaders(self) -> dict[str, str]:
        return dict(self._headers)


class Rest:
    """Stands in for the SDK's `rest_client`; errors come as `CrmError`, not as the SDK's own."""

    def __init__(self, transport: Transport, date: str) -> None:
        self.transport, self.date = transport, date

    def request(
        self, method: str, url: str, query_params: Any = None, headers: Any = None, body: Any = None, **_: Any
    ) -> Answer:
        content = json.dumps(body).encode() if body is not None else None
        params = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in query_params or ()}
        all_headers = {"Content-Type": "application/json", **(headers or {})}
        return Answer(
            self.transport.request(method, self._dated(url), headers=all_headers, params=params or None, content=content)
        )

    def _dated(self, url: str) -> str:
        for old, new in DATED.items():
            if old in url:
                return url.replace(old, new.format(date=self.date), 1)
        return url

    def __getattr__(self, verb: str) -> Any:
        """GET, POST, PATCH, DELETE as the SDK calls them."""
        if not verb.isupper():
            raise AttributeError(verb)

        def call(url: str, **kwargs: Any) -> Answer:
            return self.request(verb, url, **kwargs)

        return call


def client(config: HubSpotConfig, transport: Transport) -> HubSpot:
    """Return the SDK; every API object it makes shares our transport."""
    rest = Rest(transport, config.api_date)

    def make(package: Any, name: str, options: dict[str, Any]) -> Any:
        configuration = package.Configuration(host=config.base_url)
        configuration.access_token = options["access_token"]
        client = package.ApiClient(configuration)
        client.rest_client = rest
        return getattr(package, name)(client)

    return HubSpot(access_token=config.token, api_factory=make)
