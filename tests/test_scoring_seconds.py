"""Any firm's seconds: nothing is made up, nothing is lost, and the order of arrival does not matter."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import SOAK, migrated
from test_scoring_minutes import DAY, NOON, ORG, act, attendee, put

from db import tables
from db.firm import firm
from db.store import Store
from scoring.facts.features import treatment
from scoring.rules import Rules

PARTS = ("counted", "clipped", "lost", "capped", "elsewhere", "left_out")
RECORD = st.fixed_dictionaries({
    "kind": st.sampled_from(("meeting", "call", "email", "task")),
    "status": st.sampled_from(("held", "held", "held", "no_show", "cancelled")),
    "owner_id": st.sampled_from(("U", "V")),
    "account_id": st.sampled_from(("A", "B", None)),
    "seconds": st.sampled_from((None, 30, 1800, 3601, 4 * 3600, 9 * 3600)),
    "subject_key": st.sampled_from((None, 1, 2)),
    "direction": st.sampled_from((None, "in", "out")),
    "starts_at": st.integers(0, 60).map(lambda n: NOON + n * 600),
})  # fmt: skip


def told(records: list[dict[str, Any]], order: list[int]) -> dict[str, list[dict[str, Any]]]:
    """What became of every record, account by account, in a database that they reached in this order."""
    with TemporaryDirectory() as folder:
        engine = migrated(f"sqlite:///{Path(folder)}/a.db")
        store = Store(engine)
        store.pin_org("salesforce", {"external_id": "1", "name": "x", "sandbox": True, "currency": "EUR"})
        for account in ("A", "B"):
            put(store, "account", id=account, name=account, owner_id="U", ours="{}")
        for n in order:
            act(store, n, **records[n])
            if n % 3 == 0:
                attendee(store, n, f"E{n:03}", f"c{n}", "B")
        with firm(engine, [ORG]) as one:
            found = {a: one.rows(treatment(tables, ORG, DAY, Rules(), a)) for a in ("A", "B")}
        engine.dispose()
    return found


@pytest.mark.sampled
@given(st.lists(RECORD, min_size=1, max_size=14), st.randoms(use_true_random=False))
@settings(max_examples=40 if SOAK else 5, deadline=None)
def test_every_second_is_accounted_for_in_any_order(records: list[dict[str, Any]], rng: Any) -> None:
    order = list(range(len(records)))
    found = told(records, order)
    rows = [r for part in found.values() for r in part]
    assert all(r["claimed"] == sum(r[p] for p in PARTS) for r in rows)
    assert all(r["counted"] >= 0 and r["lost"] >= 0 and r["capped"] >= 0 and r["elsewhere"] >= 0 for r in rows)
    for person in ("U", "V"):
        assert sum(r["counted"] for r in rows if r["person"] == person) <= Rules().day_minutes * 60, "all is one day"
    rng.shuffle(order)
    assert told(records, [*order, *order[:3]]) == found
