"""Ledger, lease and runs on both engines."""

import os

import pytest
from sqlalchemy import Engine, update

from db import lease as leases
from db import tables as t
from db.ledger import Ledger
from db.runs import Runs
from db.store import Store
from scoring.records import FieldUpdate, WriteResult, columns

FACTS = {"external_id": "00D1", "name": "Acme", "sandbox": True, "currency": "EUR"}


def planned(number: int) -> FieldUpdate:
    return FieldUpdate(f"A{number}", {"grade": "A", "hours": 2.5}, {"grade": None, "hours": None}, "first verdict")


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    store = Store(engine)
    org = store.pin_org("salesforce", FACTS).id
    blank = dict.fromkeys(columns("account")) | {"name": "x", "ours": '{"answer":"Agree"}', "deleted": False}
    store.save(org, "account", [tuple((blank | {"id": f"A{n}"}).values()) for n in range(4)], "Account", None)
    return Ledger(engine, org)


def start(ledger: Ledger) -> int:
    return Runs(ledger.engine).start(ledger.org, 1, "write")


def test_a_row_goes_from_planned_over_sending_to_its_outcome(ledger: Ledger) -> None:
    run = start(ledger)
    ledger.plan(run, [planned(n) for n in range(3)], 1)
    assert [e.status for e in ledger.open()] == ["planned"] * 3
    ledger.sending(run, ["A0", "A1"], "job1", 2)
    assert [(e.status, e.token, e.attempts) for e in ledger.open() if e.account_id != "A2"] == [("sending", "job1", 1)] * 2
    ledger.settle(run, [WriteResult("A0", True), WriteResult("A1", False, "RULE", "not on Fridays")], 3)
    assert [e.account_id for e in ledger.open()] == ["A2"]
    assert [(e.account_id, e.code, e.message) for e in ledger.rejected(run)] == [("A1", "RULE", "not on Fridays")]


def test_an_acked_row_is_what_we_know_the_crm_to_hold(ledger: Ledger) -> None:
    """Otherwise the next night would read its own write as a change."""
    run = start(ledger)
    ledger.plan(run, [planned(0), planned(1)], 1)
    ledger.sending(run, ["A0", "A1"], "", 2)
    ledger.settle(run, [WriteResult("A0", True), WriteResult("A1", False, "X", "y")], 3)
    held = Store(ledger.engine).ours(ledger.org)
    assert held["A0"] == {"answer": "Agree", "grade": "A", "hours": 2.5}
    assert held["A1"] == {"answer": "Agree"}


def test_rows_that_were_never_sent_are_forgotten_and_sent_ones_are_not(ledger: Ledger) -> None:
    run = start(ledger)
    ledger.plan(run, [planned(0), planned(1)], 1)
    ledger.sending(run, ["A0"], "", 2)
    assert ledger.forget_planned() == 1
    assert [e.account_id for e in ledger.open()] == ["A0"]


def test_a_run_that_died_is_closed_by_the_next(ledger: Ledger) -> None:
    runs = Runs(ledger.engine)
    dead = runs.start(ledger.org, 1, "dry")
    runs.end(runs.start(ledger.org, 2, "dry"), 3, "done", calls=7, detail={"rows": {"Account": 1}})
    by_id = {r.id: r for r in runs.list()}
    assert by_id[dead].outcome == "failed"
    assert (by_id[dead + 1].calls, by_id[dead + 1].detail) == (7, {"rows": {"Account": 1}})
    assert not runs.first(ledger.org)


def test_an_org_without_a_good_run_is_at_its_first(ledger: Ledger) -> None:
    runs = Runs(ledger.engine)
    runs.end(start(ledger), 2, "failed")
    assert runs.first(ledger.org)


def test_the_lease_is_held_once(engine: Engine) -> None:
    with leases.held(engine, "night"), pytest.raises(leases.LeaseHeld, match=f"process {os.getpid()}.*Fix: wait"):
        leases.acquire(engine, "night")
    assert leases.acquire(engine, "night").fence == 2


def test_a_lease_whose_end_has_come_is_taken_over_and_its_old_holder_learns_it(engine: Engine) -> None:
    old = leases.acquire(engine, "night", now=lambda: 1000.0)
    new = leases.acquire(engine, "night", now=lambda: 1000.0 + leases.SECONDS)
    assert new.fence == old.fence + 1
    with pytest.raises(leases.LeaseLost):
        old.renew()
    new.renew()


def test_a_dead_holder_on_this_machine_is_replaced_at_once(engine: Engine) -> None:
    """A run that was killed must not cost a minute of waiting."""
    leases.acquire(engine, "night")
    me = leases._me().split()
    with engine.begin() as c:
        c.execute(update(t.lease).values(holder=f"{me[0]} {me[1]} {me[2]} 1"))
    assert leases.acquire(engine, "night").fence == 2


def test_a_holder_elsewhere_is_waited_for(engine: Engine) -> None:
    leases.acquire(engine, "night")
    with engine.begin() as c:
        c.execute(update(t.lease).values(holder="elsewhere boot 1 1"))
    with pytest.raises(leases.LeaseHeld, match="process 1 on elsewhere"):
        leases.acquire(engine, "night")
