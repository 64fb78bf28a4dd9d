"""The floor: the same result pages by bare HTTP, parsed and loaded by native code into empty tables. No mapping, no
upsert, no check: nothing that reads pages and stores rows can be much faster on this machine."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pyarrow as pa
from pull_fields import FIELDS, OBJECTS, soql
from pyarrow import csv

POLL = 0.1
JOBS = "/services/data/v68.0/jobs/query"


def prepare(connection: dict[str, Any], url: str) -> Callable[[], int]:
    """Logged in, database open; what is returned is the race."""
    login = {"Authorization": f"Bearer {connection['access_token']}"}
    client = httpx.Client(base_url=connection["url"], headers=login, timeout=60)
    database = _open(url)
    return lambda: sum(_copy(client, database, entity) for entity in OBJECTS)


def _open(url: str) -> Any:
    if url.startswith("sqlite:///"):
        from adbc_driver_sqlite import dbapi
    else:
        from adbc_driver_postgresql import dbapi
    return dbapi.connect(url.removeprefix("sqlite:///"))


def _copy(client: httpx.Client, database: Any, entity: str) -> int:
    text = csv.ConvertOptions(column_types=dict.fromkeys(FIELDS[entity], pa.string()))
    quoted = csv.ParseOptions(newlines_in_values=True)
    count = 0
    for page in _pages(client, entity):
        table = csv.read_csv(pa.BufferReader(page), parse_options=quoted, convert_options=text)
        with database.cursor() as cursor:
            cursor.adbc_ingest(entity, table, mode="create_append")
        database.commit()
        count += table.num_rows
    return count


def _pages(client: httpx.Client, entity: str) -> Iterator[bytes]:
    job = client.post(JOBS, json={"operation": "queryAll", "query": soql(entity)}).raise_for_status().json()["id"]
    while client.get(f"{JOBS}/{job}").raise_for_status().json()["state"] != "JobComplete":
        time.sleep(POLL)
    locator = ""
    while locator != "null":
        params = {"maxRecords": "50000"} | ({"locator": locator} if locator else {})
        response = client.get(f"{JOBS}/{job}/results", params=params).raise_for_status()
        locator = response.headers["sforce-locator"]
        yield response.content
