"""Changes that people and admins make in the org, without asking the API's rules."""

from typing import Any

from sandbox.salesforce import access, setup
from sandbox.salesforce.store import Org, Row, Table


def edit(org: Org, change: dict[str, Any]) -> dict[str, Any]:
    """One change; `op` says which (create, update, delete, undelete, destroy, merge, hide, show, access, share, rule).

    Raises KeyError, ValueError.
    """
    op = change["op"]
    if op in ("hide", "show"):
        (org.hidden.add if op == "hide" else org.hidden.discard)(change["field"])
        return {"field": change["field"]}
    if op == "access":
        if change["level"] not in access.LEVELS:
            raise ValueError(f"level is one of {', '.join(access.LEVELS)}")
        org.access[change["object"]] = change["level"]
        return {"object": change["object"]}
    if op == "share":
        org.shared[change["id"]] = change.get("level", "Edit")
        return {"id": change["id"]}
    if op == "rule":
        org.rules.append({k: str(v) for k, v in change.items() if k != "op"})
        return {"rules": len(org.rules)}
    done = _change_record(org, op, change)
    setup.grant(org)  # the record may have been a permission
    return done


def _change_record(org: Org, op: str, change: dict[str, Any]) -> dict[str, Any]:
    table = org.tables[change["object"]]
    if op == "create":
        return {"id": org.insert(table.name, _texts(change["values"]))}
    row = table.by_id[change["winner" if op == "merge" else "id"]]
    if op == "destroy":
        table.remove(change["id"])
    elif op == "merge":
        _merge(org, table, row, table.by_id[change["loser"]])
    elif op in ("delete", "undelete"):
        _set(org, table, row, {"IsDeleted": str(op == "delete").lower()})
    elif op == "update":
        _set(org, table, row, _texts(change["values"]))
    else:
        raise ValueError(f"unknown op {op!r}")
    return {"id": row[table.at["Id"]]}


def _texts(values: dict[str, Any]) -> dict[str, str | None]:
    return {k: str(v).lower() if isinstance(v, bool) else None if v is None else str(v) for k, v in values.items()}


def _set(org: Org, table: Table, row: Row, values: dict[str, str | None]) -> None:
    table.set(row, values)
    org.touch(table, row)


def _merge(org: Org, table: Table, winner: Row, loser: Row) -> None:
    """The loser goes to the bin with a pointer; its children move to the winner and are stamped."""
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
