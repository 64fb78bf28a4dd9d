"""Records as HubSpot writes them. Built from pieces, because a benchmark reads millions of them."""

import json
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring_ascii as quoted

from sandbox.hubspot.store import Portal, Record, Table

Piece = Callable[[Record], str]


def properties_of(table: Table, names: Sequence[str]) -> list[str]:
    """What is answered: the named properties that exist (unknown ones are ignored), and what always comes along (1.5)."""
    wanted = names or table.type.usual
    known = [n for n in dict.fromkeys(wanted) if n in table.properties and not table.properties[n].archived]
    always = [table.type.created, table.type.stamp, "hs_object_id"]
    return [*known, *(n for n in always if n not in known)]


def record(
    portal: Portal, table: Table, names: Sequence[str], history: Sequence[str] = (), links: Sequence[str] = ()
) -> Piece:
    """Writes a record with these properties, histories and inline links."""
    wanted = properties_of(table, names)
    stamp, created = table.type.stamp, table.type.created
    heads = [(n, ("," if i else "") + quoted(n) + ":") for i, n in enumerate(wanted)]

    def write(r: Record) -> str:
        values = r.values
        special = {stamp: r.stamp, "hs_object_id": str(r.id)}
        parts = []
        for name, head in heads:
            value = special.get(name) or values.get(name)
            parts.append(head + ("null" if value is None else quoted(value)))
        made = quoted(values.get(created, r.stamp))
        text = f'{{"id":"{r.id}","properties":{{{"".join(parts)}}},"createdAt":{made},"updatedAt":"{r.stamp}",'
        text += f'"archived":{"true" if r.archived_at else "false"}'
        if r.archived_at:
            text += f',"archivedAt":"{r.archived_at}"'
        if history:
            text += f',"propertiesWithHistory":{_history(r, history)}'
        if links:
            inline = _links(portal, table, r, links)
            text += f',"associations":{{{inline}}}' if inline else ""
        return text + "}"

    return write


def _history(r: Record, names: Sequence[str]) -> str:
    """Newest first; a property whose past is unknown has its present (1.12)."""
    told = {}
    for name in names:
        entries = (r.history or {}).get(name) or ([(r.stamp, r.values[name])] if name in r.values else [])
        told[name] = [
            {"value": v, "timestamp": at, "sourceType": "CRM_UI", "sourceId": "userId:1"} for at, v in reversed(entries)
        ]
    return json.dumps(told)


def _links(portal: Portal, table: Table, r: Record, to_types: Sequence[str]) -> str:
    """The first page of a record's links; a primary one comes twice, labelled and not (1.5)."""
    own, page = table.type, portal.switches.inline_page
    found = []
    for to_type in to_types:
        ids = portal.links.of(own.name, r.id, to_type)
        binned = portal.tables[to_type].binned
        if binned:
            ids = [i for i in ids if i not in binned]
        if not ids:
            continue
        plain = f"{own.one}_to_{portal.tables[to_type].type.one}"
        if portal.links.marked(own.name, to_type):
            entries = []
            for i in ids[:page]:
                if portal.links.is_primary(own.name, r.id, to_type, i):
                    entries.append(f'{{"id":"{i}","type":"{plain}"}}')
                entries.append(f'{{"id":"{i}","type":"{plain}_unlabeled"}}')
        else:
            entries = [f'{{"id":"{i}","type":"{plain}"}}' for i in ids[:page]]
        more = f',"paging":{{"next":{{"after":"{ids[page]}","link":""}}}}' if len(ids) > page else ""
        name = to_type.replace("_", " ")
        found.append(f'"{name}":{{"results":[{",".join(entries)}]{more}}}')
    return ",".join(found)
