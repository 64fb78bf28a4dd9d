"""HubSpot over HTTP: a night of trouble with nothing missing and nothing stale, refusals in its own words, and bad set-ups."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import stamina
from builders import NOW, portal
from shared import migrated
from sqlalchemy import select

from assay.night.check import DAY
from assay.night.options import RunOptions
from assay.night.outcome import Outcome
from assay.night.progress import Quiet
from assay.nightly import run
from connectors.errors import CrmError, FieldMissing, Forbidden, QuotaExhausted, Unauthorized
from connectors.hubspot import HubSpotConfig, open_admin, open_org
from connectors.hubspot.client import HubSpotCrm
from db import lease, tables
from db.ledger import Ledger
from db.store import Store
from sandbox import process
from scoring.records import FieldUpdate, WriteResult
from scoring.rules import Rules

COMPANIES = 60


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with process.running(portal(tmp_path_factory.mktemp("portal"), COMPANIES)) as ready:
        yield ready["hubspot"]


class Hands:
    """A person, an admin and bad luck in the portal; and an independent look at what it holds."""

    def __init__(self, line: dict[str, Any]) -> None:
        self.line = line
        self.http = httpx.Client(base_url=line["url"], headers={"Authorization": f"Bearer {line['token']}"}, timeout=60)
        self.http.post("/_sandbox/reset").raise_for_status()
        self.http.post("/_sandbox/faults", json=[]).raise_for_status()

    def edit(self, **change: Any) -> dict[str, Any]:
        answer = self.http.post("/_sandbox/edit", json=change)
        assert answer.is_success, answer.text
        done: dict[str, Any] = answer.json()[0]
        return done

    def advance(self, seconds: int) -> None:
        self.http.post("/_sandbox/clock", json={"advance": seconds}).raise_for_status()

    def faults(self, *rules: dict[str, Any]) -> None:
        self.http.post("/_sandbox/faults", json=list(rules)).raise_for_status()

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(x) for x in self.http.get("/_sandbox/log").text.splitlines()]

    def forget_log(self) -> None:
        self.http.delete("/_sandbox/log")

    def all(self, type_: str, **params: str) -> list[dict[str, Any]]:
        """Every record, by the old paths, as any script would list them."""
        found: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while True:
            body = self.http.get(f"/crm/v3/objects/{type_}", params={"limit": "100", **params, **after}).json()
            found += body["results"]
            if "paging" not in body:
                return found
            after = {"after": body["paging"]["next"]["after"]}


@pytest.fixture
def hands(line: dict[str, Any]) -> Iterator[Hands]:
    made = Hands(line)
    yield made
    made.http.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    engine = migrated(f"sqlite:///{tmp_path}/assay.db")
    yield Store(engine)
    engine.dispose()


OPEN: list[HubSpotCrm] = []


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=12):
        yield
    while OPEN:
        OPEN.pop().close()


def config(line: dict[str, Any], **changes: Any) -> HubSpotConfig:
    values = {"token": line["token"], "base_url": line["url"], "allow_hosts": (line["url"].removeprefix("http://"),),
              "subject_salt": b"k" * 32, "quota_share": 9.0, "quota_stop": 9.0}  # fmt: skip
    return HubSpotConfig(**(values | changes))


def opened(line: dict[str, Any], **changes: Any) -> HubSpotCrm:
    crm = open_org(config(line, **changes), sleep=lambda _: None)
    OPEN.append(crm)
    return crm


def make_fields(line: dict[str, Any]) -> None:
    admin = open_admin(config(line))
    admin.apply()
    admin.close()


def night(line: dict[str, Any], store: Store, **orders: Any) -> Outcome:
    wanted: dict[str, Any] = {"write": True, "force": True, "replay_nights": 0} | orders
    with lease.held(store.engine, "night") as held:
        [outcome] = run([opened(line)], store, held, RunOptions(rules=Rules(), **wanted), Quiet())
    return outcome


KINDS = {"companies": "account", "contacts": "contact", "deals": "opportunity", "line_items": "line_item"}
PREFIXES = {"calls": "call", "meetings": "meeting", "emails": "email", "notes": "note", "tasks": "task"}


def rows(store: Store, kind: str) -> dict[str, dict[str, Any]]:
    table = tables.metadata.tables[kind]
    return {r["id"]: r for r in store.rows(select(table).where(table.c.deleted.is_(False)))}


def differences(hands: Hands, store: Store) -> dict[str, tuple[int, int, int, int]]:
    """Type -> (records in the portal, rows in the database, missing or left over, with stale values or links)."""
    found = {}
    for type_ in (*KINDS, *PREFIXES):
        there = {r["id"]: r for r in hands.all(type_, associations="companies", properties=",".join(LOOK[type_]))}
        prefix = f"{PREFIXES[type_]}:" if type_ in PREFIXES else ""
        held = {
            i.removeprefix(prefix): r for i, r in rows(store, KINDS.get(type_, "activity")).items() if i.startswith(prefix)
        }
        stale = sum(_looks(type_, there[i]) != _holds(type_, held[i]) for i in there.keys() & held.keys())
        found[type_] = (len(there), len(held), len(there.keys() ^ held.keys()), stale)
    return found


LOOK = {"companies": ("name",), "contacts": ("jobtitle",), "deals": ("dealname", "amount"), "line_items": ("hs_product_id",),
        "calls": ("hubspot_owner_id",), "meetings": ("hubspot_owner_id",), "emails": ("hubspot_owner_id",),
        "notes": ("hubspot_owner_id",), "tasks": ("hubspot_owner_id",)}  # fmt: skip


def _looks(type_: str, r: dict[str, Any]) -> tuple[Any, ...]:
    p, links = r["properties"], r.get("associations", {}).get("companies", {}).get("results", [])
    company = min((x["id"] for x in links), key=int, default=None)
    if type_ == "companies":
        return (p["name"],)
    if type_ == "line_items":
        return (p["hs_product_id"],)
    if type_ == "contacts":
        return (company,)
    if type_ == "deals":
        return (p["dealname"], round(float(p["amount"]) * 100), company)
    return (p["hubspot_owner_id"], company)


def _holds(type_: str, r: dict[str, Any]) -> tuple[Any, ...]:
    if type_ == "companies":
        return (r["name"],)
    if type_ == "line_items":
        return (r["product_id"],)
    if type_ == "contacts":
        return (r["account_id"],)
    if type_ == "deals":
        return (r["name"], r["amount_cents"], r["account_id"])
    return (r["owner_id"], r["account_id"])


def clean(found: dict[str, tuple[int, int, int, int]]) -> bool:
    return all((missing, stale) == (0, 0) for _, _, missing, stale in found.values())


def storm(nth: int, policy: str = "TEN_SECONDLY_ROLLING") -> dict[str, Any]:
    body = json.dumps(
        {"status": "error", "errorType": "RATE_LIMIT", "policyName": policy, "message": f"{policy.lower()} limit"}
    )
    return {
        "path": "/crm/",
        "nth": nth,
        "times": 3,
        "status": 429,
        "body": body,
        "headers": {"content-type": "application/json"},
    }


def test_the_first_night_holds_all_there_is(line: dict[str, Any], hands: Hands, store: Store) -> None:
    make_fields(line)
    assert night(line, store).outcome == "done"
    found = differences(hands, store)
    assert clean(found), found
    assert found["companies"][0] == COMPANIES
    changes = rows(store, "opportunity_change")
    assert Counter(r["stage"] for r in changes.values() if r["stage"]) == {
        "offer": COMPANIES + COMPANIES // 2,
        "won": COMPANIES // 2,
    }
    assert all(r["probability"] == {"won": 100, "offer": 60, None: None}[r["stage"]] for r in changes.values())
    assert {r["family"] for r in rows(store, "line_item").values()} == {"Hydraulics"}
    assert len(rows(store, "contact_role")) == COMPANIES
    assert {r["person_id"] for r in rows(store, "participant").values()} == {"72"}
    assert {r["active"] for r in rows(store, "owner").values()} == {True, False}


def test_a_night_of_trouble_leaves_nothing_missing_and_nothing_stale(
    line: dict[str, Any], hands: Hands, store: Store
) -> None:
    """Every hole that a cursor on the modified date has (docs/adr/0009)."""
    make_fields(line)
    late = hands.edit(op="create", object="meetings", values={"hs_timestamp": NOW, "hubspot_owner_id": "71",
                      "hs_meeting_start_time": NOW, "hs_meeting_end_time": "2026-06-01T13:00:00Z"})["id"]  # fmt: skip
    assert night(line, store).outcome == "done"
    hands.advance(3 * DAY)
    hands.edit(op="archive", object="companies", id=1001)
    hands.edit(op="archive", object="calls", id=5002)
    merged = hands.edit(op="merge", object="deals", winner=3003, loser=3004)["id"]
    swallowed = hands.edit(op="merge", object="companies", winner=1005, loser=1006)["id"]
    hands.edit(op="gdpr", object="contacts", id=2007)
    hands.edit(op="associate", from_type="meetings", from_id=late, to_type="companies", to_id=1008)
    hands.edit(op="dissociate", from_type="calls", from_id=5009, to_type="companies", to_id=1009)
    hands.edit(op="dissociate", from_type="contacts", from_id=2010, to_type="companies", to_id=1010)
    hands.edit(op="update", object="deals", id=3011, values={"amount": "77.5", "dealstage": "lost"})
    hands.edit(op="bulk", object="calls", count=12_000, at="2026-06-03T08:00:00.123Z",
               values={"hs_timestamp": "2026-06-03T08:00:00Z", "hubspot_owner_id": "71", "hs_call_duration": "60000"},
               associate={"to_type": "companies", "to_id": "1012"})  # fmt: skip
    hands.edit(op="option", association_page=7)
    hands.faults(storm(5), storm(40), storm(90, "SECONDLY"))
    hands.edit(op="limits", daily=140, used=0)

    stopped = night(line, store)
    assert (stopped.outcome, stopped.mode) == ("quota", "write")
    assert "of today are used up" in stopped.message
    hands.advance(DAY)
    hands.edit(op="limits", daily=10_000, used=0)
    assert night(line, store, allow=("row-count",)).outcome == "done"

    found = differences(hands, store)
    assert clean(found), str(found)
    assert found["calls"][:2] == (COMPANIES - 1 + 12_000, COMPANIES - 1 + 12_000)
    assert rows(store, "activity")[f"meeting:{late}"]["account_id"] == "1008"
    assert rows(store, "activity")["call:5009"]["account_id"] is None
    assert rows(store, "contact")["2010"]["account_id"] is None
    assert {"3003", "3004"}.isdisjoint(rows(store, "opportunity"))
    assert rows(store, "opportunity")[merged]["account_id"] in ("1003", "1004")
    gone = {r["id"]: r["merged_into"] for r in store.rows(select(tables.account).where(tables.account.c.deleted.is_(True)))}
    assert gone == {"1001": None, "1005": swallowed, "1006": swallowed}
    last = [r for r in rows(store, "opportunity_change").values() if r["opportunity_id"] == "3011"][-1]
    assert (last["stage"], last["amount_cents"], last["probability"]) == ("lost", 7750, 0)


def test_a_first_load_goes_on_where_the_quota_ended_it(line: dict[str, Any], hands: Hands, store: Store) -> None:
    """No page is read twice, and what changed between the two nights is not lost."""
    make_fields(line)
    hands.edit(op="bulk", object="calls", count=5_000, at="2026-05-20T08:00:00.000Z",
               values={"hs_timestamp": "2026-05-20T08:00:00Z", "hubspot_owner_id": "71"})  # fmt: skip
    hands.edit(op="limits", daily=60, used=0)
    first = night(line, store)
    assert first.outcome == "quota"
    kept = len([i for i in rows(store, "activity") if i.startswith("call:")])
    assert 0 < kept < 5_000
    hands.edit(op="update", object="calls", id=5001, values={"hubspot_owner_id": "72"})
    hands.advance(DAY)
    hands.edit(op="limits", daily=10_000, used=0)
    hands.forget_log()
    assert night(line, store).outcome == "done"
    lists = [x for x in hands.log() if x["path"].endswith("/objects/2026-09/calls") and x["method"] == "GET"]
    assert sum(x["rows"] for x in lists) == 5_000 + COMPANIES - kept
    hands.advance(DAY)
    assert night(line, store).outcome == "done"
    assert clean(differences(hands, store))


def test_a_night_without_a_change_lists_ids_and_reads_nothing(line: dict[str, Any], hands: Hands, store: Store) -> None:
    make_fields(line)
    for _ in range(2):
        night(line, store)
        hands.advance(7200)
    hands.forget_log()
    again = night(line, store)
    assert (again.outcome, again.planned, sum(again.changed.values()), again.gone) == ("done", 0, 0, {})
    paths = Counter((x["method"], x["path"].rpartition("2026-09")[2]) for x in hands.log())
    assert not [p for _, p in paths if p.endswith(("batch/update", "batch/upsert", "batch/create"))]
    assert not [p for _, p in paths if p.endswith("batch/read") and "/crm/objects" in p]
    reads = [x for x in hands.log() if x["path"].endswith("/batch/read") and x["path"].startswith("/crm/objects")]
    assert reads == []


def test_our_own_write_is_read_back_as_no_change(line: dict[str, Any], hands: Hands, store: Store) -> None:
    """Writing moves HubSpot's date; what is read again is equal."""
    make_fields(line)
    assert night(line, store).acked == COMPANIES
    hands.advance(7200)
    again = night(line, store)
    assert (again.rows["companies"], again.changed["companies"], again.planned) == (COMPANIES, 0, 0)


def test_what_is_written_is_what_scores_says(line: dict[str, Any], hands: Hands, store: Store) -> None:
    make_fields(line)
    night(line, store)
    [org] = store.orgs()
    said = {s.account_id: (s.state, str(round(s.hours, 1)), s.grade, str(s.confidence)) for s in store.verdicts(org.id)}
    names = "assay_state,assay_hours,assay_grade,assay_confidence"
    there = {r["id"]: tuple(r["properties"][n] for n in names.split(",")) for r in hands.all("companies", properties=names)}
    assert there == said


# ---- writing --------------------------------------------------------------------------------------------------------


def written(crm: HubSpotCrm, ids: list[str], **values: Any) -> dict[str, WriteResult]:
    updates = [FieldUpdate(i, {"state": "Balanced", "hours": 1.5} | values) for i in ids]
    return {r.account_id: r for r in crm.write(updates) if isinstance(r, WriteResult)}


def test_a_refused_batch_is_halved_down_to_the_bad_record(line: dict[str, Any], hands: Hands) -> None:
    make_fields(line)
    hands.edit(op="rule", object="companies", require=["country"], message="Country is mandatory for Firm 13",
               **{"if": {"name": "Firm 13"}})  # fmt: skip
    crm = opened(line)
    crm.check()
    results = written(crm, [str(1000 + n) for n in range(1, COMPANIES + 1)])
    refused = {i: r for i, r in results.items() if not r.ok}
    assert set(refused) == {"1013"}
    assert (refused["1013"].code, refused["1013"].message) == ("VALIDATION_ERROR", "Country is mandatory for Firm 13")
    assert len(results) == COMPANIES


def test_the_admin_s_words_are_kept_in_the_rejects(line: dict[str, Any], hands: Hands, store: Store) -> None:
    make_fields(line)
    hands.edit(op="rule", object="companies", require=["city"], message="No company without a city",
               **{"if": {"name": "Firm 20"}})  # fmt: skip
    done = night(line, store)
    assert (done.outcome, done.acked, done.rejected) == ("rejected", COMPANIES - 1, 1)
    [org] = store.orgs()
    [entry] = Ledger(store.engine, org.id).rejected()
    assert (entry.account_id, entry.message) == ("1020", "No company without a city")


def test_a_write_that_arrived_but_was_not_answered_is_not_lost(line: dict[str, Any], hands: Hands) -> None:
    """A 502 after the fact is tried again: absolute values by id may be written twice."""
    make_fields(line)
    hands.faults({"path": "batch/update", "status": 502, "body": "", "times": 2})
    crm = opened(line)
    crm.check()
    assert written(crm, ["1001"])["1001"].ok


def test_a_locked_record_is_waited_for(line: dict[str, Any], hands: Hands) -> None:
    make_fields(line)
    hands.faults({"path": "batch/update", "status": 423, "body": '{"message":"locked"}', "times": 2})
    crm = opened(line)
    crm.check()
    assert written(crm, ["1001", "1002"])["1002"].ok


def test_only_our_properties_are_ever_touched(line: dict[str, Any], hands: Hands) -> None:
    make_fields(line)
    before = {r["id"]: r["properties"] for r in hands.all("companies", properties="name,domain,industry,hubspot_owner_id")}
    crm = opened(line)
    crm.check()
    written(crm, ["1001", "1002"], answer="Agree", name="Mine now")
    after = {r["id"]: r["properties"] for r in hands.all("companies", properties="name,domain,industry,hubspot_owner_id")}
    moved = {"hs_lastmodifieddate"}
    strip = lambda held: {i: {k: v for k, v in p.items() if k not in moved} for i, p in held.items()}  # noqa: E731
    assert strip(before) == strip(after)


# ---- bad set-ups ----------------------------------------------------------------------------------------------------


def test_a_wrong_key_is_one_line_with_the_way_out(line: dict[str, Any], hands: Hands) -> None:
    with pytest.raises(Unauthorized, match=r"hubspot: the token was refused.*Fix: check \[hubspot\] token") as caught:
        opened(line, token="pat-na1-wrong").check()
    assert "pat-na1-wrong" not in str(caught.value)


@pytest.mark.parametrize("scope", ["crm.objects.deals.read", "crm.objects.contacts.read", "crm.objects.companies.read"])
def test_a_missing_scope_is_named(line: dict[str, Any], hands: Hands, scope: str) -> None:
    scopes = hands.http.post("/oauth/v2/private-apps/get/access-token-info", json={"tokenKey": line["token"]}).json()[
        "scopes"
    ]
    hands.edit(op="key", token="pat-less", scopes=[s for s in scopes if s != scope])
    with pytest.raises(Forbidden, match=f"lacks the scope {scope}"):
        opened(line, token="pat-less").check()


def test_without_the_scope_to_write_a_night_reads_and_says_so(line: dict[str, Any], hands: Hands) -> None:
    make_fields(line)
    scopes = hands.http.post("/oauth/v2/private-apps/get/access-token-info", json={"tokenKey": line["token"]}).json()[
        "scopes"
    ]
    hands.edit(op="key", token="pat-read", scopes=[s for s in scopes if not s.endswith(".write")])
    check = opened(line, token="pat-read").check()
    assert len(check.unwritable) == 9
    assert any("crm.objects.companies.write" in note for note in check.notes)


def test_without_line_items_a_night_goes_on_and_says_what_is_lost(line: dict[str, Any], hands: Hands) -> None:
    lines = ("crm.objects.line_items.read", "e-commerce")
    scopes = hands.http.post("/oauth/v2/private-apps/get/access-token-info", json={"tokenKey": line["token"]}).json()[
        "scopes"
    ]
    hands.edit(op="key", token="pat-less", scopes=[s for s in scopes if s not in lines])
    check = opened(line, token="pat-less").check()
    assert [n for n in check.notes if "line_items are not read" in n and "new products cannot be seen" in n]


def test_a_property_that_an_admin_archived_stops_the_write_before_it_begins(
    line: dict[str, Any], hands: Hands, store: Store
) -> None:
    make_fields(line)
    hands.edit(op="property", object="companies", name="assay_state", archived=True)
    hands.forget_log()
    done = night(line, store)
    assert done.outcome == "failed"
    assert "state (the property is not there)" in done.message
    assert "assay schema apply --yes" in done.message
    assert not [x for x in hands.log() if x["path"].endswith("batch/update")]
    make_fields(line)
    assert night(line, store).outcome == "done"


def test_a_renamed_property_is_still_ours(line: dict[str, Any], hands: Hands, store: Store) -> None:
    """HubSpot lets people change the label; the internal name stays."""
    make_fields(line)
    hands.edit(op="property", object="companies", name="assay_state", label="Relationship health")
    assert night(line, store).outcome == "done"


def test_an_option_that_an_admin_removed_is_named_and_can_be_put_back(
    line: dict[str, Any], hands: Hands, store: Store
) -> None:
    make_fields(line)
    hands.edit(op="property", object="companies", name="assay_state", remove_option="Comfort zone")
    done = night(line, store)
    assert done.outcome == "failed"
    assert "state (lacks the option Comfort zone)" in done.message
    admin = open_admin(config(line))
    assert dict(admin.show())["companies.assay_state"] == "add option Comfort zone"
    assert dict(admin.apply())["companies.assay_state"] == "added option Comfort zone"
    admin.close()
    assert night(line, store).outcome == "done"


def test_a_property_of_hubspot_s_own_that_is_hidden_stops_the_night(line: dict[str, Any], hands: Hands) -> None:
    hands.edit(op="property", object="deals", name="amount", archived=True)
    with pytest.raises(FieldMissing, match="deals: property amount is not there"):
        opened(line).check()


def test_another_portal_is_refused(line: dict[str, Any], hands: Hands, store: Store) -> None:
    make_fields(line)
    night(line, store)
    hands.edit(op="portal", id=4711)
    stopped = night(line, store)
    assert (stopped.outcome, stopped.rows) == ("stopped", {})
    assert "the org is 4711, but this database holds data of" in stopped.message


def test_making_the_fields_twice_is_harmless(line: dict[str, Any], hands: Hands) -> None:
    make_fields(line)
    admin = open_admin(config(line))
    assert {todo for _, todo in admin.show()} == {"exists"}
    assert {done for _, done in admin.apply()} == {"exists"}
    admin.close()


def test_making_the_fields_needs_a_scope_and_says_so(line: dict[str, Any], hands: Hands) -> None:
    hands.edit(op="key", token="pat-plain", scopes=["crm.objects.companies.read"])
    admin = open_admin(config(line, token="pat-plain"))
    with pytest.raises(CrmError, match=r"crm\.schemas\.companies\.write"):
        admin.apply()
    admin.close()


def test_the_share_of_the_day_is_not_exceeded(line: dict[str, Any], hands: Hands) -> None:
    hands.edit(op="limits", daily=100, used=0)
    crm = opened(line, quota_share=0.05)
    with pytest.raises(QuotaExhausted, match="5 of 5% of 100"):
        crm.check()
    assert crm.calls == 5


def test_html_instead_of_data_is_waited_out_and_then_told(line: dict[str, Any], hands: Hands) -> None:
    hands.faults({"path": "/account-info", "action": "html", "times": 50})
    with pytest.raises(CrmError, match="answered a web page instead of data"):
        opened(line).check()


def test_the_sdk_s_calls_are_ours_on_dated_paths(line: dict[str, Any], hands: Hands) -> None:
    """One transport, one count, one release (docs/adr/0008)."""
    crm = opened(line)
    hands.forget_log()
    crm.check()
    paths = [x["path"] for x in hands.log()]
    assert len(paths) == crm.calls
    assert not [p for p in paths if "/v3/" in p or "/v4/" in p]
    assert "/crm/properties/2026-09/companies" in paths


def test_removing_says_first_who_holds_values_and_leaves_what_a_workflow_uses(line: dict[str, Any], hands: Hands) -> None:
    make_fields(line)
    hands.edit(op="update", object="companies", id=1001, values={"assay_state": "Balanced"})
    hands.edit(op="property", object="companies", name="assay_grade", used_in=["workflow Route A"])
    admin = open_admin(config(line))
    used = dict(admin.in_use())
    assert (used["companies.assay_state"], used["companies.assay_grade"]) == (
        "1 companies hold a value", "0 companies hold a value")  # fmt: skip
    done = dict(admin.remove())
    assert [path for path, state in done.items() if state != "removed"] == ["companies.assay_grade"]
    assert "workflow Route A" in done["companies.assay_grade"]
    hands.edit(op="property", object="companies", name="assay_grade", used_in=[])
    assert dict(admin.remove()) == {"companies.assay_grade": "removed"}
    groups = admin.crm.api.call("GET", "/crm/properties/{date}/companies/groups").json()["results"]
    assert "assay" not in [g["name"] for g in groups]
    admin.close()


def test_making_archived_properties_again_restores_them_with_the_options_an_admin_added(
    line: dict[str, Any], hands: Hands
) -> None:
    make_fields(line)
    admin = open_admin(config(line))
    own = {"label": "Key account", "value": "Key account", "displayOrder": 9, "hidden": False}
    found = admin.crm.api.call("GET", "/crm/properties/{date}/companies/assay_state").json()
    admin.crm.api.call("PATCH", "/crm/properties/{date}/companies/assay_state", json={"options": [*found["options"], own]})
    hands.edit(op="update", object="companies", id=1001, values={"assay_state": "Balanced"})
    admin.remove()
    assert dict(admin.show())["companies.assay_state"] == "restore, archived with its values"
    assert dict(admin.apply())["companies.assay_state"].startswith("restored")
    again = admin.crm.api.call("GET", "/crm/properties/{date}/companies/assay_state").json()
    assert [o["value"] for o in again["options"]][-1] == "Key account"
    assert dict(admin.in_use())["companies.assay_state"] == "1 companies hold a value"
    admin.close()


@pytest.mark.parametrize(("times", "locked"), [(1, 0), (7, 4)])
def test_a_locked_record_costs_its_own_row_at_most(line: dict[str, Any], hands: Hands, times: int, locked: int) -> None:
    """423 strikes the whole batch: it is halved until the locked one is alone, and that one is worth another try."""
    make_fields(line)
    crm = opened(line)
    crm.check()
    hands.faults({"path": "/batch/update$", "name": "hubspot_locked", "times": times})
    with stamina.set_testing(True, attempts=1):
        said = crm.write([FieldUpdate(str(1000 + n), {"grade": "A"}) for n in range(1, 5)])
        found = [r for r in said if isinstance(r, WriteResult)]
    assert len(found) == 4
    assert [r.code for r in found if not r.ok] == ["LOCKED"] * locked
    assert all(r.transient for r in found if not r.ok)


def test_how_our_properties_are_defined_is_told(line: dict[str, Any], hands: Hands) -> None:
    make_fields(line)
    before = opened(line).check().fields
    assert "Comfort zone" in before["state"]
    hands.edit(op="property", object="companies", name="assay_grade", remove_option="?")
    after = opened(line).check().fields
    assert {m for m in before if before[m] != after[m]} == {"grade"}
