"""A night from end to end on the CRM in memory and real databases."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, select

from assay.judging import nights_to_judge
from assay.nightly import DAY, Orders, Outcome, run
from assay.progress import Quiet
from connectors.errors import QuotaExhausted
from connectors.memory import MemoryCrm
from connectors.port import Page
from db import lease, tables
from db.engine import DatabaseError
from db.ledger import Ledger
from db.store import Store
from scoring.records import COMFORT, STATES
from scoring.rules import Rules

TODAY = 20_600
NOW = TODAY * DAY + 5 * 3600


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(engine)


def firm(accounts: int = 12) -> MemoryCrm:
    """A book of ordinary accounts and one that gets most of the time and opens nothing."""
    crm = MemoryCrm(NOW)
    crm.put("owner", id="U", name="Ann", active=True, started_at=NOW - 2000 * DAY)
    crm.put("stage", id="Won", label="Won", closed=True, won=True)
    for n in range(accounts):
        name = f"A{n:02}"
        crm.put("account", id=name, name=name, owner_id="U", created_at=NOW - 900 * DAY, employees=50, industry="Steel")
        crm.put("contact", id=f"C{n}", account_id=name, level="staff", created_at=NOW - 900 * DAY)
        deal = {
            "stage": "Won",
            "amount_cents": 1_000_00 if n == 0 else 10_000_00,
            "close_day": TODAY - 40,
            "probability": 100,
        }
        crm.put(
            "opportunity",
            id=f"O{n}",
            account_id=name,
            name=f"Deal {n}",
            created_at=NOW - 90 * DAY,
            closed=True,
            won=True,
            **deal,
        )
        crm.put(
            "opportunity_change", id=f"H{n}", opportunity_id=f"O{n}", changed_at=NOW - (400 if n == 0 else 40) * DAY, **deal
        )
        for k in range(60 if n == 0 else 12):
            start = (NOW // DAY - 3 - 2 * k) * DAY + 5 * 3600 + n * 3600  # one account after the other
            crm.put("activity", id=f"E{n}-{k}", kind="meeting", status="held", account_id=name, owner_id="U", starts_at=start,
                    seconds=3600, owner_day=start // DAY, all_day=False, child=False, created_at=start,
                    contact_id=f"C{n}" if k > 5 or n == 0 else f"new{n}{k}")  # fmt: skip
    return crm


def night(crm: MemoryCrm, store: Store, **orders: Any) -> Outcome:
    with lease.held(store.engine, "night") as held:
        [outcome] = run([crm], store, held, Orders(rules=Rules(), replay_nights=20, **({"write": True} | orders)), Quiet())
    return outcome


def held_by(crm: MemoryCrm) -> dict[str, str]:
    return {i: a["ours"] for i, a in crm.records["account"].items()}


def content(store: Store) -> dict[str, list[str]]:
    """Everything but ids and times of runs and ledger (rulings 26)."""
    skip = {
        "run": None,
        "lease": None,
        "watermark": None,
        "alembic_version": None,
        "ledger": {"id", "run", "at", "attempts", "token"},
    }
    found = {}
    for table in tables.metadata.sorted_tables:
        left_out = skip.get(table.name, set())
        if left_out is not None:
            wanted = [c for c in table.c if c.name not in left_out]
            found[table.name] = sorted(map(repr, (tuple(r.values()) for r in store.rows(select(*wanted)))))
    return found


def test_the_first_run_of_an_org_is_dry_and_the_second_writes(store: Store) -> None:
    """Nobody's CRM is written to by surprise (rulings 4)."""
    crm = firm()
    first = night(crm, store)
    assert (first.outcome, first.mode, first.planned, first.acked) == ("done", "dry", 12, 0)
    assert set(held_by(crm).values()) == {"{}"}
    second = night(crm, store)
    assert (second.outcome, second.mode, second.acked) == ("done", "write", 12)
    assert COMFORT in held_by(crm)["A00"]


def test_force_writes_on_the_first_run_and_without_write_nothing_ever_is(store: Store) -> None:
    crm = firm()
    assert night(crm, store, write=False, force=True).acked == 0
    assert night(crm, store, force=True).acked == 12


def test_a_night_without_a_change_writes_nothing_and_changes_nothing(store: Store) -> None:
    crm = firm()
    night(crm, store, force=True)
    before = content(store)
    again = night(crm, store)
    assert (again.planned, again.acked, sum(again.changed.values())) == (0, 0, 0)
    assert content(store) == before


def test_after_one_edit_only_that_account_s_record_changes(store: Store) -> None:
    crm = firm()
    night(crm, store, force=True)
    crm.now += 3600
    crm.put("account", id="A03", name="A03 GmbH")
    again = night(crm, store)
    assert {k: v for k, v in again.changed.items() if v} == {"account": 1}
    assert again.acked == 0


def test_states_start_settled_because_earlier_nights_are_replayed(store: Store) -> None:
    crm = firm()
    out = night(crm, store)
    assert out.nights == 21
    assert sum(out.states.values()) == 12
    assert set(out.states) <= set(STATES)
    crm.now += 3 * DAY
    assert night(crm, store).nights == 3


@pytest.mark.parametrize(
    ("stored", "day", "replay", "nights"),
    [
        (None, 100, 30, (70, 100)),
        (100, 100, 30, (100, 100)),
        (97, 100, 30, (98, 100)),
        (10, 100, 30, (70, 100)),
        (120, 100, 30, (100, 100)),
    ],
)
def test_missed_nights_are_judged_up_to_a_limit(stored: int | None, day: int, replay: int, nights: tuple[int, int]) -> None:
    judged = nights_to_judge(stored, day, replay)
    assert (judged[0], judged[-1]) == nights


def test_a_night_as_of_an_earlier_date_leaves_what_is_stored_alone(store: Store) -> None:
    crm = firm()
    night(crm, store)
    before = content(store)
    out = night(crm, store, write=False, day=TODAY - 30)
    assert any("judged, not stored" in n for n in out.notes)
    assert content(store) == before


def test_refused_rows_are_listed_in_the_crm_s_words_and_tried_again(store: Store) -> None:
    crm = firm()
    crm.refuses["A05"] = "RULE"
    out = night(crm, store, force=True)
    assert (out.outcome, out.acked, out.rejected) == ("rejected", 11, 1)
    org = store.orgs()[0].id
    assert [(e.account_id, e.code) for e in Ledger(store.engine, org).rejected()] == [("A05", "RULE")]
    crm.refuses.clear()
    assert night(crm, store).acked == 1


def test_too_many_new_states_stop_the_write_and_can_be_allowed(store: Store) -> None:
    crm = firm(40)
    night(crm, store, force=True)
    for account in crm.records["account"]:
        crm.put("account", id=account, ours='{"state":"Earning its time"}')
    crm.now += 60
    stopped = night(crm, store)
    assert (stopped.outcome, stopped.acked) == ("stopped", 0)
    assert "--allow flag-change" in stopped.message
    assert night(crm, store, allow=("flag-change",)).acked == 40


class Torn(MemoryCrm):
    """Dies in the middle of the write: after some rows have arrived, before their results were heard."""

    lives = True

    def write(self, updates: Any) -> Iterator[Any]:
        for n, said in enumerate(super().write(updates)):
            if not self.lives and n == 5:
                raise KeyboardInterrupt
            yield said


def test_a_run_that_dies_in_the_write_is_finished_by_the_next_as_if_nothing_had_been(store: Store, engine: Engine) -> None:
    crm = firm()
    torn = Torn(NOW)
    torn.records, torn.stamps, torn.lives = crm.records, crm.stamps, False
    with pytest.raises(KeyboardInterrupt):
        night(torn, store, force=True)
    assert Ledger(engine, store.orgs()[0].id).open()
    torn.lives = True
    assert night(torn, store, force=True).outcome == "done"
    assert not Ledger(engine, store.orgs()[0].id).open()
    assert all("Assay" not in v and v != "{}" for v in held_by(torn).values())
    assert night(torn, store).planned == 0


class Exhausted(MemoryCrm):
    def pull(self, since: Any, known: Any) -> Iterator[Page]:
        yield next(super().pull(since, known))
        raise QuotaExhausted("used up", crm="memory", fix="wait")


def test_a_pull_that_stops_half_way_is_not_judged(store: Store) -> None:
    """A failed or partial pull never produces scores."""
    out = night(Exhausted(NOW), store, force=True)
    assert (out.outcome, out.states, out.acked) == ("quota", {}, 0)
    assert store.verdicts(store.orgs()[0].id) == []


def test_hard_deleted_records_are_found_by_the_weekly_comparison(store: Store) -> None:
    crm = firm()
    night(crm, store)
    del crm.records["account"]["A07"]
    crm.now += 60
    assert night(crm, store).gone == {}
    crm.now += 8 * DAY
    assert night(crm, store).gone == {"account": 1}
    assert "A07" not in {s.account_id for s in store.verdicts(store.orgs()[0].id)}


def test_another_org_in_the_same_database_is_refused(store: Store) -> None:
    crm = firm()
    night(crm, store)

    class Other(MemoryCrm):
        def check(self) -> Any:
            return replace(super().check(), org_id="memory-2")

    with pytest.raises(DatabaseError, match="holds data of memory-1"):
        night(Other(NOW), store)
