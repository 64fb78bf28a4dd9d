"""Ledger, lease and runs on both engines."""

import os
import time

import pytest
from sqlalchemy import Engine, update

from db import lease as leases
from db import tables as t
from db.api_calls import Calls
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
    blank = dict.fromkeys(columns("account")) | {"name": "x", "ours": '{"answer":"Agree"}', "traits": "{}", "deleted": False}
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


def refused(ledger: Ledger, day: int, account: int = 0, **how: bool) -> None:
    run = start(ledger)
    ledger.plan(run, [planned(account)], 1)
    ledger.sending(run, [f"A{account}"], "", 2)
    ledger.settle(run, [WriteResult(f"A{account}", False, "RULE", "no", **how)], 3, day)


def test_a_refused_row_waits_longer_with_every_try(ledger: Ledger) -> None:
    """The next run, the next night, then two, four and from then on seven nights."""
    day, waits = 100, []
    for _ in range(7):
        refused(ledger, day)
        wait = 0
        while "A0" in ledger.waiting(day + wait):
            wait += 1
        waits.append(wait)
        day += wait
    assert waits == [0, 1, 2, 4, 7, 7, 7]
    assert [(e.account_id, e.attempts) for e in ledger.rejected()] == [("A0", 7)]


def test_a_locked_row_is_due_at_the_next_run_however_often_it_was_locked(ledger: Ledger) -> None:
    for n in range(4):
        refused(ledger, 100 + n, transient=True)
    assert ledger.waiting(103) == set()


def test_a_row_that_the_crm_takes_at_last_is_no_longer_refused(ledger: Ledger) -> None:
    for n in range(3):
        refused(ledger, 100 + n)
    run = start(ledger)
    ledger.plan(run, [planned(0)], 1)
    ledger.sending(run, ["A0"], "", 2)
    ledger.settle(run, [WriteResult("A0", True)], 3, 110)
    assert (ledger.rejected(), ledger.waiting(110)) == ([], set())
    refused(ledger, 111)
    assert [e.attempts for e in ledger.rejected()] == [1]


def test_waiting_rows_can_be_made_due(ledger: Ledger) -> None:
    for account in (0, 1):
        for n in range(3):
            refused(ledger, 100 + n, account)
    assert ledger.waiting(102) == {"A0", "A1"}
    assert ledger.retry(["A1"]) == 1
    assert ledger.waiting(102) == {"A0"}
    assert ledger.retry() == 2
    assert ledger.waiting(102) == set()


def test_a_row_whose_answer_was_lost_is_settled_by_what_the_crm_holds(ledger: Ledger) -> None:
    run = start(ledger)
    ledger.plan(run, [planned(n) for n in range(3)], 1)
    ledger.sending(run, ["A0", "A1", "A2"], "", 2)
    a0, a1, a2 = (e.id for e in ledger.open())
    ledger.heard_late([a0], [a1, a2], 5)
    assert [e.account_id for e in ledger.of_run(run)] == ["A0"]
    assert [(e.account_id, e.status) for e in ledger.open()] == [("A1", "unknown"), ("A2", "unknown")]
    again = start(ledger)
    ledger.plan(again, [planned(1)], 6)
    assert [(e.run, e.account_id, e.status, e.attempts) for e in ledger.open()] == [(again, "A1", "planned", 1)]
    assert [e.account_id for e in ledger.of_run(run, "superseded")] == ["A2"]


def test_nothing_is_announced_by_a_run_that_has_lost_its_lease(ledger: Ledger) -> None:
    """The fencing token: a zombie that wakes up must not send, and must not touch the new holder's rows."""
    old = leases.acquire(ledger.engine, "night")
    run = start(ledger)
    ledger.plan(run, [planned(0)], 1, old)
    leases.acquire(ledger.engine, "night", now=lambda: time.time() + 2 * leases.SECONDS)
    for step in (lambda: ledger.sending(run, ["A0"], "", 2, old), lambda: ledger.plan(run, [planned(0)], 1, old)):
        with pytest.raises(leases.LeaseLost):
            step()
    assert [(e.status, e.attempts) for e in ledger.open()] == [("planned", 0)]


def test_calls_are_remembered_for_a_day(engine: Engine) -> None:
    calls, now = Calls(engine, "salesforce"), 1_790_000_000
    calls.add(now, 20, 1000)
    calls.add(now, -5, 1000)
    calls.add(now + 3600, 7, 900)
    Calls(engine, "hubspot").add(now, 500, 1)
    assert calls.spent(now + 3600) == calls.spent(now + 24 * 3600) == calls.spent() == (22, 1000)
    assert calls.spent(now + 26 * 3600) == (0, 0)
    assert calls.spent(now - 3600) == (0, 0)  # a clock that is behind sees none of it
    calls.add(now + 60 * 3600, 1, 900)
    assert calls.spent() == (1, 900)


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
