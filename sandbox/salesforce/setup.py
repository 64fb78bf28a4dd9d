"""Custom fields, permission sets and what they let a user see.

A field created through the Tooling API is invisible for everyone until a permission set that is assigned to the user
grants it (docs/facts/salesforce.md, "Fields and permissions"; restforce #353, simple-salesforce #621).
"""

import re
from typing import Any

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.schema import Field
from sandbox.salesforce.store import Org
from sandbox.salesforce.table import Table

#: metadata type -> API type
TYPES = {
    "Text": "string",
    "Picklist": "picklist",
    "Date": "date",
    "DateTime": "datetime",
    "Number": "double",
    "Currency": "currency",
    "Percent": "percent",
    "Checkbox": "boolean",
    "LongTextArea": "textarea",
}
OBJECTS = ("PermissionSet", "ObjectPermissions", "FieldPermissions", "PermissionSetAssignment")
KEYS = {
    "PermissionSet": ("Name",),
    "ObjectPermissions": ("ParentId", "SobjectType"),
    "FieldPermissions": ("ParentId", "Field"),
    "PermissionSetAssignment": ("PermissionSetId", "AssigneeId"),
}


def create_field(org: Org, body: dict[str, Any]) -> str:
    """Answer POST tooling/sobjects/CustomField; returns the new field's id."""
    owner, _, name = str(body.get("FullName", "")).partition(".")
    table = org.table(owner)
    meta = body.get("Metadata") or {}
    if table is None or not re.fullmatch(r"[A-Za-z]\w*__c", name):
        raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", f"bad FullName: {body.get('FullName')}")
    if name in table.fields:
        raise ApiError(400, "DUPLICATE_DEVELOPER_NAME", f"There is already a field named {name} on {table.name}.")
    if meta.get("type") not in TYPES:
        raise ApiError(400, "INVALID_TYPE", f"Specify a valid field type; got {meta.get('type')}")
    table.add_field(_field(name, meta))
    org.granted_only.add(f"{table.name}.{name}")
    return org.define(table, table.fields[name])


def delete_field(org: Org, field_id: str) -> None:
    """Answer DELETE tooling/sobjects/CustomField/{id}: removes the field and its values."""
    definitions = org.tables["CustomField"]
    row = definitions.find(field_id)
    if row is None:
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
    uses = org.tables["MetadataComponentDependency"]
    if any(uses.get(r, "RefMetadataComponentId") == definitions.get(row, "Id") for r in uses.rows):
        raise ApiError(400, "DEPENDENCY_EXISTS", "This custom field is referenced elsewhere in salesforce.com.")
    table = org.tables[definitions.get(row, "TableEnumOrId")]
    name = f"{definitions.get(row, 'DeveloperName')}__c"
    table.drop_field(name)
    definitions.remove(definitions.get(row, "Id"))
    for paths in (org.closed, org.granted_only):
        paths.discard(f"{table.name}.{name}")


def _field(name: str, meta: dict[str, Any]) -> Field:
    values = ((meta.get("valueSet") or {}).get("valueSetDefinition") or {}).get("value") or []
    return Field(
        name,
        meta.get("label", name),
        TYPES[meta["type"]],
        int(meta.get("length") or 0),
        int(meta.get("precision") or 0),
        int(meta.get("scale") or 0),
        custom=True,
        picklist=tuple(v["valueName"] for v in values),
        restricted=bool((meta.get("valueSet") or {}).get("restricted")),
        help=meta.get("inlineHelpText", ""),
    )


def create_setup(org: Org, name: str, values: dict[str, Any]) -> str:
    """Answer POST sobjects/PermissionSet, FieldPermissions or PermissionSetAssignment; returns the record's id."""
    table = org.tables[name]
    text = {k: str(v).lower() if isinstance(v, bool) else v for k, v in values.items()}
    keys = KEYS[name]
    if any(all(table.get(r, k) == text.get(k) for k in keys) for r in table.rows):
        raise ApiError(400, "DUPLICATE_VALUE", f"duplicate value found: {keys[0]}")
    if name == "FieldPermissions" and not _exists(org, str(values.get("Field"))):
        raise ApiError(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", f"Field Name: bad value: {values.get('Field')}")
    unknown = next((k for k in values if k not in table.fields), None)
    if unknown:
        raise ApiError(400, "INVALID_FIELD", f"No such column '{unknown}' on sobject of type {name}")
    return org.insert(name, dict(text))


def _exists(org: Org, path: str) -> bool:
    owner, _, name = path.partition(".")
    table = org.table(owner)
    return table is not None and name in table.fields


def delete_setup(org: Org, name: str, record_id: str) -> None:
    """Delete a record of setup; a permission set takes its permissions along, and cannot go while assigned."""
    table = org.tables[name]
    row = table.find(record_id)
    if row is None:
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
    own_id = str(table.get(row, "Id"))
    if name == "PermissionSet":
        if _held_by(org.tables["PermissionSetAssignment"], "PermissionSetId", own_id):
            message = "You can't delete this permission set because it's assigned to at least one user."
            raise ApiError(400, "DELETE_FAILED", message)
        for part in ("ObjectPermissions", "FieldPermissions"):
            for permission in _held_by(org.tables[part], "ParentId", own_id):
                org.tables[part].remove(permission)
    table.remove(own_id)


def _held_by(table: Table, key: str, value: str) -> list[str]:
    return [str(table.get(r, "Id")) for r in table.rows if table.get(r, key) == value]


def raise_unless_allowed(org: Org) -> None:
    if not org.sight.sets_up:
        raise ApiError(403, "INSUFFICIENT_ACCESS", "insufficient access rights on object id")
