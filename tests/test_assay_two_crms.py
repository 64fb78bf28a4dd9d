"""One firm in two CRMs: what both know counts once and is judged once (docs/adr/0010)."""

import csv
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from shared import SOAK
from sqlalchemy import Engine, select

from assay import wiring
from assay.commands import demo
from assay.night.check import DAY
from assay.night.options import RunOptions
from assay.night.outcome import Outcome
from assay.night.progress import Quiet
from assay.nightly import run
from connectors.errors import Unavailable
from connectors.memory import MemoryCrm
from db import lease, tables
from db.store import Store
from sandbox import process, world
from scoring.facts.minutes.chain import treatment
from scoring.records import COMFORT
from scoring.rules import Rules

TODAY = 20_600
NOW = TODAY * DAY + 5 * 3600


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(engine)


def crm(name: str, prefix: str) -> MemoryCrm:
    made = MemoryCrm(NOW)
    made.name = name
    made.put("owner", id=f"{prefix}U", name="Ann", active=True, started_at=NOW - 2000 * DAY, person_key=77)
    made.put("stage", id="Won", label="Won", closed=True, won=True)
    made.put("stage", id="Proposal", label="Proposal", closed=False, won=False, probability=60)
    made.put("stage", id="Lost", label="Lost", closed=True, won=False)
    return made


def account(c: MemoryCrm, prefix: str, n: int, **values: Any) -> str:
    made = f"{prefix}{n:02}"
    c.put("account", id=made, name=f"Firm {n}", owner_id=f"{prefix}U", created_at=NOW - 900 * DAY, employees=50,
          industry="Steel", **values)  # fmt: skip
    return made


def deal(c: MemoryCrm, record: str, of: str, cents: int, **values: Any) -> None:
    won = {"stage": "Won", "amount_cents": cents, "close_day": TODAY - 40, "probability": 100}
    c.put("opportunity", id=record, account_id=of, name=record[-2:], created_at=NOW - 90 * DAY, closed=True, won=True,
          **won, **values)  # fmt: skip


def lost(c: MemoryCrm, record: str, of: str) -> None:
    """An offer that was put to the customer and turned down: a decision without revenue."""
    c.put("opportunity", id=record, account_id=of, name=record, created_at=NOW - 90 * DAY, closed=True, won=False,
          stage="Lost", amount_cents=100_00, close_day=TODAY - 40, probability=0)  # fmt: skip
    for n, (stage, odds) in enumerate((("Proposal", 60), ("Lost", 0))):
        c.put("opportunity_change", id=f"{record}-{n}", opportunity_id=record, changed_at=NOW - (80 - 40 * n) * DAY,
              stage=stage, amount_cents=100_00, close_day=TODAY - 40, probability=odds)  # fmt: skip


def meeting(c: MemoryCrm, record: str, of: str, prefix: str, day: int) -> None:
    start = NOW - day * DAY + int(of[-2:]) * 1800  # one account after the other: nobody is in two places
    c.put("activity", id=record, kind="meeting", status="held", account_id=of, owner_id=f"{prefix}U", starts_at=start,
          seconds=1500, owner_day=start // DAY, all_day=False, child=False, created_at=start, subject_key=day)  # fmt: skip


def firm() -> tuple[MemoryCrm, MemoryCrm]:
    """Eight accounts in both, two in each alone; meetings in either CRM, some in both."""
    s, h = crm("salesforce", "S"), crm("hubspot", "H")
    for n in range(10):
        of = account(s, "S", n, domain=f"firm{n}.example")
        deal(s, f"SO{n}", of, 100_00 if n == 0 else 10_000_00)
        for k in range(3 if n else 0):  # the comfortable one decides nothing
            lost(s, f"SL{n}{k}", of)
        for k in range(3, 150 if n == 0 else 60, 2):
            meeting(s, f"SE{n}-{k}", of, "S", k)
    for n in (*range(8), 10, 11):
        known: dict[str, Any] = {"foreign_id": f"S{n:02}"} if n < 4 else {"domain": f"firm{n}.example"}
        of = account(h, "H", n, **known)
        if n < 4:
            deal(h, f"HO{n}", of, 100_00 if n == 0 else 10_000_00, foreign_id=f"SO{n}")
        for k in range(3, 150 if n == 0 else 60, 4):
            meeting(h, f"HE{n}-{k}", of, "H", k)  # the same as Salesforce's, logged by a sync tool
        for k in range(4, 151 if n == 0 else 60, 4):
            meeting(h, f"HX{n}-{k}", of, "H", k)  # HubSpot's own
    return s, h


def night(crms: list[Any], store: Store, **orders: Any) -> dict[str, Outcome]:
    with lease.held(store.engine, "night") as held:
        wanted: dict[str, Any] = {"write": True, "force": True, "replay_nights": 0} | orders
        return {o.crm: o for o in run(crms, store, held, RunOptions(rules=Rules(), **wanted), Quiet())}


def verdicts(store: Store, name: str) -> dict[str, Any]:
    [org] = [o for o in store.orgs() if o.crm == name]
    return {s.account_id: s for s in store.verdicts(org.id)}


def test_every_account_of_each_crm_gets_a_verdict_and_linked_ones_the_same(store: Store) -> None:
    s, h = firm()
    done = night([s, h], store)
    assert {o.outcome for o in done.values()} == {"done"}
    mine, theirs = verdicts(store, "salesforce"), verdicts(store, "hubspot")
    assert (len(mine), len(theirs)) == (10, 10)
    for n in range(8):
        a, b = mine[f"S{n:02}"], theirs[f"H{n:02}"]
        assert (a.state, a.hours, a.potential, a.reasons) == (b.state, b.hours, b.potential, b.reasons)
        assert (a.owner_id, b.owner_id) == ("SU", "HU")
    held = {i: json.loads(r["ours"]) for i, r in h.records["account"].items()}
    assert held["H03"]["state"] == json.loads(s.records["account"]["S03"]["ours"])["state"]
    assert held["H10"]["state"] == theirs["H10"].state
    assert "8 accounts are known in two CRMs and judged as one" in done["salesforce"].notes


def test_an_activity_in_both_counts_once(store: Store) -> None:
    s, h = firm()
    night([s, h], store)
    hours = {n: verdicts(store, "salesforce")[f"S{n:02}"].hours for n in (0, 1)}
    own = {0: range(3, 150, 2), 1: range(3, 60, 2)}
    extra = {0: range(4, 151, 4), 1: range(4, 60, 4)}
    assert hours == {n: round(len({*own[n], *extra[n]}) * 1500 / 3600, 2) for n in (0, 1)}


def test_a_deal_in_both_counts_once(store: Store) -> None:
    s, h = firm()
    night([s, h], store)
    assert {verdicts(store, "salesforce")[f"S{n:02}"].trailing_12m for n in range(1, 8)} == {10_000.0}


def test_a_deal_without_an_id_is_known_by_its_account_name_amount_and_day(store: Store) -> None:
    s, h = firm()
    deal(h, "HO5", "H05", 10_000_00)
    h.put("opportunity", id="HO5", name="O5")
    night([s, h], store)
    assert verdicts(store, "salesforce")["S05"].trailing_12m == 10_000.0


def test_one_book_holds_what_a_person_has_in_both(store: Store) -> None:
    """Ten accounts in each, eight of them shared: one book of twelve, so the fair hours of all add up to its hours."""
    s, h = firm()
    night([s, h], store)
    mine, theirs = verdicts(store, "salesforce"), verdicts(store, "hubspot")
    book = [*mine.values(), theirs["H10"], theirs["H11"]]
    assert sum(v.hours for v in book) == pytest.approx(sum(v.fair_hours for v in book), rel=0.01)


def test_an_answer_given_in_the_second_crm_counts_in_both(store: Store) -> None:
    s, h = firm()
    h.put("account", id="H02", ours='{"potential_override":990000}')
    night([s, h], store)
    assert verdicts(store, "salesforce")["S02"].potential == 990_000
    assert verdicts(store, "hubspot")["H02"].potential == 990_000


def test_the_same_night_again_changes_nothing(store: Store) -> None:
    s, h = firm()
    night([s, h], store)
    before = [store.rows(select(x)) for x in (tables.night, tables.verdict, tables.link, tables.account)]
    again = night([s, h], store)
    assert {(o.planned, sum(o.changed.values())) for o in again.values()} == {(0, 0)}
    assert [store.rows(select(x)) for x in (tables.night, tables.verdict, tables.link, tables.account)] == before


class Broken(MemoryCrm):
    """A CRM that cannot be reached."""

    def check(self) -> Any:
        raise Unavailable("down", crm=self.name)


def broken(name: str) -> Broken:
    made = Broken(NOW)
    made.name = name
    return made


def test_one_crm_failing_does_not_stop_the_other_and_freezes_what_they_share(store: Store) -> None:
    s, h = firm()
    night([s, h], store)
    state = {i: v.state for i, v in verdicts(store, "salesforce").items()}
    kept = verdicts(store, "hubspot")
    s.now += 40 * DAY  # forty days without a meeting: every state would change
    done = night([s, broken("hubspot")], store, allow=("flag-change",))
    assert (done["salesforce"].outcome, done["hubspot"].outcome) == ("done", "failed")
    now = verdicts(store, "salesforce")
    assert all(now[f"S{n:02}"].state == state[f"S{n:02}"] for n in range(8))
    assert now["S09"].as_of == TODAY + 40
    assert verdicts(store, "hubspot") == kept
    assert "hubspot was not read tonight: what it shares keeps its state" in done["salesforce"].notes


def test_the_first_crm_failing_freezes_too(store: Store) -> None:
    s, h = firm()
    night([s, h], store)
    state = {i: v.state for i, v in verdicts(store, "hubspot").items()}
    h.now += 40 * DAY
    done = night([broken("salesforce"), h], store, allow=("flag-change",))
    assert (done["salesforce"].outcome, done["hubspot"].outcome) == ("failed", "done")
    now = verdicts(store, "hubspot")
    assert all(now[f"H{n:02}"].state == state[f"H{n:02}"] for n in range(8))
    assert verdicts(store, "salesforce")["S01"].as_of == TODAY


def test_all_crms_failing_judges_nothing(store: Store) -> None:
    done = night([broken("salesforce"), broken("hubspot")], store)
    assert {o.outcome for o in done.values()} == {"failed"}
    assert store.orgs() == []


def test_a_link_that_ends_gives_each_its_own_verdict_again(store: Store) -> None:
    s, h = firm()
    night([s, h], store)
    h.put("account", id="H05", domain="elsewhere.example")
    h.now += DAY
    s.now += DAY
    night([s, h], store)
    mine, theirs = verdicts(store, "salesforce")["S05"], verdicts(store, "hubspot")["H05"]
    assert (mine.trailing_12m, theirs.trailing_12m) == (10_000.0, 0.0)


def test_money_of_the_second_crm_is_read_in_its_own_currency(store: Store) -> None:
    s, h = firm()
    h.currency = "USD"
    s.put("currency_rate", id="EUR", micro_per_corporate=1_000_000, corporate=True)
    s.put("currency_rate", id="USD", micro_per_corporate=2_000_000, corporate=False)
    deal(h, "HO10", "H10", 10_000_00)
    night([s, h], store)
    assert verdicts(store, "hubspot")["H10"].trailing_12m == 5_000.0
    told = json.loads(h.records["account"]["H10"]["ours"])["potential"]
    assert told == pytest.approx(2 * verdicts(store, "hubspot")["H10"].potential, abs=1)


def test_a_comfort_zone_shows_in_both(store: Store) -> None:
    s, h = firm()
    night([s, h], store)
    assert verdicts(store, "salesforce")["S00"].state == COMFORT
    assert json.loads(h.records["account"]["H00"]["ours"])["state"] == COMFORT


def test_what_explain_shows_is_what_was_counted(store: Store) -> None:
    s, h = firm()
    night([s, h], store)
    with store.firm() as one:
        seconds = sum(r["counted"] for r in one.rows(treatment(one.tables, one.org, TODAY, Rules(), "S00")))
    assert round(seconds / 3600, 2) == verdicts(store, "salesforce")["S00"].hours


# ---- over HTTP ------------------------------------------------------------------------------------------------------


def over_http(folder: Path, accounts: int, crms: tuple[str, ...]) -> list[dict[str, Any]]:
    """One night of a generated firm through the sandboxes; the verdict of each account in the order of its truth."""
    world.generate(folder / "org", seed=11, accounts=accounts, reps=3, crms=crms)
    with process.running(folder / "org") as line:
        settings = demo.configure(folder, {name: line[name] for name in crms})
        for admin in wiring.open_admins(settings):
            with closing(admin):
                admin.apply()
        store = wiring.open_store(settings)
        opened = wiring.open_crms(settings)
        done = night(opened, store, replay_nights=0)
        for one in opened:
            one.close()  # type: ignore[attr-defined]
    assert {o.outcome for o in done.values()} == {"done"}
    said = {i: s for name in reversed(crms) for i, s in verdicts(store, name).items()}
    store.engine.dispose()
    with (folder / "org" / "truth.csv").open(newline="") as file:
        truth = list(csv.DictReader(file))
    return [{"there": said.get(r.get("hubspot_id", "")), "here": said[r["account_id"]]} for r in truth]


@pytest.mark.sampled
def test_a_firm_gets_the_same_hours_and_states_in_either_crm_and_in_both(tmp_path: Path) -> None:
    """With both CRMs each entry of a shared account lies in one of them, some in both, and counts once."""
    found, accounts = {}, 60 if SOAK else 24
    for name, crms in (("s", ("salesforce",)), ("h", ("hubspot",)), ("b", ("salesforce", "hubspot"))):
        (tmp_path / name).mkdir()
        found[name] = over_http(tmp_path / name, accounts, crms)
    hours = {name: [r["here"].hours for r in rows] for name, rows in found.items()}
    assert hours["s"] == hours["h"] == hours["b"]
    states = {name: [r["here"].state for r in found[name]] for name in ("s", "h")}
    assert states["s"] == states["h"]
    shared = [r for r in found["b"] if r["there"] is not None and r["there"].account_id != r["here"].account_id]
    assert len(shared) > accounts / 3
    alike = ("state", "hours", "fair_hours", "potential", "reasons", "next_step", "confidence")
    assert all(getattr(r["there"], k) == getattr(r["here"], k) for r in shared for k in alike)
