"""`/_sandbox/`: log, clock, faults, edits, reset; and what a person's edit does to an account's stamps."""

import json
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
import warm

V = "/services/data/v68.0"
ACME, BOERSE, CYAN = (f"001Wk00000{n:05d}IAA" for n in (1, 2, 3))


def query(client: httpx.Client, soql: str, mode: str = "query") -> list[dict[str, Any]]:
    reply = client.get(f"{V}/{mode}", params={"q": soql})
    assert reply.status_code == 200, reply.text
    return list(reply.json()["records"])


def edit(client: httpx.Client, **change: Any) -> dict[str, Any]:
    reply = client.post("/_sandbox/edit", json=change)
    assert reply.status_code == 200, reply.text
    return dict(reply.json()[0])


def test_every_request_is_logged_once_with_rows_bytes_and_soql(salesforce: httpx.Client) -> None:
    salesforce.delete("/_sandbox/log")
    salesforce.get(f"{V}/query", params={"q": "SELECT Id FROM Account"})
    salesforce.get(f"{V}/nothing")
    lines = [json.loads(line) for line in salesforce.get("/_sandbox/log").text.splitlines()]
    assert [(e["method"], e["path"], e["status"], e["rows"]) for e in lines] == [
        ("GET", f"{V}/query", 200, 4),
        ("GET", f"{V}/nothing", 404, 0),
    ]
    assert lines[0]["soql"] == "SELECT Id FROM Account"
    assert lines[0]["bytes"] > 100


def test_the_org_clock_can_be_set_and_advanced_and_stamps_follow_it(salesforce: httpx.Client) -> None:
    assert salesforce.get("/_sandbox/clock").json()["now"].startswith("2026-06-01T12:0")
    salesforce.post("/_sandbox/clock", json={"set": "2026-07-01T00:00:00Z"})
    salesforce.post("/_sandbox/clock", json={"advance": 86_400})
    assert salesforce.get(f"{V}/limits").headers["Date"].startswith("Thu, 02 Jul 2026 00:00:0")
    edit(salesforce, op="update", object="Account", id=ACME, values={"Region__c": "East"})
    (row,) = query(salesforce, f"SELECT SystemModstamp, LastModifiedDate FROM Account WHERE Id = '{ACME}'")  # noqa: S608
    assert row["SystemModstamp"][:16] == row["LastModifiedDate"][:16] == "2026-07-02T00:00"


def test_date_literals_follow_the_org_clock(salesforce: httpx.Client) -> None:
    salesforce.post("/_sandbox/clock", json={"set": "2026-05-31T12:00:00Z"})
    assert [r["Name"] for r in query(salesforce, "SELECT Name FROM Opportunity WHERE CloseDate = TODAY")] == ["One"]


def test_reset_brings_back_records_fields_and_clock(salesforce: httpx.Client) -> None:
    edit(salesforce, op="destroy", object="Account", id=CYAN)
    edit(salesforce, op="hide", field="Account.Industry")
    salesforce.post("/_sandbox/clock", json={"set": "2030-01-01T00:00:00Z"})
    salesforce.post("/_sandbox/reset")
    assert len(query(salesforce, "SELECT Industry FROM Account")) == 4
    assert salesforce.get("/_sandbox/clock").json()["now"].startswith("2026-06-01")


def test_created_deleted_and_destroyed_records_are_seen_as_the_real_org_shows_them(salesforce: httpx.Client) -> None:
    made = edit(salesforce, op="create", object="Account", values={"Name": "New"})["id"]
    assert [r["Name"] for r in query(salesforce, f"SELECT Name FROM Account WHERE Id = '{made}'")] == ["New"]  # noqa: S608
    edit(salesforce, op="delete", object="Account", id=made)
    edit(salesforce, op="destroy", object="Account", id=CYAN)
    assert made not in [r["Id"] for r in query(salesforce, "SELECT Id FROM Account")]
    every = {r["Id"]: r["IsDeleted"] for r in query(salesforce, "SELECT Id, IsDeleted FROM Account", "queryAll")}
    assert every[made] is True
    assert CYAN not in every


def test_a_merge_leaves_a_pointer_and_moves_the_children(salesforce: httpx.Client) -> None:
    edit(salesforce, op="merge", object="Account", winner=BOERSE, loser=ACME)
    soql = f"SELECT IsDeleted, MasterRecordId FROM Account WHERE Id = '{ACME}'"  # noqa: S608
    (loser,) = query(salesforce, soql, "queryAll")
    assert (loser["IsDeleted"], loser["MasterRecordId"]) == (True, BOERSE)
    moved = query(salesforce, "SELECT AccountId, SystemModstamp FROM Opportunity WHERE Name = 'One'")
    assert moved[0]["AccountId"] == BOERSE
    assert moved[0]["SystemModstamp"].startswith("2026-06-01T12")


def test_a_hidden_field_is_absent_from_describe_and_query_and_refuses_writes(salesforce: httpx.Client) -> None:
    edit(salesforce, op="hide", field="Account.Region__c")
    described = salesforce.get(f"{V}/sobjects/Account/describe").json()
    assert "Region__c" not in [f["name"] for f in described["fields"]]
    assert salesforce.get(f"{V}/query", params={"q": "SELECT Region__c FROM Account"}).status_code == 400
    assert salesforce.patch(f"{V}/sobjects/Account/{ACME}", json={"Region__c": "x"}).status_code == 400
    edit(salesforce, op="show", field="Account.Region__c")
    assert query(salesforce, "SELECT Region__c FROM Account LIMIT 1")[0]["Region__c"] == "North"


def test_private_accounts_are_seen_by_their_owner_and_through_shares(salesforce: httpx.Client) -> None:
    edit(salesforce, op="access", object="Account", level="own")
    assert query(salesforce, "SELECT Id FROM Account") == []
    edit(salesforce, op="share", id=ACME, level="Read")
    edit(salesforce, op="share", id=CYAN, level="Edit")
    assert [r["Id"] for r in query(salesforce, "SELECT Id FROM Account")] == [ACME, CYAN]
    assert salesforce.patch(f"{V}/sobjects/Account/{CYAN}", json={"Region__c": "x"}).status_code == 204
    refused = salesforce.patch(f"{V}/sobjects/Account/{ACME}", json={"Region__c": "x"}).json()[0]
    assert refused["errorCode"] == "INSUFFICIENT_ACCESS_OR_READONLY"
    unseen = salesforce.patch(f"{V}/sobjects/Account/{BOERSE}", json={"Region__c": "x"}).json()[0]
    assert unseen["errorCode"] == "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"


def test_user_record_access_answers_for_the_records_asked_for(salesforce: httpx.Client) -> None:
    edit(salesforce, op="access", object="Account", level="read")
    user = salesforce.get("/services/oauth2/userinfo").json()["user_id"]
    soql = (
        "SELECT RecordId, HasReadAccess, HasEditAccess, MaxAccessLevel FROM UserRecordAccess "  # noqa: S608
        f"WHERE UserId = '{user}' AND RecordId IN ('{ACME}', '001Wk0000000099IAA')"
    )
    first, second = query(salesforce, soql)
    assert (first["RecordId"], first["HasReadAccess"], first["HasEditAccess"]) == (ACME, True, False)
    assert (first["MaxAccessLevel"], second["MaxAccessLevel"]) == ("Read", "None")
    bare = salesforce.get(f"{V}/query", params={"q": "SELECT RecordId FROM UserRecordAccess"})
    assert bare.status_code == 400


def test_a_rule_refuses_rows_until_its_times_are_up(salesforce: httpx.Client) -> None:
    edit(salesforce, op="rule", object="Account", id=ACME, code="UNABLE_TO_LOCK_ROW", message="locked", times=1)
    body = {"records": [{"attributes": {"type": "Account"}, "id": ACME, "Region__c": "x"}]}
    first, second = (salesforce.patch(f"{V}/composite/sobjects", json=body).json()[0] for _ in range(2))
    assert first["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert second["success"] is True


def test_faults_strike_the_nth_matching_request_only(salesforce: httpx.Client) -> None:
    rules = [
        {
            "path": "/limits$",
            "nth": 2,
            "times": 1,
            "action": "status",
            "status": 503,
            "body": "busy",
            "headers": {"X-A": "1"},
        },
        {"path": "/sobjects$", "action": "html"},
        {"path": "/query$", "action": "cut"},
    ]
    salesforce.post("/_sandbox/faults", json=rules).raise_for_status()
    replies = [salesforce.get(f"{V}/limits") for _ in range(3)]
    assert [r.status_code for r in replies] == [200, 503, 200]
    assert (replies[1].text, replies[1].headers["X-A"]) == ("busy", "1")
    page = salesforce.get(f"{V}/sobjects")
    assert (page.status_code, page.headers["Content-Type"].split(";")[0]) == (200, "text/html")
    with pytest.raises(httpx.RemoteProtocolError):
        salesforce.get(f"{V}/query", params={"q": "SELECT Id FROM Account"})
    assert query(salesforce, "SELECT Id FROM Account")
    salesforce.post("/_sandbox/faults", json=[])


def test_an_unknown_fault_is_refused_with_the_known_ones(salesforce: httpx.Client) -> None:
    reply = salesforce.post("/_sandbox/faults", json=[{"action": "explode"}])
    assert reply.status_code == 400
    assert "status, html, expire, cut" in reply.json()["error"]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory, small_org: Path) -> Any:
    """A sandbox with a small quota, https and an expiry fault."""
    rules = tmp_path_factory.mktemp("faults") / "faults.json"
    rules.write_text('[{"path": "/limits$", "nth": 1, "action": "expire"}]')
    options = ("--quota", "3", "--tls", "--faults", str(rules), "--clock", "2026-06-01T23:59:00Z")
    with warm.COLD(small_org, *options) as line:
        yield line


def test_session_expiry_quota_and_https(odd: dict[str, Any]) -> None:
    """The quota counts every call, says so in a header, ends in a 403 and starts again on the next day."""
    ready = odd["salesforce"]
    trust = ssl.create_default_context(cafile=odd["ca_file"])
    with httpx.Client(base_url=ready["tls_url"], verify=trust) as client:
        client.headers["Authorization"] = f"Bearer {ready['access_token']}"
        assert client.get(f"{V}/limits").json()[0]["errorCode"] == "INVALID_SESSION_ID"
        form = {k: ready[k] for k in ("client_id", "client_secret")} | {"grant_type": "client_credentials"}
        token = client.post("/services/oauth2/token", data=form).json()
        assert token["instance_url"] == ready["tls_url"]
        client.headers["Authorization"] = f"Bearer {token['access_token']}"
        used = [client.get(f"{V}/limits").headers["Sforce-Limit-Info"] for _ in range(3)]
        assert [u.partition(";")[0] for u in used] == [f"api-usage={n}/3" for n in (1, 2, 3)]
        over = client.get(f"{V}/limits")
        assert (over.status_code, over.json()) == (
            403,
            [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}],
        )
        client.post("/_sandbox/clock", json={"advance": 120})
        assert client.get(f"{V}/limits").status_code == 200
