"""Who is in scope, night by night: on the CRM in memory, and over HTTP in both sandboxes."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import inprocess
import pytest
from builders import MADE, portal, sheet
from sqlalchemy import Engine

from assay import wiring
from assay.commands import show
from assay.night.check import DAY
from assay.night.options import RunOptions, options_of
from assay.night.outcome import Outcome
from assay.night.progress import Quiet
from assay.nightly import run
from assay.report import render_html
from assay.report.account_records import records
from assay.report.gather import report_of
from assay.settings import ConfigError, load
from connectors.memory import MemoryCrm
from db import lease
from db.store import Store
from scoring.records import Score
from scoring.rules import Rules
from scoring.scope import Scope

TODAY = 20_600
NOW = TODAY * DAY + 5 * 3600
#: account -> owner, type and region
FIRM = {
    "A00": ("U", "Customer", "EMEA"), "A01": ("U", "Customer", "EMEA"), "A02": ("U", "Customer", "US"),
    "A03": ("U", "Partner", "EMEA"), "A04": ("V", "Customer", "EMEA"), "A05": ("V", None, ""), "A06": (None, "Customer", "EMEA"),
}  # fmt: skip
EMEA = Scope({"Region__c": ("emea",)}, {"type": ("partner",)})


def firm(**parents: str) -> MemoryCrm:
    """Seven accounts, each with a won deal and a meeting a week, held by their owners (Ann's by Ann)."""
    crm = MemoryCrm(NOW)
    for person, name, role in (("U", "Ann Smith", "EMEA Rep"), ("V", "Bob Jones", None)):
        crm.put("owner", id=person, name=name, active=True, role=role, started_at=NOW - 2000 * DAY)
    crm.put("stage", id="Won", label="Won", closed=True, won=True)
    for n, (name, (owner, kind, region)) in enumerate(FIRM.items()):
        traits = json.dumps({"Region__c": [region]}, separators=(",", ":"))
        crm.put("account", id=name, name=f"Firm {name}", owner_id=owner, category=kind, created_at=NOW - 900 * DAY, traits=traits,
                parent_id=parents.get(name))  # fmt: skip
        crm.put("opportunity", id=f"O{name}", account_id=name, owner_id=owner, name=f"Deal {name}", created_at=NOW - 90 * DAY,
                stage="Won", amount_cents=10_000_00, close_day=TODAY - 40, probability=100, closed=True, won=True)  # fmt: skip
        for week in range(1, 20):
            at = (TODAY - 7 * week) * DAY + (9 + n) * 3600  # one account after the other
            crm.put("activity", id=f"E{name}-{week}", kind="meeting", status="held", account_id=name, owner_id=owner or "U",
                    starts_at=at, seconds=1800, owner_day=at // DAY, all_day=False, child=False, created_at=at)  # fmt: skip
    return crm


def night(crm: MemoryCrm, store: Store, **orders: Any) -> Outcome:
    with lease.held(store.engine, "night") as held:
        wanted: dict[str, Any] = {"rules": Rules(), "replay_nights": 0, "write": True, "force": True} | orders
        [outcome] = run([crm], store, held, RunOptions(**wanted), Quiet())
    return outcome


def judged(store: Store) -> dict[str, Score]:
    return {s.account_id: s for org in store.orgs() for s in store.verdicts(org.id)}


def written(crm: MemoryCrm) -> set[str]:
    return {i for i, a in crm.records["account"].items() if a["ours"] != "{}"}


@pytest.mark.parametrize(
    ("scope", "inside"),
    [
        (EMEA, {"A00", "A01", "A04", "A06"}),
        (Scope({"owner": ("Ann Smith",)}), {"A00", "A01", "A02", "A03"}),
        (Scope({"owner": ("v", "")}), {"A04", "A05", "A06"}),
        (Scope({"role": ("EMEA rep",)}), {"A00", "A01", "A02", "A03"}),
        (Scope({"role": ("",)}), {"A04", "A05", "A06"}),
        (Scope(exclude={"owner": ("V",)}), {"A00", "A01", "A02", "A03", "A06"}),
        (Scope({"type": ("",)}), {"A05"}),
        (Scope(exclude={"Region__c": ("EMEA", "")}), {"A02"}),
    ],
    ids=[
        "picklist and type",
        "owner by name",
        "owner by id, and none",
        "role",
        "no role",
        "not this owner",
        "no type",
        "no region",
    ],
)
def test_only_accounts_in_scope_are_judged_and_written(engine: Engine, scope: Scope, inside: set[str]) -> None:
    crm, store = firm(), Store(engine, scope)
    out = night(crm, store)
    assert (out.outcome, judged(store).keys(), written(crm)) == ("done", inside, inside)
    assert (out.scope["in"], out.scope["accounts"], sum(out.scope["left_out"].values())) == (len(inside), 7, 7 - len(inside))
    assert not [n for n in out.notes if "[scope]" in n]


def test_what_is_out_of_scope_shares_no_book_and_still_counts_for_logging(engine: Engine) -> None:
    crm = firm()
    night(crm, Store(engine))
    whole = judged(Store(engine))
    store = Store(engine, EMEA)
    night(crm, store)
    for name, score in judged(store).items():
        assert (score.hours, score.coverage["logging"]) == (whole[name].hours, whole[name].coverage["logging"])
    ann = [s for s in judged(store).values() if s.owner_id == "U"]
    assert sum(s.fair_hours for s in ann) == pytest.approx(sum(s.hours for s in ann), abs=0.2), "her book is these two alone"


def test_an_account_that_leaves_the_scope_is_never_written_again_and_told(engine: Engine) -> None:
    crm = firm()
    night(crm, Store(engine))
    held = {i: a["ours"] for i, a in crm.records["account"].items()}
    crm.now += 90 * DAY
    store = Store(engine, EMEA)
    out = night(crm, store, allow=("flag-change",))
    assert out.acked > 0
    left = {"A02", "A03", "A05"}
    assert all(crm.records["account"][i]["ours"] == held[i] for i in left)
    assert out.scope["still_carry"] == 3
    told = show.outcome(out)
    assert "4 of 7 accounts are in scope; 2 left out by Region__c is not emea; 1 left out by type = partner" in told
    assert "3 accounts out of scope still carry values" in told
    assert "assay undo" in told
    status = show.scope(store)
    assert (status["in"], status["still_carry_ids"], status["warnings"]) == (4, ["A02", "A03", "A05"], [])
    night(crm, Store(engine), allow=("flag-change",))
    assert all(crm.records["account"][i]["ours"] != held[i] for i in left), "back in scope"


def test_a_scope_narrowed_after_a_night_narrows_the_plan_at_once(engine: Engine) -> None:
    crm = firm()
    night(crm, Store(engine), write=False)
    orders = RunOptions(Rules())
    assert {r["account_id"] for r in json.loads(show.plan(Store(engine), orders, "json"))} == set(FIRM)
    assert {r["account_id"] for r in json.loads(show.plan(Store(engine, EMEA), orders, "json"))} == {
        "A00",
        "A01",
        "A04",
        "A06",
    }


def test_a_pilot_s_accounts_are_chosen_among_those_in_scope(engine: Engine) -> None:
    crm, store = firm(), Store(engine, EMEA)
    night(crm, store, only=("A00", "A03"))
    assert (judged(store).keys(), written(crm)) == ({"A00", "A01", "A04", "A06"}, {"A00"})


def test_a_value_that_nobody_has_is_told_with_those_that_are_known(engine: Engine) -> None:
    scope = Scope({"owner": ("Ann Smyth", "Ann Smith"), "Region__c": ("EMEA", "Emea2")}, {"type": ("Partnr", "")})
    out = night(firm(), Store(engine, scope))
    told = [n for n in out.notes if n.startswith("[scope]")]
    assert told == [
        "[scope] owner: no account has 'Ann Smyth'; known are Ann Smith, Bob Jones",
        "[scope] Region__c: no account has 'Emea2'; known are EMEA, US",
        "[scope] type: no account has 'Partnr'; known are Partner, Customer",
    ]


def test_where_nobody_is_left_the_night_stops_before_it_judges(engine: Engine) -> None:
    crm = firm()
    night(crm, Store(engine))
    before, held = judged(Store(engine)), written(crm)
    crm.now += 90 * DAY
    store = Store(engine, Scope({"type": ("Supplier",)}))
    out = night(crm, store)
    assert (out.outcome, out.planned) == ("stopped", 0)
    assert "rule scope-empty: none of 7 accounts is in scope (7 by type is not Supplier)" in out.message
    assert "type: no account has 'Supplier'; known are Customer, Partner" in " ".join(out.notes)
    assert (judged(store), written(crm)) == (before, held)
    out = night(crm, store, allow=("scope-empty",))
    assert (out.outcome, judged(store)) == ("done", {}), "the end of a pilot"


def test_where_owners_are_hidden_the_scope_names_none(engine: Engine) -> None:
    store = Store(engine, Scope({"owner": ("Ann Smyth", "Ann Smith")}, {"owner": ("Zoe",)}))
    night(firm(), store)
    hidden, shown = (report_of(store, 180, "normal", hide_owners=hide).run for hide in (True, False))
    assert shown.scope_says[0] == "4 of 7 accounts are in scope; 3 left out by owner is not Ann Smyth or Ann Smith"
    assert hidden.scope_says[0] == "4 of 7 accounts are in scope; 3 left out by owner"
    assert [n for n in shown.notes if "Bob" in n]
    assert not [n for n in hidden.notes if "Bob" in n]
    assert shown.scope_says[0] in render_html(report_of(store, 180, "normal", hide_owners=False))


# ---- parents --------------------------------------------------------------------------------------------------------

#: A01 hangs on A00 and A02 on A01; A03 on an account that is not there; A05 and A06 on each other
FAMILY = {"A01": "A00", "A02": "A01", "A03": "A99", "A05": "A06", "A06": "A05"}


def test_children_count_for_their_topmost_parent(engine: Engine) -> None:
    crm = firm(**FAMILY)
    night(crm, Store(engine), write=False)
    each = judged(Store(engine))
    crm.put("activity", id="both", kind="meeting", status="held", account_id="A01", owner_id="U", starts_at=(TODAY - 3) * DAY + 18 * 3600,
            seconds=3600, owner_day=TODAY - 3, all_day=False, child=False, created_at=NOW - 9 * DAY)  # fmt: skip
    crm.put("participant", id="p", activity_id="both", side="about", person_id="A02", declined=False)
    store = Store(engine, Scope(rollup=True))
    out = night(crm, store)
    found = judged(store)
    assert found.keys() == written(crm) == {"A00", "A03", "A04", "A05"}
    assert (out.scope["in"], out.scope["rolled_up"], out.scope["left_out"]) == (4, 3, {})
    assert "4 of 7 accounts are in scope; 3 rolled up into a parent" in show.outcome(out)
    assert found["A00"].hours == pytest.approx(sum(each[i].hours for i in ("A00", "A01", "A02")) + 1, abs=0.1)
    assert found["A00"].trailing_12m == pytest.approx(3 * 10_000)
    assert found["A05"].trailing_12m == pytest.approx(2 * 10_000), "of a ring the smallest id is the top"
    for name, n in (("A00", 58), ("A05", 38), ("A03", 19)):
        told = records(store, Rules(), store.orgs()[0], found[name])
        assert (len(told["activities"]), len(told["opportunities"])) == (n, {58: 3, 38: 2, 19: 1}[n])
        seconds = sum(r["counted"] for r in told["activities"])
        assert seconds / 3600 == pytest.approx(found[name].hours, abs=0.051), "what explain shows is what was counted"


def test_a_team_member_s_time_counts_for_the_account_and_the_book_stays_the_owner_s(engine: Engine) -> None:
    crm = firm()
    crm.put("team_member", id="T", account_id="A00", owner_id="V", role="Pre-Sales", created_at=1)
    for week in range(1, 11):
        at = (TODAY - 7 * week) * DAY + 19 * 3600
        crm.put("activity", id=f"T{week}", kind="meeting", status="held", account_id="A00", owner_id="V", starts_at=at, seconds=3600,
                owner_day=at // DAY, all_day=False, child=False, created_at=at)  # fmt: skip
    night(crm, Store(engine, EMEA))
    found = judged(Store(engine))
    assert (found["A00"].owner_id, found["A00"].hours, found["A01"].hours) == ("U", 19.5, 9.5)
    ann = [s for s in found.values() if s.owner_id == "U"]
    assert sum(s.fair_hours for s in ann) == pytest.approx(29, abs=0.2), "the book shares out all hours of its accounts"


def test_a_deleted_parent_ends_the_chain_and_a_parent_s_own_facts_decide(engine: Engine) -> None:
    crm = firm(**FAMILY)
    crm.put("account", id="A00", deleted=True)
    scope = Scope({"type": ("Customer",)}, {"Region__c": ("US",)}, rollup=True)
    out = night(crm, Store(engine, scope))
    assert written(crm) == {"A01", "A04"}, "A02 is in the US and its parent is not"
    assert (out.scope["rolled_up"], out.scope["accounts"]) == (2, 6)
    assert out.scope["left_out"] == {"type is not Customer": 2}


def test_coverage_does_not_depend_on_who_is_rolled_up(engine: Engine) -> None:
    crm = firm(**FAMILY)
    night(crm, Store(engine))
    whole = judged(Store(engine))
    night(crm, store := Store(engine, Scope(rollup=True)))
    assert {i: s.coverage["logging"] for i, s in judged(store).items()} == {
        i: whole[i].coverage["logging"] for i in judged(store)
    }


def test_of_two_crms_the_first_one_s_word_counts_and_the_other_fills_in(engine: Engine) -> None:
    """A01 and A02 are known in both; the parents of the second CRM hold where the first does not know the account."""
    first, second = firm(A04="A03"), MemoryCrm(NOW)
    first.name, second.name = "salesforce", "hubspot"
    second.put("owner", id="H", name="Bob Jones", active=True, role="North")
    for name, twin, region, parent in (("B01", "A01", "US", None), ("B02", "A02", "EMEA", None), ("B07", None, "EMEA", "B01"),
                                       ("B08", None, "US", None)):  # fmt: skip
        traits = json.dumps({"Region__c": [region], "segment": ["Key"]})
        second.put(
            "account", id=name, name=name, owner_id="H", created_at=1, foreign_id=twin, parent_id=parent, traits=traits
        )
    with lease.held(engine, "night") as held:
        scope = Scope({"Region__c": ("EMEA",)}, {"segment": ("Other",)}, rollup=True)
        orders = RunOptions(Rules(), replay_nights=0, write=True, force=True)
        store = Store(engine, scope)
        done = {o.crm: o for o in run([first, second], store, held, orders, Quiet())}
    assert {o.outcome for o in done.values()} == {"done"}
    assert written(second) == {"B01"}, "B02 is the US account A02, B07 the child of B01 = A01"
    assert written(first) == {"A00", "A01", "A03", "A06"}
    assert done["hubspot"].scope["rolled_up"] == 1
    assert done["salesforce"].scope["firm"]["accounts"] == 9
    told = {p.account_id: p.why for p in Store(engine, Scope({"segment": ("Key",)})).census().places}
    assert (told["A01"], told["A00"]) == ("", "its CRM has no segment"), "what the first CRM lacks is taken from the other"
    assert store.census().inside == {"A00", "A01", "A03", "A06"}


# ---- over HTTP ------------------------------------------------------------------------------------------------------

ANN, BOB = "005Wk0000000001IAA", "005Wk0000000002IAA"
TYPES = {"012Wk0000000001IAA": ("Key_Account", "Key account"), "012Wk0000000002IAA": ("Standard", "Standard")}


def sf(n: int) -> str:
    return f"001Wk000000000{n}IAA"


def org_folder(folder: Path) -> Path:
    """Six accounts of two owners: odd ones are key accounts in EMEA, even ones standard in the US; 5 is a partner, 6 has no region."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "org.toml").write_text('name = "S"\nnow = "2026-06-01T12:00:00Z"\ncurrency = "EUR"\ncrm = ["salesforce"]\n')
    f, made = folder / "salesforce", f"{MADE},{MADE},false"
    sheet(f, "UserRole", "Id,Name", [("00EWk0000000001IAA", "EMEA Rep"), ("00EWk0000000002IAA", "US Rep")])
    sheet(f, "User", "Id,Name,Username,Email,IsActive,UserRoleId,CreatedDate,SystemModstamp",
          [(i, n, f"{n}@s.example", f"{n}@s.example", "true", r, MADE, MADE)
           for i, n, r in ((ANN, "Ann", "00EWk0000000001IAA"), (BOB, "Bob", "00EWk0000000002IAA"))])  # fmt: skip
    sheet(f, "RecordType", "Id,Name,DeveloperName,SobjectType", [(i, n, d, "Account") for i, (d, n) in TYPES.items()])
    sheet(f, "Account", "Id,Name,OwnerId,Type,RecordTypeId,Region__c,Tags__c,CreatedDate,SystemModstamp,IsDeleted",
          [(sf(n), f"Firm {n}", ANN if n % 2 else BOB, "Partner" if n == 5 else "Customer", list(TYPES)[(n + 1) % 2],
            "" if n == 6 else "EMEA" if n % 2 else "US", "red;blue" if n == 1 else "", made) for n in range(1, 7)])  # fmt: skip
    sheet(f, "Event", "Id,WhatId,OwnerId,AccountId,Subject,StartDateTime,DurationInMinutes,ActivityDate,IsChild,CreatedDate,"
          "SystemModstamp,IsDeleted",
          [(f"00UWk00000{n}{k:04}IAA", sf(n), ANN if n % 2 else BOB, sf(n), f"Visit {n}", f"2026-05-{k:02}T{8 + n:02}:00:00.000Z", 45,
            f"2026-05-{k:02}", "false", made) for n in range(1, 7) for k in (4, 11, 18)])  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[inprocess.Crm]:
    with inprocess.salesforce(org_folder(tmp_path_factory.mktemp("org")), tmp_path_factory.mktemp("keys")) as served:
        yield served


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[inprocess.Crm]:
    """Six companies; even ones of Bob, in team South; a property of the portal's own."""
    folder = portal(tmp_path_factory.mktemp("portal"), companies=6)
    sheet(folder / "hubspot", "owners", "id,userId,email,firstName,lastName,archived,createdAt,updatedAt,teams",
          [(71, 1, "ann@firm.example", "Ann", "Rep", "false", MADE, MADE, "North;All"),
           (72, 2, "bob@firm.example", "Bob", "Rep", "false", MADE, MADE, "South")])  # fmt: skip
    sheet(folder / "hubspot", "companies", "id,name,domain,hubspot_owner_id,type,sales_region,createdate,hs_lastmodifieddate",
          [(1000 + n, f"Firm {n}", f"firm{n}.example", 72 - n % 2, "PARTNER" if n == 5 else "PROSPECT", "" if n == 6 else "emea"
            if n % 2 else "us", MADE, MADE) for n in range(1, 7)])  # fmt: skip
    with inprocess.hubspot(folder) as served:
        yield served


class Served:
    """Nights of a configured firm against a sandbox, as `assay run` makes them."""

    def __init__(self, folder: Path, **crms: inprocess.Crm) -> None:
        self.folder, self.crms = folder, crms
        for crm in crms.values():
            crm.reset()
        self.applied = False

    def configure(self, scope: str, write: str = "enabled = true") -> Path:
        hosts = ", ".join(f'"{crm.host}"' for crm in self.crms.values())
        parts = [f"allow_hosts = [{hosts}]", f"[write]\n{write}", "[scoring]\nreplay_nights = 0", scope]
        parts.append(f'[database]\nurl = "sqlite:///{self.folder}/assay.db"')
        if s := self.crms.get("salesforce"):
            parts.append(f'[salesforce]\nlogin_url = "{s.line["url"]}"\nclient_id = "{s.line["client_id"]}"\n'
                         f'username = "{s.line["username"]}"\nprivate_key_file = "{s.line["private_key_file"]}"\n'
                         f'access_token = "{s.line["admin_access_token"]}"')  # fmt: skip
        if h := self.crms.get("hubspot"):
            parts.append(f'[hubspot]\nbase_url = "{h.line["url"]}"\ntoken = "{h.line["token"]}"')
        path = self.folder / "assay.toml"
        path.write_text("\n".join(parts))
        return path

    def night(self, scope: str = "", **how: Any) -> dict[str, Outcome]:
        settings = load(self.configure(scope, **{k: v for k, v in how.items() if k == "write"})).settings
        if not self.applied:
            for admin in wiring.open_admins(settings):
                with closing(admin):
                    admin.apply()
            self.applied = True
        for served in self.crms.values():
            served.forget()
        store, crms = wiring.open_store(settings), wiring.open_crms(settings)
        orders = options_of(settings, force=True, **{k: v for k, v in how.items() if k != "write"})
        with lease.held(store.engine, "night") as held:
            outcomes = run(crms, store, held, orders, Quiet())
        for crm in crms:
            crm.close()  # type: ignore[attr-defined]
        store.engine.dispose()
        return {o.crm: o for o in outcomes}

    def states(self) -> set[str]:
        """Accounts that carry a verdict in the CRM itself."""
        found: set[str] = set()
        if s := self.crms.get("salesforce"):
            table = s.app.org.tables["Account"]
            found |= {r[table.at["Id"]] for r in table.rows if r[table.place("Assay_State__c")]}
        if h := self.crms.get("hubspot"):
            companies = h.app.portal.tables["companies"]
            found |= {str(i) for i, r in companies.by_id.items() if r.values.get("assay_state")}
        return found


@pytest.mark.parametrize(
    ("scope", "inside"),
    [
        ('[scope.include]\nRegion__c = ["EMEA"]\n[scope.exclude]\ntype = ["Partner"]', {1, 3}),
        ('[scope.include]\nregion__c = ["", "us"]', {2, 4, 6}),
        ('[scope.include]\nrole = ["EMEA Rep"]', {1, 3, 5}),
        ('[scope.include]\nteam = ["US Rep"]', {2, 4, 6}),
        ('[scope.include]\nrecord_type = ["Key_Account"]', {1, 3, 5}),
        ('[scope.include]\nrecord_type = ["Key account"]', {1, 3, 5}),
        ('[scope.include]\nTags__c = ["blue"]', {1}),
        (f'[scope.include]\nowner = ["{ANN[:15]}"]\n[scope.exclude]\nRegion__c = ["emea"]', set()),
    ],
    ids=["picklist", "picklist, no value", "role", "team", "record type", "its label", "one of several values", "nobody"],
)
def test_an_org_s_own_words(org: inprocess.Crm, tmp_path: Path, scope: str, inside: set[int]) -> None:
    firm = Served(tmp_path, salesforce=org)
    out = firm.night(scope)["salesforce"]
    assert out.outcome == ("done" if inside else "stopped"), out.message
    assert firm.states() == {sf(n) for n in inside}


@pytest.mark.parametrize(
    ("scope", "inside"),
    [
        ('[scope.include]\nsales_region = ["EMEA"]\n[scope.exclude]\ntype = ["Partner"]', {1, 3}),
        ('[scope.include]\nteam = ["north"]', {1, 3, 5}),
        ('[scope.include]\nowner = ["Bob Rep"]\n[scope.exclude]\nsales_region = [""]', {2, 4}),
    ],
    ids=["property", "team", "owner"],
)
def test_a_portal_s_own_words(hub: inprocess.Crm, tmp_path: Path, scope: str, inside: set[int]) -> None:
    firm = Served(tmp_path, hubspot=hub)
    out = firm.night(scope)["hubspot"]
    assert out.outcome == "done", out.message
    assert firm.states() == {str(1000 + n) for n in inside}


def test_a_changed_scope_reads_the_accounts_again_and_an_unchanged_one_does_not(org: inprocess.Crm, tmp_path: Path) -> None:
    firm = Served(tmp_path, salesforce=org)
    assert firm.night()["salesforce"].rows["Account"] == 6
    again = firm.night('[scope.include]\nRegion__c = ["US"]')["salesforce"]
    assert again.rows["Account with Region__c"] == 6
    assert again.scope["in"] == 2
    assert again.scope["still_carry"] == 4, "what the first night wrote"
    quiet = firm.night('[scope.include]\nRegion__c = ["EMEA"]')["salesforce"]
    assert (quiet.changed["Account with Region__c"], quiet.scope["in"]) == (0, 3), "other values of the same field are known"


def test_a_changed_scope_reads_the_companies_again(hub: inprocess.Crm, tmp_path: Path) -> None:
    firm = Served(tmp_path, hubspot=hub)
    firm.night()
    again = firm.night('[scope.include]\nsales_region = ["us"]')["hubspot"]
    assert (again.rows["companies with sales_region"], again.scope["in"]) == (6, 2)
    hub.edit(op="update", object="companies", id="1001", values={"sales_region": "us"})
    third = firm.night('[scope.include]\nsales_region = ["us"]')["hubspot"]
    assert (third.scope["in"], third.changed["companies with sales_region"]) == (3, 1)


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ('[scope.include]\nRegoin__c = ["EMEA"]', "Account has no field Regoin__c that this user sees; nearest: Region__c"),
        ('[scope.exclude]\nAnnualRevenue = ["1"]', "[scope] AnnualRevenue: Account.AnnualRevenue is currency, not a picklist"),
    ],
)  # fmt: skip
def test_a_name_that_no_crm_has_ends_the_night_before_the_pull(
    org: inprocess.Crm, tmp_path: Path, scope: str, said: str
) -> None:
    firm = Served(tmp_path, salesforce=org)
    out = firm.night(scope)["salesforce"]
    assert (out.outcome, out.rows) == ("failed", {})
    assert said in out.message
    assert "Fix: correct the name in [scope]" in out.message
    assert not [h for h in org.heard() if "jobs/query" in h.path or "queryAll" in h.path]


def test_a_hidden_field_is_a_field_that_is_not_there(org: inprocess.Crm, tmp_path: Path) -> None:
    firm = Served(tmp_path, salesforce=org)
    org.edit(op="hide", field="Account.Region__c")
    out = firm.night('[scope.include]\nRegion__c = ["EMEA"]')["salesforce"]
    assert out.outcome == "failed"
    assert "give the user read access" in out.message


def test_with_two_crms_a_field_of_one_decides_about_its_own_accounts(
    org: inprocess.Crm, hub: inprocess.Crm, tmp_path: Path
) -> None:
    """Six firms of each, none linked. A criterion that a CRM does not have includes nothing there and excludes nothing."""
    firm = Served(tmp_path, salesforce=org, hubspot=hub)
    only_there = firm.night('[scope.include]\nRegion__c = ["EMEA"]')
    assert {crm: o.scope["in"] for crm, o in only_there.items()} == {"salesforce": 3, "hubspot": 0}
    assert only_there["hubspot"].scope["left_out"] == {"its CRM has no Region__c": 6}
    assert any("[scope] Region__c: companies has no field Region__c" in n for n in only_there["hubspot"].notes)
    both = firm.night('[scope.include]\nRegion__c = ["EMEA"]\nsales_region = ["us"]\n[scope.exclude]\nRecord_Kind = ["x"]')
    assert {o.outcome for o in both.values()} == {"failed"}
    assert "[scope] Record_Kind" in both["hubspot"].message
    both = firm.night('[scope.include]\nRegion__c = ["EMEA"]\nsales_region = ["us"]')
    assert {crm: o.scope["in"] for crm, o in both.items()} == {"salesforce": 3, "hubspot": 2}
    assert both["salesforce"].scope["firm"]["accounts"] == 12


def test_the_environment_may_name_the_scope(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "assay.toml"
    path.write_text('[scope]\nrollup = "parent"\n[scope.exclude]\ntype = ["Partner"]')
    monkeypatch.setenv("ASSAY_SCOPE__INCLUDE", '{"Region__c": ["EMEA", "DACH"], "team": ["North"], "role": ["Rep"]}')
    found = load(path).settings.scope.chosen()
    assert found.include == {"Region__c": ("EMEA", "DACH"), "role": ("North", "Rep")}
    assert (found.exclude, found.rollup, found.asked) == ({"type": ("Partner",)}, True, ("Region__c", "role"))
    monkeypatch.setenv("ASSAY_SCOPE__INCLUDE", '{"owner": []}')
    with pytest.raises(ConfigError, match=r"scope.include.owner: Tuple should have at least 1 item"):
        load(path)
