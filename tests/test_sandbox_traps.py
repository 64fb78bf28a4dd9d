"""Traps of the org that a test can set: sessions, jobs, bins, bystanders, limits (docs/facts/salesforce.md, "What a sandbox must do")."""

import csv
import io
from typing import Any

import httpx
import pytest

V = "/services/data/v68.0"
ACME, BOERSE = (f"001Wk00000{n:05d}IAA" for n in (1, 2))
ONE = "006Wk0000000001IAA"


def edit(client: httpx.Client, **change: Any) -> dict[str, Any]:
    reply = client.post("/_sandbox/edit", json=change)
    assert reply.status_code == 200, reply.text
    return dict(reply.json()[0])


def advance(client: httpx.Client, **time: float) -> None:
    seconds = time.get("days", 0) * 86_400 + time.get("seconds", 0)
    client.post("/_sandbox/clock", json={"advance": seconds}).raise_for_status()


def query(client: httpx.Client, soql: str, mode: str = "query") -> list[dict[str, Any]]:
    reply = client.get(f"{V}/{mode}", params={"q": soql})
    assert reply.status_code == 200, reply.text
    return list(reply.json()["records"])


def code(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()[0]["errorCode"]


# ---- line 1: sessions -----------------------------------------------------------------------------------------------


def token(ready: dict[str, Any], **form: str) -> httpx.Response:
    pair = {k: ready[k] for k in ("client_id", "client_secret")}
    return httpx.post(f"{ready['url']}/services/oauth2/token", data=pair | form)


@pytest.mark.parametrize("limit", [{"session_seconds": 7200}, {"session_calls": 2}])
def test_a_session_ends_after_its_time_or_its_calls(
    salesforce: httpx.Client, ready: dict[str, Any], limit: dict[str, float]
) -> None:
    edit(salesforce, op="option", **limit)
    opened = token(ready, grant_type="client_credentials").json()["access_token"]
    mine = {"Authorization": f"Bearer {opened}"}
    assert [salesforce.get(f"{V}/limits", headers=mine).status_code for _ in range(2)] == [200, 200]
    advance(salesforce, seconds=7200)
    assert code(salesforce.get(f"{V}/limits", headers=mine)) == (401, "INVALID_SESSION_ID")
    edit(salesforce, op="option", session_seconds=0, session_calls=0)


def test_a_rotated_refresh_token_is_good_for_one_use(salesforce: httpx.Client, ready: dict[str, Any]) -> None:
    edit(salesforce, op="option", rotate_refresh_token=True)
    first = token(ready, grant_type="refresh_token", refresh_token=ready["refresh_token"]).json()
    assert token(ready, grant_type="refresh_token", refresh_token=ready["refresh_token"]).status_code == 400
    ready["refresh_token"] = first["refresh_token"]
    edit(salesforce, op="option", rotate_refresh_token=False)
    assert "refresh_token" not in token(ready, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()


def test_the_client_app_can_look_into_a_token_and_revoke_it(salesforce: httpx.Client, ready: dict[str, Any]) -> None:
    opened = token(ready, grant_type="client_credentials").json()["access_token"]
    ask = {k: ready[k] for k in ("client_id", "client_secret")} | {"token": opened}
    looked = httpx.post(f"{ready['url']}/services/oauth2/introspect", data=ask).json()
    assert (looked["active"], looked["username"]) == (True, ready["username"])
    assert httpx.post(f"{ready['url']}/services/oauth2/introspect", data={"token": opened}).status_code == 400
    assert httpx.post(f"{ready['url']}/services/oauth2/revoke", data={"token": opened}).status_code == 200
    assert httpx.post(f"{ready['url']}/services/oauth2/introspect", data=ask).json() == {"active": False}
    assert salesforce.get(f"{V}/limits", headers={"Authorization": f"Bearer {opened}"}).status_code == 401


def test_a_token_names_the_sandbox_s_own_address_whatever_host_was_asked(ready: dict[str, Any]) -> None:
    pair = {k: ready[k] for k in ("client_id", "client_secret")}
    reply = httpx.post(f"{ready['url']}/services/oauth2/token", data=pair | {"grant_type": "client_credentials"},
                       headers={"Host": "login.salesforce.com"})  # fmt: skip
    assert reply.json()["instance_url"] == ready["url"]


def test_an_old_client_finds_the_running_user(salesforce: httpx.Client) -> None:
    """sf asks v51 for `sobjects/User/{id}` at log-in (docs/facts/salesforce.md, "Versions")."""
    me = salesforce.get("/services/oauth2/userinfo").json()
    found = salesforce.get(f"/services/data/v51.0/sobjects/User/{me['user_id']}").json()
    assert found["Username"] == me["preferred_username"]


@pytest.mark.parametrize(("version", "status"), [("40.0", 410), ("41.0", 200), ("68.0", 200), ("69.0", 404)])
def test_retired_versions_are_gone_and_later_ones_not_there(salesforce: httpx.Client, version: str, status: int) -> None:
    assert salesforce.get(f"/services/data/v{version}/limits").status_code == status


def test_too_long_an_address_and_too_much_of_headers_are_told_apart(salesforce: httpx.Client) -> None:
    assert salesforce.get(f"{V}/limits", params={"x": "y" * 17_000}).status_code == 414
    assert salesforce.get(f"{V}/limits", headers={"X-Long": "y" * 17_000}).status_code == 431


@pytest.mark.parametrize(
    ("method", "path", "body", "found"),
    [("PUT", "/limits", None, (405, "METHOD_NOT_ALLOWED")), ("PATCH", "/composite/sobjects", [1], (400, "JSON_PARSER_ERROR")),
     ("POST", "/jobs/query", {"operation": "query", "query": "SELECT Id FROM Account", "contentType": "JSON"},
      (400, "INVALIDJOB"))],
)  # fmt: skip
def test_what_the_api_does_not_know_is_refused_by_name(
    salesforce: httpx.Client, method: str, path: str, body: Any, found: tuple[int, str]
) -> None:
    assert code(salesforce.request(method, V + path, json=body)) == found


@pytest.mark.parametrize(
    ("change", "said"), [({"op": "option", "x": 1}, "session_seconds"), ({"op": "x"}, "known are create")]
)
def test_a_change_that_is_not_known_is_told_what_is(salesforce: httpx.Client, change: dict[str, Any], said: str) -> None:
    reply = salesforce.post("/_sandbox/edit", json=change)
    assert (reply.status_code, said in reply.json()["error"]) == (400, True)


# ---- line 2: jobs ---------------------------------------------------------------------------------------------------

JOBS = f"{V}/jobs/query"


def start(client: httpx.Client) -> str:
    return str(
        client.post(JOBS, json={"operation": "query", "query": "SELECT Id FROM Account"}).raise_for_status().json()["id"]
    )


def looks(client: httpx.Client, url: str) -> tuple[list[str], dict[str, Any]]:
    """States until the end, and the last answer."""
    states: list[str] = []
    while True:
        info = client.get(url).json()
        states.append(info["state"])
        if states[-1] not in ("UploadComplete", "InProgress"):
            return states, info


def test_a_job_can_take_its_time(salesforce: httpx.Client) -> None:
    edit(salesforce, op="option", job_looks=5)
    states, _ = looks(salesforce, f"{JOBS}/{start(salesforce)}")
    assert states.count("InProgress") >= 5
    assert states[-1] == "JobComplete"


def test_a_job_can_fail_with_the_vendor_s_words(salesforce: httpx.Client) -> None:
    said = "InternalServerError : retried more than 15 times"
    edit(salesforce, op="option", job_error=said)
    job = start(salesforce)
    states, info = looks(salesforce, f"{JOBS}/{job}")
    assert (states[-1], info["errorMessage"]) == ("Failed", said)
    assert salesforce.get(f"{JOBS}/{job}/results").status_code == 400


def test_an_ingest_job_that_gives_up_leaves_the_rest_unprocessed(salesforce: httpx.Client) -> None:
    """Done rows stay done (docs/facts/salesforce.md, "Bulk API 2.0": at most 20 retries, then Failed)."""
    edit(salesforce, op="option", job_error="TooManyRetries", job_rows=1)
    url = (
        f"{V}/jobs/ingest/"
        + salesforce.post(f"{V}/jobs/ingest", json={"object": "Account", "operation": "update"}).json()["id"]
    )
    salesforce.put(f"{url}/batches", content=f"Id,Region__c\n{ACME},a\n{BOERSE},b\n".encode())
    salesforce.patch(url, json={"state": "UploadComplete"})
    _, info = looks(salesforce, url)
    assert (info["state"], info["errorMessage"], info["numberRecordsProcessed"]) == ("Failed", "TooManyRetries", 1)
    left = list(csv.DictReader(io.StringIO(salesforce.get(f"{url}/unprocessedrecords").text)))
    assert [r["Id"] for r in left] == [BOERSE]
    regions = {r["Id"]: r["Region__c"] for r in query(salesforce, "SELECT Id, Region__c FROM Account")}
    assert (regions[ACME], regions[BOERSE]) == ("a", "South")


def test_results_are_kept_for_seven_days(salesforce: httpx.Client) -> None:
    job = start(salesforce)
    looks(salesforce, f"{JOBS}/{job}")
    advance(salesforce, days=6.9)
    assert salesforce.get(f"{JOBS}/{job}/results").status_code == 200
    advance(salesforce, days=0.2)
    assert code(salesforce.get(f"{JOBS}/{job}/results")) == (404, "NOT_FOUND")


def test_the_day_s_query_jobs_end_and_begin_anew(salesforce: httpx.Client) -> None:
    edit(salesforce, op="limits", query_jobs_used=10_000)
    assert salesforce.get(f"{V}/limits").json()["DailyBulkV2QueryJobs"]["Remaining"] == 0
    refused = salesforce.post(JOBS, json={"operation": "query", "query": "SELECT Id FROM Account"})
    assert refused.json()[0]["message"].startswith("Max bulk v2 query jobs (10000) per 24 hrs has been reached")
    advance(salesforce, days=1)
    start(salesforce)


# ---- lines 3 and 4: stamps and deletes ------------------------------------------------------------------------------


def test_equal_stamps_can_lie_over_the_edge_of_a_page(salesforce: httpx.Client) -> None:
    stamp = "2026-05-31T08:00:00.000Z"
    changes = [{"op": "update", "object": "Task", "id": f"00TWk00000{n:05d}IAA", "stamp": stamp, "values": {"Subject": "same"}}
               for n in range(10, 260)]  # fmt: skip
    salesforce.post("/_sandbox/edit", json=changes).raise_for_status()
    soql = "SELECT Id, SystemModstamp FROM Task ORDER BY SystemModstamp DESC"
    page = salesforce.get(f"{V}/query", params={"q": soql}, headers={"Sforce-Query-Options": "batchSize=200"}).json()
    rest = salesforce.get(page["nextRecordsUrl"]).json()
    assert page["records"][-1]["SystemModstamp"] == rest["records"][0]["SystemModstamp"] == stamp.replace("Z", "+0000")


def test_the_bin_is_emptied_after_fifteen_days(salesforce: httpx.Client) -> None:
    edit(salesforce, op="delete", object="Account", id=ACME)
    every = "SELECT Id FROM Account"
    advance(salesforce, days=14)
    edit(salesforce, op="empty_bin")
    assert ACME in [r["Id"] for r in query(salesforce, every, "queryAll")]
    advance(salesforce, days=1.1)
    edit(salesforce, op="empty_bin")
    assert ACME not in [r["Id"] for r in query(salesforce, every, "queryAll")]


def deleted(client: httpx.Client) -> dict[str, Any]:
    window = {"start": "2026-06-01T11:00:00Z", "end": "2026-06-01T14:00:00Z"}
    return dict(client.get(f"{V}/sobjects/Account/deleted", params=window).raise_for_status().json())


def test_an_undeleted_record_and_a_purged_log_are_not_in_get_deleted(salesforce: httpx.Client) -> None:
    edit(salesforce, op="delete", object="Account", id=ACME)
    edit(salesforce, op="delete", object="Account", id=BOERSE)
    edit(salesforce, op="undelete", object="Account", id=ACME)
    assert [r["id"] for r in deleted(salesforce)["deletedRecords"]] == [BOERSE]
    edit(salesforce, op="forget")
    after = deleted(salesforce)
    assert (after["deletedRecords"], after["earliestDateAvailable"][:13]) == ([], "2026-06-01T12")


# ---- lines 5 and 7: activities and bystanders -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "account"),
    [({"WhatId": BOERSE}, BOERSE), ({"WhatId": ONE}, ACME), ({"WhoId": "003Wk0000000001IAA"}, ACME),
     ({"WhoId": "00QWk0000000001IAA"}, None), ({}, None)],
)  # fmt: skip
def test_the_account_of_an_activity_is_computed(salesforce: httpx.Client, ends: dict[str, str], account: str | None) -> None:
    """An account or an opportunity, else the contact's; a lead has none (docs/facts/salesforce.md, "Activities")."""
    made = edit(salesforce, op="create", object="Task", values={"Subject": "x", **ends})["id"]
    (row,) = query(salesforce, f"SELECT AccountId FROM Task WHERE Id = '{made}'")  # noqa: S608
    assert row["AccountId"] == account


def test_a_saved_activity_moves_with_what_it_is_about(salesforce: httpx.Client) -> None:
    made = salesforce.post(
        f"{V}/sobjects/Task", json={"Subject": "x", "WhatId": ONE, "Status": "Open", "Priority": "Normal"}
    )
    one = f"{V}/sobjects/Task/{made.json()['id']}"
    assert salesforce.get(one).json()["AccountId"] == ACME
    salesforce.patch(one, json={"WhatId": BOERSE}).raise_for_status()
    assert salesforce.get(one).json()["AccountId"] == BOERSE


def test_child_events_private_events_and_templates_are_records_like_others(salesforce: httpx.Client) -> None:
    parent = {"Subject": "Visit", "WhatId": ACME, "IsGroupEvent": True}
    edit(salesforce, op="create", object="Event", values=parent)
    for kind in ("IsChild", "IsPrivate", "IsRecurrence"):
        edit(salesforce, op="create", object="Event", values=parent | {kind: True})
        (row,) = query(salesforce, f"SELECT Subject FROM Event WHERE {kind} = true")  # noqa: S608
        assert row["Subject"] == "Visit"


def test_automation_moves_the_stamps_of_records_nobody_wrote(salesforce: httpx.Client) -> None:
    edit(salesforce, op="automation", object="Account", touches="Opportunity", by="AccountId")
    advance(salesforce, days=1)
    salesforce.patch(f"{V}/sobjects/Account/{ACME}", json={"Region__c": "x"}).raise_for_status()
    stamps = {r["Name"]: r["SystemModstamp"][:10] for r in query(salesforce, "SELECT Name, SystemModstamp FROM Opportunity")}
    assert stamps == {"One": "2026-06-02", "Two": "2026-06-01"}


# ---- line 8: quotas -------------------------------------------------------------------------------------------------


def test_the_day_s_calls_can_be_set(salesforce: httpx.Client) -> None:
    edit(salesforce, op="limits", daily=500, used=499)
    assert (
        salesforce.get(f"{V}/limits")
        .headers["Sforce-Limit-Info"]
        .startswith("api-usage=500/500; per-app-api-usage=500/500(")
    )
    assert code(salesforce.get(f"{V}/limits")) == (403, "REQUEST_LIMIT_EXCEEDED")
    edit(salesforce, op="limits", used=0)
    assert salesforce.get(f"{V}/limits").status_code == 200
