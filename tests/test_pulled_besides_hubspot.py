"""What is pulled of a portal besides: past owners, quotes, and the further companies of an activity; read over HTTP, used as of a day."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import inprocess
import pytest
from builders import sheet
from sqlalchemy import Engine, select

from assay.commands import show
from assay.night import pull as reading
from assay.night.options import RunOptions
from assay.night.progress import Quiet
from assay.nightly import run
from connectors.hubspot import HubSpotConfig, open_org
from connectors.hubspot.client import HubSpotCrm
from db import lease, tables
from db.account_records import one_account
from db.firm import firm
from db.store import Store
from scoring.facts.features import queries
from scoring.facts.minutes.chain import treatment
from scoring.rules import Rules

MADE, NOW = "2025-01-01T08:00:00.000Z", "2026-06-01T12:00:00Z"
ANN, BOB = "71", "72"
ACME, BETA, GAMMA = "1001", "1002", "1003"
TODAY, DAY = 20_605, 86_400  #: 2026-06-01


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[inprocess.Crm]:
    folder = tmp_path_factory.mktemp("portal")
    write(folder)
    with inprocess.hubspot(folder) as portal:
        yield portal


@pytest.fixture
def portal(served: inprocess.Crm) -> inprocess.Crm:
    served.reset()
    return served


def write(folder: Path) -> None:
    (folder / "org.toml").write_text(f'name = "B"\nnow = "{NOW}"\ncurrency = "EUR"\ncrm = ["hubspot"]\n')
    f = folder / "hubspot"
    sheet(f, "owners", "id,userId,email,firstName,lastName,archived,createdAt,updatedAt",
          [(i, i, f"{name}@b.example", name, "Rep", "false", MADE, MADE) for i, name in ((ANN, "Ann"), (BOB, "Bob"))])  # fmt: skip
    sheet(f, "pipelines", "pipeline_id,pipeline_label,stage_id,stage_label,display_order,probability,is_closed",
          [("default", "Sales", "open", "Open", 0, 0.2, "false")])  # fmt: skip
    sheet(f, "companies", "id,name,hubspot_owner_id,createdate,hs_lastmodifieddate",
          [(ACME, "Acme", ANN, MADE, MADE), (BETA, "Beta", ANN, MADE, MADE), (GAMMA, "Gamma", ANN, MADE, MADE)])  # fmt: skip
    sheet(f, "contacts", "id,firstname,createdate,lastmodifieddate",
          [(2000 + n, "P", MADE, MADE) for n in range(1, 4)])  # fmt: skip
    sheet(f, "deals", "id,dealname,pipeline,dealstage,amount,closedate,createdate,hubspot_owner_id,hs_lastmodifieddate",
          [(n, "Offer", "default", "open", 100, "2026-09-01T12:00:00.000Z", MADE, ANN, MADE) for n in (3001, 3002)])  # fmt: skip
    sheet(f, "products", "id,name,price,product_family,createdate", [(6001, "Pump", 10, "Hydraulics", MADE)])
    status = ((1, "APPROVAL_NOT_NEEDED"), (2, "APPROVED"), (3, "DRAFT"), (4, "PENDING_APPROVAL"))
    sheet(f, "quotes", "id,hs_title,hs_status,hs_createdate,hs_lastmodifieddate",
          [(7000 + n, "Q", said, f"2026-05-0{n}T09:00:00.000Z", MADE) for n, said in status])  # fmt: skip
    sheet(f, "line_items", "id,name,hs_product_id,quantity,price,amount,createdate,hs_lastmodifieddate",
          [(n, "Pump", 6001, 1, 10, 10, "2026-05-01T09:00:00.000Z", MADE) for n in (4001, 4002, 4003)])  # fmt: skip
    sheet(f, "meetings", "id,hs_timestamp,hs_meeting_start_time,hs_meeting_end_time,hs_meeting_title,hubspot_owner_id,"
          "hs_createdate,hs_lastmodifieddate",
          [(5000 + n, f"2026-05-0{n}T09:00:00.000Z", f"2026-05-0{n}T09:00:00.000Z", f"2026-05-0{n}T10:00:00.000Z", f"Visit {n}",
            ANN, f"2026-05-0{n}T09:00:00.000Z", MADE) for n in range(1, 5)])  # fmt: skip
    links: list[tuple[object, ...]] = [
        *(("contacts", 2000 + n, "companies", 1000 + n, 1, "") for n in range(1, 4)),
        *(("deals", n, "companies", ACME, 5, "") for n in (3001, 3002)),
        *(("quotes", n, "deals", deal, 64, "") for n, deal in ((7001, 3001), (7002, 3001), (7003, 3002), (7004, 3002))),
        ("quotes", 7001, "line_items", 4001, 67, ""), ("line_items", 4002, "deals", 3001, 20, ""),
        # one company; three and nobody's people known; two with three people; a company only because of its people
        ("meetings", 5001, "companies", ACME, "", ""),
        *(("meetings", 5002, "companies", c, "", "") for c in (ACME, BETA, GAMMA)),
        *(("meetings", 5003, "companies", c, "", "") for c in (ACME, BETA)),
        *(("meetings", 5003, "contacts", n, "", "") for n in (2001, 2002)),
        ("meetings", 5004, "companies", BETA, "", ""), ("meetings", 5004, "contacts", 2002, "", ""),
        ("meetings", 5004, "contacts", 2003, "", ""),
    ]  # fmt: skip
    sheet(f, "associations", "from_type,from_id,to_type,to_id,type_id,label", links)
    sheet(f, "property_history", "object_type,id,property,value,timestamp",
          [("companies", ACME, "hubspot_owner_id", BOB, MADE), ("companies", ACME, "hubspot_owner_id", ANN, "2026-04-01T09:00:00.000Z"),
           ("companies", GAMMA, "hubspot_owner_id", ANN, "2026-03-01T09:00:00.000Z")])  # fmt: skip


@pytest.fixture
def crm(portal: inprocess.Crm) -> Iterator[HubSpotCrm]:
    made = open_org(HubSpotConfig(portal.line["token"], portal.line["url"], subject_salt=b"k" * 32, quota_share=9.0, quota_stop=9.0,
                                  allow_hosts=(portal.host,)), sleep=lambda _: None)  # fmt: skip
    yield made
    made.close()


@pytest.fixture
def store(engine: Engine, crm: HubSpotCrm) -> Store:
    """A database after one pull."""
    store, check = Store(engine), crm.check()
    store.pin_org("hubspot", {"external_id": check.org_id, "name": "B", "sandbox": True, "currency": "EUR"})
    pull(store, crm)
    return store


def pull(store: Store, crm: HubSpotCrm, day: int = TODAY) -> reading.Tally:
    [org], tally = store.orgs(), reading.Tally()
    reading.pull_pages(crm, store, org, 0, tally, lambda *_: None, full=False)
    store.record_owners(org.id, day * DAY)
    return tally


def later(portal: inprocess.Crm, days: int = 1) -> None:
    portal.app.org.clock.advance(days * DAY)
    portal.forget()


def reads(portal: inprocess.Crm) -> list[str]:
    """Types of which records were read by id."""
    return [h.path.split("/")[4] for h in portal.heard("POST", "/batch/read") if h.path.startswith("/crm/objects")]


def facts(store: Store, name: str, day: int = TODAY) -> dict[str, list[Any]]:
    with firm(store.engine, [1]) as one:
        return one.columns(queries(one.tables, 1, day, Rules())[name])


def alive(store: Store, kind: str) -> dict[str, dict[str, Any]]:
    table = tables.metadata.tables[kind]
    return {r["id"]: r for r in store.rows(select(table).where(table.c.deleted.is_(False)))}


def owners(store: Store, day: int) -> dict[str, tuple[str, int]]:
    found = facts(store, "accounts", day)
    return dict(zip(found["id"], zip(found["owner_id"], found["owner_from_at"], strict=True), strict=True))


# ---- owners ---------------------------------------------------------------------------------------------------------


def test_a_company_had_the_owner_that_its_history_tells(store: Store) -> None:
    """Acme changed hands; Beta never did; Gamma was nobody's for a year."""
    assert owners(store, TODAY) == {ACME: (ANN, 1_775_034_000), BETA: (ANN, 0), GAMMA: (ANN, 1_772_355_600)}
    assert owners(store, TODAY - 90)[ACME] == (BOB, 0)
    kept = {(r["account_id"], r["former_id"], r["owner_id"]) for r in alive(store, "owner_change").values()}
    assert kept == {(ACME, BOB, ANN), (GAMMA, None, ANN)}
    assert store.record_owners(1, (TODAY + 1) * DAY) == 0, "a second night sees no change"


def test_a_change_of_owner_counts_from_its_own_moment_on_and_costs_nothing_where_nobody_changed(
    store: Store, crm: HubSpotCrm, portal: inprocess.Crm
) -> None:
    later(portal)
    pull(store, crm)
    assert not reads(portal), "nothing changed: only ids are listed"
    portal.edit(op="update", object="companies", id=BETA, values={"hubspot_owner_id": BOB})
    later(portal, 3)
    tally = pull(store, crm, TODAY + 4)
    assert reads(portal) == ["companies"]
    assert tally.changed["companies"] == 2, "the company and the change"
    assert [owners(store, TODAY + n)[BETA][0] for n in (1, 2, 4)] == [ANN, BOB, BOB]


# ---- quotes ---------------------------------------------------------------------------------------------------------


def test_a_published_quote_is_an_ask_once_an_opportunity(store: Store) -> None:
    assert {i: (r["opportunity_id"], r["presented"]) for i, r in alive(store, "quote").items()} == {
        "7001": ("3001", True), "7002": ("3001", True), "7003": ("3002", False), "7004": ("3002", False)}  # fmt: skip
    assert facts(store, "moves")["asks"] == [1]
    assert facts(store, "moves", TODAY - 60)["asks"] in ([], [0]), "it was not there yet"


def test_a_line_item_is_a_deal_s_or_a_quote_s(store: Store) -> None:
    assert {i: r["quote_id"] for i, r in alive(store, "quote_item").items()} == {"4001": "7001"}
    assert {i: r["opportunity_id"] for i, r in alive(store, "line_item").items()} == {"4002": "3001"}
    assert {r["family"] for r in alive(store, "quote_item").values()} == {"Hydraulics"}


def test_quotes_and_their_items_follow_what_people_do(store: Store, crm: HubSpotCrm, portal: inprocess.Crm) -> None:
    """Published late, thrown away, and a deal that is merged and so has another id: its things move no date."""
    portal.edit(op="update", object="quotes", id=7003, values={"hs_status": "APPROVED"})
    portal.edit(op="archive", object="quotes", id=7002)
    portal.edit(op="associate", from_type="quotes", from_id=7003, to_type="line_items", to_id=4003)
    portal.app.edit({"op": "merge", "object": "deals", "winner": 3001, "loser": 3002})
    later(portal)
    pull(store, crm, TODAY + 1)
    [deal] = alive(store, "opportunity")
    assert {i: (r["opportunity_id"], r["presented"]) for i, r in alive(store, "quote").items()} == {
        "7001": (deal, True), "7003": (deal, True), "7004": (deal, False)}  # fmt: skip
    assert alive(store, "line_item")["4002"]["opportunity_id"] == deal
    assert {i: r["quote_id"] for i, r in alive(store, "quote_item").items()} == {"4001": "7001", "4003": "7003"}
    later(portal)
    assert sum(pull(store, crm, TODAY + 2).changed.values()) == 0
    assert not reads(portal)


def test_a_key_without_the_scope_of_quotes_reads_the_rest_and_says_what_is_lost(
    engine: Engine, crm: HubSpotCrm, portal: inprocess.Crm
) -> None:
    token = portal.line["token"]
    scopes = [s for s in portal.app.keys[token] if "quotes" not in s]
    portal.edit(op="key", token=token, scopes=scopes)
    store, check = Store(engine), crm.check()
    [note] = [n for n in check.notes if "quotes" in n]
    assert "crm.objects.quotes.read" in note
    assert "do not count as asks" in note
    assert "quotes" in check.lacking
    store.pin_org("hubspot", {"external_id": check.org_id, "name": "B", "sandbox": True, "currency": "EUR"})
    pull(store, crm)
    later(portal)
    pull(store, crm)
    assert set(alive(store, "line_item")) == {"4002"}
    assert not alive(store, "quote_item")
    assert not [h for h in portal.heard() if "/quotes" in h.path]


# ---- further companies of an activity -------------------------------------------------------------------------------

HOUR = 3600
#: 5001 is Acme's; 5002 nobody's people: a third each; 5003 one person of each; 5004 Beta's and Gamma's, a person each
SPLIT = {ACME: HOUR + HOUR // 3 + HOUR // 2, BETA: HOUR // 3 + HOUR // 2 + HOUR // 2, GAMMA: HOUR // 3 + HOUR // 2}


def seconds(store: Store) -> dict[str, int]:
    found = facts(store, "minutes")
    return dict(zip(found["account_id"], found["seconds"], strict=True))


def test_an_hour_with_several_companies_is_split_among_them_by_their_people(store: Store) -> None:
    about = {(r["activity_id"], r["person_id"]) for r in alive(store, "participant").values() if r["side"] == "about"}
    assert about == {("meeting:5002", BETA), ("meeting:5002", GAMMA), ("meeting:5003", BETA)}
    assert seconds(store) == SPLIT
    for account, wanted in SPLIT.items():
        with one_account(store.engine, [1], account, (TODAY - 180) * DAY) as one:
            found = one.rows(treatment(one.tables, 1, TODAY, Rules(), account))
        assert sum(r["counted"] for r in found) == wanted, "what explain shows adds up to what was counted"


def test_a_company_that_is_linked_late_or_no_longer_is_seen_the_next_night(
    store: Store, crm: HubSpotCrm, portal: inprocess.Crm
) -> None:
    portal.edit(op="associate", from_type="meetings", from_id=5001, to_type="companies", to_id=int(GAMMA))
    portal.edit(op="dissociate", from_type="meetings", from_id=5003, to_type="companies", to_id=int(BETA))
    portal.edit(op="dissociate", from_type="meetings", from_id=5003, to_type="contacts", to_id=2002)
    later(portal)
    pull(store, crm, TODAY + 1)
    half, third = HOUR // 2, HOUR // 3
    assert seconds(store) == {ACME: half + third + HOUR, BETA: third + half, GAMMA: half + third + half}


def test_explain_tells_each_company_its_part_of_the_hour(engine: Engine, crm: HubSpotCrm) -> None:
    """A whole night over HTTP, and what the command then says."""
    store = Store(engine)
    with lease.held(engine, "night") as held:
        [done] = run([crm], store, held, RunOptions(rules=Rules(), replay_nights=0), Quiet())
    assert done.outcome == "done", done.message
    for account, wanted in SPLIT.items():
        told = json.loads(show.explain(store, Rules(), account, True))
        assert round(told["hours"] * 60) == round(wanted / 60)
        assert sum(r["counted"] for r in told["records"]["activities"]) == wanted
