"""The floor: the same list pages by bare HTTP, only cut into pages. Nothing is parsed into records, nothing is stored."""

import re
from collections.abc import Callable
from typing import Any

import httpx
from portal_fields import HISTORY, LINKS, PROPERTIES

AFTER = re.compile(rb'"after":"(\d+)","link"')


def prepare(connection: dict[str, Any], url: str) -> Callable[[], int]:
    """Connected; what is returned is the race."""
    client = httpx.Client(base_url=connection["url"], headers={"Authorization": f"Bearer {connection['token']}"}, timeout=60)
    return lambda: sum(_read(client, name) for name in PROPERTIES)


def _read(client: httpx.Client, name: str) -> int:
    params = {"limit": "50" if name in HISTORY else "100", "properties": ",".join(PROPERTIES[name])}
    params |= {"associations": ",".join(LINKS[name])} if LINKS[name] else {}
    params |= {"propertiesWithHistory": ",".join(HISTORY[name])} if name in HISTORY else {}
    count, after = 0, ""
    while True:
        place = {"after": after} if after else {}
        page = client.get(f"/crm/objects/2026-09/{name}", params=params | place).raise_for_status().content
        count += page.count(b'"archived":')
        cursors = AFTER.findall(page[-3000:])
        if not cursors:
            return count
        after = cursors[-1].decode()
