"""Routes: dated releases and v3/v4 on one store (docs/facts/hubspot.md, "Versions and paths")."""

import json
import re
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from sandbox.hubspot import associations, batches, definitions, groups, merging, objects, write
from sandbox.hubspot.call import Call

Handler = Callable[..., Response]
Route = tuple[str, re.Pattern[str], Handler, str]
DATE = r"(?P<release>v[34]|\d{4}-\d{2})"
TYPE, ID = "(?P<type_>[^/]+)", "(?P<record_id>[^/]+)"


def raw(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")


def as_json(body: Any, status: int = 200) -> Response:
    return raw(json.dumps(body).encode(), status)


def routes() -> list[Route]:
    """List (method, path, handler, need): "read" and "write" are scopes of the type, else a scope by name."""
    o, p, t = rf"/crm/objects/{DATE}/{TYPE}", rf"/crm/properties/{DATE}/{TYPE}", "(?P<target>[^/]+)"
    a = rf"/crm/associations/{DATE}/{TYPE}/{t}/batch"
    table: list[tuple[str, str, Handler, str]] = [
        ("GET", o, lambda app, c, table: raw(objects.listing(app.portal, c, table)), "read"),
        ("POST", o, lambda app, c, table: raw(write.create_one(app.portal, c, table), 201), "write"),
        ("POST", f"{o}/search", lambda app, c, table: raw(app.searches.answer(c, table)), "read"),
        ("POST", f"{o}/batch/read", lambda app, c, table: _batch(objects.batch_read(app.portal, c, table)), "read"),
        ("POST", f"{o}/batch/update", lambda app, c, table: _batch(batches.batch_update(app.portal, c, table)), "write"),
        ("POST", f"{o}/batch/create", lambda app, c, table: _batch(batches.batch_create(app.portal, c, table)), "write"),
        ("POST", f"{o}/batch/upsert", lambda app, c, table: _batch(batches.batch_upsert(app.portal, c, table)), "write"),
        ("POST", f"{o}/batch/archive", _archive_many, "write"),
        ("GET", f"{o}/{ID}", lambda app, c, table, record_id: raw(objects.one(app.portal, c, table, record_id)), "read"),
        (
            "PATCH",
            f"{o}/{ID}",
            lambda app, c, table, record_id: raw(write.update_one(app.portal, c, table, record_id)),
            "write",
        ),
        ("DELETE", f"{o}/{ID}", _archive_one, "write"),
        ("GET", f"{o}/{ID}/associations/{t}", _of_one, "read"),
        ("PUT", f"{o}/{ID}/associations/(?:default/)?{t}/(?P<to_id>[^/]+)", _link_one, "write"),
        ("DELETE", f"{o}/{ID}/associations/{t}/(?P<to_id>[^/]+)", _unlink_one, "write"),
        ("POST", f"{o}/merge", _merge, "write"),
        ("POST", f"{o}/gdpr-delete", _forget, "write"),
        (
            "POST",
            f"{a}/read",
            lambda app, c, table, target: _batch(associations.batch_read(app.portal, c, table, target)),
            "read",
        ),
        ("POST", f"{a}/create", _link, "write"),
        ("POST", f"{a}/archive", _unlink, "write"),
        ("GET", p, lambda app, c, table: as_json(definitions.properties(app.portal, c, table)), "read"),
        ("POST", p, _make_property, "schema"),
        ("GET", f"{p}/groups", lambda app, c, table: as_json(groups.all_of(app.portal, table)), "read"),
        ("POST", f"{p}/groups", lambda app, c, table: as_json(groups.create(app.portal, c, table), 201), "schema"),
        (
            "GET",
            f"{p}/groups/{ID}",
            lambda app, c, table, record_id: as_json(groups.one(app.portal, table, record_id)),
            "read",
        ),
        (
            "PATCH",
            f"{p}/groups/{ID}",
            lambda app, c, table, record_id: as_json(groups.update(app.portal, c, table, record_id)),
            "schema",
        ),
        ("DELETE", f"{p}/groups/{ID}", _archive_group, "schema"),
        ("POST", f"{p}/batch/read", _read_properties, "read"),
        ("GET", f"{p}/{ID}", lambda app, c, table, record_id: as_json(definitions.one_property(table, record_id)), "read"),
        (
            "PATCH",
            f"{p}/{ID}",
            lambda app, c, table, record_id: as_json(definitions.update_property(c, table, record_id)),
            "schema",
        ),
        ("DELETE", f"{p}/{ID}", _archive_property, "schema"),
        (
            "GET",
            rf"/crm/pipelines/{DATE}/{TYPE}",
            lambda app, c, table: as_json(definitions.pipelines(app.portal, table)),
            "read",
        ),
        (
            "GET",
            rf"/crm/pipelines/{DATE}/{TYPE}/{ID}",
            lambda app, c, table, record_id: as_json(definitions.one_pipeline(app.portal, table, record_id)),
            "read",
        ),
        (
            "GET",
            rf"/crm/pipelines/{DATE}/{TYPE}/{ID}/stages",
            lambda app, c, table, record_id: as_json(
                {"results": definitions.one_pipeline(app.portal, table, record_id)["stages"]}
            ),
            "read",
        ),
        (
            "GET",
            rf"/crm/owners/{DATE}/{ID}",
            lambda app, c, record_id: as_json(definitions.one_owner(app.portal, c, record_id)),
            "crm.objects.owners.read",
        ),
        (
            "GET",
            rf"/crm/owners/{DATE}",
            lambda app, c: as_json(definitions.owners(app.portal, c)),
            "crm.objects.owners.read",
        ),
        ("GET", rf"/crm-object-schemas/{DATE}/schemas", lambda app, c: as_json(definitions.schemas()), ""),
        ("GET", rf"/crm/{DATE}/schemas", lambda app, c: as_json(definitions.schemas()), ""),
        ("GET", rf"/account-info/{DATE}/details", lambda app, c: as_json(definitions.account(app.portal)), ""),
        (
            "GET",
            rf"/crm/limits/{DATE}/custom-properties",
            lambda app, c: as_json(definitions.custom_properties(app.portal)),
            "",
        ),
        ("GET", rf"/settings/currencies/{DATE}/exchange-rates/current", _rates, ""),
        ("GET", rf"/settings/currencies/{DATE}/exchange-rates", _rates, ""),
        (
            "GET",
            rf"/settings/currencies/{DATE}/company-currency",
            lambda app, c: as_json({"currencyCode": app.portal.facts.currency}),
            "",
        ),
        ("GET", "/crm-pipelines/v1/pipelines/deals", lambda app, c: as_json(definitions.legacy_pipelines(app.portal)), ""),
        (
            "GET",
            f"/properties/v[12]/{TYPE}/properties",
            lambda app, c, table: as_json(definitions.properties(app.portal, c, table)["results"]),
            "read",
        ),
        (
            "POST",
            rf"/oauth/{DATE}/token|/oauth/v1/token",
            lambda app, c: as_json(app.oauth.token(c.body, app.portal.clock.now())),
            "",
        ),
        ("POST", "/oauth/v2/private-apps/get/access-token-info", lambda app, c: as_json(app.token_info(c)), ""),
    ]
    return [(method, re.compile(path), handler, needs) for method, path, handler, needs in table]


#: v3 and v4 name the release before the API: /crm/v3/objects
OLD = re.compile(r"/crm/(v[34])/(objects|properties|pipelines|owners|associations|limits)(/.*)?")


def modern(path: str) -> str:
    """Rewrite an old path in the order of the dated ones."""
    match = OLD.fullmatch(path)
    return f"/crm/{match[2]}/{match[1]}{match[3] or ''}" if match else path


def _batch(answer: tuple[int, bytes]) -> Response:
    status, body = answer
    return raw(body, status)


def _archive_many(app: Any, c: Call, table: Any) -> Response:
    batches.batch_archive(app.portal, c, table)
    return Response(status_code=204)


def _archive_one(app: Any, c: Call, table: Any, record_id: str) -> Response:
    write.archive_one(app.portal, table, record_id)
    return Response(status_code=204)


def _archive_property(app: Any, c: Call, table: Any, record_id: str) -> Response:
    definitions.archive_property(table, record_id)
    return Response(status_code=204)


def _archive_group(app: Any, c: Call, table: Any, record_id: str) -> Response:
    groups.archive(app.portal, table, record_id)
    return Response(status_code=204)


def _make_property(app: Any, c: Call, table: Any) -> Response:
    definition = definitions.create_property(app.portal, c, table)
    response = as_json(definition, 201)
    response.headers["Location"] = f"{c.base}{c.raw_path}/{definition['name']}"
    return response


def _link_one(app: Any, c: Call, table: Any, record_id: str, target: Any, to_id: str) -> Response:
    associations.change_one(app.portal, table, record_id, target, to_id, make=True)
    return as_json({"status": "COMPLETE", "results": []})


def _unlink_one(app: Any, c: Call, table: Any, record_id: str, target: Any, to_id: str) -> Response:
    associations.change_one(app.portal, table, record_id, target, to_id, make=False)
    return Response(status_code=204)


def _merge(app: Any, c: Call, table: Any) -> Response:
    return raw(merging.merge_two(app.portal, c, table))


def _forget(app: Any, c: Call, table: Any) -> Response:
    merging.forget(app.portal, c, table)
    return Response(status_code=204)


def _of_one(app: Any, c: Call, table: Any, record_id: str, target: Any) -> Response:
    return raw(associations.of_one(app.portal, c, table, record_id, target))


def _link(app: Any, c: Call, table: Any, target: Any) -> Response:
    return _batch(associations.batch_change(app.portal, c, table, target, make=True))


def _unlink(app: Any, c: Call, table: Any, target: Any) -> Response:
    return _batch(associations.batch_change(app.portal, c, table, target, make=False))


def _read_properties(app: Any, c: Call, table: Any) -> Response:
    status, body = definitions.read_properties(c, table)
    return as_json(body, status)


def _rates(app: Any, c: Call) -> Response:
    return as_json(definitions.exchange_rates(app.portal))
