"""HubSpot's data plane over the one transport: list, search, batch, associations.

(docs/facts/hubspot.md, "List, search and batch")
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import orjson

from connectors.errors import CrmError, Refused
from connectors.hubspot import links
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.links import Link
from connectors.transport import Transport

#: records of a list page or batch; with history, half
PAGE, HISTORY_PAGE = 100, 50
#: from-ids of an associations call, and results of a search page
LINKS, SEARCHED = 1_000, 200
#: calls under way at once; the budget decides how fast they follow each other
AT_ONCE = 4

Record = dict[str, Any]


class Api:
    """Requests to one portal; `now` is the portal's clock as the last answer said (seconds)."""

    def __init__(self, config: HubSpotConfig, transport: Transport, sleep: Callable[[float], None] = time.sleep) -> None:
        self.config, self.transport, self.sleep, self.now = config, transport, sleep, 0
        self._headers = {"Authorization": f"Bearer {config.token}"}
        if transport.is_plain(config.base_url.partition("://")[2]):
            self._headers["Accept-Encoding"] = "identity"
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="hubspot")

    def call(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """One call below the portal's address; `{date}` in the path is the API's release."""
        url = self.config.base_url.rstrip("/") + path.replace("{date}", self.config.api_date)
        response = self.transport.request(method, url, headers=self._headers, **kwargs)
        if "date" in response.headers:
            self.now = int(parsedate_to_datetime(response.headers["date"]).timestamp())
        return response

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    # ---- list -------------------------------------------------------------------------------------------------------

    def pages(
        self,
        type_: str,
        properties: Sequence[str],
        *,
        history: Sequence[str] = (),
        associations: Sequence[str] = (),
        archived: bool = False,
        after: str = "",
    ) -> Iterator[tuple[list[Record], str]]:
        """Return all records of a type, a page at a time, each with the place where the next one begins ("" at the end)."""
        params = {"limit": str(HISTORY_PAGE if history else PAGE), "properties": ",".join(properties)}
        params |= {"propertiesWithHistory": ",".join(history)} if history else {}
        params |= {"associations": ",".join(associations)} if associations else {}
        params |= {"archived": "true"} if archived else {}

        def fetch(place: str) -> Any:
            query = params | ({"after": place} if place else {})
            return orjson.loads(self.call("GET", f"/crm/objects/{{date}}/{type_}", params=query).content)

        coming = self._pool.submit(fetch, after)
        while True:
            body = coming.result()
            after = ((body.get("paging") or {}).get("next") or {}).get("after", "")
            if after:
                coming = self._pool.submit(fetch, after)  # the portal works while we do
            yield body["results"], after
            if not after:
                return

    # ---- batch ------------------------------------------------------------------------------------------------------

    def read(
        self, type_: str, ids: Sequence[str], properties: Sequence[str], history: Sequence[str] = ()
    ) -> Iterator[list[Record]]:
        """Records by id, several batches under way; ids that are gone are left out, a merged one comes as its survivor."""
        size = HISTORY_PAGE if history else PAGE
        parts = [ids[i : i + size] for i in range(0, len(ids), size)]
        yield from self._pool.map(lambda part: self._read(type_, part, properties, history), parts)

    def _read(self, type_: str, ids: Sequence[str], properties: Sequence[str], history: Sequence[str]) -> list[Record]:
        body: dict[str, Any] = {"inputs": [{"id": i} for i in ids], "properties": list(properties)}
        if history:
            body["propertiesWithHistory"] = list(history)
        path = f"/crm/objects/{{date}}/{type_}/batch/read"
        records: list[Record] = orjson.loads(self.call("POST", path, json=body).content)["results"]
        return records

    # ---- search -----------------------------------------------------------------------------------------------------

    def changed(self, type_: str, stamp: str, start_ms: int, end_ms: int) -> Iterator[list[str]]:
        """Return ids of records changed in a closed window, in the order of their ids.

        Walking by id instead of by page knows no wall at 10,000, and none at 10,000 in one millisecond.
        The search index may hold old values, so only ids are taken.
        """
        last = "0"
        while True:
            window = {"propertyName": stamp, "operator": "BETWEEN", "value": str(start_ms), "highValue": str(end_ms)}
            beyond = {"propertyName": "hs_object_id", "operator": "GT", "value": last}
            body = {
                "filterGroups": [{"filters": [window, beyond]}],
                "properties": [stamp],
                "limit": SEARCHED,
                "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            }
            results = orjson.loads(self.call("POST", f"/crm/objects/{{date}}/{type_}/search", json=body).content)["results"]
            if results:
                yield [str(r["id"]) for r in results]
                last = max((str(r["id"]) for r in results), key=int)
            if len(results) < SEARCHED:
                return

    # ---- associations -----------------------------------------------------------------------------------------------

    def links(self, from_type: str, to_type: str, ids: Sequence[str]) -> dict[str, list[Link]]:
        """Return all links of these records to records of a type; a record without links is absent."""
        parts = [[{"id": i} for i in ids[at : at + LINKS]] for at in range(0, len(ids), LINKS)]
        by_record: dict[str, list[Link]] = {}
        for answer in self._pool.map(lambda part: self._links(from_type, to_type, part), parts):
            by_record |= answer
        return by_record

    def _links(self, from_type: str, to_type: str, inputs: list[dict[str, str]]) -> dict[str, list[Link]]:
        path = f"/crm/associations/{{date}}/{from_type}/{to_type}/batch/read"
        try:
            results = orjson.loads(self.call("POST", path, json={"inputs": inputs}).content)["results"]
        except Refused as error:
            return self._refused_links(from_type, to_type, inputs, error)
        entries: dict[str, dict[str, Any]] = {}
        more = []
        for entry in results:
            record = str(entry["from"]["id"])
            entries[record] = entry
            following = (entry.get("paging") or {}).get("next") or {}
            if following.get("after"):
                more.append({"id": record, "after": str(following["after"])})
        by_record = {record: links.batch(entry) for record, entry in entries.items()}
        if more:
            for record, rest in self._links(from_type, to_type, more).items():
                by_record[record] = links.joined(by_record[record], rest)
        return by_record

    def _refused_links(
        self, from_type: str, to_type: str, inputs: list[dict[str, str]], error: CrmError
    ) -> dict[str, list[Link]]:
        """One bad id can refuse the whole call: halve until it is alone."""
        if "OBJECT_NOT_FOUND" in str(error) or len(inputs) == 1:
            return {}
        half = len(inputs) // 2
        return self._links(from_type, to_type, inputs[:half]) | self._links(from_type, to_type, inputs[half:])

    def linked(
        self, type_: str, to_types: Sequence[str], records: Sequence[Mapping[str, Any]]
    ) -> dict[str, dict[str, list[Link]]]:
        """Return the links of a list page's records; where a record has more than the page carries, they are asked for."""
        names = {name: to for to in to_types for name in (to, to.replace("_", " "))}
        by_type: dict[str, dict[str, list[Link]]] = {to: {} for to in to_types}
        cut: dict[str, list[str]] = {}
        for record in records:
            for name, page in (record.get("associations") or {}).items():
                to = names[name]
                by_type[to][record["id"]] = links.inline(page)
                if "paging" in page:
                    cut.setdefault(to, []).append(record["id"])
        for to, ids in cut.items():
            by_type[to] |= self.links(type_, to, ids)
        return by_type
