"""The script that a competent admin would write: simple-salesforce, the csv module, executemany into plain tables."""

import csv
import io
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from pull_fields import FIELDS, OBJECTS, soql
from simple_salesforce import Salesforce

#: seconds between looks at a job; the default of 5 would decide the race by waiting
POLL = 0.1


def prepare(connection: dict[str, Any], url: str) -> Callable[[], int]:
    """Logged in, tables made; what is returned is the race."""
    client = Salesforce(instance_url=connection["url"], session_id=connection["access_token"], version="68.0")
    client.bulk2_url = client.bulk2_url.replace("https://", "http://")  # the library knows no plain http
    database, mark = _open(url)
    cursor = database.cursor()
    for entity in OBJECTS:
        cursor.execute(f"CREATE TABLE {entity} ({', '.join(f'{name} TEXT' for name in FIELDS[entity])})")
    database.commit()
    return lambda: sum(_copy(client, database, entity, mark) for entity in OBJECTS)


def _open(url: str) -> tuple[Any, str]:
    if url.startswith("sqlite:///"):
        return sqlite3.connect(url.removeprefix("sqlite:///")), "?"
    return psycopg.connect(url), "%s"


def _copy(client: Any, database: Any, entity: str, mark: str) -> int:
    insert = f"INSERT INTO {entity} VALUES ({', '.join([mark] * len(FIELDS[entity]))})"
    count = 0
    for page in getattr(client.bulk2, entity).query_all(soql(entity), wait=POLL):
        rows = list(_rows(page))
        database.cursor().executemany(insert, rows)
        database.commit()
        count += len(rows)
    return count


def _rows(page: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(page, newline=""))
    next(reader)
    return reader
