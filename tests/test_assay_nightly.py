"""A night from end to end on the CRM in memory and real databases."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, select

from assay.night.check import DAY
from assay.night.judge import nights_to_judge
from assay.night.options import RunOptions
from assay.night.outcome import Outcome
from assay.night.progress import Quiet
from assay.night.stops import seen_again
from assay.nightly import run
from connectors import memory
from connectors.errors import QuotaExhausted
from connectors.memory import MemoryCrm
from connectors.port import Page
from db import lease, tables
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
            if n > 0 and k <= 5:
                crm.put("contact", id=f"new{n}{k}", account_id=name, level="staff", created_at=start)
            crm.put("activity", id=f"E{n}-{k}", kind="meeting", status="held", account_id=name, owner_id="U", starts_at=start,
                    seconds=3600, owner_day=start // DAY, all_day=False, child=False, created_at=start,
                    contact_id=f"C{n}" if k > 5 or n == 0 else f"new{n}{k}")  # fmt: skip
    return crm


def night(crm: MemoryCrm, store: Store, **orders: Any) -> Outcome:
    with lease.held(store.engine, "night") as held:
        wanted = {"rules": Rules(), "replay_nights": 0, "write": True} | orders
        [outcome] = run([crm], store, held, RunOptions(**wanted), Quiet())
    return outcome


def held_by(crm: MemoryCrm) -> dict[str, str]:
    return {i: a["ours"] for i, a in crm.records["account"].items()}


def content(store: Store) -> dict[str, list[str]]:
    """Everything but ids and times of runs and ledger (docs/facts/running.md, "Nights")."""
    skip = {
        "run": None,
        "lease": None,
        "watermark": None,
        "alembic_version": None,
        "api_calls": None,
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
    """Nobody's CRM is written to by surprise (docs/facts/running.md, "Writing")."""
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
    out = night(crm, store, replay_nights=20)
    assert out.nights == 21
    assert sum(out.states.values()) == 12
    assert set(out.states) <= set(STATES)
    crm.now += 3 * DAY
    assert night(crm, store, replay_nights=20).nights == 3


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


class Refreshed(MemoryCrm):
    """The same CRM with another org behind it."""

    def check(self) -> Any:
        return replace(super().check(), org_id="memory-2")


def test_another_org_in_the_same_database_is_not_even_read(store: Store) -> None:
    night(firm(), store)
    before = content(store)
    stopped = night(Refreshed(NOW), store, allow=("flag-change",))
    assert (stopped.outcome, stopped.rows, stopped.acked) == ("stopped", {}, 0)
    assert "holds data of memory-1" in stopped.message
    assert content(store) == before


def test_another_org_is_taken_in_its_place_when_that_is_allowed(store: Store) -> None:
    """A sandbox was refreshed: everything is read anew, what the old one held is gone, and its first run is dry again."""
    night(firm(), store, force=True)
    other = Refreshed(NOW)
    other.records, other.stamps = firm(14).records, firm(14).stamps
    del other.records["account"]["A02"]
    taken = night(other, store, allow=("org-changed",))
    assert (taken.outcome, taken.mode, taken.rows["account"], taken.gone["account"]) == ("done", "dry", 13, 1)
    assert store.orgs()[0].external_id == "memory-2"
    assert night(other, store).mode == "write"


class Said(MemoryCrm):
    """A CRM whose check says more."""

    facts: dict[str, Any]

    def check(self) -> Any:
        return replace(super().check(), **self.facts)


def said(crm: MemoryCrm, **facts: Any) -> Said:
    made = Said(crm.now)
    made.records, made.stamps, made.facts = crm.records, crm.stamps, facts
    return made


def stopped_by(rule: str, out: Outcome) -> bool:
    return (out.outcome, out.acked) == ("stopped", 0) and f"--allow {rule}" in out.message


def wake(crm: MemoryCrm) -> None:
    """Something to write: a person has emptied a verdict."""
    crm.put("account", id="A01", ours="{}")


def test_a_field_that_is_defined_otherwise_than_at_the_last_write_stops_until_it_is_allowed(store: Store) -> None:
    crm = firm()
    night(said(crm, fields={"hours": "double"}), store, force=True)
    wake(crm)
    for _ in range(2):
        assert stopped_by("fields-changed", night(said(crm, fields={"hours": "string"}), store))
    allowed = night(said(crm, fields={"hours": "string"}), store, allow=("fields-changed",))
    assert allowed.acked == 1
    assert any("rule fields-changed was lifted" in n for n in allowed.notes)
    wake(crm)
    assert night(said(crm, fields={"hours": "string"}), store).acked == 1


def test_what_is_seen_again_is_read_again_also_after_a_night_that_died(store: Store) -> None:
    """Records that were read without a field have not changed since it is back: no stamp would bring it."""
    crm = firm()
    night(crm, store, force=True)
    crm.now += DAY
    crm.put("account", id="A01", employees=None)  # changed by somebody while the field is hidden
    wake(crm)
    crm.now += 3600
    lost = said(crm, lacking=("account.employees", "account: edit of any record", "quote"))
    lost.write = None  # type: ignore[method-assign, assignment] # the night dies when it would write
    with pytest.raises(TypeError):
        night(lost, store, allow=("access-lost",))
    crm.now += DAY
    crm.records["account"]["A01"]["employees"] = 50  # no stamp moves
    night(crm, store)
    with store.reading() as c:
        assert c.execute(select(tables.account.c.employees).where(tables.account.c.id == "A01")).scalar_one() == 50
    assert seen_again(["a.x", "b.y", "c", "d: edit"], ["b.y"]) == {"a"}


def test_a_clock_that_is_wrong_stops(store: Store) -> None:
    crm = firm()
    assert stopped_by("clock-skew", night(said(crm, skew=-61), store, force=True))
    assert night(said(crm, skew=-60), store, force=True).acked == 12


def test_new_constants_of_the_score_need_approval(store: Store) -> None:
    """They change verdicts nights later, by hysteresis: the approval is asked for when they change."""
    crm = firm()
    night(crm, store, force=True)
    wake(crm)
    changed = Rules(enter=0.5)
    assert stopped_by("score-changed", night(crm, store, rules=changed))
    assert "enter: 0.45 -> 0.5" in night(crm, store, rules=changed).message
    assert night(crm, store, rules=changed, allow=("score-changed",)).acked == 1
    assert night(crm, store, rules=changed).outcome == "done"


def test_an_org_that_has_lost_half_its_accounts_stops_and_what_is_allowed_is_the_new_usual(store: Store) -> None:
    crm = firm(40)
    for _ in range(3):
        night(crm, store, force=True)
    for n in range(21):
        crm.put("account", id=f"A{n:02}", deleted=True)
    wake(crm)
    assert stopped_by("row-count", night(crm, store))
    assert night(crm, store, allow=("row-count",)).outcome == "done"
    assert night(crm, store).outcome == "done"


def test_a_dry_run_says_which_rules_would_stop_it(store: Store) -> None:
    crm = firm()
    first = night(said(crm, skew=90), store)
    assert first.mode == "dry"
    assert any(n.startswith("rule first-run") for n in first.notes)
    assert any("would stop by rule clock-skew" in n for n in first.notes)
    assert night(said(crm, skew=90), store, allow=("clock-skew", "first-run")).acked == 12


def test_a_crm_that_refuses_too_much_is_not_asked_further(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new rule of an admin would otherwise cost a refused row for every account; what was sent stays listed."""
    monkeypatch.setattr(memory, "CALL", 20)
    crm = firm(50)
    crm.refuses = dict.fromkeys(sorted(crm.records["account"])[:11], "RULE")
    out = night(crm, store, force=True)
    assert (out.outcome, out.acked, out.rejected) == ("stopped", 9, 11)
    assert "the CRM refused 11 of the first 20 rows" in out.message
    assert "--allow rejects" in out.message
    assert len(Ledger(store.engine, store.orgs()[0].id).rejected()) == 11
    crm.refuses = dict.fromkeys(crm.records["account"], "RULE")
    done = night(crm, store, force=True, allow=("rejects",))
    assert (done.outcome, done.acked, done.rejected) == ("rejected", 0, 41)


def test_accounts_that_were_refused_before_do_not_stop_the_others(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CALL", 20)
    crm = firm(50)
    crm.refuses = dict.fromkeys(sorted(crm.records["account"])[:11], "RULE")
    assert night(crm, store, force=True, allow=("rejects",)).rejected == 11
    for account in sorted(crm.records["account"])[30:]:
        crm.put("account", id=account, ours="{}")
    again = night(crm, store)
    assert (again.outcome, again.acked, again.rejected) == ("rejected", 20, 11)


def test_a_refused_row_is_left_out_until_its_night_and_counted(store: Store) -> None:
    crm = firm()
    crm.refuses["A05"] = "RULE"
    night(crm, store, force=True)
    assert night(crm, store).rejected == 1
    waiting = night(crm, store)
    assert (waiting.outcome, waiting.planned, waiting.waiting) == ("done", 0, 1)
    crm.now += DAY
    assert night(crm, store).rejected == 1


def test_a_night_that_is_run_again_after_missed_ones_says_the_same(store: Store) -> None:
    """More nights missed than are replayed: the row before is the last one that there is."""
    crm = firm()
    night(crm, store, force=True, replay_nights=0)
    crm.now += 5 * DAY
    night(crm, store, replay_nights=0)
    before = content(store)
    again = night(crm, store, replay_nights=0)
    assert again.planned == 0
    assert content(store) == before


class Robbed(MemoryCrm):
    """While the first call is under way the machine sleeps, the lease ends, and another run takes it."""

    store: Store

    def write(self, updates: Any) -> Iterator[Any]:
        said = super().write(updates)
        yield from (next(said) for _ in range(6))
        lease.acquire(self.store.engine, "night", now=lambda: time.time() + 2 * lease.SECONDS)
        yield from said


def test_a_run_that_has_lost_its_lease_half_way_sends_no_further_call(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CALL", 5)
    crm = Robbed(NOW)
    crm.records, crm.stamps, crm.store = firm().records, firm().stamps, store
    with pytest.raises(lease.LeaseLost):
        night(crm, store, force=True)
    assert sum(ours != "{}" for ours in held_by(crm).values()) == 5
    statuses = {e.status for e in Ledger(store.engine, store.orgs()[0].id).open()}
    assert statuses == {"planned"}
