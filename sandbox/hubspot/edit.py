"""Changes that people and admins make in the portal, to which the API's rules do not apply."""

from datetime import timedelta
from typing import Any

from sandbox.control import set_switches
from sandbox.hubspot import merging, write
from sandbox.hubspot.store import Portal, Record, Table, iso
from sandbox.hubspot.types import find_type

Change = dict[str, Any]


def edit(portal: Portal, change: Change) -> dict[str, Any]:
    """Apply one change; `op` names it. Raises KeyError, ValueError."""
    op = change["op"]
    if op in DEFINITIONS:
        return DEFINITIONS[op](portal, change)
    if op in LINKING:
        return LINKING[op](portal, change)
    if op not in RECORDS:
        raise ValueError(f"unknown op {op!r}; known are {', '.join((*RECORDS, *LINKING, *DEFINITIONS, 'key', 'limits'))}")
    return RECORDS[op](portal, _table(portal, change["object"]), change)


def _table(portal: Portal, name: str) -> Table:
    type_ = find_type(name)
    if type_ is None:
        raise ValueError(f"unknown object {name!r}")
    return portal.tables[type_.name]


def _create(portal: Portal, table: Table, change: Change) -> dict[str, Any]:
    record_id = int(change["id"]) if change.get("id") else None
    return {"id": str(write.insert(portal, table, write.texts(change.get("values")), record_id).id)}


def _update(portal: Portal, table: Table, change: Change) -> dict[str, Any]:
    record = _record(table, change["id"])
    portal.set(table, record, write.texts(change["values"]))
    return {"id": str(record.id)}


def _archive(portal: Portal, table: Table, change: Change) -> dict[str, Any]:
    table.bin(_record(table, change["id"]), portal.stamp())
    return {"id": str(change["id"])}


def _restore(portal: Portal, table: Table, change: Change) -> dict[str, Any]:
    table.bin(_record(table, change["id"]), None)
    return {"id": str(change["id"])}


def _gdpr(portal: Portal, table: Table, change: Change) -> dict[str, Any]:
    merging.erase(portal, table, _record(table, change["id"]))
    return {"id": str(change["id"])}


def _merge(portal: Portal, table: Table, change: Change) -> dict[str, Any]:
    winner, loser = _record(table, change["winner"]), _record(table, change["loser"])
    return {"id": str(merging.merge(portal, table, winner, loser, keep=bool(change.get("keep"))).id)}


def _purge(portal: Portal, table: Table, change: Change) -> dict[str, Any]:
    """Erase what was archived more than ninety days ago, as a portal does by itself."""
    before = iso(portal.clock.now() - timedelta(days=int(change.get("days", 90))))
    expired = [r.id for r in table.by_id.values() if r.archived_at and r.archived_at <= before]
    for record_id in expired:
        merging.erase(portal, table, table.by_id[record_id])
    return {"purged": len(expired)}


def _stamp(portal: Portal, table: Table, change: Change) -> dict[str, Any]:
    """Give many records one and the same stamp, as a bulk job does."""
    for record_id in change["ids"]:
        _record(table, record_id).stamp = change["at"]
    table.version += 1
    return {"records": len(change["ids"])}


def _bulk(portal: Portal, table: Table, change: Change) -> dict[str, Any]:
    ids = [
        write.insert(portal, table, write.texts(change.get("values")), at=change["at"]).id
        for _ in range(int(change["count"]))
    ]
    to = change.get("associate")
    if to:
        for record_id in ids:
            portal.links.add(table.type.name, record_id, to["to_type"], int(to["to_id"]))
        portal.roll_up(to["to_type"], int(to["to_id"]))
    return {"ids": [str(i) for i in ids]}


def _record(table: Table, record_id: Any) -> Record:
    return table.by_id[int(record_id)]


def _associate(portal: Portal, change: Change) -> dict[str, Any]:
    a, b = _table(portal, change["from_type"]).type.name, _table(portal, change["to_type"]).type.name
    portal.link(a, int(change["from_id"]), b, int(change["to_id"]), change.get("type_id"), change.get("label"))
    return {}


def _dissociate(portal: Portal, change: Change) -> dict[str, Any]:
    a, b = _table(portal, change["from_type"]).type.name, _table(portal, change["to_type"]).type.name
    portal.links.remove(a, int(change["from_id"]), b, int(change["to_id"]))
    return {}


def _property(portal: Portal, change: Change) -> dict[str, Any]:
    table = _table(portal, change["object"])
    definition = table.properties[change["name"]]
    definition.archived = bool(change.get("archived", definition.archived))
    definition.label = str(change.get("label", definition.label))
    definition.used_in = [str(x) for x in change.get("used_in", definition.used_in)]
    if option := change.get("remove_option"):
        definition.values.remove(option)
        if "options" in definition.body:
            definition.body = definition.body | {"options": [o for o in definition.body["options"] if o["value"] != option]}
    return {"name": definition.name}


def _rule(portal: Portal, change: Change) -> dict[str, Any]:
    portal.rules.append({k: v for k, v in change.items() if k != "op"})
    return {"rules": len(portal.rules)}


def _option(portal: Portal, change: Change) -> dict[str, Any]:
    set_switches(portal.switches, change)
    return {}


def _portal(portal: Portal, change: Change) -> dict[str, Any]:
    portal.portal_id = int(change["id"])
    return {"id": portal.portal_id}


RECORDS = {
    "create": _create,
    "update": _update,
    "archive": _archive,
    "delete": _archive,
    "restore": _restore,
    "gdpr": _gdpr,
    "merge": _merge,
    "stamp": _stamp,
    "bulk": _bulk,
    "purge": _purge,
}
LINKING = {"associate": _associate, "dissociate": _dissociate}
DEFINITIONS = {"property": _property, "rule": _rule, "option": _option, "portal": _portal}
