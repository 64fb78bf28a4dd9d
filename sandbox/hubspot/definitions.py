"""A portal's properties, owners, pipelines, currencies and account (docs/facts/hubspot.md, "Properties")."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.hubspot.call import Call
from sandbox.hubspot.errors import ApiError, invalid, not_found
from sandbox.hubspot.schema import FIELD_TYPES
from sandbox.hubspot.store import Portal, Property, Table

#: unique properties of one type
MAX_UNIQUE = 10
KINDS = ("bool", "date", "datetime", "enumeration", "number", "phone_number", "string")


def render_definition(table: Table, p: Property) -> dict[str, Any]:
    """Render a property's definition."""
    options = p.body.get("options")
    if options is None:
        options = [{"label": v, "value": v, "displayOrder": n, "hidden": False} for n, v in enumerate(p.values)]
    defaults = {
        "name": p.name,
        "label": p.label,
        "type": p.type,
        "fieldType": FIELD_TYPES.get(p.type, "text"),
        "description": "",
        "groupName": f"{table.type.one}information",
        "options": options,
        "displayOrder": -1,
        "calculated": False,
        "externalOptions": False,
        "hasUniqueValue": False,
        "hidden": False,
        "hubspotDefined": not p.custom,
        "formField": False,
        "dataSensitivity": "non_sensitive",
        "archived": p.archived,
        "createdAt": "2020-01-01T00:00:00.000Z",
        "updatedAt": "2020-01-01T00:00:00.000Z",
        "modificationMetadata": {"archivable": p.custom, "readOnlyDefinition": not p.custom, "readOnlyValue": p.read_only},
    }
    return defaults | p.body | {"label": p.label, "options": options}


def properties(portal: Portal, call: Call, table: Table) -> dict[str, Any]:
    """List the properties on one page; sensitive ones only if their degree is asked for."""
    archived, degree = call.flag("archived"), call.query.get("dataSensitivity", "non_sensitive")
    definitions = [render_definition(table, p) for p in table.properties.values() if p.archived == archived]
    definitions = [p for p in definitions if p["dataSensitivity"] == degree]
    call.rows = len(definitions)
    return {"results": definitions}


def one_property(table: Table, name: str) -> dict[str, Any]:
    p = table.properties.get(name)
    if p is None or p.archived:
        raise not_found(f'Property "{name}" does not exist')
    return render_definition(table, p)


def create_property(portal: Portal, call: Call, table: Table) -> dict[str, Any]:
    """Create a property; an existing name is a conflict, an archived one comes back with its values."""
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
    values = _options(body)
    existing = table.properties.get(name)
    if existing is not None and not existing.archived:
        raise ApiError(
            409,
            "OBJECT_ALREADY_EXISTS",
            f'A property named "{name}" already exists.',
            subCategory="Properties.PROPERTY_WITH_NAME_EXISTS",
        )
    _room_for(portal, table, unique=bool(body.get("hasUniqueValue")))
    table.properties[name] = Property(name, str(body["type"]), str(body["label"]), False, values, custom=True, body=body)
    table.version += 1
    return render_definition(table, table.properties[name])


def _options(body: dict[str, Any]) -> list[str]:
    """Return the values of the options; an enumeration needs some, a bool exactly true and false."""
    values = [str(o["value"]) for o in body.get("options") or ()]
    if body["type"] == "enumeration" and not values:
        raise invalid("An enumeration property needs options")
    if body["type"] == "bool" and sorted(values) != ["false", "true"]:
        raise invalid("A bool property needs exactly the options true and false")
    if len(set(values)) != len(values):
        raise invalid("Option values must be unique")
    return values


def _room_for(portal: Portal, table: Table, *, unique: bool) -> None:
    """Refuse more than a thousand custom properties a type, and more than ten unique ones."""
    custom = [p for p in table.properties.values() if p.custom and not p.archived]
    if len(custom) >= portal.switches.property_limit:
        raise invalid(f"The limit of {portal.switches.property_limit} custom properties has been reached")
    if unique and sum(bool(p.body.get("hasUniqueValue")) for p in custom) >= MAX_UNIQUE:
        raise invalid(f"The limit of {MAX_UNIQUE} unique properties has been reached")


def update_property(call: Call, table: Table, name: str) -> dict[str, Any]:
    """Update a definition; options that are sent replace the list, without them it stays."""
    p = table.properties.get(name)
    if p is None or p.archived:
        raise not_found(f'Property "{name}" does not exist')
    body = call.json()
    if "options" in body:
        p.values = [str(o["value"]) for o in body["options"]]
    p.label = str(body.get("label", p.label))
    p.body = p.body | body
    return render_definition(table, p)


def archive_property(table: Table, name: str) -> None:
    p = table.properties.get(name)
    if p is None:
        raise not_found(f'Property "{name}" does not exist')
    if not p.custom:
        raise invalid(f'"{name}" is a HubSpot-defined property and cannot be archived')
    if p.used_in:
        raise ApiError(
            400,
            "VALIDATION_ERROR",
            f"Property {name} is used in: {', '.join(p.used_in)}",
            subCategory="Properties.CANNOT_DELETE_PROPERTY_IN_USE",
            errors=[{"message": f"used in {u}", "code": "CANNOT_DELETE_PROPERTY_IN_USE"} for u in p.used_in],
        )
    p.archived = True
    table.version += 1


def read_properties(call: Call, table: Table) -> tuple[int, dict[str, Any]]:
    names = [str(x["name"]) for x in call.json().get("inputs") or ()]
    definitions = [render_definition(table, table.properties[n]) for n in names if n in table.properties]
    missing = [n for n in names if n not in table.properties]
    errors = [{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "not found", "context": {"ids": missing}}]
    more = {"numErrors": 1, "errors": errors} if missing else {}
    return (207 if missing else 200), {"status": "COMPLETE", "results": definitions, **more}


def owners(portal: Portal, call: Call) -> dict[str, Any]:
    """List the owners page by page; deactivated ones only on request."""
    limit, after, archived = int(call.query.get("limit", "100")), int(call.query.get("after") or 0), call.flag("archived")
    email = call.query.get("email")
    matching = [
        o for o in portal.owners if o["archived"] == archived and int(o["id"]) > after and email in (None, o["email"])
    ]
    call.rows = len(matching[:limit])
    place = matching[limit - 1]["id"] if len(matching) > limit else None
    link = f"{call.base}{call.raw_path}?limit={limit}&after={place}"
    return {"results": matching[:limit], **({"paging": {"next": {"after": place, "link": link}}} if place else {})}


def one_owner(portal: Portal, call: Call, owner_id: str) -> dict[str, Any]:
    """Return an owner by its own id or its user's; a deactivated one only on request."""
    key = "userIdIncludingInactive" if call.query.get("idProperty") == "userId" else "id"
    for owner in portal.owners:
        if str(owner[key]) == owner_id and owner["archived"] == call.flag("archived"):
            return owner
    raise not_found("resource not found")


def pipelines(portal: Portal, table: Table) -> dict[str, Any]:
    return {"results": portal.pipelines if table.type.name == "deals" else []}


def one_pipeline(portal: Portal, table: Table, pipeline_id: str) -> dict[str, Any]:
    for pipeline in pipelines(portal, table)["results"]:
        if pipeline["id"] == pipeline_id:
            result: dict[str, Any] = pipeline
            return result
    raise not_found("resource not found")


def legacy_pipelines(portal: Portal) -> dict[str, Any]:
    """List the deal pipelines as /crm-pipelines/v1 does, for connectors that still use it."""
    return {"results": [_legacy(p) for p in portal.pipelines]}


def _legacy(pipeline: dict[str, Any]) -> dict[str, Any]:
    common = {"active": not pipeline["archived"], "createdAt": 1_577_836_800_000, "updatedAt": 1_577_836_800_000}
    stages = [
        common | {"stageId": s["id"], "label": s["label"], "displayOrder": s["displayOrder"], "metadata": s["metadata"]}
        for s in pipeline["stages"]
    ]
    return common | {
        "pipelineId": pipeline["id"],
        "label": pipeline["label"],
        "displayOrder": pipeline["displayOrder"],
        "objectType": "DEAL",
        "objectTypeId": "0-3",
        "default": pipeline["id"] == "default",
        "stages": stages,
    }


def account(portal: Portal) -> dict[str, Any]:
    offset = datetime.now(ZoneInfo(portal.zone)).utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    return {
        "portalId": portal.portal_id,
        "accountType": portal.facts.extra.get("account_type", "DEVELOPER_TEST"),
        "timeZone": portal.zone,
        "companyCurrency": portal.facts.currency,
        "additionalCurrencies": sorted(_rates(portal)),
        "utcOffset": f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}",
        "utcOffsetMilliseconds": minutes * 60_000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }


def _rates(portal: Portal) -> dict[str, float]:
    rates: dict[str, float] = portal.facts.extra.get("rates", {})
    return rates


def exchange_rates(portal: Portal) -> dict[str, Any]:
    """List what one unit of each other currency is worth in the portal's own."""
    moment = "2020-01-01T00:00:00.000Z"
    return {
        "results": [
            {
                "id": str(n),
                "fromCurrencyCode": code,
                "toCurrencyCode": portal.facts.currency,
                "conversionRate": rate,
                "visibleInUI": True,
                "effectiveAt": moment,
                "createdAt": moment,
                "updatedAt": moment,
            }
            for n, (code, rate) in enumerate(sorted(_rates(portal).items()), 1)
        ]
    }


def schemas() -> dict[str, Any]:
    return {"results": []}


def custom_properties(portal: Portal) -> dict[str, Any]:
    """Count the custom properties of each type against their limits."""
    used = {name: sum(p.custom for p in table.properties.values()) for name, table in portal.tables.items()}
    types = [
        {"objectTypeId": t.type.number, "usage": used[n], "limit": 1000, "percentage": used[n] / 10}
        for n, t in portal.tables.items()
    ]
    return {"overallLimit": 10_000, "overallUsage": sum(used.values()), "byObjectType": types}
