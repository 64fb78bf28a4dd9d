"""Records as HubSpot writes them. Built from pieces, because a benchmark reads millions of them."""

import json
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring_ascii as quoted

from sandbox.hubspot.store import Portal, Record, Table

Piece = Callable[[Record], str]


def properties_of(table: Table, names: Sequence[str]) -> list[str]:
    """Select what is answered: the requested properties that exist, and those that always come along."""
    selected = names or table.type.usual
    existing = [n for n in dict.fromkeys(selected) if n in table.properties and not table.properties[n].archived]
    always = [table.type.created, table.type.stamp, "hs_object_id"]
    return [*existing, *(n for n in always if n not in existing)]


def record(
    portal: Portal,
    table: Table,
    names: Sequence[str],
    history: Sequence[str] = (),
    links: Sequence[str] = (),
    home: str = "",
) -> Piece:
    """Return a writer of records with these properties, histories and inline links; `home` is the type's address."""
    stamp, created = table.type.stamp, table.type.created
    plain = [(n, quoted(n) + ":") for n in properties_of(table, names) if n not in (stamp, "hs_object_id")]
    inline = [_links_to(portal, table, to_type, home) for to_type in links]

    def write(r: Record) -> str:
        get, at, own = r.values.get, r.stamp, r.id
        properties = "".join(
            [f"{head}{quoted(v)}," if (v := get(name)) is not None else f"{head}null," for name, head in plain]
        )
        state = f'true,"archivedAt":"{r.archived_at}"' if r.archived_at else "false"
        more = f',"propertiesWithHistory":{_history(r, history, created)}' if history else ""
        if inline and (links_text := ",".join([text for w in inline if (text := w(own))])):
            more += f',"associations":{{{links_text}}}'
        return (
            f'{{"id":"{own}","properties":{{{properties}"{stamp}":"{at}","hs_object_id":"{own}"}},'
            f'"createdAt":"{get(created, at)}","updatedAt":"{at}","archived":{state}{more}}}'
        )

    return write


def _history(r: Record, names: Sequence[str], created: str) -> str:
    """Render past values, newest first."""
    entries = {
        name: [
            {"value": v, "timestamp": at, "sourceType": "CRM_UI", "sourceId": "userId:1"}
            for at, v in reversed(r.past(name, created))
        ]
        for name in names
    }
    return json.dumps(entries)


def _links_to(portal: Portal, table: Table, to_type: str, home: str) -> Callable[[int], str]:
    """Return a writer of the first page of a record's links; a primary one comes twice, labelled and not."""
    own, page, links = table.type, portal.switches.inline_page, portal.links
    to, binned = portal.tables[to_type].type, portal.tables[to_type].binned
    pair, labelled = links.between(own.name, to_type), links.marked(own.name, to_type)
    plain = f"{own.one}_to_{to.one}"
    head, kind = f'"{to_type.replace("_", " ")}":{{"results":[{{"id":"', f'","type":"{plain}"}}'
    between, bare = kind + ',{"id":"', f'","type":"{plain}_unlabeled"}}'
    only = kind + "]}"

    def write(record_id: int) -> str:
        linked = pair.get(record_id)
        if linked is None:
            return ""
        if not labelled and not binned and linked.__class__ is int:
            return f"{head}{linked}{only}"  # by far the most: one link
        ids = [i for i in ((linked,) if isinstance(linked, int) else linked) if i not in binned]
        if not ids:
            return ""
        if labelled:
            entries = []
            for i in ids[:page]:
                if links.is_primary(own.name, record_id, to_type, i):
                    entries.append(f"{i}{kind}")
                entries.append(f"{i}{bare}")
            text = head + ',{"id":"'.join(entries)
        else:
            text = head + between.join(map(str, ids[:page])) + kind
        if len(ids) <= page:
            return f"{text}]}}"
        after = ids[page - 1]  # the rest is read at the record's own address, which some readers follow (dlt)
        link = f"{home}/{record_id}/associations/{to_type}?after={after}"
        return f'{text}],"paging":{{"next":{{"after":"{after}","link":{quoted(link)}}}}}}}'

    return write
