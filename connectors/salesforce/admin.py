"""Our fields and permission sets in an org; an admin's work, never the night's (docs/adr/0019)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.errors import CrmError, Refused
from connectors.fields import FIELDS, Field
from connectors.salesforce import soql
from connectors.salesforce.client import SalesforceCrm
from connectors.salesforce.granting import Granted, create, query, send
from connectors.salesforce.permissions import OPTIONAL, Grant, integration, viewer
from connectors.salesforce.schema import NAMES, OBJECT, SIGNAL, fault, metadata

Rows = Sequence[tuple[str, str]]


class SalesforceAdmin:
    """See `connectors.port.SchemaAdmin`. A new field is invisible until a permission set grants it.

    (docs/facts/salesforce.md, "Fields and permissions")
    """

    def __init__(self, crm: SalesforceCrm) -> None:
        self.crm, self.session = crm, crm.session
        self.described: dict[str, dict[str, Any]] = {}  #: standard fields, which do not change meanwhile

    def show(self) -> Rows:
        self.session.login()
        seen, made = self._visible(), self._made()
        sets = self._sets()
        closed = {g.path for one in sets for g in one.lacking()}
        fields = [(_path(f), self._state(f, seen, made, closed)) for f in FIELDS]
        people = [(f"{one.wanted.name} for users", f"assign to {name}") for one, name, _ in self._to_assign(sets)]
        return [*fields, *((f"permission set {s.wanted.name}", _lack(s)) for s in sets), *people]

    def apply(self) -> Rows:
        plan = dict(self.show())
        for field in FIELDS:
            if plan[_path(field)] == "create":
                create(self.session, "/tooling/sobjects/CustomField", metadata(field))
        sets = self._sets()
        for one in sets:
            if one.lacking():
                one.complete()
        for one, _, user in self._to_assign(sets):
            one.assign(user)
        return [(path, _done(todo)) for path, todo in plan.items()]

    def in_use(self) -> Rows:
        """What `remove` would take away, and who uses it: values in records, permission sets, set-up that refers to a field."""
        self.session.login()
        made, seen = self._made(), self._visible()
        counts, uses = self._counts([n for n in made if n in seen]), self._uses(made)
        rows = [(f"{OBJECT}.{n}", "; ".join([_held(counts.get(n)), *uses.get(i, ())])) for n, i in made.items()]
        rows += [
            (f"permission set {s.wanted.name}", f"assigned to {_users(len(s.assigned()))}") for s in self._sets() if s.id
        ]
        where = f"SobjectType = {soql.text(OBJECT)} AND DeveloperName LIKE 'Assay%'"
        views = query(self.session, f"SELECT Name, DeveloperName FROM ListView WHERE {where}")  # noqa: S608
        return [*rows, *((f"list view {v['Name']}", "stays; delete it in the list's own menu") for v in views)]

    def remove(self) -> Rows:
        """Take the permission sets and fields away, values included; a field that set-up refers to is left, in the CRM's words."""
        plan = dict(self.in_use())
        for one in self._sets():
            if one.id:
                one.remove()
        left = {f"{OBJECT}.{name}": self._drop(field_id) for name, field_id in self._made().items()}
        return [
            (path, state if path.startswith("list") else (f"left: {left[path]}; {state}" if left.get(path) else "removed"))
            for path, state in plan.items()
        ]

    def close(self) -> None:
        self.crm.close()

    def _drop(self, field_id: str) -> str:
        """Tell why a field could not be removed; empty if it is gone."""
        try:
            send(self.session, "DELETE", f"/tooling/sobjects/CustomField/{field_id}", None)
        except Refused as error:
            return str(error.args[0])
        return ""

    def _state(self, field: Field, visible: dict[str, Any], definitions: dict[str, str], closed: set[str]) -> str:
        name = NAMES[field.meaning]
        described = visible.get(name)
        if described is None and name not in definitions:
            return "create"
        wrong = fault(field, described) if described is not None else ""
        if wrong:
            return f"differs: {wrong}"
        return "grant access" if _path(field) in closed else "exists"

    def _visible(self) -> dict[str, Any]:
        described = self.session.control(lambda sdk: getattr(sdk, OBJECT).describe())
        return {f["name"]: f for f in described["fields"]}

    def _made(self) -> dict[str, str]:
        """Return our fields that exist, seen or not, with the ids of their definitions."""
        where = f"TableEnumOrId = {soql.text(OBJECT)} AND DeveloperName LIKE 'Assay%'"
        records = query(self.session, f"SELECT Id, DeveloperName FROM CustomField WHERE {where}", "/tooling/query")  # noqa: S608
        ids = {f"{r['DeveloperName']}__c": str(r["Id"]) for r in records}
        return {name: ids[name] for name in (SIGNAL, *NAMES.values()) if name in ids}

    def _sets(self) -> list[Granted]:
        return [
            Granted(self.session, replace(one, grants=[g for g in one.grants if self._grantable(g)]))
            for one in (integration(), viewer())
        ]

    def _grantable(self, grant: Grant) -> bool:
        """Whether this org knows the right: a field may be free of field-level security there, a permission unknown."""
        if not grant.path:
            return f"Permissions{grant.right}" in self._describe("PermissionSet")
        entity, _, name = grant.path.partition(".")
        if entity in OPTIONAL and entity not in self._there():
            return False
        if not name or (entity == OBJECT and name in NAMES.values()):
            return True
        return bool(
            self._describe(entity).get(name, {}).get("permissionable", True)
        )  # hidden from the admin: asked for all the same

    def _there(self) -> set[str]:
        """Return objects that this org has, as far as the admin sees them."""
        if not self.crm.objects:
            self.crm.objects = self.crm.queryable()
        return self.crm.objects

    def _describe(self, entity: str) -> dict[str, Any]:
        if entity not in self.described:
            described = self.session.control(lambda sdk: getattr(sdk, entity).describe())
            self.described[entity] = {f["name"]: f for f in described["fields"]}
        return self.described[entity]

    def _to_assign(self, sets: Sequence[Granted]) -> list[tuple[Granted, str, str]]:
        """(set, username, user's id) that is still to be done: the nightly user, and the admin, who wants to see the fields."""
        me = self.session.call("GET", "/services/oauth2/userinfo").json()
        name = self.crm.config.username or me["preferred_username"]
        nightly = me["user_id"] if name == me["preferred_username"] else self._user(name)
        todo = [(sets[0], name, nightly)]
        if nightly != me["user_id"]:
            todo.append((sets[1], me["preferred_username"], me["user_id"]))
        return [(one, name, user) for one, name, user in todo if user not in one.assigned()]

    def _user(self, username: str) -> str:
        users = query(self.session, f"SELECT Id FROM User WHERE Username = {soql.text(username)}")  # noqa: S608
        if not users:
            raise CrmError(
                f"there is no user {username} in this org",
                crm="salesforce",
                fix="make the integration user first, or correct [salesforce] username",
            )
        return str(users[0]["Id"])

    def _counts(self, names: Sequence[str]) -> dict[str, int]:
        """Tell how many accounts hold a value, for the fields this admin sees."""
        if not names:
            return {}
        columns = ", ".join(f"COUNT({name}) n{at}" for at, name in enumerate(names))
        row = query(self.session, f"SELECT {columns} FROM {OBJECT}")[0]  # noqa: S608 our own names
        return {name: int(row[f"n{at}"]) for at, name in enumerate(names)}

    def _uses(self, definitions: dict[str, str]) -> dict[str, list[str]]:
        """Map field's id -> flows, layouts, formulas ... that refer to it; nothing where the org does not say."""
        if not definitions:
            return {}
        ids = ", ".join(map(soql.text, definitions.values()))
        wanted = "RefMetadataComponentId, MetadataComponentName, MetadataComponentType"
        text = f"SELECT {wanted} FROM MetadataComponentDependency WHERE RefMetadataComponentId IN ({ids})"  # noqa: S608 our own names
        try:
            references = query(self.session, text, "/tooling/query")
        except CrmError:
            return {}
        uses: dict[str, list[str]] = {}
        for r in references:
            uses.setdefault(r["RefMetadataComponentId"], []).append(
                f"used by {r['MetadataComponentType']} {r['MetadataComponentName']}"
            )
        return uses


#: what a plan's first word is when it is done
DONE = {"create": "created", "grant": "granted", "assign": "assigned"}


def _done(todo: str) -> str:
    first, space, rest = todo.partition(" ")
    return DONE.get(first, first) + space + rest


def _path(field: Field) -> str:
    return f"{OBJECT}.{NAMES[field.meaning]}"


def _lack(one: Granted) -> str:
    lacking = one.lacking()
    if not one.id:
        return f"set up: {len(lacking)} rights"
    if lacking:
        return f"grant {', '.join(map(str, lacking))}"
    extra = one.extra()
    return f"exists, and grants more than it needs: {', '.join(extra)}" if extra else "exists"


def _held(count: int | None) -> str:
    return "values are not visible to you" if count is None else f"{count} accounts hold a value"


def _users(count: int) -> str:
    return "1 user" if count == 1 else f"{count} users"
