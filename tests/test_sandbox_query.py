"""REST queries: SOQL as the vendor's reference defines it, typed against describe."""

from typing import Any

import httpx
import pytest

Q = "/services/data/v68.0/query"
ACME = "001Wk0000000001IAA"


def rows(client: httpx.Client, soql: str, path: str = Q) -> list[dict[str, Any]]:
    reply = client.get(path, params={"q": soql})
    assert reply.status_code == 200, reply.text
    return list(reply.json()["records"])


def names(client: httpx.Client, where: str) -> list[str]:
    return [r["Name"] for r in rows(client, f"SELECT Name FROM Account WHERE {where} ORDER BY Tier__c")]  # noqa: S608


def refusal(client: httpx.Client, soql: str) -> tuple[int, str, str]:
    reply = client.get(Q, params={"q": soql})
    error = reply.json()[0]
    return reply.status_code, error["errorCode"], error["message"]


def test_values_have_their_types_and_times_end_in_plus_0000(salesforce: httpx.Client) -> None:
    soql = "SELECT Id, Name, AnnualRevenue, NumberOfEmployees, IsDeleted, CreatedDate FROM Account WHERE Name = 'Acme'"
    assert rows(salesforce, soql) == [
        {
            "attributes": {"type": "Account", "url": f"/services/data/v68.0/sobjects/Account/{ACME}"},
            "Id": ACME,
            "Name": "Acme",
            "AnnualRevenue": 1500000.0,
            "NumberOfEmployees": 10,
            "IsDeleted": False,
            "CreatedDate": "2025-01-01T00:00:00.000+0000",
        }
    ]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Name = 'ACME'", ["Acme"]),
        ("Name LIKE 'acme%'", ["Acme", "acme two"]),
        ("Name LIKE '_cme'", ["Acme"]),
        ("(NOT Name LIKE 'acme%')", ['Börse, "Q"', "Cyan"]),
        ("Industry != 'Energy'", ['Börse, "Q"', "Cyan"]),
        ("Industry = null", ["Cyan"]),
        ("Industry != null AND AnnualRevenue > 99.4", ["Acme", 'Börse, "Q"', "acme two"]),
        ("Industry IN ('energy', 'Retail')", ["Acme", "acme two"]),
        ("Industry NOT IN ('Energy')", ['Börse, "Q"', "Cyan"]),
        ("AnnualRevenue < 100", ["acme two"]),
        ("NumberOfEmployees >= 20 AND (Region__c = 'South' OR Tier__c = 4)", ['Börse, "Q"', "acme two"]),
        ("SystemModstamp >= 2026-05-03T00:00:00Z", ["Cyan", "acme two"]),
        ("SystemModstamp > 2026-05-03T02:00:00+02:00", ["acme two"]),
        ("SystemModstamp = LAST_N_DAYS:30", ['Börse, "Q"', "Cyan", "acme two"]),
        ("SystemModstamp = LAST_MONTH", ["Acme", 'Börse, "Q"', "Cyan", "acme two"]),
        ("CreatedDate < THIS_YEAR", ["Acme", 'Börse, "Q"', "Cyan", "acme two"]),
        ("CreatedDate > LAST_YEAR", []),
        (f"Id = '{ACME[:15]}'", ["Acme"]),
        ("Id IN (SELECT AccountId FROM Opportunity WHERE IsWon = false)", ['Börse, "Q"']),
        ("Id NOT IN (SELECT AccountId FROM Opportunity)", ["Cyan", "acme two"]),
        ("CreatedDate = LAST_FISCAL_YEAR AND SystemModstamp = LAST_N_QUARTERS:1", []),
        ("SystemModstamp = N_DAYS_AGO:29", ["Cyan"]),
        ("SystemModstamp >= THIS_QUARTER", ["Acme", 'Börse, "Q"', "Cyan", "acme two"]),
        ("Owner.Name = 'Ann Rep' AND Name = 'Cyan'", ["Cyan"]),
        ("Name = 'B\\u00f6rse, \"Q\"'", ['Börse, "Q"']),
    ],
)
def test_where_means_what_the_reference_says(salesforce: httpx.Client, where: str, found: list[str]) -> None:
    assert names(salesforce, where) == found


def test_deleted_and_archived_rows_come_with_query_all_only(salesforce: httpx.Client) -> None:
    every = Q.replace("query", "queryAll")
    assert "Gone" not in [r["Name"] for r in rows(salesforce, "SELECT Name FROM Account")]
    assert "Gone" in [r["Name"] for r in rows(salesforce, "SELECT Name FROM Account", every)]
    counts = [salesforce.get(path, params={"q": "SELECT COUNT() FROM Task"}).json()["totalSize"] for path in (Q, every)]
    assert counts == [437, 450]


def test_parents_are_nested_and_null_where_there_is_none(salesforce: httpx.Client) -> None:
    soql = "SELECT Id, Product2.Family, PricebookEntry.Product2.Name, Opportunity.Account.Name FROM OpportunityLineItem"
    (line,) = rows(salesforce, soql)
    assert line["Product2"]["Family"] == "Hydraulics"
    assert line["Product2"]["attributes"]["type"] == "Product2"
    assert line["Opportunity"]["Account"]["attributes"] == {
        "type": "Account",
        "url": f"/services/data/v68.0/sobjects/Account/{ACME}",
    }
    assert line["PricebookEntry"]["Product2"]["Name"] == "Pump"
    assert line["Opportunity"]["Account"]["Name"] == "Acme"
    kinds = {r["What"]["Type"] for r in rows(salesforce, "SELECT What.Type FROM Task LIMIT 20")}
    assert kinds == {"Account", "Opportunity"}
    (task,) = rows(salesforce, "SELECT Id, Who.Name FROM Task LIMIT 1")
    assert task["Who"] is None


def test_order_limit_and_offset(salesforce: httpx.Client) -> None:
    def first(order: str) -> list[str]:
        return [r["Name"] for r in rows(salesforce, f"SELECT Name FROM Account ORDER BY {order}")]  # noqa: S608

    assert first("AnnualRevenue") == ["Cyan", "acme two", "Acme", 'Börse, "Q"']
    assert first("AnnualRevenue DESC NULLS LAST") == ['Börse, "Q"', "Acme", "acme two", "Cyan"]
    assert first("Name LIMIT 2 OFFSET 1") == ["acme two", 'Börse, "Q"']
    assert first("Industry ASC NULLS LAST, Name DESC") == ['Börse, "Q"', "acme two", "Acme", "Cyan"]


def test_counts_and_groups(salesforce: httpx.Client) -> None:
    plain = salesforce.get(Q, params={"q": "SELECT COUNT() FROM Account"}).json()
    assert plain == {"totalSize": 4, "done": True, "records": []}
    (one,) = rows(salesforce, "SELECT COUNT(Id) FROM Account")
    assert one == {"attributes": {"type": "AggregateResult"}, "expr0": 4}
    grouped = rows(salesforce, "SELECT Industry, COUNT(Id) n FROM Account GROUP BY Industry")
    assert {r["Industry"]: r["n"] for r in grouped} == {"Energy": 2, "Banking": 1, None: 1}


def test_pages_follow_the_wished_size_and_lose_no_row(salesforce: httpx.Client) -> None:
    headers = {"Sforce-Query-Options": "batchSize=200"}
    page = salesforce.get(Q, params={"q": "SELECT Id FROM Task"}, headers=headers).json()
    seen, sizes = [r["Id"] for r in page["records"]], [len(page["records"])]
    assert (page["totalSize"], page["done"]) == (437, False)
    while not page["done"]:
        assert page["nextRecordsUrl"].startswith("/services/data/v68.0/query/01g")
        page = salesforce.get(page["nextRecordsUrl"]).json()
        seen += [r["Id"] for r in page["records"]]
        sizes.append(len(page["records"]))
    assert sizes == [200, 200, 37]
    assert len(set(seen)) == 437


@pytest.mark.parametrize(
    ("soql", "code", "text"),
    [
        ("SELECT Nope__c FROM Account", "INVALID_FIELD", "No such column 'Nope__c' on entity 'Account'"),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported"),
        ("SELECT Id FRM Account", "MALFORMED_QUERY", "unexpected token"),
        ('SELECT Id FROM Account WHERE Name = "x"', "MALFORMED_QUERY", ""),
        ("SELECT Id,, Name FROM Account", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Id FROM Account WHERE CreatedDate > '2026-01-01T00:00:00Z'", "INVALID_FIELD", "must be of type dateTime"),
        ("SELECT Id FROM Account WHERE CreatedDate > 2026-01-01", "INVALID_FIELD", "must be of type dateTime"),
        ("SELECT Id FROM Account WHERE CreatedDate > 2026-01-01T00:00:00", "MALFORMED_QUERY", ""),
        ("SELECT Id FROM Opportunity WHERE CloseDate > 2026-01-01T00:00:00Z", "INVALID_FIELD", "must be of type date"),
        ("SELECT Id FROM Account WHERE AnnualRevenue > '5'", "INVALID_FIELD", "must be of type"),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", "must be of type string"),
        ("SELECT Id FROM Account WHERE IsDeleted = 'false'", "INVALID_FIELD", "must be of type boolean"),
        ("SELECT Id FROM Task WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered in a query call"),
        ("SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "MALFORMED_QUERY", ""),
        ("SELECT Id FROM Account LIMIT 5 WHERE Name = 'a'", "MALFORMED_QUERY", ""),
        ("SELECT Id FROM Account ALL ROWS", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT Id, AccountId FROM Opportunity)", "MALFORMED_QUERY", "semi join"),
        ("SELECT Id, Id FROM Account", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Id FROM Account WHERE AnnualRevenue LIKE '5%'", "INVALID_FIELD", "operator"),
    ],
)
def test_what_the_real_one_refuses_is_refused(salesforce: httpx.Client, soql: str, code: str, text: str) -> None:
    status, found, message = refusal(salesforce, soql)
    assert (status, found) == (400, code)
    assert text in message


def test_currency_codes_exist_only_in_multi_currency_orgs(salesforce: httpx.Client) -> None:
    assert refusal(salesforce, "SELECT CurrencyIsoCode FROM Account")[1] == "INVALID_FIELD"
    (org,) = rows(salesforce, "SELECT Id, Name, IsSandbox, OrganizationType FROM Organization")
    assert (org["Name"], len(org["Id"])) == ("Small", 18)


def test_column_metadata_is_given_on_request(salesforce: httpx.Client) -> None:
    """The vendor's own command line asks for it after each query (docs/facts/salesforce.md, "REST queries")."""
    reply = salesforce.get(Q, params={"q": "SELECT Id, Owner.Name, AnnualRevenue FROM Account", "columns": "true"}).json()
    assert [c["columnName"] for c in reply["columnMetadata"]] == ["Id", "Owner", "AnnualRevenue"]


def test_one_record_by_id(salesforce: httpx.Client) -> None:
    url = f"/services/data/v68.0/sobjects/Account/{ACME}"
    record = salesforce.get(url, params={"fields": "Name,Region__c"}).json()
    assert (record["Name"], record["Region__c"], record["attributes"]["type"]) == ("Acme", "North", "Account")
    assert salesforce.get(url).json()["AnnualRevenue"] == 1500000.0
    missing = salesforce.get("/services/data/v68.0/sobjects/Account/001Wk0000000099IAA")
    assert (missing.status_code, missing.json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_an_address_that_is_too_long_is_refused(salesforce: httpx.Client) -> None:
    ids = ",".join(f"'{ACME}'" for _ in range(900))
    reply = salesforce.get(Q, params={"q": f"SELECT Id FROM Account WHERE Id IN ({ids})"})  # noqa: S608
    assert reply.status_code == 414
