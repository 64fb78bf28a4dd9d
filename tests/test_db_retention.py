"""What grows old is forgotten, what is needed stays, and nothing that was forgotten comes back with the next night."""

from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from test_assay_stopping import NOW, crm_of

from assay.night.options import RunOptions
from assay.night.progress import Quiet
from assay.nightly import run
from db import lease
from db import tables as t
from db.retention import Keep, purge
from db.store import Store
from scoring.rules import Rules

DAY = 86_400
KEEP = Keep(people_days=400, nights_days=100, ledger_days=90)


@pytest.fixture
def store(engine: Engine) -> Store:
    crm = crm_of(6)
    for n, age in enumerate((10, 399, 401, 900)):
        at = NOW - age * DAY
        crm.put("activity", id=f"E{n}", kind="meeting", status="held", account_id="A0001", owner_id="U", contact_id="C", starts_at=at,
                seconds=3600, owner_day=at // DAY, all_day=False, child=False, created_at=at, subject_key=7, thread_key=8)  # fmt: skip
        crm.put("participant", id=f"P{n}", activity_id=f"E{n}", side="theirs", person_id="C", declined=False)
    crm.put("account", id="A0002", deleted=True)
    crm.put("account", id="A0003", deleted=True, merged_into="A0001")
    crm.put("contact", id="C9", deleted=True)
    made = Store(engine)
    night(crm, made)
    return made


def night(crm: Any, store: Store) -> Any:
    with lease.held(store.engine, "night") as held:
        [outcome] = run([crm], store, held, RunOptions(rules=Rules(), replay_nights=0, write=True, force=True), Quiet())
    return outcome


def ids(store: Store, table: Any, *where: Any) -> set[str]:
    return {row["id"] for row in store.rows(select(table.c.id).where(*where))}


def test_old_activities_keep_their_time_and_lose_their_people(store: Store) -> None:
    hours = store.rows(select(func.sum(t.activity.c.seconds).label("s")))
    assert purge(store.engine, KEEP, NOW)["people of activities"] == 4  # two participants, two activities
    assert store.rows(select(func.sum(t.activity.c.seconds).label("s"))) == hours
    assert ids(store, t.participant) == {"P0", "P1"}
    known = (
        t.activity.c.contact_id.is_not(None) | t.activity.c.subject_key.is_not(None) | t.activity.c.thread_key.is_not(None)
    )
    assert ids(store, t.activity, known) == {"E0", "E1"}
    assert not any(purge(store.engine, KEEP, NOW).values())


def test_deleted_records_go_but_for_merged_accounts(store: Store) -> None:
    assert purge(store.engine, KEEP, NOW)["deleted records"] == 2
    assert ids(store, t.account, t.account.c.deleted) == {"A0003"}
    assert ids(store, t.contact) == set()


def test_old_nights_and_settled_writes_go_and_open_ones_stay(store: Store) -> None:
    engine = store.engine
    [org] = store.orgs()
    with engine.begin() as c:
        row = dict(c.execute(select(t.night)).mappings().first() or {})
        c.execute(t.night.insert(), [row | {"day": row["day"] - back} for back in (100, 101)])
        c.execute(t.ledger.update().values(at=NOW - 89 * DAY))
        run_id = c.execute(select(t.run.c.id)).scalar_one()
        old = {
            "run": run_id,
            "org": org.id,
            "account_id": "A0001",
            "old": "{}",
            "new": "{}",
            "why": "",
            "at": NOW - 91 * DAY,
        }
        c.execute(t.ledger.insert(), [old | {"status": s} for s in ("acked", "rejected", "sending", "unknown")])
    kept = len(store.rows(select(t.ledger))) - 2
    found = purge(engine, KEEP, NOW)
    assert (found["nights"], found["writes"]) == (1, 2)
    assert len(store.rows(select(t.ledger))) == kept


def test_ticks_go_but_for_the_first_which_says_since_when_nights_are_promised(store: Store) -> None:
    ages = (500, 300, 150, 99, 1)
    with store.engine.begin() as c:
        for age in ages:
            c.execute(t.tick.insert().values(name="night", at=NOW - age * DAY, attempts=1, fence=1, started_at=1, ended_at=2,
                                             outcome="done"))  # fmt: skip
    purge(store.engine, KEEP, NOW)
    left = sorted((NOW - row["at"]) // DAY for row in store.rows(select(t.tick.c.at)))
    assert left == [1, 99, 500]


def test_an_empty_database_has_nothing_to_forget(engine: Engine) -> None:
    assert not any(purge(engine, KEEP, NOW).values())
