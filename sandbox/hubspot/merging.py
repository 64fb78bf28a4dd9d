"""Records that are merged, or erased without a trace (docs/facts/hubspot.md, "Merges, deletes and history")."""

from sandbox.hubspot import objects, render
from sandbox.hubspot.call import Call
from sandbox.hubspot.errors import invalid, not_found
from sandbox.hubspot.store import Portal, Record, Table, ids_of


def erase(portal: Portal, table: Table, record: Record) -> None:
    """Remove a record and its links without a trace."""
    portal.unlink_all(table.type.name, record.id)
    table.remove(record.id)


def forget(portal: Portal, call: Call, table: Table) -> None:
    """Answer `POST .../contacts/gdpr-delete`, by id or by another property; the same whether or not one existed."""
    body = call.json()
    record = objects.by_property(table, str(body.get("idProperty") or "hs_object_id"), str(body.get("objectId")))
    if record is not None:
        erase(portal, table, record)


def merge_two(portal: Portal, call: Call, table: Table) -> bytes:
    """Answer `POST .../{type}/merge`."""
    body = call.json()
    winner, loser = (table.get(ids_of([body.get(k)])[0]) for k in ("primaryObjectId", "objectIdToMerge"))
    if winner is None or loser is None:
        raise not_found()
    if winner is loser:
        raise invalid("An object cannot be merged with itself")
    call.rows = 1
    return render.record(portal, table, ())(merge(portal, table, winner, loser)).encode()


def merge(portal: Portal, table: Table, winner: Record, loser: Record, *, keep: bool = False) -> Record:
    """Replace both by a new record, unless `keep`; the losers' ids lead to the survivor."""
    survivor = winner
    if not keep:
        survivor = Record(portal.new_id(table), {**loser.values, **winner.values}, portal.stamp())
        survivor.history = winner.history
        table.add(survivor)
    losers = [r for r in (winner, loser) if r is not survivor]
    old = [v for r in (winner, loser) for v in r.values.get("hs_merged_object_ids", "").split(";") if v]
    survivor.values["hs_merged_object_ids"] = ";".join(dict.fromkeys([*old, *(str(r.id) for r in losers)]))
    for record in losers:
        for to_type, to_id in portal.links.everything(table.type.name, record.id):
            portal.links.add(table.type.name, survivor.id, to_type, to_id)
        erase(portal, table, record)
        table.merged[record.id] = survivor.id
    portal.touch(table, survivor)
    return survivor
