"""Writing: one record, collections of 200, Bulk 2.0 ingest; each row answers for itself."""

import csv
import io
from typing import Any

import httpx
import pytest

V = "/services/data/v68.0"
ACME, BOERSE, CYAN, GONE = (f"001Wk00000{n:05d}IAA" for n in (1, 2, 3, 5))


def account(client: httpx.Client, record: str = ACME) -> dict[str, Any]:
    return dict(client.get(f"{V}/sobjects/Account/{record}").json())


def collection(client: httpx.Client, *records: dict[str, Any], all_or_none: bool = False) -> httpx.Response:
    body = {"allOrNone": all_or_none, "records": [{"attributes": {"type": "Account"}} | r for r in records]}
    return client.patch(f"{V}/composite/sobjects", json=body)


def upload(client: httpx.Client, text: str) -> dict[str, Any]:
    job = client.post(f"{V}/jobs/ingest", json={"object": "Account", "operation": "update", "contentType": "CSV"}).json()
    assert (job["state"], job["object"]) == ("Open", "Account")
    url = f"{V}/jobs/ingest/{job['id']}"
    assert client.put(f"{url}/batches", content=text.encode(), headers={"Content-Type": "text/csv"}).status_code == 201
    assert client.patch(url, json={"state": "UploadComplete"}).json()["state"] == "UploadComplete"
    while (info := client.get(url).json())["state"] not in ("JobComplete", "Failed"):
        pass
    return dict(info)


def outcome(client: httpx.Client, job: dict[str, Any], which: str) -> list[dict[str, str]]:
    reply = client.get(f"{V}/jobs/ingest/{job['id']}/{which}")
    assert reply.status_code == 200
    return list(csv.DictReader(io.StringIO(reply.text, newline="")))


def test_a_saved_record_carries_the_new_value_and_new_stamps(salesforce: httpx.Client) -> None:
    salesforce.post("/_sandbox/clock", json={"set": "2026-06-02T08:00:00Z"})
    assert salesforce.patch(f"{V}/sobjects/Account/{ACME}", json={"Region__c": "West"}).status_code == 204
    after = account(salesforce)
    assert after["Region__c"] == "West"
    assert after["SystemModstamp"].startswith("2026-06-02T08:00:0")
    assert after["LastModifiedDate"] == after["SystemModstamp"]
    assert after["CreatedDate"] == "2025-01-01T00:00:00.000+0000"


def test_a_collection_answers_row_by_row_in_the_order_of_the_request(salesforce: httpx.Client) -> None:
    reply = collection(
        salesforce,
        {"id": ACME, "Region__c": "A"},
        {"id": GONE, "Region__c": "B"},
        {"id": "001Wk0000000099IAA", "Region__c": "C"},
        {"id": CYAN, "Name": "x" * 256},
        {"id": BOERSE, "SystemModstamp": "2026-01-01T00:00:00Z"},
        {"id": CYAN, "Region__c": None, "NumberOfEmployees": 7},
    )
    assert reply.status_code == 200
    rows = reply.json()
    assert [r["success"] for r in rows] == [True, False, False, False, False, True]
    assert rows[0] == {"id": ACME, "success": True, "errors": []}
    codes = [r["errors"][0]["statusCode"] for r in rows if r["errors"]]
    assert codes == [
        "ENTITY_IS_DELETED",
        "INVALID_CROSS_REFERENCE_KEY",
        "STRING_TOO_LONG",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
    ]
    assert rows[3]["errors"][0]["fields"] == ["Name"]
    assert account(salesforce, CYAN)["NumberOfEmployees"] == 7


def test_all_or_none_saves_nothing_when_one_row_is_refused(salesforce: httpx.Client) -> None:
    rows = collection(salesforce, {"id": ACME, "Region__c": "A"}, {"id": GONE, "Region__c": "B"}, all_or_none=True).json()
    assert [r["success"] for r in rows] == [False, False]
    assert rows[0]["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert account(salesforce)["Region__c"] == "North"


def test_a_collection_holds_200_rows_at_most(salesforce: httpx.Client) -> None:
    reply = collection(salesforce, *({"id": ACME, "Region__c": str(n)} for n in range(201)))
    assert reply.status_code == 400
    assert account(salesforce)["Region__c"] == "North"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("NumberOfEmployees", "many", "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ("NumberOfEmployees", 3_000_000_000, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("AnnualRevenue", 1e18, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("OwnerId", "005Wk0000000099IAA", "INVALID_CROSS_REFERENCE_KEY"),
        ("OwnerId", ACME, "FIELD_INTEGRITY_EXCEPTION"),
        ("ParentId", "nonsense", "MALFORMED_ID"),
        ("Name", None, "REQUIRED_FIELD_MISSING"),
        ("IsDeleted", True, "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(salesforce: httpx.Client, field: str, value: Any, code: str) -> None:
    (row,) = collection(salesforce, {"id": ACME, field: value}).json()
    assert row["success"] is False
    assert row["errors"][0]["statusCode"] == code


def test_an_unknown_field_spoils_its_row_only(salesforce: httpx.Client) -> None:
    rows = collection(salesforce, {"id": ACME, "Nope__c": "A"}, {"id": CYAN, "Region__c": "B"}).json()
    assert [r["success"] for r in rows] == [False, True]
    assert rows[0]["errors"][0]["statusCode"] == "INVALID_FIELD"
    reply = salesforce.patch(f"{V}/sobjects/Account/{ACME}", json={"Nope__c": 1})
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "INVALID_FIELD")


def test_ingest_ignores_empty_cells_and_clears_with_na(salesforce: httpx.Client) -> None:
    info = upload(salesforce, f"Id,Region__c,NumberOfEmployees\n{ACME},,77\n{BOERSE},#N/A,\n{GONE},x,\n")
    assert (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == ("JobComplete", 3, 1)
    assert (account(salesforce)["Region__c"], account(salesforce)["NumberOfEmployees"]) == ("North", 77)
    assert (account(salesforce, BOERSE)["Region__c"], account(salesforce, BOERSE)["NumberOfEmployees"]) == (None, 20)
    good = outcome(salesforce, info, "successfulResults")
    assert [(r["sf__Id"], r["sf__Created"]) for r in good] == [(ACME, "false"), (BOERSE, "false")]
    (bad,) = outcome(salesforce, info, "failedResults")
    assert bad["sf__Id"] == GONE
    assert bad["sf__Error"].startswith("ENTITY_IS_DELETED:entity is deleted:")
    assert bad["Region__c"] == "x"
    assert outcome(salesforce, info, "unprocessedrecords") == []


def test_ingest_with_an_unknown_column_fails_the_job(salesforce: httpx.Client) -> None:
    info = upload(salesforce, f"Id,Nope__c\n{ACME},1\n")
    assert info["state"] == "Failed"
    assert "InvalidBatch : Field name not found : Nope__c" in info["errorMessage"]
    assert [r["Id"] for r in outcome(salesforce, info, "unprocessedRecords")] == [ACME]


def test_an_open_job_can_be_aborted_and_takes_no_data_after_that(salesforce: httpx.Client) -> None:
    job = salesforce.post(f"{V}/jobs/ingest", json={"object": "Account", "operation": "update"}).json()
    url = f"{V}/jobs/ingest/{job['id']}"
    assert salesforce.patch(url, json={"state": "Aborted"}).json()["state"] == "Aborted"
    late = salesforce.put(f"{url}/batches", content=b"Id\n", headers={"Content-Type": "text/csv"})
    assert late.status_code == 400
    assert salesforce.delete(url).status_code == 204
