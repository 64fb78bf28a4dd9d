"""Creates our fields and the permission set that grants them; an admin's work, never the night's."""

from collections.abc import Sequence
from typing import Any

from connectors.errors import CrmError, Refused
from connectors.ours import FIELDS, Field
from connectors.salesforce.client import SalesforceCrm
from connectors.salesforce.errors import NAME, code_of
from connectors.salesforce.schema import NAMES, OBJECT, PERMISSION_SET, metadata


class SalesforceAdmin:
    """See `connectors.port.SchemaAdmin`. A new field is invisible until a permission set grants it (salesforce.md 1.7)."""

    def __init__(self, crm: SalesforceCrm) -> None:
        self.crm = crm

    def show(self) -> Sequence[tuple[str, str]]:
        self.crm.session.login()
        seen, made = self._visible(), self._made()
        return [(f"{OBJECT}.{NAMES[f.meaning]}", self._state(f, seen, made)) for f in FIELDS]

    def apply(self) -> Sequence[tuple[str, str]]:
        plan = self.show()
        permission_set = self._permission_set() if any(todo != "exists" for _, todo in plan) else ""
        done = []
        for field, (path, todo) in zip(FIELDS, plan, strict=True):
            if todo == "create":
                self._post("/tooling/sobjects/CustomField", metadata(field))
            if todo in ("create", "grant access"):
                self._grant(permission_set, path)
            done.append((path, {"create": "created", "grant access": "access granted"}.get(todo, todo)))
        return done

    def close(self) -> None:
        self.crm.close()

    def _state(self, field: Field, seen: dict[str, Any], made: set[str]) -> str:
        found = seen.get(NAMES[field.meaning])
        if found is None:
            return "grant access" if NAMES[field.meaning] in made else "create"
        if not found.get("updateable"):
            return "grant access"
        lacking = set(field.options) - {v["value"] for v in found.get("picklistValues", ())}
        return f"differs: lacks {', '.join(sorted(lacking))}" if lacking else "exists"

    def _visible(self) -> dict[str, Any]:
        described = self.crm.session.control(lambda sdk: getattr(sdk, OBJECT).describe())
        return {f["name"]: f for f in described["fields"]}

    def _made(self) -> set[str]:
        """Our fields that exist, seen or not."""
        query = f"SELECT DeveloperName FROM CustomField WHERE TableEnumOrId = '{OBJECT}' AND DeveloperName LIKE 'Assay%'"  # noqa: S608
        return {f"{r['DeveloperName']}__c" for r in self._query("/tooling/query", query)}

    def _permission_set(self) -> str:
        """The set's id, made and assigned to the running user if need be."""
        found = self._query("/query", f"SELECT Id FROM PermissionSet WHERE Name = '{PERMISSION_SET}'")  # noqa: S608
        made = str(found[0]["Id"]) if found else self._post("/sobjects/PermissionSet", {
            "Name": PERMISSION_SET, "Label": "Assay integration"})  # fmt: skip
        user = self.crm.session.call("GET", "/services/oauth2/userinfo").json()["user_id"]
        self._post("/sobjects/PermissionSetAssignment", {"PermissionSetId": made, "AssigneeId": user}, twice_is_fine=True)
        return made

    def _grant(self, permission_set: str, path: str) -> None:
        body = {"ParentId": permission_set, "SobjectType": OBJECT, "Field": path, "PermissionsRead": True,
                "PermissionsEdit": True}  # fmt: skip
        self._post("/sobjects/FieldPermissions", body, twice_is_fine=True)

    def _query(self, path: str, text: str) -> list[dict[str, Any]]:
        session = self.crm.session
        records: list[dict[str, Any]] = session.call("GET", session.data(path), params={"q": text}).json()["records"]
        return records

    def _post(self, path: str, body: dict[str, Any], *, twice_is_fine: bool = False) -> str:
        try:
            return str(self.crm.session.call("POST", self.crm.session.data(path), json=body).json()["id"])
        except Refused as error:
            if twice_is_fine and code_of(error) in ("DUPLICATE_VALUE", "DUPLICATES_DETECTED"):
                return ""
            raise CrmError(f"schema: {error.args[0]}", crm=NAME,
                           fix="use an admin's login that may customise the application") from None  # fmt: skip
