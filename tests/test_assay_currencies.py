"""An org of two currencies: verdicts are written in, and corrections read from, the account's own; sums are in the org's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import inprocess
import pytest
from builders import MADE, portal, record, sheet
from sqlalchemy import Engine
from test_assay_scope import Served

from assay import wiring
from assay.settings import load
from db.store import Store
from scoring.records import Score

ANN = "005Wk0000000001IAA"
RATE = 1.25  #: dollars for a euro


def sf(n: int) -> str:
    return f"001Wk000000000{n}IAA"


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[inprocess.Crm]:
    """Eight accounts alike, each with 10,000 EUR won a year; even ones are kept in dollars."""
    folder = tmp_path_factory.mktemp("org")
    (folder / "org.toml").write_text('name = "Two"\nnow = "2026-06-01T12:00:00Z"\ncurrency = "EUR"\ncrm = ["salesforce"]\n')
    f, made, numbers = folder / "salesforce", f"{MADE},{MADE},false", range(1, 9)
    sheet(f, "CurrencyType", "Id,IsoCode,ConversionRate,IsCorporate,IsActive",
          [("01LWk0000000001IAA", "EUR", 1, "true", "true"), ("01LWk0000000002IAA", "USD", RATE, "false", "true")])  # fmt: skip
    sheet(f, "User", "Id,Name,Username,Email,IsActive,CreatedDate,SystemModstamp",
          [(ANN, "Ann", "ann@t.example", "ann@t.example", "true", MADE, MADE)])  # fmt: skip
    sheet(f, "OpportunityStage", "Id,ApiName,MasterLabel,SortOrder,IsActive,IsClosed,IsWon,DefaultProbability",
          [("01JWk0000000001IAA", "Closed Won", "Closed Won", 1, "true", "true", "true", 100)])  # fmt: skip
    own = {n: ("EUR", "USD")[n % 2 == 0] for n in numbers}
    sheet(f, "Account", "Id,Name,OwnerId,AnnualRevenue,CurrencyIsoCode,CreatedDate,SystemModstamp,IsDeleted",
          [(sf(n), f"Firm {n}", ANN, int(1_000_000 * (RATE if n % 2 == 0 else 1)), own[n], made) for n in numbers])  # fmt: skip
    sheet(f, "Opportunity", "Id,AccountId,OwnerId,Name,StageName,Amount,CurrencyIsoCode,Probability,CloseDate,IsClosed,IsWon,"
          "CreatedDate,SystemModstamp,IsDeleted",
          [(f"006Wk000000{n}{m:03}IAA", sf(n), ANN, f"Order {m}", "Closed Won", 2_500 * (RATE if n % 2 == 0 else 1), own[n], 100,
            f"2026-0{m}-10", "true", "true", made) for n in numbers for m in (1, 2, 3, 4)])  # fmt: skip
    sheet(f, "Event", "Id,WhatId,OwnerId,AccountId,Subject,StartDateTime,DurationInMinutes,ActivityDate,IsChild,CreatedDate,"
          "SystemModstamp,IsDeleted",
          [(f"00UWk00000{n}{d:04}IAA", sf(n), ANN, sf(n), f"Visit {n}", f"2026-05-{d:02}T{8 + n:02}:00:00.000Z", 45, f"2026-05-{d:02}",
            "false", made) for n in numbers for d in range(1, 29, 3)])  # fmt: skip
    with inprocess.salesforce(folder, tmp_path_factory.mktemp("keys")) as served:
        yield served


def verdicts(firm: Served) -> dict[str, Score]:
    store = wiring.open_store(load(firm.folder / "assay.toml").settings)
    found = {s.account_id: s for org in store.orgs() for s in store.verdicts(org.id)}
    store.engine.dispose()
    return found


def held(org: inprocess.Crm, n: int, field: str = "Assay_Potential__c") -> Any:
    table = org.app.org.tables["Account"]
    return table.get(table.by_id[sf(n)], field)


def test_a_night_reads_sums_and_writes_each_account_in_its_own_currency(org: inprocess.Crm, tmp_path: Path) -> None:
    firm = Served(tmp_path, salesforce=org)
    assert firm.night()["salesforce"].outcome == "done"
    found = verdicts(firm)
    assert {round(s.trailing_12m) for s in found.values()} == {10_000}, "in the org's currency, whatever the account's is"
    assert {s.currency for s in found.values()} == {"EUR"}
    assert found[sf(2)].potential == pytest.approx(found[sf(1)].potential, rel=1e-6), "alike but for the currency"
    for n in range(1, 9):
        assert float(held(org, n)) == round(found[sf(n)].potential * (RATE if n % 2 == 0 else 1))
    assert firm.night()["salesforce"].planned == 0, "what was written in dollars compares equal"

    for n in (1, 2):  # the same number in two currencies
        org.edit(op="update", object="Account", id=sf(n), values={"Assay_Potential_Override__c": "50000"})
    assert firm.night(allow=("flag-change",))["salesforce"].outcome == "done"
    found = verdicts(firm)
    assert (found[sf(1)].potential, found[sf(2)].potential) == (50_000, 50_000 / RATE)
    assert [float(held(org, n)) for n in (1, 2)] == [50_000, 50_000]


def test_a_changed_rate_moves_the_accounts_that_are_kept_in_it(org: inprocess.Crm, tmp_path: Path) -> None:
    firm = Served(tmp_path, salesforce=org)
    firm.night()
    before = {n: float(held(org, n)) for n in range(1, 9)}
    org.edit(op="update", object="CurrencyType", id="01LWk0000000002IAA", values={"ConversionRate": 2})
    assert firm.night(allow=("flag-change",))["salesforce"].outcome == "done"
    found = verdicts(firm)
    assert (round(found[sf(1)].trailing_12m), round(found[sf(2)].trailing_12m)) == (10_000, 6_250)
    assert float(held(org, 1)) == before[1] or abs(float(held(org, 1)) - before[1]) / before[1] > 0.1
    assert float(held(org, 2)) == pytest.approx(found[sf(2)].potential * 2, rel=0.101)


def test_a_portal_s_deals_in_another_currency_are_summed_in_its_own(tmp_path: Path) -> None:
    folder = portal(tmp_path / "portal", companies=6)
    (folder / "org.toml").write_text((folder / "org.toml").read_text() + "[rates]\nUSD = 0.8\n")
    deals = folder / "hubspot" / "deals.csv"
    head, *rows = deals.read_text().splitlines()
    told = [f"{row},{'USD' if n % 4 == 0 else 'EUR'}" for n, row in enumerate(rows)]
    deals.write_text("\n".join([f"{head},deal_currency_code", *told]) + "\n")
    with inprocess.hubspot(folder) as hub:
        firm = Served(tmp_path, hubspot=hub)
        assert firm.night()["hubspot"].outcome == "done"
        found = verdicts(firm)
    assert [round(found[str(1000 + n)].trailing_12m) for n in (1, 3, 5)] == [800, 3_000, 4_000]


def test_a_correction_in_the_second_crm_is_money_of_that_crm(engine: Engine) -> None:
    """50,000 dollars in the portal are 40,000 in an account that is kept in euros, and 50,000 in one that is kept in dollars."""
    store = Store(engine)
    facts = {"external_id": "1", "name": "N", "sandbox": True}
    first = store.pin_org("salesforce", facts | {"currency": "EUR"}).id
    second = store.pin_org("hubspot", facts | {"currency": "USD"}).id
    ours = '{"potential_override":50000}'
    store.save(first, "currency_rate", [record("currency_rate", id=c, micro_per_corporate=m, corporate=m == 1_000_000)
                                        for c, m in (("EUR", 1_000_000), ("USD", 1_250_000))], "c", 1)  # fmt: skip
    store.save(
        first,
        "account",
        [record("account", id=i, name=i, currency=c) for i, c in (("A", "EUR"), ("B", "USD"), ("C", None))],
        "a",
        1,
    )
    store.save(second, "account", [record("account", id=f"H{i}", name=i, foreign_id=i, ours=ours) for i in "ABC"], "a", 1)
    store.relink()
    with store.firm() as firm:
        a = firm.tables.account.c
        rows = firm.rows(firm.tables.account.select().order_by(a.id))
    assert [json.loads(r["ours"])["potential_override"] for r in rows] == [40_000, 50_000, 40_000]
