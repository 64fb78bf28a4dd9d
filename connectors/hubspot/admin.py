"""Creates our properties and their group; an admin's work, never the night's (docs/facts/hubspot.md, "Properties")."""

from collections.abc import Sequence
from typing import Any

from hubspot.crm.properties import PropertyCreate, PropertyGroupCreate, PropertyUpdate

from connectors.errors import CrmError, Forbidden, Refused
from connectors.fields import Field
from connectors.hubspot.client import HubSpotCrm
from connectors.hubspot.errors import NAME
from connectors.hubspot.schema import FIELDS, GROUP, NAMES, OBJECT, definition, lacking_options, options


class HubSpotAdmin:
    """See `connectors.port.SchemaAdmin`. Creating an archived property again restores it with its values.

    Options that are not ours are an admin's: they are kept, whatever else changes.
    """

    def __init__(self, crm: HubSpotCrm) -> None:
        self.crm = crm

    def show(self) -> Sequence[tuple[str, str]]:
        definitions, binned = self._there(), self._there(archived=True)
        return [(_path(f), _state(f, definitions.get(NAMES[f.meaning]), binned.get(NAMES[f.meaning]))) for f in FIELDS]

    def apply(self) -> Sequence[tuple[str, str]]:
        plan, definitions = self.show(), self._there(archived=True) | self._there()
        if any(todo.startswith(("create", "restore")) for _, todo in plan):
            self._group()
        done = []
        for field, (path, todo) in zip(FIELDS, plan, strict=True):
            done.append((path, self._change(field, todo, definitions.get(NAMES[field.meaning]))))
        return done

    def in_use(self) -> Sequence[tuple[str, str]]:
        """How many companies hold a value of each of our properties; what else uses one, HubSpot says when it is archived."""
        definitions = self._there()
        return [
            (_path(f), f"{self._holders(NAMES[f.meaning])} companies hold a value")
            for f in FIELDS
            if NAMES[f.meaning] in definitions
        ]

    def remove(self) -> Sequence[tuple[str, str]]:
        """Archive our properties, then their group; made again, they come back with their values."""
        done = [(path, self._archive(path.partition(".")[2])) for path, _ in self.in_use()]
        if done and all(state == "removed" for _, state in done):
            self.crm.sdk.crm.properties.groups_api.archive(OBJECT, GROUP)
        return done

    def close(self) -> None:
        self.crm.close()

    def _holders(self, name: str) -> int:
        filters = [{"propertyName": name, "operator": "HAS_PROPERTY"}]
        body = {"filterGroups": [{"filters": filters}], "limit": 1}
        return int(self.crm.api.call("POST", f"/crm/objects/{{date}}/{OBJECT}/search", json=body).json()["total"])

    def _archive(self, name: str) -> str:
        try:
            self.crm.sdk.crm.properties.core_api.archive(OBJECT, name)
        except Forbidden as error:
            raise _refused(error) from None
        except Refused as error:
            return f"left: {error.args[0]}"
        return "removed"

    def _there(self, *, archived: bool = False) -> dict[str, Any]:
        definitions = self.crm.sdk.crm.properties.core_api.get_all(OBJECT, archived=archived).results
        return {p.name: p for p in definitions if bool(p.archived) == archived}

    def _group(self) -> None:
        try:
            body = PropertyGroupCreate(name=GROUP, label="Assay", display_order=-1)
            self.crm.sdk.crm.properties.groups_api.create(OBJECT, body)
        except Refused as error:
            if "EXISTS" not in str(error) and "exists" not in str(error):
                raise _refused(error) from None

    def _change(self, field: Field, todo: str, current: Any) -> str:
        core = self.crm.sdk.crm.properties.core_api
        try:
            if todo.startswith(("create", "restore")):
                body = definition(field)
                if current and field.options:
                    body["options"] = _with_ours(field, current)
                core.create(OBJECT, PropertyCreate(**{SDK_NAMES.get(k, k): v for k, v in body.items()}))
                return todo.replace("create", "created", 1).replace("restore", "restored", 1)
            if todo.startswith("add option"):
                core.update(OBJECT, NAMES[field.meaning], PropertyUpdate(options=_with_ours(field, current)))
                return todo.replace("add", "added", 1)
        except Refused as error:
            raise _refused(error) from None
        return todo


#: how the SDK spells the API's words
SDK_NAMES = {"fieldType": "field_type", "groupName": "group_name"}


def _path(field: Field) -> str:
    return f"{OBJECT}.{NAMES[field.meaning]}"


def _state(field: Field, current: Any, binned: Any) -> str:
    if current is None:
        return "create" if binned is None else "restore, archived with its values"
    if current.type != definition(field)["type"]:
        return f"differs: is {current.type}, not {definition(field)['type']}"
    lacking = lacking_options(field, current)
    return f"add option {', '.join(lacking)}" if lacking else "exists"


def _with_ours(field: Field, current: Any) -> list[dict[str, Any]]:
    """Return the list as it is, with our lacking values at its end: a list that is sent replaces the old one."""
    existing = [
        {"label": o.label, "value": o.value, "displayOrder": n, "hidden": bool(o.hidden)}
        for n, o in enumerate(current.options or ())
    ]
    lacking = set(lacking_options(field, current))
    return existing + [
        o | {"displayOrder": len(existing) + n} for n, o in enumerate(x for x in options(field) if x["value"] in lacking)
    ]


def _refused(error: CrmError) -> CrmError:
    return CrmError(
        f"schema: {error.args[0]}",
        crm=NAME,
        fix="use a key with the scopes crm.schemas.companies.read and crm.schemas.companies.write",
    )
