"""Properties, groups, owners, pipelines, currencies, account: what a portal says of itself (hubspot.md 1.9, 1.10)."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.hubspot.call import Call
from sandbox.hubspot.errors import ApiError, invalid, not_found
from sandbox.hubspot.schema import FIELD_TYPES
from sandbox.hubspot.store import Portal, Property, Table

KINDS = ("bool", "date", "datetime", "enumeration", "number", "phone_number", "string")


def shown(table: Table, p: Property) -> dict[str, Any]:
    """A property's definition."""
    options = p.body.get("options")
    if options is None:
        options = [{"label": v, "value": v, "displayOrder": n, "hidden": False} for n, v in enumerate(p.values)]
    made = {
        "name": p.name, "label": p.label, "type": p.type, "fieldType": FIELD_TYPES.get(p.type, "text"), "description": "",
        "groupName": f"{table.type.one}information", "options": options, "displayOrder": -1, "calculated": False,
        "externalOptions": False, "hasUniqueValue": False, "hidden": False, "hubspotDefined": not p.custom,
        "formField": False, "dataSensitivity": "non_sensitive", "archived": p.archived,
        "createdAt": "2020-01-01T00:00:00.000Z", "updatedAt": "2020-01-01T00:00:00.000Z",
        "modificationMetadata": {"archivable": p.custom, "readOnlyDefinition": not p.custom, "readOnlyValue": p.read_only},
    }  # fmt: skip
    return made | p.body | {"label": p.label, "options": options}


def properties(portal: Portal, call: Call, table: Table) -> dict[str, Any]:
    """Unpaged."""
    archived = call.flag("archived")
    found = [shown(table, p) for p in table.properties.values() if p.archived == archived]
    call.rows = len(found)
    return {"results": found}


def one_property(table: Table, name: str) -> dict[str, Any]:
    p = table.properties.get(name)
    if p is None or p.archived:
        raise not_found(f'Property "{name}" does not exist')
    return shown(table, p)


def create_property(portal: Portal, call: Call, table: Table) -> dict[str, Any]:
    """An existing name is a conflict; an archived one comes back with its values."""
    body = call.json()
    lacking = [k for k in ("name", "label", "type", "fieldType", "groupName") if not body.get(k)]
    if lacking:
        raise invalid(f"Some required fields were not set: {lacking}")
    name = str(body["name"])
    if body["type"] not in KINDS:
        raise invalid(f"Invalid property type {body['type']}")
    if name.startswith("hs_"):
        raise invalid("Property names may not start with hs_")
    if body["groupName"] not in portal.groups.get(table.type.name, {}) and not body["groupName"].endswith("information"):
        raise invalid(f"Group {body['groupName']} does not exist")
    held = table.properties.get(name)
    if held is not None and not held.archived:
        raise ApiError(409, "OBJECT_ALREADY_EXISTS", f'A property named "{name}" already exists.',
                       subCategory="Properties.PROPERTY_WITH_NAME_EXISTS")  # fmt: skip
    values = [str(o["value"]) for o in body.get("options") or ()]
    table.properties[name] = Property(name, str(body["type"]), str(body["label"]), False, values, custom=True, body=body)
    table.version += 1
    return shown(table, table.properties[name])


def update_property(call: Call, table: Table, name: str) -> dict[str, Any]:
    """Options that are sent replace the list; without them it stays."""
    p = table.properties.get(name)
    if p is None or p.archived:
        raise not_found(f'Property "{name}" does not exist')
    body = call.json()
    if "options" in body:
        p.values = [str(o["value"]) for o in body["options"]]
    p.label = str(body.get("label", p.label))
    p.body = p.body | body
    return shown(table, p)


def archive_property(table: Table, name: str) -> None:
    p = table.properties.get(name)
    if p is None:
        raise not_found(f'Property "{name}" does not exist')
    if not p.custom:
        raise invalid(f'"{name}" is a HubSpot-defined property and cannot be archived')
    if p.used_by:
        raise ApiError(400, "VALIDATION_ERROR", f"Property {name} is in use: {', '.join(p.used_by)}",
                       subCategory="Properties.CANNOT_DELETE_PROPERTY_IN_USE")  # fmt: skip
    p.archived = True


def read_properties(call: Call, table: Table) -> tuple[int, dict[str, Any]]:
    names = [str(x["name"]) for x in call.json().get("inputs") or ()]
    found = [shown(table, table.properties[n]) for n in names if n in table.properties]
    missing = [n for n in names if n not in table.properties]
    errors = [{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "not found", "context": {"ids": missing}}]
    more = {"numErrors": 1, "errors": errors} if missing else {}
    return (207 if missing else 200), {"status": "COMPLETE", "results": found, **more}


def groups(portal: Portal, table: Table) -> dict[str, Any]:
    own = {
        "name": f"{table.type.one}information",
        "label": f"{table.type.one} information",
        "displayOrder": 0,
        "archived": False,
    }
    return {"results": [own, *portal.groups.get(table.type.name, {}).values()]}


def create_group(portal: Portal, call: Call, table: Table) -> dict[str, Any]:
    body = call.json()
    held = portal.groups.setdefault(table.type.name, {})
    if body.get("name") in held:
        raise ApiError(409, "OBJECT_ALREADY_EXISTS", f'A property group named "{body["name"]}" already exists.')
    held[str(body["name"])] = {"name": body["name"], "label": body.get("label"), "displayOrder": body.get("displayOrder", -1),
                               "archived": False}  # fmt: skip
    return held[str(body["name"])]


def archive_group(portal: Portal, table: Table, name: str) -> None:
    """A group with active properties stays."""
    if name not in portal.groups.get(table.type.name, {}):
        raise not_found(f'Property group "{name}" does not exist')
    if any(p.body.get("groupName") == name and not p.archived for p in table.properties.values()):
        raise invalid(f"Property group {name} has active properties and cannot be archived")
    del portal.groups[table.type.name][name]


def owners(portal: Portal, call: Call) -> dict[str, Any]:
    """Paged; deactivated ones on demand only."""
    limit, after, archived = int(call.query.get("limit", "100")), int(call.query.get("after") or 0), call.flag("archived")
    email = call.query.get("email")
    found = [o for o in portal.owners if o["archived"] == archived and int(o["id"]) > after and email in (None, o["email"])]
    call.rows = len(found[:limit])
    place = found[limit - 1]["id"] if len(found) > limit else None
    link = f"{call.base}{call.raw_path}?limit={limit}&after={place}"
    return {"results": found[:limit], **({"paging": {"next": {"after": place, "link": link}}} if place else {})}


def pipelines(portal: Portal, table: Table) -> dict[str, Any]:
    return {"results": portal.pipelines if table.type.name == "deals" else []}


def legacy_pipelines(portal: Portal) -> dict[str, Any]:
    """The deal pipelines as /crm-pipelines/v1 gives them: other names, the same facts; connectors still ask for these."""
    return {"results": [_legacy(p) for p in portal.pipelines]}


def _legacy(pipeline: dict[str, Any]) -> dict[str, Any]:
    made = {"active": not pipeline["archived"], "createdAt": 1_577_836_800_000, "updatedAt": 1_577_836_800_000}
    stages = [made | {"stageId": s["id"], "label": s["label"], "displayOrder": s["displayOrder"], "metadata": s["metadata"]}
              for s in pipeline["stages"]]  # fmt: skip
    return made | {"pipelineId": pipeline["id"], "label": pipeline["label"], "displayOrder": pipeline["displayOrder"],
                   "objectType": "DEAL", "objectTypeId": "0-3", "default": pipeline["id"] == "default",
                   "stages": stages}  # fmt: skip


def account(portal: Portal) -> dict[str, Any]:
    offset = datetime.now(ZoneInfo(portal.zone)).utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    return {
        "portalId": portal.portal_id, "accountType": portal.facts.extra.get("account_type", "DEVELOPER_TEST"),
        "timeZone": portal.zone, "companyCurrency": portal.facts.currency, "additionalCurrencies": sorted(_rates(portal)),
        "utcOffset": f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}",
        "utcOffsetMilliseconds": minutes * 60_000, "uiDomain": "app.hubspot.com", "dataHostingLocation": "na1",
    }  # fmt: skip


def _rates(portal: Portal) -> dict[str, float]:
    rates: dict[str, float] = portal.facts.extra.get("rates", {})
    return rates


def exchange_rates(portal: Portal) -> dict[str, Any]:
    """What one unit of each other currency is worth in the portal's own."""
    moment = "2020-01-01T00:00:00.000Z"
    return {
        "results": [
            {"id": str(n), "fromCurrencyCode": code, "toCurrencyCode": portal.facts.currency, "conversionRate": rate,
             "visibleInUI": True, "effectiveAt": moment, "createdAt": moment, "updatedAt": moment}
            for n, (code, rate) in enumerate(sorted(_rates(portal).items()), 1)
        ]
    }  # fmt: skip


def schemas() -> dict[str, Any]:
    return {"results": []}


def custom_properties(portal: Portal) -> dict[str, Any]:
    """How many of the properties that one may make are made."""
    used = {name: sum(p.custom for p in table.properties.values()) for name, table in portal.tables.items()}
    types = [{"objectTypeId": t.type.number, "usage": used[n], "limit": 1000, "percentage": used[n] / 10}
             for n, t in portal.tables.items()]  # fmt: skip
    return {"overallLimit": 10_000, "overallUsage": sum(used.values()), "byObjectType": types}
