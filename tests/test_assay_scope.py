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

from assay import show, wiring
from assay.nightly import DAY, Orders, Outcome, run
from assay.orders import orders_of
from assay.progress import Quiet
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
        [outcome] = run([crm], store, held, Orders(**wanted), Quiet())
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
    ids=["picklist and type", "owner by name", "owner by id, and none", "role", "no role", "not this owner", "no type", "no region"],
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
    orders = Orders(Rules())
    assert {r["account_id"] for r in json.loads(show.plan(Store(engine), orders, "json"))} == set(FIRM)
    assert {r["account_id"] for r in json.loads(show.plan(Store(engine, EMEA), orders, "json"))} == {"A00", "A01", "A04", "A06"}


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
