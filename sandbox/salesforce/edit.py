"""Changes that people and admins make in the org, to which the API's rules do not apply."""

from dataclasses import replace
from typing import Any

from sandbox.control import set_switches
from sandbox.org_folder import PARSERS
from sandbox.salesforce import access, activities, recycle_bin, tracking
from sandbox.salesforce.schema import Field
from sandbox.salesforce.store import Org
from sandbox.salesforce.table import Row, Table


def edit(org: Org, change: dict[str, Any]) -> dict[str, Any]:
    """Apply one change; `op` names it (docs/sandbox.md). Raises KeyError, ValueError."""
    op = change["op"]
    org.sights.clear()  # the record may be a permission
    if op in LEVERS:
        return LEVERS[op](org, change)
    if op not in ON_RECORDS:
        raise ValueError(f"unknown op {op!r}; known are {', '.join((*ON_RECORDS, *LEVERS, 'limits'))}")
    return _change_record(org, op, change)


def _sight(org: Org, change: dict[str, Any]) -> dict[str, Any]:
    (org.closed.add if change["op"] == "hide" else org.closed.discard)(change["field"])
    return {"field": change["field"]}


def _access(org: Org, change: dict[str, Any]) -> dict[str, Any]:
    if change["level"] not in access.LEVELS:
        raise ValueError(f"level is one of {', '.join(access.LEVELS)}")
    org.access[change["object"]] = change["level"]
    return {"object": change["object"]}


def _profile(org: Org, change: dict[str, Any]) -> dict[str, Any]:
    """Set the integration user's profile: minimum (Minimum Access - API Only Integrations), or full."""
    org.minimum = change["level"] == "minimum"
    return {"minimum": org.minimum}


def _share(org: Org, change: dict[str, Any]) -> dict[str, Any]:
    org.shared[change["id"]] = change.get("level", "Edit")
    return {"id": change["id"]}


def _rule(org: Org, change: dict[str, Any]) -> dict[str, Any]:
    org.rules.append({k: str(v) for k, v in change.items() if k != "op"})
    return {"rules": len(org.rules)}


def _transaction(org: Org, change: dict[str, Any]) -> dict[str, Any]:
    """Open a long transaction at a moment, or end it."""
    org.oldest = change.get("since")
    return {"since": org.oldest}


def _field(org: Org, change: dict[str, Any]) -> dict[str, Any]:
    """Add a field, or give one another type, which clears the values that do not fit it."""
    owner, _, name = change["field"].partition(".")
    table, kind = org.tables[owner], change["type"]
    existing = table.fields.get(name)
    if existing is None:
        table.add_field(Field(name, name.removesuffix("__c"), kind, 255, 18, 6, custom=name.endswith("__c")))
        return {"field": change["field"]}
    table.fields[name] = replace(existing, type=kind)
    at = table.place(name)
    for row in table.rows:
        if row[at] is not None and kind in PARSERS:
            try:
                row[at] = PARSERS[kind](row[at])
            except ValueError:
                row[at] = None
    return {"field": change["field"]}


def _archive(org: Org, change: dict[str, Any]) -> dict[str, Any]:
    return {"archived": activities.archive(org, int(change.get("days", activities.ARCHIVED_AFTER)))}


def _empty_bin(org: Org, change: dict[str, Any]) -> dict[str, Any]:
    return {"purged": recycle_bin.empty(org, int(change.get("days", recycle_bin.DAYS_KEPT)))}


def _forget(org: Org, change: dict[str, Any]) -> dict[str, Any]:
    """Purge the delete log, as happens under load, so that getDeleted knows nothing older."""
    org.deletions.clear()
    org.remembers = org.clock.stamp()
    return {"since": org.remembers}


def _automation(org: Org, change: dict[str, Any]) -> dict[str, Any]:
    """Add a flow: when a record of `object` is saved, so are the records of `touches` that point to it in `by`."""
    org.automations.append((change["object"], change["touches"], change["by"]))
    return {"automations": len(org.automations)}


def _option(org: Org, change: dict[str, Any]) -> dict[str, Any]:
    set_switches(org.switches, change)
    return {}


ON_RECORDS = ("create", "update", "delete", "undelete", "destroy", "merge")
LEVERS = {
    "hide": _sight,
    "show": _sight,
    "access": _access,
    "share": _share,
    "rule": _rule,
    "transaction": _transaction,
    "field": _field,
    "archive": _archive,
    "empty_bin": _empty_bin,
    "forget": _forget,
    "automation": _automation,
    "option": _option,
    "profile": _profile,
}


def _change_record(org: Org, op: str, change: dict[str, Any]) -> dict[str, Any]:
    table = org.tables[change["object"]]
    if op == "create":
        stamped = dict.fromkeys(("SystemModstamp", "LastModifiedDate"), change["stamp"]) if "stamp" in change else {}
        values = _texts(change["values"])
        return {"id": org.insert(table.name, stamped | activities.computed(org, table, values) | values)}
    row = table.by_id[change["winner" if op == "merge" else "id"]]
    if op == "destroy":
        table.remove(change["id"])
        org.deletions.append((table.name, change["id"], org.clock.stamp()))
    elif op == "merge":
        _merge(org, table, row, table.by_id[change["loser"]])
    elif op in ("delete", "undelete"):
        _set(org, table, row, {"IsDeleted": str(op == "delete").lower()})
        org.deletions = [d for d in org.deletions if d[1] != change["id"]]
        if op == "delete":
            org.deletions.append((table.name, change["id"], org.clock.stamp()))
    else:
        new = _texts(change["values"])
        tracking.track(org, table, row, new)
        table.set(row, new)
        if not change.get("quiet"):  # a formula's value changes without a save
            org.touch(table, row, change.get("stamp"))
    return {"id": row[table.at["Id"]]}


def _texts(values: dict[str, Any]) -> dict[str, str | None]:
    return {k: str(v).lower() if isinstance(v, bool) else None if v is None else str(v) for k, v in values.items()}


def _set(org: Org, table: Table, row: Row, values: dict[str, str | None]) -> None:
    table.set(row, values)
    org.touch(table, row)


def _merge(org: Org, table: Table, winner: Row, loser: Row) -> None:
    """Move the loser to the bin with a pointer, and its children to the winner, stamped."""
    winner_id, loser_id = winner[table.at["Id"]], loser[table.at["Id"]]
    _set(org, table, loser, {"IsDeleted": "true", "MasterRecordId": winner_id})
    org.touch(table, winner)
    for child in org.tables.values():
        links = [child.at[f.name] for f in child.fields.values() if table.name in f.refers_to and f.name != "MasterRecordId"]
        for row in child.rows:
            if any(row[i] == loser_id for i in links):
                for i in links:
                    row[i] = winner_id if row[i] == loser_id else row[i]
                org.touch(child, row)
