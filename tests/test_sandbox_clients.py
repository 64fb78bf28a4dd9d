"""simple-salesforce, unmodified, against the sandbox: its https is mapped to the plain port, nothing else."""

import csv
import io
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceMalformedRequest

ACME = "001Wk0000000001IAA"


class Mapped(HTTPAdapter):
    """Sends every https request to the sandbox's plain port, whatever host it names."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        _, _, rest = (request.url or "").removeprefix("https://").partition("/")
        request.url = f"{self.base}/{rest}"
        return super().send(request, *args, **kwargs)


@pytest.fixture
def session(ready: dict[str, Any], salesforce: httpx.Client) -> requests.Session:
    found = requests.Session()
    found.mount("https://", Mapped(ready["url"]))
    return found


@pytest.fixture
def client(ready: dict[str, Any], session: requests.Session) -> Salesforce:
    key = Path(ready["private_key_file"]).read_text()
    return Salesforce(
        username=ready["username"], consumer_key=ready["client_id"], privatekey=key, session=session, version="68.0"
    )


def test_client_credentials_log_in_and_passwords_do_not(ready: dict[str, Any], session: requests.Session) -> None:
    pair = {"consumer_key": ready["client_id"], "consumer_secret": ready["client_secret"]}
    found = Salesforce(domain="small.my", session=session, **pair)
    assert found.query("SELECT COUNT() FROM Account")["totalSize"] == 4
    with pytest.raises(SalesforceAuthenticationFailed):
        Salesforce(username=ready["username"], password="x", security_token="y", session=session)


def test_query_and_query_all(client: Salesforce) -> None:
    assert next(r["Name"] for r in client.query("SELECT Name FROM Account ORDER BY Name")["records"]) == "Acme"
    every = client.query_all("SELECT Id FROM Task", include_deleted=True)
    assert (every["totalSize"], len(every["records"])) == (450, 450)
    assert sum(1 for _ in client.query_all_iter("SELECT Id FROM Task")) == 437
    with pytest.raises(SalesforceMalformedRequest, match="No such column"):
        client.query("SELECT Nope FROM Account")


def test_describe_get_and_update(client: Salesforce) -> None:
    assert "Account" in [o["name"] for o in (client.describe() or {})["sobjects"]]
    assert {"Region__c", "Name"} < {f["name"] for f in client.Account.describe()["fields"]}
    assert client.Account.update(ACME, {"Region__c": "West"}) == 204
    assert client.Account.get(ACME)["Region__c"] == "West"


def test_bulk_query_pages(client: Salesforce) -> None:
    pages = list(client.bulk2.Task.query("SELECT Id, Subject FROM Task", max_records=200, wait=0.01))
    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page, newline=""))]
    assert (len(pages), len({r["Id"] for r in rows})) == (3, 437)


def test_bulk_update_answers_by_row(client: Salesforce) -> None:
    records = [{"Id": ACME, "Region__c": "West"}, {"Id": "001Wk0000000005IAA", "Region__c": "x"}]
    (result,) = client.bulk2.Account.update(records=records, wait=0.01)
    assert (result["numberRecordsProcessed"], result["numberRecordsFailed"]) == (2, 1)
    job = result["job_id"]
    assert ACME in client.bulk2.Account.get_successful_records(job)
    assert "ENTITY_IS_DELETED" in client.bulk2.Account.get_failed_records(job)
    assert client.Account.get(ACME)["Region__c"] == "West"


def test_limits_are_read_from_the_header(client: Salesforce) -> None:
    client.query("SELECT COUNT() FROM Account")
    assert client.api_usage["api-usage"].total == 100_000
    assert client.limits()["DailyApiRequests"]["Max"] == 100_000
