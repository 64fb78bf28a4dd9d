"""What a portal refuses, brings into form and does by itself (docs/facts/hubspot.md, "What a sandbox must do")."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from builders import edit, opened, portal

from sandbox import process

DATED = "/crm/objects/2026-09"
PROPERTIES = "/crm/properties/2026-09/companies"


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with process.running(portal(tmp_path_factory.mktemp("portal"), 8)) as ready:
        yield ready["hubspot"]


@pytest.fixture
def http(line: dict[str, Any]) -> Iterator[httpx.Client]:
    with opened(line) as client:
        yield client


def advance(http: httpx.Client, days: float) -> None:
    http.post("/_sandbox/clock", json={"advance": days * 86_400}).raise_for_status()


def make(http: httpx.Client, name: str, type_: str = "string", **more: Any) -> httpx.Response:
    body = {"name": name, "label": name, "type": type_, "fieldType": "text", "groupName": "companyinformation"} | more
    return http.post(PROPERTIES, json=body)


# ---- line 1: who asks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/oauth/v1/token", "/oauth/v3/token", "/oauth/2026-09/token"])
def test_an_oauth_app_s_token_lasts_half_an_hour_and_is_told_nothing_of_the_day(
    http: httpx.Client, line: dict[str, Any], path: str
) -> None:
    form = line["oauth"] | {"grant_type": "refresh_token"}
    made = http.post(path, data=form).json()
    assert (made["expires_in"], made["refresh_token"]) == (1800, form["refresh_token"])
    mine = {"Authorization": f"Bearer {made['access_token']}"}
    answer = http.get(f"{DATED}/companies", headers=mine)
    assert answer.status_code == 200
    assert [h for h in answer.headers if "daily" in h] == []
    assert "x-hubspot-ratelimit-daily" in http.get(f"{DATED}/companies").headers
    advance(http, 0.021)
    assert http.get(f"{DATED}/companies", headers=mine).json()["category"] == "EXPIRED_AUTHENTICATION"
    assert http.post(path, data=form | {"refresh_token": "x"}).status_code == 400


# ---- line 3: lists --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "key"), [("/crm/v3/objects", "id"), (DATED, "toObjectId")])
def test_inline_links_go_on_where_their_own_paging_says(http: httpx.Client, path: str, key: str) -> None:
    """Readers that follow the link of a record's links (dlt) see each once."""
    edit(http, op="option", inline_page=2)
    for other in range(1002, 1006):
        edit(http, op="associate", from_type="calls", from_id=5001, to_type="companies", to_id=other)
    record = http.get(f"{path}/calls", params={"limit": "1", "associations": "companies"}).json()["results"][0]
    part = record["associations"]["companies"]
    rest = http.get(part["paging"]["next"]["link"]).json()["results"]
    assert [int(r["id"]) for r in part["results"]] + [int(r[key]) for r in rest] == [1001, 1002, 1003, 1004, 1005]


# ---- line 4: search -------------------------------------------------------------------------------------------------


def changed(http: httpx.Client, operator: str, **bounds: str) -> list[str]:
    condition = {"propertyName": "hs_lastmodifieddate", "operator": operator, **bounds}
    asked = {"filterGroups": [{"filters": [condition]}], "sorts": [{"propertyName": "hs_lastmodifieddate"}], "limit": 200}
    return [r["id"] for r in http.post(f"{DATED}/companies/search", json=asked).raise_for_status().json()["results"]]


def test_near_now_search_is_out_of_order_and_blind_to_upper_bounds(http: httpx.Client) -> None:
    """Estuary's findings (docs/facts/hubspot.md, "List, search and batch"); what changed long ago is in order."""
    for n in range(1, 9):
        stamp = f"2026-06-01T11:5{n}:00.000Z"
        edit(http, op="stamp", object="companies", ids=[1000 + n], at=stamp)
    bounds = {"value": "2026-06-01T11:52:00.000Z", "highValue": "2026-06-01T11:54:00.000Z"}
    assert changed(http, "BETWEEN", **bounds) == ["1002", "1003", "1004"]
    edit(http, op="option", disorder_seconds=330)
    near = changed(http, "BETWEEN", **bounds)
    assert near[:3] == ["1002", "1003", "1004"]
    assert set(near[3:]) == {"1005", "1006", "1007", "1008"}
    assert near[3:] != sorted(near[3:])
    assert set(changed(http, "LT", value="2026-06-01T11:52:00.000Z")) == {"1001", "1005", "1006", "1007", "1008"}
    advance(http, 1)
    assert changed(http, "BETWEEN", **bounds) == ["1002", "1003", "1004"]


def test_a_query_may_not_be_endless(http: httpx.Client) -> None:
    answers = [http.post(f"{DATED}/companies/search", json={"query": "x" * n}).status_code for n in (3000, 3001)]
    assert answers == [200, 400]


@pytest.mark.parametrize(
    ("operator", "given"), [("EQ", {}), ("BETWEEN", {"value": "1"}), ("IN", {"value": "1"}), ("HAS_PROPERTY", None)]
)
def test_a_filter_must_hold_what_its_operator_needs(http: httpx.Client, operator: str, given: dict[str, str] | None) -> None:
    condition = {"propertyName": "name", "operator": operator, **(given or {})}
    answer = http.post(f"{DATED}/companies/search", json={"filterGroups": [{"filters": [condition]}]})
    assert answer.status_code == (200 if given is None else 400)


# ---- line 5: batches ------------------------------------------------------------------------------------------------


def person(n: int, **more: Any) -> dict[str, Any]:
    return {"properties": {"email": f"p@firm{n}.example", "lastname": "New"}, **more}


def test_one_conflict_fails_a_batch_of_new_records_unless_each_has_a_trace(http: httpx.Client) -> None:
    path = f"{DATED}/contacts/batch/create"
    whole = http.post(path, json={"inputs": [person(90), person(1), person(2)]})
    assert (whole.status_code, whole.json()["category"]) == (409, "CONFLICT")
    assert whole.json()["message"].endswith("Existing ID: 2001")  # only the first is named
    assert http.post(f"{DATED}/contacts/search", json={"query": "p@firm90"}).json()["total"] == 0
    traced = http.post(path, json={"inputs": [person(90, objectWriteTraceId="a"), person(1, objectWriteTraceId="b")]})
    assert (traced.status_code, len(traced.json()["results"])) == (207, 1)
    assert [e["context"]["objectWriteTraceId"] for e in traced.json()["errors"]] == [["b"]]


def test_upsert_needs_a_unique_property_and_one_conflict_refuses_it_whole(http: httpx.Client) -> None:
    inputs = [{"idProperty": "domain", "id": "firm1.example", "properties": {"city": "Bonn"}}]
    refused = http.post(f"{DATED}/companies/batch/upsert", json={"inputs": inputs})
    assert (refused.status_code, "not a unique property" in refused.json()["message"]) == (400, True)
    known = {"idProperty": "email", "id": "p@firm1.example", "properties": {"jobtitle": "CEO"}}
    taken = {"idProperty": "email", "id": "p@firm2.example", "properties": {"email": "p@firm3.example"}}
    path = f"{DATED}/contacts/batch/upsert"
    assert http.post(path, json={"inputs": [known, taken]}).status_code == 409
    title = f"{DATED}/contacts/2001?properties=jobtitle"
    assert http.get(title).json()["properties"]["jobtitle"] == "Head of Sales"
    assert http.post(path, json={"inputs": [known]}).status_code == 200
    assert http.get(title).json()["properties"]["jobtitle"] == "CEO"


def test_a_property_made_unique_holds_a_value_once(http: httpx.Client) -> None:
    make(http, "erp_id", hasUniqueValue=True).raise_for_status()
    first, second = (http.patch(f"{DATED}/companies/{i}", json={"properties": {"erp_id": "7"}}) for i in (1001, 1002))
    assert (first.status_code, second.status_code) == (200, 409)
    again = http.patch(f"{DATED}/companies/1001", json={"properties": {"erp_id": "7"}})
    assert again.status_code == 200


# ---- line 6: writing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "written", "stored"),
    [("date", "2026-03-01", "2026-03-01"), ("date", "1772323200000", "2026-03-01"), ("date", "2026-03-01T13:00:00Z", "2026-03-01"),
     ("datetime", "1772370000000", "2026-03-01T13:00:00.000Z"), ("datetime", "2026-03-01T14:00:00+01:00", "2026-03-01T13:00:00.000Z"),
     ("datetime", "", None)],
)  # fmt: skip
def test_dates_are_brought_into_form_and_the_newest_release_says_so(
    http: httpx.Client, type_: str, written: str, stored: str | None
) -> None:
    make(http, "seen", type_, fieldType="date").raise_for_status()
    body = {"inputs": [{"id": "1001", "properties": {"seen": written}}]}
    [now] = http.post(f"{DATED}/companies/batch/update", json=body).raise_for_status().json()["results"]
    assert now["properties"]["seen"] == stored
    told = [w["context"]["normalizedValue"] for w in now.get("warnings", ()) if w["category"] == "PROPERTY_VALUE_NORMALIZED"]
    assert told == ([[stored]] if type_ == "date" and written != stored else [])
    [then] = http.post("/crm/v3/objects/companies/batch/update", json=body).json()["results"]
    assert "warnings" not in then


def test_a_stage_that_is_in_no_pipeline_is_refused(http: httpx.Client) -> None:
    refused = http.patch(f"{DATED}/deals/3001", json={"properties": {"dealstage": "dream"}})
    assert (refused.status_code, "not one of the allowed options" in refused.json()["message"]) == (400, True)
    options = http.get("/crm/properties/2026-09/deals/dealstage").json()["options"]
    assert [(o["label"], o["value"]) for o in options] == [("Offer", "offer"), ("Won", "won"), ("Lost", "lost")]


@pytest.mark.parametrize("body", [{"inputs": "x"}, {"inputs": [1]}, []])
def test_a_body_of_another_shape_is_400(http: httpx.Client, body: Any) -> None:
    assert http.post(f"{DATED}/companies/batch/read", json=body).status_code == 400


@pytest.mark.parametrize("bumps", [True, False])
def test_whether_an_identical_write_moves_the_date_is_a_switch(http: httpx.Client, bumps: bool) -> None:
    edit(http, op="option", identical_write_bumps=bumps)
    before = http.get(f"{DATED}/companies/1001").json()["updatedAt"]
    http.patch(f"{DATED}/companies/1001", json={"properties": {"name": "Firm 1"}}).raise_for_status()
    assert (http.get(f"{DATED}/companies/1001").json()["updatedAt"] > before) is bumps


# ---- line 7: roll-ups -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("type_", "link", "contacted"), [("calls", 182, "4"), ("notes", 190, None)])
def test_a_logged_activity_makes_its_company_count_again(
    http: httpx.Client, type_: str, link: int, contacted: str | None
) -> None:
    body = {
        "properties": {"hs_timestamp": "2026-06-01T09:00:00Z"},
        "associations": [
            {"to": {"id": "1001"}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": link}]}
        ],
    }
    before = http.get(f"{DATED}/companies/1001").json()["updatedAt"]
    http.post(f"{DATED}/{type_}", json=body).raise_for_status()
    company = http.get(
        f"{DATED}/companies/1001", params={"properties": "num_notes,num_contacted_notes,notes_last_contacted"}
    ).json()
    assert company["properties"]["num_notes"] == "4"
    assert company["properties"]["num_contacted_notes"] == (contacted or "3")
    assert company["updatedAt"] > before


# ---- line 8: archive, merge, erase ----------------------------------------------------------------------------------


def test_archived_records_are_purged_after_ninety_days(http: httpx.Client) -> None:
    edit(http, op="archive", object="companies", id=1001)
    advance(http, 89)
    assert edit(http, op="purge", object="companies") == {"purged": 0}
    assert http.get(f"{DATED}/companies/1001", params={"archived": "true"}).status_code == 200
    advance(http, 2)
    assert edit(http, op="purge", object="companies") == {"purged": 1}
    assert http.get(f"{DATED}/companies/1001", params={"archived": "true"}).status_code == 404


def test_the_api_merges_and_erases_as_people_do(http: httpx.Client) -> None:
    made = http.post(f"{DATED}/companies/merge", json={"primaryObjectId": "1001", "objectIdToMerge": "1002"}).json()["id"]
    assert http.get(f"{DATED}/companies/1002").json()["id"] == made
    itself = http.post(f"{DATED}/companies/merge", json={"primaryObjectId": "1003", "objectIdToMerge": "1003"})
    assert itself.status_code == 400
    erase = {"objectId": "p@firm4.example", "idProperty": "email"}
    assert http.post("/crm/v3/objects/contacts/gdpr-delete", json=erase).status_code == 204
    assert http.get(f"{DATED}/contacts/2004").status_code == 404


def test_one_link_is_made_and_removed_by_its_address(http: httpx.Client) -> None:
    path = "/crm/v4/objects/calls/5001/associations"
    assert http.put(f"{path}/default/companies/1003").status_code == 200
    assert [r["toObjectId"] for r in http.get(f"{path}/companies").json()["results"]] == [1001, 1003]
    assert http.delete(f"{path}/companies/1001").status_code == 204
    assert [r["toObjectId"] for r in http.get(f"{path}/companies").json()["results"]] == [1003]
    assert http.put(f"{path}/default/companies/9").status_code == 404


# ---- line 10: definitions -------------------------------------------------------------------------------------------


def test_a_property_in_use_cannot_be_archived(http: httpx.Client) -> None:
    make(http, "tier").raise_for_status()
    edit(http, op="property", object="companies", name="tier", used_in=["Workflow 7", "List 3"])
    refused = http.delete(f"{PROPERTIES}/tier").json()
    assert refused["subCategory"] == "Properties.CANNOT_DELETE_PROPERTY_IN_USE"
    assert len(refused["errors"]) == 2
    edit(http, op="property", object="companies", name="tier", used_in=[])
    assert http.delete(f"{PROPERTIES}/tier").status_code == 204


def test_options_are_kept_unless_they_are_sent(http: httpx.Client) -> None:
    options = [{"label": v, "value": v, "displayOrder": n, "hidden": False} for n, v in enumerate("ab")]
    assert make(http, "tier", "enumeration", fieldType="select").status_code == 400
    made = make(http, "tier", "enumeration", fieldType="select", options=options)
    assert made.headers["Location"].endswith("/companies/tier")
    assert [o["value"] for o in http.patch(f"{PROPERTIES}/tier", json={"label": "T"}).json()["options"]] == ["a", "b"]
    replaced = http.patch(f"{PROPERTIES}/tier", json={"options": options[:1]}).json()["options"]
    assert [o["value"] for o in replaced] == ["a"]
    assert http.patch(f"{DATED}/companies/1001", json={"properties": {"tier": "b"}}).status_code == 400
    assert make(http, "flag", "bool", options=options).status_code == 400


def test_a_type_has_room_for_so_many_properties_of_which_ten_are_unique(http: httpx.Client) -> None:
    for n in range(10):
        make(http, f"key_{n}", hasUniqueValue=True).raise_for_status()
    assert "unique" in make(http, "key_10", hasUniqueValue=True).json()["message"]
    edit(http, op="option", property_limit=10)
    assert "limit of 10" in make(http, "more").json()["message"]


def test_sensitive_properties_are_listed_for_who_asks(http: httpx.Client) -> None:
    make(http, "health", dataSensitivity="sensitive").raise_for_status()
    listed = [
        [p["name"] for p in http.get(PROPERTIES, params=q).json()["results"]] for q in ({}, {"dataSensitivity": "sensitive"})
    ]
    assert ("health" in listed[0], listed[1]) == (False, ["health"])


def test_groups_are_made_once_changed_and_archived_when_empty(http: httpx.Client) -> None:
    body = {"name": "assay", "label": "Assay"}
    assert [http.post(f"{PROPERTIES}/groups", json=body).status_code for _ in range(2)] == [201, 409]
    make(http, "tier", groupName="assay").raise_for_status()
    one = f"{PROPERTIES}/groups/assay"
    assert http.patch(one, json={"label": "A"}).json()["label"] == http.get(one).json()["label"] == "A"
    assert http.delete(one).status_code == 400
    http.delete(f"{PROPERTIES}/tier").raise_for_status()
    assert [http.delete(one).status_code, http.get(one).status_code] == [204, 404]


def test_one_owner_one_pipeline_and_its_stages(http: httpx.Client) -> None:
    assert http.get("/crm/v3/owners/71").json()["email"] == "ann@firm.example"
    assert http.get("/crm/v3/owners/2", params={"idProperty": "userId", "archived": "true"}).json()["id"] == "72"
    assert http.get("/crm/v3/owners/72").status_code == 404
    pipeline = http.get("/crm/pipelines/2026-09/deals/default").json()
    assert http.get("/crm/v3/pipelines/deals/default/stages").json()["results"] == pipeline["stages"]
    assert {s["metadata"]["isClosed"] for s in pipeline["stages"] if s["metadata"]["probability"] in ("0.0", "1.0")} == {
        "true"
    }
    assert http.get("/crm/pipelines/2026-09/deals/none").status_code == 404


# ---- line 11: the control API ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [("edit", {"op": "option", "lag": 1}, "known are lag_seconds"), ("edit", {"op": "explode"}, "known are create"),
     ("faults", {"path": "x"}, "a list of fault rules")],
)  # fmt: skip
def test_a_control_call_that_is_not_known_is_told_what_is(http: httpx.Client, path: str, body: Any, said: str) -> None:
    answer = http.post(f"/_sandbox/{path}", json=body)
    assert (answer.status_code, said in answer.json()["error"]) == (400, True)
