"""Records made, changed and deleted in every way the API offers; replication calls; what admins and time do to fields."""

import csv
import io
from typing import Any

import httpx
import pytest

V = "/services/data/v68.0"
ACME, BOERSE, CYAN = (f"001Wk00000{n:05d}IAA" for n in (1, 2, 3))


def edit(client: httpx.Client, **change: Any) -> dict[str, Any]:
    reply = client.post("/_sandbox/edit", json=change)
    assert reply.status_code == 200, reply.text
    return dict(reply.json()[0])


def query(client: httpx.Client, soql: str, mode: str = "query") -> list[dict[str, Any]]:
    reply = client.get(f"{V}/{mode}", params={"q": soql})
    assert reply.status_code == 200, reply.text
    return list(reply.json()["records"])


def ingest(client: httpx.Client, operation: str, text: str, **more: str) -> dict[str, list[dict[str, str]]]:
    """One job to its end; the rows of its two result lists."""
    body = {"object": "Account", "operation": operation, "contentType": "CSV", "lineEnding": "LF"} | more
    job = client.post(f"{V}/jobs/ingest", json=body).raise_for_status().json()["id"]
    client.put(f"{V}/jobs/ingest/{job}/batches", content=text.encode()).raise_for_status()
    client.patch(f"{V}/jobs/ingest/{job}", json={"state": "UploadComplete"}).raise_for_status()
    for _ in range(100):
        if client.get(f"{V}/jobs/ingest/{job}").json()["state"] == "JobComplete":
            break
    lists = {n: client.get(f"{V}/jobs/ingest/{job}/{n}").text for n in ("successfulResults", "failedResults")}
    return {n: list(csv.DictReader(io.StringIO(t, newline=""))) for n, t in lists.items()}


def test_a_record_is_made_read_and_deleted(salesforce: httpx.Client) -> None:
    made = salesforce.post(f"{V}/sobjects/Account", json={"Name": "New", "Region__c": "East"})
    assert (made.status_code, made.json()["success"]) == (201, True)
    one = f"{V}/sobjects/Account/{made.json()['id']}"
    assert salesforce.get(one).json()["Region__c"] == "East"
    assert salesforce.delete(one).status_code == 204
    assert salesforce.get(one).json()[0]["errorCode"] == "ENTITY_IS_DELETED"
    assert len(query(salesforce, "SELECT Id FROM Account WHERE Name = 'New'", "queryAll")) == 1


def test_a_record_without_what_is_required_is_not_made(salesforce: httpx.Client) -> None:
    reply = salesforce.post(f"{V}/sobjects/Account", json={"Region__c": "East"})
    assert (reply.status_code, reply.json()[0]["errorCode"], reply.json()[0]["fields"]) == (
        400,
        "REQUIRED_FIELD_MISSING",
        ["Name"],
    )


def test_collections_make_and_delete_with_one_result_each(salesforce: httpx.Client) -> None:
    kind = {"attributes": {"type": "Account"}}
    bodies = [kind | {"Name": "One"}, kind | {"Region__c": "x"}, kind | {"Name": "Two"}]
    reply = salesforce.post(f"{V}/composite/sobjects", json={"allOrNone": False, "records": bodies}).json()
    assert [r["success"] for r in reply] == [True, False, True]
    ids = f"{reply[0]['id']},{reply[2]['id']},001000000000000AAA"
    gone = salesforce.delete(f"{V}/composite/sobjects", params={"ids": ids}).json()
    assert [r["success"] for r in gone] == [True, True, False]


def test_all_or_none_makes_none(salesforce: httpx.Client) -> None:
    kind = {"attributes": {"type": "Account"}}
    bodies = [kind | {"Name": "Alone"}, kind]
    reply = salesforce.post(f"{V}/composite/sobjects", json={"allOrNone": True, "records": bodies}).json()
    assert [r["errors"][0]["statusCode"] for r in reply] == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert query(salesforce, "SELECT Id FROM Account WHERE Name = 'Alone'") == []


def test_composite_fills_later_parts_from_earlier_ones(salesforce: httpx.Client) -> None:
    parts = [
        {"method": "POST", "url": f"{V}/sobjects/Account", "referenceId": "made", "body": {"Name": "Ref"}},
        {
            "method": "PATCH",
            "url": f"{V}/sobjects/Account/@{{made.id}}",
            "referenceId": "set",
            "body": {"Region__c": "West"},
        },
        {"method": "GET", "url": f"{V}/sobjects/Account/@{{made.id}}?fields=Region__c", "referenceId": "got"},
        {"method": "GET", "url": f"{V}/sobjects/Account/@{{none.id}}", "referenceId": "halted"},
    ]
    found = salesforce.post(f"{V}/composite", json={"compositeRequest": parts}).json()["compositeResponse"]
    assert [p["httpStatusCode"] for p in found] == [201, 204, 200, 400]
    assert found[2]["body"]["Region__c"] == "West"
    assert found[3]["body"][0]["errorCode"] == "PROCESSING_HALTED"


def test_bulk_inserts_upserts_and_deletes_row_by_row(salesforce: httpx.Client) -> None:
    made = ingest(salesforce, "insert", "Name,Region__c\nBulk,b1\n,b2\n")
    (row,) = made["successfulResults"]
    assert (row["sf__Created"], row["Name"]) == ("true", "Bulk")
    (bad,) = made["failedResults"]
    assert (bad["sf__Id"], bad["sf__Error"][:22]) == ("", "REQUIRED_FIELD_MISSING")
    put = ingest(salesforce, "upsert", "Name,Region__c\nKnown,b1\nNew,b3\n", externalIdFieldName="Region__c")
    assert [(r["sf__Id"] == row["sf__Id"], r["sf__Created"]) for r in put["successfulResults"]] == [
        (True, "false"),
        (False, "true"),
    ]
    gone = ingest(salesforce, "delete", f"Id\n{row['sf__Id']}\n{ACME[:-4]}ZZZZ\n")
    assert (len(gone["successfulResults"]), len(gone["failedResults"])) == (1, 1)
    assert query(salesforce, "SELECT Id FROM Account WHERE Region__c = 'b1'") == []


def test_one_record_is_upserted_by_an_external_id_unless_several_match(salesforce: httpx.Client) -> None:
    """300 with the addresses of all (docs/facts/salesforce.md, "Collections")."""
    made, known = (salesforce.patch(f"{V}/sobjects/Account/Region__c/East", json={"Name": n}) for n in ("New", "Newer"))
    assert [(r.status_code, r.json()["created"]) for r in (made, known)] == [(201, True), (200, False)]
    assert known.json()["id"] == made.json()["id"]
    several = salesforce.patch(f"{V}/sobjects/Account/Region__c/North", json={"Name": "x"})
    assert (several.status_code, several.json()[0]) == (300, f"{V}/sobjects/Account/{ACME}")
    assert salesforce.patch(f"{V}/sobjects/Account/Nope__c/1", json={}).status_code == 404


def test_a_doubtful_external_id_is_refused(salesforce: httpx.Client) -> None:
    for record in (ACME, BOERSE):
        edit(salesforce, op="update", object="Account", id=record, values={"Region__c": "twice"})
    put = ingest(salesforce, "upsert", "Name,Region__c\nWho,twice\n", externalIdFieldName="Region__c")
    assert put["failedResults"][0]["sf__Error"].startswith("DUPLICATE_EXTERNAL_ID")


def test_updated_and_deleted_say_what_is_covered(salesforce: httpx.Client) -> None:
    """getUpdated's latestDateCovered goes back to the start of the oldest transaction: the safe watermark."""
    salesforce.post("/_sandbox/clock", json={"set": "2026-06-01T13:00:00Z"})
    edit(salesforce, op="update", object="Account", id=ACME, values={"Region__c": "u"})
    edit(salesforce, op="delete", object="Account", id=BOERSE)
    edit(salesforce, op="destroy", object="Account", id=CYAN)
    window = {"start": "2026-06-01T12:30:00Z", "end": "2026-06-01T14:00:00Z"}
    salesforce.post("/_sandbox/clock", json={"set": "2026-06-01T14:30:00Z"})
    found = salesforce.get(f"{V}/sobjects/Account/updated", params=window).json()
    assert (found["ids"], found["latestDateCovered"]) == ([ACME], "2026-06-01T14:00:00.000+0000")
    gone = salesforce.get(f"{V}/sobjects/Account/deleted", params=window).json()
    assert {r["id"] for r in gone["deletedRecords"]} == {BOERSE, CYAN}
    edit(salesforce, op="transaction", since="2026-06-01T12:45:00.000Z")
    covered = salesforce.get(f"{V}/sobjects/Account/updated", params=window).json()["latestDateCovered"]
    assert covered == "2026-06-01T12:45:00.000+0000"
    long_ago = window | {"start": "2026-05-01T00:00:00Z"}
    assert salesforce.get(f"{V}/sobjects/Account/deleted", params=long_ago).status_code == 400


def test_a_row_can_appear_late_and_a_formula_can_change_without_a_stamp(salesforce: httpx.Client) -> None:
    before = "2026-05-31T08:00:00.000Z"
    late = edit(salesforce, op="create", object="Account", stamp=before, values={"Name": "Late"})["id"]
    (row,) = query(salesforce, f"SELECT SystemModstamp FROM Account WHERE Id = '{late}'")  # noqa: S608
    assert row["SystemModstamp"] == before.replace("Z", "+0000")
    soql = f"SELECT Region__c, SystemModstamp FROM Account WHERE Id = '{ACME}'"  # noqa: S608
    (was,) = query(salesforce, soql)
    edit(salesforce, op="update", object="Account", id=ACME, quiet=True, values={"Region__c": "formula"})
    (now,) = query(salesforce, soql)
    assert (now["Region__c"], now["SystemModstamp"]) == ("formula", was["SystemModstamp"])


def test_old_activities_are_archived_and_shown_by_query_all_only(salesforce: httpx.Client) -> None:
    salesforce.post("/_sandbox/clock", json={"set": "2029-06-01T12:00:00Z"})
    total = len(query(salesforce, "SELECT Id FROM Event LIMIT 500", "queryAll"))
    assert edit(salesforce, op="archive")["archived"] > 0
    assert query(salesforce, "SELECT Id FROM Event LIMIT 500") == []
    assert len(query(salesforce, "SELECT Id FROM Event LIMIT 500", "queryAll")) == total


def test_a_field_can_be_added_and_retyped(salesforce: httpx.Client) -> None:
    def described() -> dict[str, str]:
        return {f["name"]: f["type"] for f in salesforce.get(f"{V}/sobjects/Account/describe").json()["fields"]}

    edit(salesforce, op="field", field="Account.Score__c", type="double")
    assert described()["Score__c"] == "double"
    edit(salesforce, op="update", object="Account", id=ACME, values={"Region__c": "12"})
    edit(salesforce, op="field", field="Account.Region__c", type="double")
    assert described()["Region__c"] == "double"
    found = {r["Id"]: r["Region__c"] for r in query(salesforce, "SELECT Id, Region__c FROM Account")}
    assert found.pop(ACME) == 12
    assert set(found.values()) == {None}


def test_explain_names_the_object_and_tooling_its_own(salesforce: httpx.Client) -> None:
    plan = salesforce.get(f"{V}/query", params={"explain": "SELECT Id FROM Account"}).json()["plans"][0]
    assert (plan["sobjectType"], plan["leadingOperationType"]) == ("Account", "TableScan")
    listed = {o["name"] for o in salesforce.get(f"{V}/tooling/sobjects").json()["sobjects"]}
    assert "CustomField" in listed


@pytest.mark.parametrize("operation", ["merge", ""])
def test_an_unknown_operation_is_refused(salesforce: httpx.Client, operation: str) -> None:
    reply = salesforce.post(f"{V}/jobs/ingest", json={"object": "Account", "operation": operation})
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "INVALIDJOB")
