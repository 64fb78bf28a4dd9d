"""Creates our properties and their group; an admin's work, never the night's (reference: hubspot.md 1.9)."""

from collections.abc import Sequence
from typing import Any

from hubspot.crm.properties import PropertyCreate, PropertyGroupCreate, PropertyUpdate

from connectors.errors import CrmError, Refused
from connectors.hubspot.client import HubSpotCrm
from connectors.hubspot.errors import NAME
from connectors.hubspot.schema import FIELDS, GROUP, NAMES, OBJECT, definition, lacking_options, options
from connectors.ours import Field


class HubSpotAdmin:
    """See `connectors.port.SchemaAdmin`. Creating an archived property again restores it with its values."""

    def __init__(self, crm: HubSpotCrm) -> None:
        self.crm = crm

    def show(self) -> Sequence[tuple[str, str]]:
        there = self._there()
        return [(f"{OBJECT}.{NAMES[f.meaning]}", _state(f, there.get(NAMES[f.meaning]))) for f in FIELDS]

    def apply(self) -> Sequence[tuple[str, str]]:
        plan, there = self.show(), self._there()
        if any(todo == "create" for _, todo in plan):
            self._group()
        done = []
        for field, (path, todo) in zip(FIELDS, plan, strict=True):
            done.append((path, self._change(field, todo, there.get(NAMES[field.meaning]))))
        return done

    def close(self) -> None:
        self.crm.close()

    def _there(self) -> dict[str, Any]:
        found = self.crm.sdk.crm.properties.core_api.get_all(OBJECT).results
        return {p.name: p for p in found if not p.archived}

    def _group(self) -> None:
        try:
            body = PropertyGroupCreate(name=GROUP, label="Assay", display_order=-1)
            self.crm.sdk.crm.properties.groups_api.create(OBJECT, body)
        except Refused as error:
            if "EXISTS" not in str(error) and "exists" not in str(error):
                raise _refused(error) from None

    def _change(self, field: Field, todo: str, found: Any) -> str:
        core = self.crm.sdk.crm.properties.core_api
        try:
            if todo == "create":
                body = definition(field)
                core.create(OBJECT, PropertyCreate(**{SDK_NAMES.get(k, k): v for k, v in body.items()}))
                return "created"
            if todo.startswith("add option"):
                body = {"options": _with_ours(field, found)}
                core.update(OBJECT, NAMES[field.meaning], PropertyUpdate(**body))
                return todo.replace("add", "added", 1)
        except Refused as error:
            raise _refused(error) from None
        return todo


#: how the SDK spells the API's words
SDK_NAMES = {"fieldType": "field_type", "groupName": "group_name"}


def _state(field: Field, found: Any) -> str:
    if found is None:
        return "create"
    if found.type != definition(field)["type"]:
        return f"differs: is {found.type}, not {definition(field)['type']}"
    lacking = lacking_options(field, found)
    return f"add option {', '.join(lacking)}" if lacking else "exists"


def _with_ours(field: Field, found: Any) -> list[dict[str, Any]]:
    """The list as it is, with our lacking values at its end: a list that is sent replaces the old one."""
    kept = [{"label": o.label, "value": o.value, "displayOrder": n, "hidden": bool(o.hidden)}
            for n, o in enumerate(found.options or ())]  # fmt: skip
    lacking = set(lacking_options(field, found))
    return kept + [
        o | {"displayOrder": len(kept) + n} for n, o in enumerate(x for x in options(field) if x["value"] in lacking)
    ]


def _refused(error: CrmError) -> CrmError:
    return CrmError(f"schema: {error.args[0]}", crm=NAME,
                    fix="use a key with the scopes crm.schemas.companies.read and crm.schemas.companies.write")  # fmt: skip
