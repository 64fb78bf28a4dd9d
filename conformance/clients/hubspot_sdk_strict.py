"""hubspot-sdk's typed models as a strict reader: every answer must validate, not merely be tolerated.

Two things are known to differ between its models (made from HubSpot's published specifications) and what HubSpot sends:
properties without a value are null, and `toObjectId` is a number (docs/facts/hubspot.md, "List, search and batch").
Those are counted and reported; anything else fails.
"""

from collections import Counter
from typing import Any

import httpx
from hubspot_sdk.types import crm
from pydantic import TypeAdapter, ValidationError
from report import connections, say

line = connections()["hubspot"]
http = httpx.Client(base_url=line["url"], headers={"Authorization": f"Bearer {line['token']}"}, timeout=60)


def check(name: str, model: Any, body: Any) -> None:
    """One answer against one model."""
    try:
        TypeAdapter(model).validate_python(body)
    except ValidationError as error:
        kinds = Counter(_kind(e) for e in error.errors())
        summary = ", ".join(f"{n}x {kind}" for kind, n in kinds.items())
        say(name, kinds.keys() <= {"null property", "toObjectId is a number"}, summary)
    else:
        say(name, ok=True)


def _kind(error: Any) -> str:
    where = error["loc"]
    if error["type"] == "string_type" and error["input"] is None and "properties" in where:
        return "null property"
    if where[-1] == "toObjectId" or "to_object_id" in where:
        return "toObjectId is a number"
    return f"{'.'.join(map(str, where))}: {error['msg']}"


def get(path: str, **params: str) -> Any:
    return http.get(path, params=params).raise_for_status().json()


def post(path: str, body: dict[str, Any]) -> Any:
    return http.post(path, json=body).raise_for_status().json()


OBJECTS = "/crm/objects/2026-03"
for type_ in ("companies", "contacts", "deals", "calls", "meetings", "emails", "notes", "tasks", "line_items", "products"):
    page = get(f"{OBJECTS}/{type_}", limit="50", associations="companies,contacts", propertiesWithHistory="hs_object_id")
    check(f"list {type_}", crm.CollectionResponseSimplePublicObjectWithAssociationsForwardPaging, page)
results = post(f"{OBJECTS}/companies/search", {"limit": 200, "filterGroups": []})
check("search", crm.CollectionResponseWithTotalSimplePublicObject, results)
ids = [{"id": r["id"]} for r in results["results"][:50]]
batch = post(f"{OBJECTS}/companies/batch/read", {"inputs": ids, "properties": ["name"], "propertiesWithHistory": []})
check("batch read", crm.BatchResponseSimplePublicObject, batch)
update = {"inputs": [{**i, "properties": {"city": "Bonn"}} for i in ids]}
check("batch update", crm.BatchResponseSimplePublicObject, post(f"{OBJECTS}/companies/batch/update", update))
links = post("/crm/associations/2026-03/companies/contacts/batch/read", {"inputs": ids})
check("associations", crm.BatchResponsePublicAssociationMultiWithLabel, links)
check("properties", crm.CollectionResponsePropertyNoPaging, get("/crm/properties/2026-03/companies"))
check("pipelines", crm.CollectionResponsePipelineNoPaging, get("/crm/pipelines/2026-03/deals"))
check("owners", crm.CollectionResponsePublicOwnerForwardPaging, get("/crm/owners/2026-03"))
