"""The script that a competent admin would write: hubspot-api-client's get_all, executemany into plain tables."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from hubspot import HubSpot
from portal_fields import HISTORY, LINKS, PROPERTIES

ACTIVITIES = ("meetings", "calls", "emails")


def prepare(connection: dict[str, Any], url: str) -> Callable[[], int]:
    """Connected, tables made; what is returned is the race."""
    client = HubSpot(access_token=connection["token"], host=connection["url"])
    database = sqlite3.connect(url.removeprefix("sqlite:///"))
    for name, properties in PROPERTIES.items():
        columns = ", ".join(f"{p} TEXT" for p in ("id", *properties, "links", "history"))
        database.execute(f"CREATE TABLE {name} ({columns})")
    return lambda: sum(_copy(client, database, name) for name in PROPERTIES)


def _copy(client: Any, database: Any, name: str) -> int:
    options: dict[str, Any] = {"properties": list(PROPERTIES[name])}
    if LINKS[name]:
        options["associations"] = list(LINKS[name])
    if name in HISTORY:
        options["properties_with_history"] = list(HISTORY[name])
    activities = client.crm.objects
    records = activities.get_all(name, **options) if name in ACTIVITIES else getattr(client.crm, name).get_all(**options)
    mark = ", ".join("?" * (len(PROPERTIES[name]) + 3))
    database.executemany(f"INSERT INTO {name} VALUES ({mark})", _rows(name, records))
    database.commit()
    return len(records)


def _rows(name: str, records: Any) -> Iterator[list[Any]]:
    for r in records:
        links = {to: [x.id for x in page.results] for to, page in (r.associations or {}).items()}
        history = r.properties_with_history and {
            k: [(e.value, str(e.timestamp)) for e in v] for k, v in r.properties_with_history.items()
        }
        yield [r.id, *(r.properties.get(p) for p in PROPERTIES[name]), json.dumps(links), json.dumps(history)]
