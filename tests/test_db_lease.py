"""A heartbeat on a database that cannot be written: a real lock on a real file, a clock that the test moves."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shared import migrated
from sqlalchemy import Engine, select

from assay.night.interrupt import StopOnLeaseLost
from db import engine as engines
from db import lease as leases
from db import tables as t

START = 1_000_000


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """SQLite whose writers do not wait for each other at all, so that no test does."""
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0)
    made = migrated(f"sqlite:///{tmp_path}/assay.db")
    yield made
    made.dispose()


class Watch:
    """A clock that moves while the heart waits, and what happens then; stops the heart at the end."""

    def __init__(self, end: float, events: dict[float, Callable[[], object]]) -> None:
        self.at, self.end, self.events, self.waits = float(START), START + end, events, list[float]()

    def wait(self, timeout: float) -> bool:
        self.waits.append(timeout)
        self.at += timeout
        for moment in [m for m in sorted(self.events) if START + m <= self.at]:
            self.events.pop(moment)()
        return self.at >= self.end

    def now(self) -> float:
        return self.at


class Other:
    """Another writer of the file, which holds it as long as it likes."""

    def __init__(self, path: Path) -> None:
        self.c = sqlite3.connect(path, isolation_level=None)

    def lock(self) -> None:
        self.c.execute("BEGIN IMMEDIATE")

    def leave(self) -> None:
        self.c.execute("ROLLBACK")


@pytest.fixture
def other(tmp_path: Path, engine: Engine) -> Iterator[Other]:
    made = Other(tmp_path / "assay.db")
    yield made
    made.c.close()


def taken(engine: Engine) -> leases.Lease:
    return leases.acquire(engine, "night", now=lambda: START)


def ends(engine: Engine) -> int:
    with engine.connect().execution_options(reading=True) as c:
        return int(c.execute(select(t.lease.c.expires_at)).scalar_one())


def test_a_lock_that_ends_in_time_costs_a_beat_and_nothing_else(engine: Engine, other: Other) -> None:
    """Locked from the 10th to the 42nd second of a lease of sixty: the beats at 20 to 40 fail, the one at 45 does not."""
    lease, watch = taken(engine), Watch(100, {10: other.lock, 42: other.leave})
    leases._beat(lease, watch, watch.now)
    assert watch.waits[:8] == [20, 5, 5, 5, 5, 5, 20, 20]
    lease.check()
    lease.renew(watch.now)
    assert ends(engine) == watch.at + 60


def test_a_lock_that_outlasts_the_lease_ends_the_run(engine: Engine, other: Other) -> None:
    lease, watch = taken(engine), Watch(500, {10: other.lock})
    leases._beat(lease, watch, watch.now)
    assert watch.at == START + 60, "it is tried until the lease would have ended, and no longer"
    with pytest.raises(leases.LeaseLost, match=r"could not be renewed for 60 s \(database is locked\).*Fix: see what keeps"):
        lease.check()
    other.leave()
    with pytest.raises(leases.LeaseLost), engine.begin() as c:
        lease.prove(c, watch.now)
    assert ends(engine) == START + 60, "a lease that was given up is not taken back"
    assert leases.acquire(engine, "night", now=lambda: START + 61).fence == 2


def test_a_lease_that_somebody_took_meanwhile_is_lost_at_the_next_beat(engine: Engine, other: Other) -> None:
    """The machine slept, say."""
    lease = taken(engine)
    watch = Watch(500, {15: lambda: leases.acquire(engine, "night", now=lambda: START + 90)})
    leases._beat(lease, watch, watch.now)
    assert watch.waits == [20]
    with pytest.raises(leases.LeaseLost, match="taken over by another run"):
        lease.check()


def test_a_lease_that_cannot_be_given_back_does_not_spoil_what_was_done(engine: Engine, other: Other) -> None:
    with leases.held(engine, "night"):
        other.lock()
    other.leave()
    assert ends(engine) > 0, "it ends by itself"


class Steps:
    """A Tell that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def step(self, name: str) -> None:
        self.said.append(name)

    def rows(self, stream: str, rows: int, calls: int) -> None:
        self.said.append(stream)


def test_a_run_learns_it_at_its_next_step_or_page(engine: Engine) -> None:
    lease, steps = taken(engine), Steps()
    tell = StopOnLeaseLost(steps, lease)
    tell.step("check")
    tell.rows("Account", 1, 1)
    lease.lost = "gone"
    with pytest.raises(leases.LeaseLost, match="gone"):
        tell.step("pull")
    with pytest.raises(leases.LeaseLost, match="gone"):
        tell.rows("Account", 2, 2)
    assert steps.said == ["check", "Account"]
