"""Times of the schedule on both databases: each is run by one process, a dead one's by the next, none for ever."""

import pytest
from sqlalchemy import Engine

from db import lease
from db.lease import LeaseHeld
from db.runs import Runs
from db.store import Store
from db.ticks import ATTEMPTS, Ticks

DUE = 1_000_000


@pytest.fixture
def ticks(engine: Engine) -> Ticks:
    return Ticks(engine, "night")


def test_a_tick_is_run_once(ticks: Ticks) -> None:
    assert ticks.open(DUE)
    assert ticks.claim(DUE, fence=1, now=DUE) == 1
    assert ticks.open(DUE)  # until it has ended
    assert ticks.unfinished() == DUE
    ticks.end(DUE, 1, "done", DUE + 60)
    assert not ticks.open(DUE)
    assert ticks.unfinished() is None
    assert ticks.claim(DUE, fence=2, now=DUE + 61) == 0
    assert ticks.open(DUE + 86_400)


def test_who_lost_the_lease_cannot_end_the_tick_of_who_took_over(ticks: Ticks) -> None:
    ticks.claim(DUE, fence=1, now=DUE)
    assert ticks.claim(DUE, fence=2, now=DUE + 60) == 2
    ticks.end(DUE, 1, "failed", DUE + 61)
    assert ticks.open(DUE)
    ticks.end(DUE, 2, "done", DUE + 62)
    assert not ticks.open(DUE)


def test_a_tick_that_is_given_back_was_not_tried(ticks: Ticks) -> None:
    for fence in range(1, ATTEMPTS + 3):
        assert ticks.claim(DUE, fence, DUE) == 1
        ticks.give_back(DUE, fence)
    ticks.claim(DUE, 90, DUE)
    assert ticks.claim(DUE, 91, DUE) == 2
    ticks.give_back(DUE, 91)
    assert ticks.claim(DUE, 92, DUE) == 2


def test_nothing_was_promised_before_the_first_start(ticks: Ticks) -> None:
    ticks.begin(DUE, DUE + 500)
    assert not ticks.open(DUE)
    ticks.begin(DUE + 86_400, DUE + 90_000)  # a later start: that tick was missed
    assert ticks.open(DUE + 86_400)


def test_a_run_by_hand_after_the_time_stands_for_the_tick(ticks: Ticks, engine: Engine) -> None:
    org = Store(engine).pin_org("memory", {"external_id": "1", "name": "One", "sandbox": False, "currency": "EUR"})
    Runs(engine).start(org.id, DUE + 10, "dry")
    assert not ticks.open(DUE)
    assert ticks.open(DUE + 20)


def test_the_lease_says_whether_it_is_free(engine: Engine) -> None:
    assert lease.is_free(engine, "night")
    taken = lease.acquire(engine, "night", now=lambda: 100, seconds=5)
    assert not lease.is_free(engine, "night", now=lambda: 104)
    assert lease.is_free(engine, "night", now=lambda: 105)
    taken.renew(now=lambda: 104)
    assert not lease.is_free(engine, "night", now=lambda: 108)
    with pytest.raises(LeaseHeld):
        lease.acquire(engine, "night", now=lambda: 108)
    taken.release()
    assert lease.is_free(engine, "night", now=lambda: 108)
