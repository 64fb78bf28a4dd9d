"""What is pulled besides: past owners, account teams, quotes, and whom mails went to; read over HTTP, used as of a day."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from builders import sheet
from sqlalchemy import Engine, select

from assay.night import pull as reading
from connectors.salesforce import SalesforceConfig, open_org
from connectors.salesforce.client import SalesforceCrm
from db import tables
from db.firm import firm
from db.store import Store
from sandbox import process
from scoring.facts.features import queries
from scoring.rules import Rules

MADE = "2025-01-01T08:00:00.000Z"
ACME, ANN, BOB = "001Wk0000000001IAA", "005Wk0000000001IAA", "005Wk0000000002IAA"
OFFER, LATE = "006Wk0000000001IAA", "006Wk0000000002IAA"
TODAY = 20_605  #: 2026-06-01


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("org")
    write(folder)
    with process.running(folder) as ready:
        yield ready["salesforce"]


def write(folder: Path) -> None:
    (folder / "org.toml").write_text('name = "B"\nnow = "2026-06-01T12:00:00Z"\ncurrency = "EUR"\ncrm = ["salesforce"]\n')
    f = folder / "salesforce"
    sheet(f, "User", "Id,Name,Username,Email,IsActive,CreatedDate,SystemModstamp",
          [(i, n, f"{n}@b.example", f"{n}@b.example", "true", MADE, MADE) for i, n in ((ANN, "ann"), (BOB, "bob"))])  # fmt: skip
    sheet(f, "Account", "Id,Name,OwnerId,CreatedDate,SystemModstamp,IsDeleted", [(ACME, "Acme", ANN, MADE, MADE, "false")])
    sheet(f, "AccountHistory", "Id,AccountId,Field,OldValue,NewValue,CreatedDate,IsDeleted",
          [("017Wk0000000001IAA", ACME, "Owner", BOB, ANN, "2026-04-01T09:00:00.000Z", "false"),
           ("017Wk0000000002IAA", ACME, "Owner", "bob", "ann", "2026-04-01T09:00:00.000Z", "false"),
           ("017Wk0000000003IAA", ACME, "Industry", "", "Steel", "2026-05-01T09:00:00.000Z", "false")])  # fmt: skip
    sheet(f, "AccountTeamMember", "Id,AccountId,UserId,TeamMemberRole,CreatedDate,SystemModstamp,IsDeleted",
          [("01MWk0000000001IAA", ACME, BOB, "Pre-Sales", MADE, MADE, "false")])  # fmt: skip
    sheet(f, "Contact", "Id,AccountId,LastName,CreatedDate,SystemModstamp,IsDeleted",
          [(f"003Wk000000000{n}IAA", ACME, f"C{n}", MADE, MADE, "false") for n in (1, 2)])  # fmt: skip
    sheet(f, "Opportunity", "Id,AccountId,OwnerId,Name,StageName,Amount,CloseDate,IsClosed,IsWon,CreatedDate,SystemModstamp,"
          "IsDeleted", [(i, ACME, ANN, "Offer", "Open", 100, "2026-09-01", "false", "false", MADE, MADE, "false")
                        for i in (OFFER, LATE)])  # fmt: skip
    sheet(f, "Product2", "Id,Name,Family,IsActive", [("01tWk0000000001IAA", "Pump", "Hydraulics", "true")])
    quotes = ((1, OFFER, "Presented", "2026-05-02"), (2, OFFER, "Accepted", "2026-05-03"), (3, LATE, "Draft", "2026-05-04"))
    sheet(f, "Quote", "Id,Name,OpportunityId,Status,CreatedDate,SystemModstamp,IsDeleted",
          [(f"0Q0Wk000000000{n}IAA", "Q", o, status, f"{at}T09:00:00.000Z", MADE, "false") for n, o, status, at in quotes])  # fmt: skip
    sheet(f, "QuoteLineItem", "Id,QuoteId,Product2Id,Quantity,TotalPrice,UnitPrice,CreatedDate,SystemModstamp,IsDeleted",
          [("0QLWk0000000001IAA", "0Q0Wk0000000001IAA", "01tWk0000000001IAA", 1, 10, 10, "2026-05-02T09:00:00.000Z", MADE,
            "false")])  # fmt: skip
    sheet(f, "EmailMessage", "Id,Subject,RelatedToId,Incoming,Status,MessageDate,CreatedById,CreatedDate,SystemModstamp,IsDeleted",
          [("02sWk0000000001IAA", "Offer", ACME, "false", 3, "2026-05-02T09:00:00.000Z", ANN, MADE, MADE, "false")])  # fmt: skip
    sheet(f, "EmailMessageRelation", "Id,EmailMessageId,RelationId,RelationType,RelationAddress,SystemModstamp,IsDeleted",
          [(f"0CZWk000000000{n}IAA", "02sWk0000000001IAA", who, "ToAddress", "x@acme.example", MADE, "false")
           for n, who in ((1, "003Wk0000000001IAA"), (2, "003Wk0000000002IAA"), (3, ANN), (4, ""))])  # fmt: skip


@pytest.fixture
def hands(line: dict[str, Any]) -> Iterator[httpx.Client]:
    """People in the org, which is as it was loaded."""
    with httpx.Client(base_url=line["url"]) as client:
        client.post("/_sandbox/reset").raise_for_status()
        yield client


@pytest.fixture
def crm(line: dict[str, Any], hands: httpx.Client) -> Iterator[SalesforceCrm]:
    made = open_org(SalesforceConfig(
        login_url=line["url"], client_id=line["client_id"], client_secret=line["client_secret"], username=line["username"],
        subject_salt=b"k" * 32, allow_hosts=(line["url"].removeprefix("http://"),),
    ), sleep=lambda _: None)  # fmt: skip
    yield made
    made.close()


@pytest.fixture
def store(engine: Engine, crm: SalesforceCrm) -> Store:
    """A database after one pull."""
    store, check = Store(engine), crm.check()
    store.pin_org("salesforce", {"external_id": check.org_id, "name": "B", "sandbox": True, "currency": "EUR"})
    pull(store, crm, TODAY)
    return store


def pull(store: Store, crm: SalesforceCrm, day: int) -> reading.Tally:
    [org], tally = store.orgs(), reading.Tally()
    reading.pull_pages(crm, store, org, 0, tally, lambda *_: None, full=False)
    store.record_owners(org.id, day * 86_400)
    return tally


def facts(store: Store, name: str, day: int = TODAY) -> dict[str, list[Any]]:
    with firm(store.engine, [1]) as one:
        return one.columns(queries(one.tables, 1, day, Rules())[name])


def test_an_account_had_the_owner_that_its_history_tells(store: Store) -> None:
    """Names beside ids and changes of other fields are no owners; before the first change it was the former one."""
    owners = {day: facts(store, "accounts", day)["owner_id"] for day in (TODAY, TODAY - 90)}
    assert owners == {TODAY: [ANN], TODAY - 90: [BOB]}
    assert facts(store, "accounts")["owner_from_at"] == [1_775_034_000]
    assert store.record_owners(1, (TODAY + 1) * 86_400) == 0, "a second night sees no change"


def test_a_change_of_owner_counts_from_its_own_moment_on_not_from_the_night_that_saw_it(
    store: Store, crm: SalesforceCrm, hands: httpx.Client
) -> None:
    """The org notes it by itself; three days later Assay comes by."""
    change = {"op": "update", "object": "Account", "id": ACME, "values": {"OwnerId": BOB}}
    hands.post("/_sandbox/edit", json=change).raise_for_status()
    hands.post("/_sandbox/clock", json={"advance": 3 * 86_400}).raise_for_status()
    assert pull(store, crm, TODAY + 3).changed["AccountHistory"] == 1
    owners = {day: facts(store, "accounts", TODAY + day)["owner_id"] for day in (0, 1, 3)}
    assert owners == {0: [ANN], 1: [BOB], 3: [BOB]}
    [since] = facts(store, "accounts", TODAY + 3)["owner_from_at"]
    assert 0 <= since - 1_780_315_200 < 600, "noon of 2026-06-01, when the org's clock starts"
    assert pull(store, crm, TODAY + 4).changed["AccountHistory"] == 0


def test_a_quote_that_the_customer_has_is_an_ask_once_an_opportunity(store: Store) -> None:
    assert facts(store, "moves")["asks"] == [1]
    assert facts(store, "moves", TODAY - 60)["asks"] in ([], [0]), "it was not there yet"
    found = facts(store, "families")
    assert (found["family"], found["first_bought_day"]) == (["Hydraulics"], [None])


def test_teams_and_recipients_are_kept_by_id_only(store: Store) -> None:
    with firm(store.engine, [1]) as one:
        told = one.records_of(ACME)
    assert [(m["owner_id"], m["role"]) for m in told["team"]] == [(BOB, "Pre-Sales")]
    assert len(told["quotes"]) == 3
    x = store.rows(select(tables.participant))
    assert sorted((r["side"], r["person_id"]) for r in x) == [
        ("ours", ANN), ("theirs", "003Wk0000000001IAA"), ("theirs", "003Wk0000000002IAA")
    ]  # fmt: skip
