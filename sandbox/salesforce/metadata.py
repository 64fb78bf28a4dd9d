"""Descriptions of an org: versions, limits, organization, objects and fields (docs/facts/salesforce.md, "Versions")."""

from typing import Any

from starlette.responses import Response

from sandbox.salesforce.bulk_query import MAX_JOBS
from sandbox.salesforce.call import Call, as_json
from sandbox.salesforce.schema import PREFIXES
from sandbox.salesforce.state import OrgState
from sandbox.salesforce.table import TOOLING, Table

VERSIONS = range(41, 69)


def versions(state: OrgState, call: Call) -> Response:
    return as_json([{"label": f"v{n}", "url": f"/services/data/v{n}.0", "version": f"{n}.0"} for n in VERSIONS])


def resources(state: OrgState, call: Call, version: str) -> Response:
    """List the addresses of resources; clients look here for that of the user's identity."""
    base = f"/services/data/v{version}"
    names = ("sobjects", "query", "queryAll", "limits", "jobs", "composite", "tooling")
    return as_json({"identity": state.identity(call.base)} | {n: f"{base}/{n}" for n in names})


def limits(state: OrgState, call: Call, version: str) -> Response:
    calls = {"Max": state.quota, "Remaining": max(0, state.quota - state.used)}
    jobs = {"Max": MAX_JOBS, "Remaining": MAX_JOBS - state.queries.started}
    return as_json(
        {
            "DailyApiRequests": calls,
            "DailyBulkV2QueryJobs": jobs,
            "DailyBulkApiBatches": {"Max": 15_000, "Remaining": 15_000},
        }
    )


def organization(state: OrgState, call: Call, version: str) -> Response:
    """Answer Connect API "Organization Settings", the only REST answer with a single-currency org's currency."""
    multi = state.org.multi_currency
    features = {"multiCurrency": multi, "defaultCurrencyIsoCode": None if multi else state.org.facts.currency}
    table = state.org.tables["Organization"]
    row = table.rows[0]
    return as_json({"name": table.get(row, "Name"), "orgId": table.get(row, "Id"), "features": features})


def describe_global(state: OrgState, call: Call, version: str) -> Response:
    sight = state.org.sight
    objects = [_summary(t) for t in state.org.tables.values() if t.name not in TOOLING and sight.knows(t.name)]
    return as_json({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects})


def describe_tooling(state: OrgState, call: Call, version: str) -> Response:
    objects = [_summary(t) for t in state.org.tables.values() if t.name in TOOLING]
    return as_json({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects})


def _summary(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "label": table.name,
        "keyPrefix": PREFIXES.get(table.name),
        "queryable": True,
        "createable": True,
        "updateable": True,
        "deletable": True,
        "custom": table.name.endswith("__c"),
    }


def describe(state: OrgState, call: Call, version: str, name: str) -> Response:
    table = state.table(name)
    fields = [f.describe() for f in state.org.visible(table).values()]
    for field in fields:
        if f"{table.name}.{field['name']}" in state.org.read_only:
            field |= {"createable": False, "updateable": False}
    return as_json(_summary(table) | {"fields": fields, "recordTypeInfos": [], "childRelationships": []})


def basic(state: OrgState, call: Call, version: str, name: str) -> Response:
    return as_json({"objectDescribe": _summary(state.table(name)), "recentItems": []})
