"""Property groups: each type has one of HubSpot's own, people add others (docs/facts/hubspot.md, "Properties")."""

from typing import Any

from sandbox.hubspot.call import Call
from sandbox.hubspot.errors import ApiError, invalid, not_found
from sandbox.hubspot.store import Portal, Table

Group = dict[str, Any]


def _own(table: Table) -> Group:
    name = f"{table.type.one}information"
    return {"name": name, "label": f"{table.type.one} information", "displayOrder": 0, "archived": False}


def _custom(portal: Portal, table: Table) -> dict[str, Group]:
    return portal.groups.setdefault(table.type.name, {})


def all_of(portal: Portal, table: Table) -> Group:
    return {"results": [_own(table), *_custom(portal, table).values()]}


def one(portal: Portal, table: Table, name: str) -> Group:
    groups = {_own(table)["name"]: _own(table)} | _custom(portal, table)
    if name not in groups:
        raise not_found(f'Property group "{name}" does not exist')
    return groups[name]


def create(portal: Portal, call: Call, table: Table) -> Group:
    body = call.json()
    name = str(body.get("name") or "")
    if not name or not body.get("label"):
        raise invalid("Some required fields were not set: [name, label]")
    if name in _custom(portal, table) or name == _own(table)["name"]:
        raise ApiError(409, "OBJECT_ALREADY_EXISTS", f'A property group named "{name}" already exists.')
    group = {"name": name, "label": body["label"], "displayOrder": body.get("displayOrder", -1), "archived": False}
    _custom(portal, table)[name] = group
    return group


def update(portal: Portal, call: Call, table: Table, name: str) -> Group:
    group = one(portal, table, name)
    group |= {k: v for k, v in call.json().items() if k in ("label", "displayOrder")}
    return group


def archive(portal: Portal, table: Table, name: str) -> None:
    """Archive a group; refused while one of its properties is in use."""
    one(portal, table, name)
    if name == _own(table)["name"]:
        raise invalid(f'"{name}" is a HubSpot-defined group and cannot be archived')
    if any(p.body.get("groupName") == name and not p.archived for p in table.properties.values()):
        raise invalid(f'Group "{name}" has active properties and cannot be archived')
    del _custom(portal, table)[name]
