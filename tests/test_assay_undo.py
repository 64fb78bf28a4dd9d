"""Taking a run back: what is restored, what is left alone, and that nothing is written afterwards."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine
from test_assay_nightly import NOW, Refreshed, firm, night

from assay.night import undo
from assay.night.stops import Stopped
from connectors.errors import QuotaExhausted
from connectors.memory import MemoryCrm
from db import lease
from db.ledger import Entry, Ledger
from db.runs import Runs
from db.store import Store


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(engine)


def entry(account: str, old: dict[str, Any], new: dict[str, Any]) -> Entry:
    return Entry(1, 7, account, "acked", old, new, "", 1, "", "", "", 1, None)


def ours(crm: MemoryCrm) -> dict[str, dict[str, Any]]:
    return {i: json.loads(a["ours"]) for i, a in crm.records["account"].items()}


def undone(crm: MemoryCrm, store: Store, run: int, *, yes: bool = True) -> undo.UndoResult:
    with lease.held(store.engine, "night") as held:
        return undo.run(crm, store, store.orgs()[0], held, run, yes=yes)


def edit(crm: MemoryCrm, account: str, **values: Any) -> None:
    """A person changes our fields in the CRM."""
    held = {k: v for k, v in (ours(crm)[account] | values).items() if v is not None}
    crm.put("account", id=account, ours=json.dumps(held, sort_keys=True, separators=(",", ":")))


def test_a_field_is_restored_only_if_it_still_holds_what_the_run_wrote() -> None:
    entries = [
        entry("A1", {"grade": "B", "hours": None}, {"grade": "A", "hours": 2.5}),
        entry("A2", {"grade": "B"}, {"grade": "A"}),
    ]
    made = undo.compare(7, "memory", entries, {"A1": {"grade": "C", "hours": 2.5}})
    assert [(u.account_id, dict(u.values), dict(u.old)) for u in made.updates] == [("A1", {"hours": None}, {"hours": 2.5})]
    assert [(x.account_id, x.field, x.before, x.wrote, x.now, x.why) for x in made.left] == [
        ("A1", "grade", "B", "A", "C", "changed since"),
        ("A2", "grade", "B", "A", None, "the account is gone"),
    ]


def test_what_already_is_as_it_was_needs_nothing() -> None:
    made = undo.compare(7, "memory", [entry("A1", {"grade": "B"}, {"grade": "A"})], {"A1": {"grade": "B"}})
    assert (made.updates, made.left) == ((), [])


def test_an_undo_is_dry_until_it_is_meant(store: Store) -> None:
    crm = firm()
    run = night(crm, store, force=True).run
    before = ours(crm)
    found = undone(crm, store, run, yes=False)
    assert (len(found.updates), found.by, ours(crm)) == (12, 0, before)
    assert store.orgs()[0].hold is None


def test_a_run_is_taken_back_except_where_people_have_been(store: Store) -> None:
    crm = firm()
    run = night(crm, store, force=True).run
    edit(crm, "A03", grade="?")
    crm.put("account", id="A04", deleted=True)
    found = undone(crm, store, run)
    assert (found.acked, found.rejected) == (11, 0)
    now = ours(crm)
    assert now["A03"] == {"grade": "?"}
    assert {i for i, values in now.items() if values} == {"A03", "A04"}
    assert {x.account_id for x in found.left} == {"A03", "A04"}


def test_after_an_undo_nothing_is_written_until_it_is_allowed(store: Store) -> None:
    crm = firm()
    run = night(crm, store, force=True).run
    undone(crm, store, run)
    held = night(crm, store)
    assert (held.outcome, held.acked) == ("stopped", 0)
    assert f"rule undo-hold: run {run} was undone on" in held.message
    assert night(crm, store, allow=("undo-hold",)).acked == 12
    assert store.orgs()[0].hold is None


def test_an_undo_can_be_undone(store: Store) -> None:
    crm = firm()
    run = night(crm, store, force=True).run
    written = ours(crm)
    by = undone(crm, store, run).by
    undone(crm, store, by)
    assert ours(crm) == written


def test_an_undo_is_a_run_of_its_own_and_says_nothing_of_what_is_usual(store: Store) -> None:
    crm = firm()
    by = undone(crm, store, night(crm, store, force=True).run).by
    run = Runs(store.engine).get(by)
    assert run is not None
    assert (run.mode, run.outcome, run.detail["acked"]) == ("undo", "done", 12)
    assert by not in {r.id for r in Runs(store.engine).good(1, 9)}


def test_a_later_run_s_values_are_left_alone(store: Store) -> None:
    """Only the last hand on a field may be taken back."""
    crm = firm()
    first = night(crm, store, force=True).run
    edit(crm, "A05", state=None, grade="?")
    second = night(crm, store)
    assert second.acked == 1
    assert undone(crm, store, second.run).acked == 1
    assert ours(crm)["A05"]["grade"] == "?"
    left = {(x.account_id, x.field) for x in undone(crm, store, first, yes=False).left}
    assert left == {
        ("A05", "grade"),
    }


def test_another_org_is_not_touched(store: Store) -> None:
    run = night(firm(), store, force=True).run
    with pytest.raises(Stopped, match="org-changed"):
        undone(Refreshed(NOW), store, run)


class Exhausted(MemoryCrm):
    def write(self, updates: Any) -> Any:
        said = super().write(updates)
        yield from (next(said) for _ in range(5))
        raise QuotaExhausted("used up", crm="memory", fix="wait")


def test_an_undo_that_breaks_off_can_be_repeated(store: Store) -> None:
    crm = firm()
    run = night(crm, store, force=True).run
    broken = Exhausted(NOW)
    broken.records, broken.stamps = crm.records, crm.stamps
    with pytest.raises(QuotaExhausted):
        undone(broken, store, run)
    assert store.orgs()[0].hold
    assert undone(crm, store, run).left == []
    assert not any(ours(crm).values())
    assert Ledger(store.engine, 1).open() == []
