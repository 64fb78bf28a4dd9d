"""What the org says of itself: versions, limits, its organization, its objects and their fields."""

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sandbox.salesforce.bulk_query import JOBS
from sandbox.salesforce.call import Call, as_json
from sandbox.salesforce.schema import PREFIXES
from sandbox.salesforce.store import TOOLING, Table

if TYPE_CHECKING:
    from sandbox.salesforce.app import SalesforceApp

VERSIONS = range(41, 69)


def versions(app: "SalesforceApp", call: Call) -> Response:
    return as_json([{"label": f"v{n}", "url": f"/services/data/v{n}.0", "version": f"{n}.0"} for n in VERSIONS])


def resources(app: "SalesforceApp", call: Call, version: str) -> Response:
    """Where everything is; clients look here for the address of the user's identity."""
    base = f"/services/data/v{version}"
    names = ("sobjects", "query", "queryAll", "limits", "jobs", "composite", "tooling")
    return as_json({"identity": app.identity(call.base)} | {n: f"{base}/{n}" for n in names})


def limits(app: "SalesforceApp", call: Call, version: str) -> Response:
    left = {"Max": app.quota, "Remaining": max(0, app.quota - app.used)}
    jobs = {"Max": JOBS, "Remaining": JOBS - app.queries.made}
    return as_json({"DailyApiRequests": left, "DailyBulkV2QueryJobs": jobs,
                    "DailyBulkApiBatches": {"Max": 15_000, "Remaining": 15_000}})  # fmt: skip


def organization(app: "SalesforceApp", call: Call, version: str) -> Response:
    """Connect API "Organization Settings": the only REST answer with a single-currency org's currency."""
    multi = app.org.multi_currency
    features = {"multiCurrency": multi, "defaultCurrencyIsoCode": None if multi else app.org.facts.currency}
    table = app.org.tables["Organization"]
    row = table.rows[0]
    return as_json({"name": table.get(row, "Name"), "orgId": table.get(row, "Id"), "features": features})


def describe_global(app: "SalesforceApp", call: Call, version: str) -> Response:
    sight = app.org.sight
    objects = [_summary(t) for t in app.org.tables.values() if t.name not in TOOLING and sight.knows(t.name)]
    return as_json({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects})


def describe_tooling(app: "SalesforceApp", call: Call, version: str) -> Response:
    objects = [_summary(t) for t in app.org.tables.values() if t.name in TOOLING]
    return as_json({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects})


def _summary(table: Table) -> dict[str, Any]:
    return {"name": table.name, "label": table.name, "keyPrefix": PREFIXES.get(table.name), "queryable": True,
            "createable": True, "updateable": True, "deletable": True, "custom": table.name.endswith("__c")}  # fmt: skip


def describe(app: "SalesforceApp", call: Call, version: str, name: str) -> Response:
    table = app.table(name)
    fields = [f.describe() for f in app.org.visible(table).values()]
    for field in fields:
        if f"{table.name}.{field['name']}" in app.org.read_only:
            field |= {"createable": False, "updateable": False}
    return as_json(_summary(table) | {"fields": fields, "recordTypeInfos": [], "childRelationships": []})


def basic(app: "SalesforceApp", call: Call, version: str, name: str) -> Response:
    return as_json({"objectDescribe": _summary(app.table(name)), "recentItems": []})
