"""The sandbox portal: what HubSpot's own client and plain HTTP see of it (docs/facts/hubspot.md, "What a sandbox must do")."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from builders import MADE, edit, opened, portal, sheet
from hubspot import HubSpot
from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest
from hubspot.crm.companies import BatchInputSimplePublicObjectBatchInput, PublicObjectSearchRequest
from hubspot.crm.companies.exceptions import ApiException
from hubspot.crm.properties import PropertyCreate

from sandbox import process

COMPANIES = 230
COLUMNS = "from_type,from_id,to_type,to_id,type_id,label"
DATED = "/crm/objects/2026-09"


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = portal(tmp_path_factory.mktemp("portal"), COMPANIES, time_zone="Asia/Tokyo", portal_id=4242)
    with process.running(folder) as ready:
        yield ready["hubspot"]


@pytest.fixture
def http(line: dict[str, Any]) -> Iterator[httpx.Client]:
    with opened(line) as client:
        yield client


@pytest.fixture
def sdk(line: dict[str, Any], http: httpx.Client) -> HubSpot:
    return HubSpot(access_token=line["token"], host=line["url"])


# ---- HubSpot's own client -------------------------------------------------------------------------------------------


def test_hubspot_s_own_client_lists_everything(sdk: HubSpot) -> None:
    found = sdk.crm.companies.get_all(properties=["name", "nonsense"])
    assert len(found) == COMPANIES
    assert found[0].properties["name"] == "Firm 1"
    assert "nonsense" not in found[0].properties


def test_hubspot_s_own_client_searches_and_pages(sdk: HubSpot) -> None:
    asked = PublicObjectSearchRequest(
        filter_groups=[{"filters": [{"propertyName": "numberofemployees", "operator": "GT", "value": "9"}]}],
        sorts=[{"propertyName": "numberofemployees", "direction": "DESCENDING"}], limit=200, properties=["numberofemployees"],
    )  # fmt: skip
    page = sdk.crm.companies.search_api.do_search(asked)
    assert (page.total, len(page.results), page.paging.next.after) == (COMPANIES, 200, "200")
    sizes = [float(r.properties["numberofemployees"]) for r in page.results]
    assert sizes == sorted(sizes, reverse=True)  # numbers, not texts


def test_hubspot_s_own_client_updates_a_batch_and_reads_it_back(sdk: HubSpot) -> None:
    inputs = [{"id": str(1000 + n), "properties": {"city": f"City {n}"}} for n in range(1, 101)]
    done = sdk.crm.companies.batch_api.update(BatchInputSimplePublicObjectBatchInput(inputs=inputs))
    assert (done.status, len(done.results)) == ("COMPLETE", 100)
    assert sdk.crm.companies.basic_api.get_by_id("1005", properties=["city"]).properties["city"] == "City 5"


def test_hubspot_s_own_client_reads_links_owners_pipelines_and_properties(sdk: HubSpot) -> None:
    asked = BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": "2001"}, {"id": "2002"}])
    links = sdk.crm.associations.v4.batch_api.get_page("contacts", "companies", asked)
    assert {r._from.id: [str(t.to_object_id) for t in r.to] for r in links.results} == {"2001": ["1001"], "2002": ["1002"]}
    assert [o.email for o in sdk.crm.owners.get_all()] == ["ann@firm.example"]
    assert [o.archived for o in sdk.crm.owners.get_all(archived=True)] == [True]
    [pipeline] = sdk.crm.pipelines.pipelines_api.get_all("deals").results
    assert {s.id: s.metadata["probability"] for s in pipeline.stages} == {"offer": "0.6", "won": "1.0", "lost": "0.0"}
    names = {p.name for p in sdk.crm.properties.core_api.get_all("deals").results}
    assert {"dealstage", "amount", "hs_is_closed_won"} <= names


def test_hubspot_s_own_client_makes_a_property_once(sdk: HubSpot) -> None:
    body = PropertyCreate(name="tier", label="Tier", type="enumeration", field_type="select", group_name="companyinformation",
                          options=[{"label": "A", "value": "a", "displayOrder": 0, "hidden": False}])  # fmt: skip
    assert sdk.crm.properties.core_api.create("companies", body).name == "tier"
    with pytest.raises(Exception, match="PROPERTY_WITH_NAME_EXISTS"):
        sdk.crm.properties.core_api.create("companies", body)


def test_hubspot_s_own_client_sees_a_refusal_as_such(line: dict[str, Any], http: httpx.Client) -> None:
    with pytest.raises(ApiException) as caught:
        HubSpot(access_token="pat-wrong", host=line["url"]).crm.companies.basic_api.get_page()
    assert caught.value.status == 401


# ---- lists ----------------------------------------------------------------------------------------------------------


def test_a_list_ends_without_paging_and_links_to_its_own_host(http: httpx.Client, line: dict[str, Any]) -> None:
    first = http.get(f"{DATED}/companies", params={"limit": "100", "properties": "name"}).json()
    assert first["paging"]["next"]["link"].startswith(f"{line['url']}{DATED}/companies?")
    seen = len(first["results"])
    page = first
    while "paging" in page:
        page = http.get(page["paging"]["next"]["link"]).json()
        seen += len(page["results"])
    assert seen == COMPANIES


@pytest.mark.parametrize("name", ["companies", "company", "COMPANY", "0-2"])
def test_a_type_has_many_names(http: httpx.Client, name: str) -> None:
    assert len(http.get(f"{DATED}/{name}").json()["results"]) == 10


@pytest.mark.parametrize(
    "path", ["/crm/v3/objects/deals", "/crm/objects/2026-03/deals", "/crm/objects/2026-09/deals", "//crm/v3/objects/deals/"]
)
def test_old_and_dated_paths_are_one_store(http: httpx.Client, line: dict[str, Any], path: str) -> None:
    edit(http, op="update", object="deals", id=3001, values={"amount": "77"})
    body = http.get(line["url"] + path, params={"properties": "amount"}).json()
    assert body["results"][0]["properties"]["amount"] == "77"


@pytest.mark.parametrize(
    ("params", "words"), [({"limit": "101"}, "between 1 and 100"), ({"limit": "0"}, "between 1"), ({"after": "x"}, "after"),
                          ({"limit": "51", "propertiesWithHistory": "name"}, "between 1 and 50")]
)  # fmt: skip
def test_a_list_refuses_what_hubspot_refuses(http: httpx.Client, params: dict[str, str], words: str) -> None:
    answer = http.get(f"{DATED}/companies", params=params)
    assert answer.status_code == 400
    assert words in answer.json()["message"]


def test_a_url_may_not_be_endless(http: httpx.Client) -> None:
    assert http.get(f"{DATED}/companies", params={"properties": ",".join(["x" * 50] * 400)}).status_code == 414


def test_values_are_texts_or_null_and_stamps_stand_on_top(http: httpx.Client) -> None:
    record = http.get(f"{DATED}/companies", params={"limit": "1", "properties": "numberofemployees,city"}).json()["results"][
        0
    ]
    assert record["properties"]["numberofemployees"] == "11"
    assert record["properties"]["city"] is None
    assert (record["createdAt"], record["updatedAt"], record["archived"]) == (MADE, MADE, False)


def test_history_is_newest_first(http: httpx.Client) -> None:
    asked = {"limit": "1", "propertiesWithHistory": "dealstage"}
    told = http.get(f"{DATED}/deals", params=asked).json()["results"][0]["propertiesWithHistory"]["dealstage"]
    assert [(e["value"], e["timestamp"][:7]) for e in told] == [("won", "2026-05"), ("offer", "2026-02")]


def test_a_primary_link_comes_twice_inline_and_pages_of_links_are_cut(http: httpx.Client) -> None:
    record = http.get(f"{DATED}/deals/3001", params={"associations": "companies,nonsense"}).json()
    assert record["associations"]["companies"]["results"] == [
        {"id": "1001", "type": "deal_to_company"}, {"id": "1001", "type": "deal_to_company_unlabeled"}]  # fmt: skip
    edit(http, op="option", inline_page=1)
    edit(http, op="associate", from_type="calls", from_id=5001, to_type="companies", to_id=1002)
    cut = http.get(f"{DATED}/calls/5001", params={"associations": "company"}).json()["associations"]["companies"]
    assert (len(cut["results"]), "next" in cut["paging"]) == (1, True)


# ---- search ---------------------------------------------------------------------------------------------------------


def search(http: httpx.Client, type_: str, *filters: dict[str, Any], **more: Any) -> httpx.Response:
    return http.post(
        f"{DATED}/{type_}/search", json={"filterGroups": [{"filters": list(filters)}] if filters else [], **more}
    )


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ({"propertyName": "numberofemployees", "operator": "BETWEEN", "value": "11", "highValue": "20"}, 10),
        ({"propertyName": "name", "operator": "EQ", "value": "firm 7"}, 1),
        ({"propertyName": "name", "operator": "IN", "values": ["firm 7", "firm 8"]}, 2),
        ({"propertyName": "city", "operator": "NOT_HAS_PROPERTY"}, COMPANIES),
        ({"propertyName": "city", "operator": "HAS_PROPERTY"}, 0),
        ({"propertyName": "domain", "operator": "CONTAINS_TOKEN", "value": "firm9.example"}, 1),
        ({"propertyName": "createdate", "operator": "LT", "value": "1735718400001"}, COMPANIES),
        ({"propertyName": "createdate", "operator": "GTE", "value": "2025-01-02"}, 0),
        ({"propertyName": "hs_object_id", "operator": "GT", "value": "1220"}, 10),
    ],
)
def test_search_compares_by_type(http: httpx.Client, condition: dict[str, Any], count: int) -> None:
    assert search(http, "companies", condition).json()["total"] == count


def test_search_knows_neither_archived_records_nor_links(http: httpx.Client) -> None:
    edit(http, op="archive", object="companies", id=1001)
    body = search(http, "companies", limit=200).json()
    assert body["total"] == COMPANIES - 1
    assert not any("associations" in r for r in body["results"])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"limit": 201}, "between 1 and 200"), ({"after": "9999", "limit": 2}, "10,000"), ({"after": "abc"}, "number"),
        ({"sorts": ["a", "b"]}, "one sort"), ({"filterGroups": [{}] * 6}, "Too many"),
        ({"filterGroups": [{"filters": [{"propertyName": "nope", "operator": "EQ", "value": "1"}]}]}, "does not exist"),
        ({"filterGroups": [{"filters": [{"propertyName": "name", "operator": "LIKE", "value": "1"}]}]}, "operator"),
        ({"filterGroups": [{"filters": [{"propertyName": "numberofemployees", "operator": "GT", "value": "x"}]}]}, "number"),
    ],
)  # fmt: skip
def test_search_refuses_what_hubspot_refuses(http: httpx.Client, more: dict[str, Any], words: str) -> None:
    answer = http.post(f"{DATED}/companies/search", json=more)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert words in answer.json()["message"]


def test_the_index_lags_if_it_is_told_to(http: httpx.Client) -> None:
    edit(http, op="option", lag_seconds=600)
    made = edit(http, op="create", object="notes", values={"hs_note_body": "x"})["id"]
    assert search(http, "notes").json()["total"] == 0
    assert [r["id"] for r in http.get(f"{DATED}/notes").json()["results"]] == [made]
    http.post("/_sandbox/clock", json={"advance": 700})
    assert search(http, "notes").json()["total"] == 1


def test_search_has_a_limit_of_its_own_and_no_headers(http: httpx.Client) -> None:
    edit(http, op="option", search_per_second=2)
    answers = [search(http, "companies") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[2].json()["policyName"] == "SECONDLY"
    assert not [h for a in answers for h in a.headers if h.startswith("x-hubspot-ratelimit")]


# ---- batches --------------------------------------------------------------------------------------------------------


def batch(http: httpx.Client, path: str, **body: Any) -> httpx.Response:
    return http.post(f"{DATED}/{path}", json=body)


def test_a_batch_names_the_ids_it_did_not_find(http: httpx.Client) -> None:
    answer = batch(http, "companies/batch/read", inputs=[{"id": "1001"}, {"id": "9"}], properties=["name"])
    assert (answer.status_code, len(answer.json()["results"]), answer.json()["errors"][0]["context"]["ids"]) == (
        207,
        1,
        ["9"],
    )


@pytest.mark.parametrize("count", [101, 2])
def test_a_batch_that_is_too_large_or_names_one_record_twice_is_refused_whole(http: httpx.Client, count: int) -> None:
    ids = [str(1000 + n % 100) for n in range(count)] if count > 2 else ["1001", "1001"]
    assert batch(http, "companies/batch/read", inputs=[{"id": i} for i in ids]).status_code == 400


@pytest.mark.parametrize(
    ("properties", "words"),
    [({"numberofemployees": "many"}, "not a valid number"), ({"nope": "1"}, "does not exist"),
     ({"type": "FRIEND"}, "not one of the allowed options"), ({"createdate": "2026-01-01"}, "read only")],
)  # fmt: skip
def test_one_invalid_value_refuses_the_batch_whole(http: httpx.Client, properties: dict[str, str], words: str) -> None:
    inputs = [{"id": "1001", "properties": {"city": "Bonn"}}, {"id": "1002", "properties": properties}]
    answer = batch(http, "companies/batch/update", inputs=inputs)
    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert http.get(f"{DATED}/companies/1001", params={"properties": "city"}).json()["properties"]["city"] is None


def test_a_write_moves_the_date_and_an_empty_text_clears(http: httpx.Client) -> None:
    http.post("/_sandbox/clock", json={"advance": 100})
    batch(http, "companies/batch/update", inputs=[{"id": "1001", "properties": {"industry": ""}}])
    record = http.get(f"{DATED}/companies/1001", params={"properties": "industry"}).json()
    assert record["properties"]["industry"] is None
    assert record["updatedAt"] > MADE


def test_an_admin_s_rule_holds_for_the_newest_release_only(http: httpx.Client) -> None:
    edit(http, op="rule", object="companies", require=["city"], **{"if": {"name": "Firm 1"}})
    body = {"inputs": [{"id": "1001", "properties": {"state": "x"}}]}
    answer = http.post("/crm/objects/2026-09/companies/batch/update", json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "MISSING_CONDITIONAL_REQUIRED_PROPERTY"
    assert http.post("/crm/v3/objects/companies/batch/update", json=body).status_code == 200


def test_writing_a_stage_moves_what_follows_from_it_and_its_history(http: httpx.Client) -> None:
    http.patch(f"{DATED}/deals/3002", json={"properties": {"dealstage": "lost"}}).raise_for_status()
    asked = {"properties": "hs_is_closed,hs_is_closed_won,hs_deal_stage_probability", "propertiesWithHistory": "dealstage"}
    record = http.get(f"{DATED}/deals/3002", params=asked).json()
    assert record["properties"]["hs_is_closed"] == "true"
    assert record["properties"]["hs_is_closed_won"] == "false"
    assert record["propertiesWithHistory"]["dealstage"][0]["value"] == "lost"


def test_links_are_read_a_thousand_a_call_with_a_page_for_each(http: httpx.Client) -> None:
    edit(http, op="option", association_page=2)
    for other in (1002, 1003):
        edit(http, op="associate", from_type="calls", from_id=5001, to_type="companies", to_id=other)
    path = "/crm/associations/2026-09/calls/companies/batch/read"
    [entry] = http.post(path, json={"inputs": [{"id": "5001"}, {"id": "77"}]}).json()["results"]
    assert [t["toObjectId"] for t in entry["to"]] == [1001, 1002]  # numbers on the wire
    after = entry["paging"]["next"]["after"]
    [rest] = http.post(path, json={"inputs": [{"id": "5001", "after": after}]}).json()["results"]
    assert [t["toObjectId"] for t in rest["to"]] == [1003]
    assert http.post(path, json={"inputs": [{"id": str(n)} for n in range(1001)]}).status_code == 400
    edit(http, op="option", bad_id_fails=True)
    assert http.post(path, json={"inputs": [{"id": "5001"}, {"id": "77"}]}).status_code == 400
    assert http.post("/crm/associations/2026-09/products/calls/batch/read", json={"inputs": []}).status_code == 404


# ---- what people do -------------------------------------------------------------------------------------------------


def test_archiving_moves_no_date_and_restoring_brings_it_back(http: httpx.Client) -> None:
    edit(http, op="archive", object="companies", id=1001)
    assert http.get(f"{DATED}/companies/1001").status_code == 404
    [record] = http.get(f"{DATED}/companies", params={"archived": "True"}).json()["results"]
    assert (record["id"], record["updatedAt"], record["archived"]) == ("1001", MADE, True)
    edit(http, op="restore", object="companies", id=1001)
    assert http.get(f"{DATED}/companies/1001").json()["archived"] is False


def test_a_merge_makes_a_new_record_that_answers_for_the_old_ones(http: httpx.Client) -> None:
    new = edit(http, op="merge", object="deals", winner=3001, loser=3002)["id"]
    found = batch(http, "deals/batch/read", inputs=[{"id": "3002"}], properties=["hs_merged_object_ids"]).json()["results"]
    assert [(r["id"], r["properties"]["hs_merged_object_ids"]) for r in found] == [(new, "3001;3002")]
    for archived in ("false", "true"):
        listed = http.get(f"{DATED}/deals", params={"limit": "5", "archived": archived}).json()["results"]
        assert not {"3001", "3002"} & {r["id"] for r in listed}


def test_gdpr_leaves_no_trace(http: httpx.Client) -> None:
    edit(http, op="gdpr", object="contacts", id=2001)
    for answer in (http.get(f"{DATED}/contacts/2001"), http.get(f"{DATED}/contacts/2001", params={"archived": "true"})):
        assert answer.status_code == 404
    path = "/crm/associations/2026-09/companies/contacts/batch/read"
    assert http.post(path, json={"inputs": [{"id": "1001"}]}).json()["results"] == []


def test_a_late_link_moves_no_date_of_the_activity_but_its_company_counts_again(http: httpx.Client) -> None:
    http.post("/_sandbox/clock", json={"advance": 86400})
    before = http.get(f"{DATED}/calls/5001").json()["updatedAt"]
    edit(http, op="associate", from_type="calls", from_id=5001, to_type="companies", to_id=1002)
    assert http.get(f"{DATED}/calls/5001").json()["updatedAt"] == before
    company = http.get(f"{DATED}/companies/1002", params={"properties": "num_notes"}).json()
    assert company["properties"]["num_notes"] == "4"
    assert company["updatedAt"] > MADE


def test_an_archived_property_is_unknown_and_comes_back_with_its_values(http: httpx.Client) -> None:
    body = {"name": "tier", "label": "Tier", "type": "string", "fieldType": "text", "groupName": "companyinformation"}
    path = "/crm/properties/2026-09/companies"
    assert http.post(path, json=body).status_code == 201
    http.patch(f"{DATED}/companies/1001", json={"properties": {"tier": "gold"}}).raise_for_status()
    assert http.delete(f"{path}/tier").status_code == 204
    assert http.patch(f"{DATED}/companies/1001", json={"properties": {"tier": "x"}}).status_code == 400
    assert http.post(path, json=body).status_code == 201
    assert http.get(f"{DATED}/companies/1001", params={"properties": "tier"}).json()["properties"]["tier"] == "gold"
    assert http.patch(f"{path}/name", json={"label": "Company"}).json()["label"] == "Company"
    assert http.delete(f"{path}/name").status_code == 400


# ---- keys and limits ------------------------------------------------------------------------------------------------


def test_a_key_without_a_scope_is_told_which(http: httpx.Client, line: dict[str, Any]) -> None:
    edit(http, op="key", token="pat-less", scopes=["crm.objects.contacts.read"])
    less = {"Authorization": "Bearer pat-less"}
    answer = http.get(f"{DATED}/companies", headers=less)
    assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")
    assert answer.json()["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.companies.read"]
    assert http.get(f"{DATED}/calls", headers=less).status_code == 200  # activities go with contacts
    told = http.post("/oauth/v2/private-apps/get/access-token-info", json={"tokenKey": "pat-less"}).json()
    assert (told["hubId"], told["scopes"]) == (4242, ["crm.objects.contacts.read"])


def test_the_day_s_calls_end_and_begin_anew_at_the_portal_s_midnight(http: httpx.Client) -> None:
    """The org's now is 12:00 UTC, 21:00 in Tokyo."""
    edit(http, op="limits", daily=2, used=0)
    answers = [http.get("/account-info/2026-09/details") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[1].headers["x-hubspot-ratelimit-daily-remaining"] == "0"
    assert (answers[2].json()["policyName"], answers[2].json()["errorType"]) == ("DAILY", "RATE_LIMIT")
    http.post("/_sandbox/clock", json={"advance": 3 * 3600 + 60})
    assert http.get("/account-info/2026-09/details").status_code == 200


def test_a_burst_is_refused(http: httpx.Client) -> None:
    edit(http, op="limits", burst=3)
    answers = [http.get("/account-info/v3/details") for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert answers[3].json()["policyName"] == "TEN_SECONDLY_ROLLING"


def test_the_portal_says_who_it_is(http: httpx.Client) -> None:
    told = http.get("/account-info/2026-09/details").json()
    assert (told["portalId"], told["timeZone"], told["utcOffset"], told["companyCurrency"]) == (
        4242,
        "Asia/Tokyo",
        "+09:00",
        "EUR",
    )


def test_every_call_is_in_the_log_with_its_rows(http: httpx.Client) -> None:
    http.delete("/_sandbox/log")
    http.get(f"{DATED}/companies", params={"limit": "7"})
    [entry] = [json.loads(x) for x in http.get("/_sandbox/log").text.splitlines()]
    assert (entry["method"], entry["path"], entry["status"], entry["rows"]) == ("GET", f"{DATED}/companies", 200, 7)


# ---- folders --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "columns", "row", "words"),
    [
        ("deals", "id,amount", ("1", "much"), r"deals\.csv:2: column amount: 'much' is no number"),
        ("meetings", "id,hs_timestamp", ("1", "soon"), r"meetings\.csv:2: column hs_timestamp: 'soon' is no time"),
        ("calls", "hs_timestamp", ("2026-01-01T00:00:00Z",), r"calls\.csv:1: no column id"),
        ("gadgets", "id", ("1",), "gadgets: no object of HubSpot's"),
        ("associations", "a,b", ("1", "2"), "columns must be from_type"),
        ("associations", COLUMNS, ("pigs", 1, "deals", 2, "", ""), "types are named like the files"),
    ],
)  # fmt: skip
def test_a_bad_folder_is_one_line_and_nothing_is_served(
    tmp_path: Path, name: str, columns: str, row: tuple[object, ...], words: str
) -> None:
    portal(tmp_path, 2)
    sheet(tmp_path / "hubspot", name, columns, [row])
    with pytest.raises(OSError, match=words), process.running(tmp_path):
        pass


def test_links_that_point_nowhere_load_with_a_counted_warning(tmp_path: Path) -> None:
    portal(tmp_path, 2)
    sheet(
        tmp_path / "hubspot",
        "associations",
        "from_type,from_id,to_type,to_id,type_id,label",
        [("deals", 3001, "companies", 9, "", "")],
    )
    with process.running(tmp_path) as line:
        assert line["salesforce"] is None
    with pytest.raises(OSError, match="of a record that is not there: 1"), process.running(tmp_path, "--strict"):
        pass
