"""Links between records: read, created and removed (docs/facts/hubspot.md, "List, search and batch")."""

import json
from typing import Any

from sandbox.hubspot.call import Call
from sandbox.hubspot.errors import invalid, not_found
from sandbox.hubspot.objects import envelope
from sandbox.hubspot.store import Portal, Table, ids_of
from sandbox.hubspot.types import LINKS, UNTYPED

MAX_INPUTS = 1_000


def batch_read(portal: Portal, call: Call, source: Table, target: Table) -> tuple[int, bytes]:
    """Read links page by page for each from-id; ids without links are absent; one bad id may refuse the call."""
    if (source.type.name, target.type.name) not in LINKS:
        raise not_found(f"No association types are defined between {source.type.name} and {target.type.name}")
    inputs = call.json().get("inputs") or []
    if len(inputs) > MAX_INPUTS:
        raise invalid(f"Batch size must not exceed {MAX_INPUTS}")
    texts = []
    for query in inputs:
        number = ids_of([query.get("id")])[0]
        record = source.by_id.get(number)
        if (record is None or record.archived_at) and portal.switches.bad_id_fails:
            raise invalid(f"One or more of the provided ids are invalid: {query.get('id')}")
        entry = _entry(portal, source.type.name, number, target, str(query.get("after") or "0"))
        if entry:
            texts.append(entry)
    call.rows = len(texts)
    return envelope(portal, texts, [])


def _entry(portal: Portal, from_type: str, number: int, target: Table, after: str) -> str:
    to_type, links = target.type.name, portal.links
    alive = [i for i in links.of(from_type, number, to_type) if i > int(after) and i not in target.binned]
    if not alive:
        return ""
    page = portal.switches.association_page
    plain = f'{{"category":"HUBSPOT_DEFINED","typeId":{LINKS[from_type, to_type]},"label":null}}'
    to = ",".join(
        f'{{"toObjectId":{i},"associationTypes":[{plain}{_more(portal, from_type, number, to_type, i)}]}}'
        for i in alive[:page]
    )
    paging = f',"paging":{{"next":{{"after":"{alive[page - 1]}"}}}}' if len(alive) > page else ""
    return f'{{"from":{{"id":"{number}"}},"to":[{to}]{paging}}}'


def _more(portal: Portal, from_type: str, number: int, to_type: str, to_id: int) -> str:
    labels = portal.links.labels(from_type, number, to_type, to_id)[1:]
    return "".join(f',{{"category":"{x.category}","typeId":{x.type_id},"label":{json.dumps(x.label)}}}' for x in labels)


def of_one(portal: Portal, call: Call, source: Table, record_id: str, target: Table) -> bytes:
    """Answer `GET .../objects/{type}/{id}/associations/{to}`; v3 writes a link as a list does, id and type."""
    number = ids_of([record_id])[0]
    if source.by_id.get(number) is None:
        raise not_found()
    if call.release == "v3":
        kind = f"{source.type.one}_to_{target.type.one}"
        after = int(call.query.get("after") or 0)
        alive = [
            i for i in portal.links.of(source.type.name, number, target.type.name) if i > after and i not in target.binned
        ]
        page = portal.switches.association_page
        call.rows = len(alive[:page])
        paging = {"paging": {"next": {"after": str(alive[page - 1])}}} if len(alive) > page else {}
        return json.dumps({"results": [{"id": str(i), "type": kind} for i in alive[:page]], **paging}).encode()
    entry = json.loads(_entry(portal, source.type.name, number, target, call.query.get("after", "0")) or '{"to":[]}')
    call.rows = len(entry["to"])
    return json.dumps({"results": entry["to"], **({"paging": entry["paging"]} if "paging" in entry else {})}).encode()


def change_one(portal: Portal, source: Table, record_id: str, target: Table, to_id: str, *, make: bool) -> None:
    """Answer `PUT` and `DELETE .../{id}/associations/[default/]{to}/{id}`: HubSpot's own plain link."""
    if source.by_id.get(ids_of([record_id])[0]) is None or target.by_id.get(ids_of([to_id])[0]) is None:
        raise not_found()
    _change(portal, source, target, int(record_id), int(to_id), {}, make=make)


def batch_change(portal: Portal, call: Call, source: Table, target: Table, *, make: bool) -> tuple[int, bytes]:
    """Make or remove links; no date moves, but an activity's parent counts again."""
    for link in call.json().get("inputs") or ():
        ends = link["to"] if isinstance(link["to"], list) else [link["to"]]
        for end in ends:
            _change(portal, source, target, int((link.get("from") or {})["id"]), int(end["id"]), link, make=make)
            call.rows += 1
    return (201, b'{"status":"COMPLETE","results":[]}') if make else (204, b"")


def _change(portal: Portal, source: Table, target: Table, i: int, j: int, link: dict[str, Any], *, make: bool) -> None:
    if not make:
        portal.links.remove(source.type.name, i, target.type.name, j)
        return
    for kind in link.get("types") or UNTYPED:
        portal.link(source.type.name, i, target.type.name, j, kind.get("associationTypeId"))
