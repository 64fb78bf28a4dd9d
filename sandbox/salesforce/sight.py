"""Sight: what a user may see and do by profile and permission sets, for objects, fields and the user itself.

Two users log in here: the integration user, who may do everything unless its profile is *Minimum Access - API Only
Integrations* (edit `profile`), and an admin. A custom field created through the Tooling API is for nobody until it
is granted (docs/facts/salesforce.md, "Fields and permissions"). Permissions have their names of the object reference.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from sandbox.salesforce.table import Table

#: id of the user whose request is being answered
RUNNING: ContextVar[str] = ContextVar("running", default="")
#: objects that a profile or permission set must grant
GRANTED = ("Account", "Contact", "Opportunity", "Product2", "Quote")
#: objects that are as visible as another one; the last ones go with the user permission Access Activities
PARENTS = {
    "OpportunityHistory": "Opportunity",
    "OpportunityFieldHistory": "Opportunity",
    "OpportunityContactRole": "Opportunity",
    "OpportunityLineItem": "Opportunity",
    "QuoteLineItem": "Quote",
    "AccountHistory": "Account",
    "AccountTeamMember": "Account",
    "PricebookEntry": "Product2",
    "Task": "Activity",
    "Event": "Activity",
    "EventRelation": "Activity",
    "EmailMessage": "Activity",
    "EmailMessageRelation": "Activity",
}
#: objects whose fields are under field-level security for the minimum profile
SECURED = (
    *GRANTED,
    "OpportunityLineItem",
    "QuoteLineItem",
    "AccountTeamMember",
    "Task",
    "Event",
    "EventRelation",
    "EmailMessage",
    "EmailMessageRelation",
)
#: what only a user with View Setup and Configuration sees
SETUP = (
    "PermissionSet",
    "ObjectPermissions",
    "FieldPermissions",
    "PermissionSetAssignment",
    "CustomField",
    "EntityDefinition",
    "MetadataComponentDependency",
)
EVERYTHING = frozenset(("Read", "Edit", "Create", "Delete", "ViewAllRecords", "ModifyAllRecords"))
#: rank of a level of record access
LEVELS = ("own", "read", "all")


@dataclass(frozen=True, slots=True)
class Sight:
    """Rights of one user; `objects` names those to each object of `GRANTED`, None means all to all."""

    hidden: set[str]
    read_only: set[str]
    objects: dict[str, set[str]] | None = None
    permissions: frozenset[str] = field(default_factory=frozenset)  #: of the user itself; meaningless without `objects`
    admin: bool = False

    @property
    def api(self) -> bool:
        return self.objects is None or "ApiEnabled" in self.permissions

    @property
    def sets_up(self) -> bool:
        """Tell whether the user may customise the application."""
        return self.objects is None or "CustomizeApplication" in self.permissions

    def rights(self, name: str) -> frozenset[str] | set[str]:
        """Return what the user may do with an object's records, as far as the object itself is concerned."""
        if self.objects is None:
            return EVERYTHING
        above = PARENTS.get(name, name)
        if above == "Activity":
            return {"Read", "Edit"} if "ActivitiesAccess" in self.permissions else set()
        return self.objects.get(above, set()) if above in GRANTED else {"Read"}

    def knows(self, name: str) -> bool:
        if self.objects is not None and name in SETUP:
            return "ViewSetup" in self.permissions
        return "Read" in self.rights(name)

    def level(self, name: str, default: str) -> str:
        """Return the user's level of access to an object's records, where the org's default is `default`."""
        if self.admin:
            return "all"
        if self.objects is None:
            return default
        rights = self.rights(name)
        if "ModifyAllRecords" in rights:
            return "all"
        least = "read" if "ViewAllRecords" in rights or "ViewAllData" in self.permissions else "own"
        level = max(default, least, key=LEVELS.index)
        return level if "Edit" in rights else min(level, "read", key=LEVELS.index)


def assigned_sets(tables: Mapping[str, Table], user: str) -> set[str]:
    """Return the permission sets of a user."""
    table = tables["PermissionSetAssignment"]
    return {table.get(r, "PermissionSetId") for r in table.rows if table.get(r, "AssigneeId") == user}


def of_admin(tables: Mapping[str, Table], sets: set[str], granted_only: set[str]) -> Sight:
    """Allow everything but the fields that are for nobody until a permission set grants them."""
    grants = _fields(tables["FieldPermissions"], sets)
    hidden = {path for path in granted_only if path not in grants}
    read_only = {path for path in granted_only if not grants.get(path)}
    return Sight(hidden, read_only, admin=True)


def of_integration(tables: Mapping[str, Table], sets: set[str], granted_only: set[str], closed: set[str]) -> Sight:
    """Allow what an admin sees, without the fields that are closed to the integration user."""
    sight = of_admin(tables, sets, granted_only)
    return Sight(sight.hidden | closed, sight.read_only)


def with_minimum_profile(sight: Sight, tables: Mapping[str, Table], sets: set[str]) -> Sight:
    """Allow only what the permission sets grant: objects, their fields, and permissions of the user itself."""
    objects, permissions = _objects(tables["ObjectPermissions"], sets), _user(tables["PermissionSet"], sets)
    limited = Sight(sight.hidden, sight.read_only, objects, permissions)
    grants = _fields(tables["FieldPermissions"], sets)
    for name in SECURED:
        if name in tables:
            _close(tables[name], limited, grants)
    return limited


def _close(table: Table, sight: Sight, granted: dict[str, bool]) -> None:
    """Hide what is not granted; a part of an address is granted with its whole."""
    for field_ in table.fields.values():
        path = f"{table.name}.{field_.name}"
        if "permissionable" in field_.flags:
            whole = f"{table.name}.{field_.compound}" if field_.compound.endswith("Address") else path
            if whole not in granted:
                sight.hidden.add(path)
            if not granted.get(whole):
                sight.read_only.add(path)
        if "Edit" not in sight.rights(table.name):
            sight.read_only.add(path)


def _fields(table: Table, sets: set[str]) -> dict[str, bool]:
    """Map each readable field to whether it may be edited too."""
    editable: dict[str, bool] = {}
    for row in table.rows:
        if table.get(row, "ParentId") in sets and table.get(row, "PermissionsRead") == "true":
            path = str(table.get(row, "Field"))
            editable[path] = editable.get(path, False) or table.get(row, "PermissionsEdit") == "true"
    return editable


def _objects(table: Table, sets: set[str]) -> dict[str, set[str]]:
    rights_by_object: dict[str, set[str]] = {}
    for row in table.rows:
        if table.get(row, "ParentId") in sets:
            rights = {r for r in EVERYTHING if table.get(row, f"Permissions{r}") == "true"}
            rights_by_object[str(table.get(row, "SobjectType"))] = (
                rights_by_object.get(str(table.get(row, "SobjectType")), set()) | rights
            )
    return rights_by_object


def _user(table: Table, sets: set[str]) -> frozenset[str]:
    """Return the permissions of the user itself."""
    names = [n for n in table.fields if n.startswith("Permissions")]
    rows = [r for r in table.rows if table.get(r, "Id") in sets]
    return frozenset(n.removeprefix("Permissions") for n in names if any(table.get(r, n) == "true" for r in rows))
