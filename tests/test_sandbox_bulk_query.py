"""Bulk API 2.0 query: states over time, pages, locators, refusals."""

import csv
import gzip
import io
import re
from typing import Any

import httpx
import pytest

V = "/services/data/v68.0"
JOBS = f"{V}/jobs/query"


def start(client: httpx.Client, soql: str, operation: str = "query") -> dict[str, Any]:
    reply = client.post(JOBS, json={"operation": operation, "query": soql})
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def finish(client: httpx.Client, job: dict[str, Any]) -> list[str]:
    """Poll until the job is done; the states it went through."""
    states = [job["state"]]
    while states[-1] not in ("JobComplete", "Failed", "Aborted"):
        state = client.get(f"{JOBS}/{job['id']}").json()["state"]
        if state != states[-1]:
            states.append(state)
    return states


def done(client: httpx.Client, soql: str, operation: str = "query") -> str:
    job = start(client, soql, operation)
    assert finish(client, job)[-1] == "JobComplete"
    return str(job["id"])


def parsed(reply: httpx.Response) -> list[dict[str, str]]:
    assert reply.status_code == 200, reply.text
    return list(csv.DictReader(io.StringIO(reply.text, newline="")))


def test_a_job_goes_through_its_states_and_counts_its_rows(salesforce: httpx.Client) -> None:
    job = start(salesforce, "SELECT Id FROM Task")
    assert (job["state"], job["object"], job["operation"]) == ("UploadComplete", "Task", "query")
    assert job["id"].startswith("750")
    assert finish(salesforce, job) == ["UploadComplete", "InProgress", "JobComplete"]
    info = salesforce.get(f"{JOBS}/{job['id']}").json()
    assert (info["numberRecordsProcessed"], info["apiVersion"], info["jobType"]) == (437, 68.0, "V2Query")


def test_results_differ_from_rest_as_the_real_ones_do(salesforce: httpx.Client) -> None:
    """Times end in Z; null is the empty cell; doubles look as Java writes them (dataloader issues 161 and 1204)."""
    job = done(
        salesforce, "SELECT Id, Name, AnnualRevenue, NumberOfEmployees, IsDeleted, CreatedDate, Owner.Name FROM Account"
    )
    acme, boerse, cyan, two = parsed(salesforce.get(f"{JOBS}/{job}/results"))
    assert acme["CreatedDate"] == "2025-01-01T00:00:00.000Z"
    assert (acme["IsDeleted"], acme["NumberOfEmployees"], acme["Owner.Name"]) == ("false", "10", "Ann Rep")
    assert (acme["AnnualRevenue"], boerse["AnnualRevenue"], two["AnnualRevenue"]) == ("1500000.0", "2.412E7", "99.5")
    assert (boerse["Name"], cyan["AnnualRevenue"]) == ('Börse, "Q"', "")


def test_pages_repeat_the_header_and_the_locator_ends_with_the_word_null(salesforce: httpx.Client) -> None:
    job = done(salesforce, "SELECT Id, Subject, Description FROM Task")
    seen: list[dict[str, str]] = []
    locator, sizes = "", []
    while locator != "null":
        params = {"maxRecords": "150"} | ({"locator": locator} if locator else {})
        reply = salesforce.get(f"{JOBS}/{job}/results", params=params)
        page = parsed(reply)
        assert reply.headers["Sforce-NumberOfRecords"] == str(len(page))
        assert reply.headers["Content-Type"].startswith("text/csv")
        assert not locator.isdigit()
        locator = reply.headers["Sforce-Locator"]
        seen += page
        sizes.append(len(page))
    assert sizes == [150, 150, 137]
    assert len({r["Id"] for r in seen}) == 437
    assert seen[0]["Subject"] == 'Call, "4"'
    assert seen[0]["Description"] == "line one\nline two"


def test_a_page_stays_what_it_was_when_records_change(salesforce: httpx.Client) -> None:
    job = done(salesforce, "SELECT Id, Name FROM Account")
    before = salesforce.get(f"{JOBS}/{job}/results").content
    reply = salesforce.patch(f"{V}/sobjects/Account/001Wk0000000001IAA", json={"Name": "Other"})
    assert reply.status_code == 204
    assert salesforce.get(f"{JOBS}/{job}/results").content == before


def test_result_pages_come_in_fives_and_hold_every_row_once(salesforce: httpx.Client) -> None:
    job = done(salesforce, "SELECT Id FROM Task", "queryAll")
    url, groups, ids = f"{JOBS}/{job}/resultPages", [], []
    while True:
        page = salesforce.get(url).json()
        groups.append(len(page["resultPages"]))
        for each in page["resultPages"]:
            ids += [r["Id"] for r in parsed(salesforce.get(each["resultUrl"]))]
        if page["done"]:
            break
        url = page["nextRecordsUrl"]
    assert groups == [5, 5, 2]  # 450 rows at 40 a page
    assert len(ids) == len(set(ids)) == 450


def test_an_empty_result_is_one_page_with_a_header(salesforce: httpx.Client) -> None:
    job = done(salesforce, "SELECT Id, Name FROM Account WHERE Name = 'nobody'")
    reply = salesforce.get(f"{JOBS}/{job}/results")
    assert (parsed(reply), reply.headers["Sforce-NumberOfRecords"], reply.headers["Sforce-Locator"]) == ([], "0", "null")
    assert re.fullmatch(r'"?Id"?,"?Name"?\n', reply.text)


def test_query_all_gives_deleted_and_archived_rows(salesforce: httpx.Client) -> None:
    job = done(salesforce, "SELECT Id, IsDeleted, IsArchived FROM Task", "queryAll")
    rows = parsed(salesforce.get(f"{JOBS}/{job}/results", params={"maxRecords": "1000"}))
    assert sum(r["IsDeleted"] == "true" for r in rows) == 3
    assert sum(r["IsArchived"] == "true" for r in rows) == 10


def test_pages_are_compressed_for_who_accepts_it(salesforce: httpx.Client, ready: dict[str, Any]) -> None:
    job = done(salesforce, "SELECT Id, Subject FROM Task")
    url = f"{JOBS}/{job}/results?maxRecords=400"
    plain = salesforce.get(url, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    with salesforce.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as reply:
        raw = b"".join(reply.iter_raw())
    assert reply.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(raw) == plain.content


def test_results_need_the_version_that_made_the_job(salesforce: httpx.Client) -> None:
    job = done(salesforce, "SELECT Id FROM Account")
    for what in ("results", "resultPages"):
        assert salesforce.get(f"/services/data/v67.0/jobs/query/{job}/{what}").status_code == 409


def test_results_before_the_end_and_of_strange_locators_are_refused(salesforce: httpx.Client) -> None:
    early = start(salesforce, "SELECT Id FROM Account")["id"]
    assert salesforce.get(f"{JOBS}/{early}/results").status_code == 400
    job = done(salesforce, "SELECT Id FROM Account")
    assert salesforce.get(f"{JOBS}/{job}/results", params={"locator": "MTIzNDU"}).status_code == 400


def test_a_job_can_be_aborted_and_deleted(salesforce: httpx.Client) -> None:
    job = start(salesforce, "SELECT Id FROM Account")["id"]
    reply = salesforce.patch(f"{JOBS}/{job}", json={"state": "Aborted"})
    assert (reply.status_code, reply.json()["state"]) == (200, "Aborted")
    assert salesforce.delete(f"{JOBS}/{job}").status_code == 204
    assert salesforce.get(f"{JOBS}/{job}").status_code == 404


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT COUNT() FROM Account", None),
        ("SELECT Industry, COUNT(Id) FROM Account GROUP BY Industry", None),
        ("SELECT Id FROM Account ORDER BY Id LIMIT 5 OFFSET 2", None),
        ("SELECT BillingAddress FROM Account", None),
        ("SELECT Id FROM OpportunityStage", "INVALIDENTITY"),
        ("SELECT Nope FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM", "MALFORMED_QUERY"),
    ],
)
def test_what_bulk_cannot_do_is_refused(salesforce: httpx.Client, soql: str, code: str | None) -> None:
    reply = salesforce.post(JOBS, json={"operation": "query", "query": soql})
    assert reply.status_code == 400
    assert code is None or reply.json()[0]["errorCode"] == code


def test_all_jobs_are_listed(salesforce: httpx.Client) -> None:
    job = start(salesforce, "SELECT Id FROM Account")["id"]
    listing = salesforce.get(JOBS).json()
    assert job in [r["id"] for r in listing["records"]]
    assert listing["done"] is True
