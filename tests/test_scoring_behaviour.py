"""What is opened, against what peers of the same size open in as many hours."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from test_scoring_judge import DAY, World, judged

from scoring.behaviour import expected_events
from scoring.rules import Rules

HOURS = st.lists(st.floats(0, 200), min_size=6, max_size=15)
NONE = np.zeros(0)


def firm(hours: list[float]) -> World:
    w = World()
    for n, h in enumerate(hours):
        w.account(f"A{n:02}", hours=h + 0.01, events=n % 3, revenue=1000 * (n % 4))
    return w


def more_of(w: World, kind: str, name: str) -> None:
    """One event more, with all that the CRM records of it."""
    if kind == "person":
        w.add("met", account_id=name, level=None, new_people=1, old_people=0)
    elif kind == "quote":
        w.add("moves", account_id=name, asks=1, resolutions=0)
        w.add("pipeline", id="Q", account_id=name, name="Quote", created_at=(DAY - 3) * 86_400, stage="Proposal",
              amount_cents=50_000_00, close_day=DAY + 30, probability=60)  # fmt: skip
    elif kind == "family":
        w.add("families", account_id=name, family="New", first_shown_at=(DAY - 3) * 86_400, bought_365=0)
    else:
        w.add("moves", account_id=name, asks=0, resolutions=1)
        w.add("revenue", account_id=name, won_365=90_000_00, won_182=90_000_00, won_91=0, orders_365=1, orders=1,
              first_won_day=DAY - 5)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(hours=HOURS, which=st.integers(0, 5), kind=st.sampled_from(["person", "quote", "family", "order"]))
def test_nothing_that_is_opened_ever_raises_p_shallow(hours: list[float], which: int, kind: str) -> None:
    """Not even by the revenue or the open amount that comes with it, nor by making a prospect a customer."""
    before, after = firm(hours), firm(hours)
    more_of(after, kind, f"A{which:02}")
    assert judged(after).behaviour.p_shallow[which] <= judged(before).behaviour.p_shallow[which] + 1e-12


def test_four_times_the_hours_need_not_open_four_times_as_much() -> None:
    """Peers' events grow slowly with hours; who keeps up with that is not shallow, who opens nothing is."""
    w = World()
    for n in range(60):
        w.account(f"N{n:02}", hours=5 + n % 10, events=3)
    for n in range(12):
        w.account(f"busy{n:02}", hours=40, events=4)
    w.account("quiet", hours=40, events=0)
    j = judged(w)
    shallow = dict(zip(j.frame.ids, j.behaviour.p_shallow, strict=True))
    assert shallow["busy03"] < 0.15
    assert shallow["quiet"] > 0.9


def test_an_ask_and_the_resolution_it_leads_to_are_one_decision() -> None:
    w = World().book()
    w.account("x", hours=10)
    w.add("moves", account_id="x", asks=2, resolutions=3)
    b = judged(w).behaviour
    assert (b.decisions[-1], b.events[-1]) == (3, 3)


def test_an_offer_moved_back_twice_is_a_decision_that_was_due() -> None:
    def p_shallow(pushes: int) -> float:
        w = World().book()
        w.account("x", hours=20)
        w.add("pipeline", id="O", account_id="x", name="Old", stage="Proposal", close_day=DAY + 3)
        w.add("pushes", opportunity_id="O", pushes=pushes)
        return float(judged(w).behaviour.p_shallow[-1])

    assert p_shallow(2) > p_shallow(1) == p_shallow(0)


def test_a_new_level_needs_that_others_were_met_before() -> None:
    """The first meeting of all opens no level; a director where only staff was known does, whatever the order."""
    w = World().book()
    for name, old in (("first", 0), ("deeper", 2)):
        w.account(name, hours=10)
        w.add("met", account_id=name, level="staff", department=None, new_people=0, old_people=old)
        w.add("met", account_id=name, level="director", department="Works", new_people=1, old_people=0)
    b, ids = judged(w).behaviour, judged(w).frame.ids
    assert dict(zip(ids, b.levels, strict=True))["deeper"] == 1
    assert dict(zip(ids, b.levels, strict=True))["first"] == 0


def test_a_family_is_new_only_where_it_was_neither_shown_nor_owned_before() -> None:
    shown, long_ago = (DAY - 20) * 86_400, (DAY - 500) * 86_400
    cases: dict[str, list[dict[str, Any]]] = {
        "new": [{"first_shown_at": shown, "first_bought_day": None}],
        "sold": [{"first_shown_at": shown, "first_bought_day": DAY - 5}],
        "owned": [{"first_shown_at": shown, "first_bought_day": DAY - 400}],
        "shown": [{"first_shown_at": long_ago, "first_bought_day": None}],
        # the same family in two currencies is one family
        "twice": [
            {"first_shown_at": shown, "first_bought_day": DAY - 5},
            {"first_shown_at": long_ago, "first_bought_day": None},
        ],
    }
    w = World().book()
    for name, rows in cases.items():
        w.account(name, hours=10)
        for row in rows:
            w.add("families", account_id=name, family="Pumps", bought_365=0, **row)
    j = judged(w)
    found = {i: n for i, n in zip(j.frame.ids, j.behaviour.families, strict=True) if i in cases}
    assert found == {"new": 1, "sold": 1, "owned": 0, "shown": 0, "twice": 0}


def test_a_firm_that_opens_nothing_accuses_nobody() -> None:
    """Without a contrast there is no telling; and nobody is praised for what was not opened either."""
    w = World()
    for n in range(12):
        w.account(f"A{n:02}", hours=100 if n == 0 else 10)
    shallow = judged(w).behaviour.p_shallow
    assert Rules().p_shallow_earning < shallow.min()
    assert shallow.max() < 0.45


def test_the_regression_ends_on_the_wildest_numbers_and_on_none() -> None:
    """Events that no slope explains: the steps are bounded and so is what is expected."""
    rng = np.random.default_rng(3)
    hours = np.array([0.0, 0.01] * 20)
    wild = expected_events(np.where(hours > 0, 1e15, 0.0), hours, np.full(40, np.nan), rng.random(40) > 0.5)
    assert np.isfinite(wild).all()
    assert expected_events(NONE, NONE, NONE, NONE.astype(bool)).shape == (0,)
    one = expected_events(np.array([3.0]), np.array([8.0]), np.array([50.0]), np.array([True]))
    assert np.isfinite(one).all()
