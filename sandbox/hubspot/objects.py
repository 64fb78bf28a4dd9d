"""Reading records: lists, single ones, batches (docs/facts/hubspot.md, "List, search and batch")."""

import json
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from sandbox.hubspot import render
from sandbox.hubspot.call import Call
from sandbox.hubspot.errors import ApiError, invalid, not_found
from sandbox.hubspot.store import Portal, Record, Table, ids_of
from sandbox.hubspot.types import find_type

PAGE, HISTORY_PAGE = 100, 50
MAX_URL = 16_000


def listing(portal: Portal, call: Call, table: Table) -> bytes:
    """Return one page; `after` is the last id, so it is still valid tomorrow."""
    history = call.names("propertiesWithHistory")
    limit, archived = _limit(call, history), call.flag("archived")
    after = call.query.get("after", "0")
    if not after.isdigit():
        raise invalid(f"Unable to parse value for query parameter after: {after}")
    home = f"{call.base}{call.raw_path}"
    write = render.record(portal, table, call.names("properties"), history, _types(call.names("associations")), home)
    # nobody documents `offset`, but airbyte-source-hubspot 5.7.0 pages products and line items by it, at real portals
    skip = int(call.query.get("offset", "0")) if after == "0" else 0
    records = list(islice(table.after(int(after), archived=archived), skip, skip + limit + 1))
    texts = [write(r) for r in records[:limit]]
    call.rows = len(texts)
    paging = ""
    if len(records) > limit:
        place = str(records[limit - 1].id)
        link = f"{home}?{urlencode({**call.query, 'after': place})}"
        paging = f',"paging":{{"next":{{"after":"{place}","link":{json.dumps(link)}}}}}'
    return f'{{"results":[{",".join(texts)}]{paging}}}'.encode()


def _limit(call: Call, history: list[str]) -> int:
    limit = HISTORY_PAGE if history else PAGE
    text = call.query.get("limit", "10")
    if not text.isdigit() or not 0 < int(text) <= limit:
        raise invalid(f"Invalid input: limit must be between 1 and {limit}")
    return int(text)


def _types(names: list[str]) -> list[str]:
    """Resolve the names of associations; unknown ones are ignored."""
    return [t.name for n in names if (t := find_type(n)) is not None]


def one(portal: Portal, call: Call, table: Table, record_id: str) -> bytes:
    [number] = ids_of([record_id])
    record = table.get(number)
    if record is None or (record.archived_at is not None) != call.flag("archived"):
        raise not_found()
    call.rows = 1
    write = render.record(
        portal,
        table,
        call.names("properties"),
        call.names("propertiesWithHistory"),
        _types(call.names("associations")),
        f"{call.base}{call.raw_path.rpartition('/')[0]}",
    )
    return write(record).encode()


def batch_read(portal: Portal, call: Call, table: Table) -> tuple[int, bytes]:
    """Read many; ids that do not exist are errors of their own in a 207."""
    body = call.json()
    history = list(body.get("propertiesWithHistory") or ())
    inputs = inputs_of(body, HISTORY_PAGE if history else PAGE)
    id_property, archived = body.get("idProperty"), call.flag("archived")
    write = render.record(portal, table, body.get("properties") or (), history)
    texts, missing = [], []
    for record_id in inputs:
        record = by_property(table, id_property or "hs_object_id", record_id)
        if record is None or (record.archived_at is not None) != archived:
            missing.append(record_id)
        else:
            texts.append(write(record))
    call.rows = len(texts)
    return envelope(portal, texts, [no_object(missing)] if missing else [])


def by_property(table: Table, name: str, value: str) -> Record | None:
    if name == "hs_object_id":
        return table.get(ids_of([value])[0])
    return next((r for r in table.by_id.values() if r.values.get(name) == value and not r.archived_at), None)


def no_object(ids: list[str]) -> dict[str, Any]:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": "Could not get some objects, they may be deleted or not exist.",
        "context": {"ids": ids},
    }


def inputs_of(body: dict[str, Any], limit: int) -> list[str]:
    """Return the ids of a batch; too many, or one twice, refuse the whole batch."""
    inputs = [str(x.get("id", "")) for x in body.get("inputs") or ()]
    if len(inputs) > limit:
        raise invalid(
            f"The maximum number of inputs supported in a batch request for property histories is {limit}"
            if limit == HISTORY_PAGE
            else f"Batch size must not exceed {limit}"
        )
    if len(set(inputs)) != len(inputs):
        raise ApiError(400, "VALIDATION_ERROR", "Duplicate IDs found in batch input")
    return inputs


def envelope(portal: Portal, texts: list[str], errors: list[dict[str, Any]], status: int = 200) -> tuple[int, bytes]:
    """Render a batch's answer: 207 where some inputs failed."""
    now = portal.stamp()
    more = f',"numErrors":{len(errors)},"errors":{json.dumps(errors)}' if errors else ""
    text = f'{{"status":"COMPLETE","results":[{",".join(texts)}],"startedAt":"{now}","completedAt":"{now}"{more}}}'
    return (207 if errors else status), text.encode()
