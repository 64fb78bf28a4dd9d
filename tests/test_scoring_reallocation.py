"""Hours that could move: by hand, and what must never happen as properties."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.reallocation import ELASTICITY, FEWEST, by_tenure, reallocation
from scoring.records import BALANCED, COMFORT, STATES, UNDER, Score

DAY = 20_000


def score(account: str, state: str = BALANCED, **given_: Any) -> Score:
    values: dict[str, Any] = {
        "account_id": account, "name": account, "owner_id": "U", "state": state, "state_since": DAY, "expected": 100.0,
        "expected_low": 50.0, "expected_high": 200.0, "headroom": 50.0, "potential": 150.0, "potential_low": 80.0,
        "potential_high": 300.0, "trailing_12m": 90.0, "currency": "EUR", "grade": "B", "hours": 10.0, "hours_low": 8.0,
        "hours_high": 12.0, "fair_hours": 10.0, "hours_gap": 0.0, "p_over": 0.5, "p_under": 0.5, "p_shallow": 0.5, "confidence": 5,
        "reasons": (), "next_step": "", "coverage": {}, "evidence": {}, "as_of": DAY, "model_version": "1",
    }  # fmt: skip
    return Score(**(values | given_))


def test_hours_go_within_the_book_in_proportion_to_potential_and_no_further_than_the_share() -> None:
    """24 hours spare; two accounts short of 20 and 6: by potential 2 : 1 they take 16 and 8, the second only 6."""
    plan = reallocation([
        score("C", COMFORT, hours=30.0, fair_hours=6.0), score("A", UNDER, hours=0.0, fair_hours=20.0, potential=300.0),
        score("B", UNDER, hours=2.0, fair_hours=8.0, potential=150.0), score("N", hours=50.0, fair_hours=1.0),
    ])  # fmt: skip
    assert [(m.account_id, round(m.hours, 6)) for m in plan.given] == [("A", 18.0), ("B", 6.0)]
    assert [(m.account_id, m.hours) for m in plan.taken] == [("C", -24.0)]
    assert (plan.hours, plan.left_over) == (pytest.approx(24), pytest.approx(0))
    assert plan.missing == pytest.approx(2)


def test_what_the_hours_stand_for_is_the_part_of_the_headroom_with_its_range() -> None:
    plan = reallocation([score("C", COMFORT, hours=15.0, fair_hours=10.0), score("A", UNDER, hours=0.0, fair_hours=10.0)])
    [given_] = plan.given
    assert (given_.low, given_.value, given_.high) == (0.0, 25.0, 100.0)  # half of its share: half of 0, 50, 200
    assert plan.at_stake == (0.0, 25.0, 100.0)
    [taken] = plan.taken
    assert taken.high == pytest.approx(100 * (1 - (10 / 15) ** ELASTICITY))
    assert (taken.low, plan.at_risk) == (0.0, taken.high)


def test_nothing_crosses_from_one_book_to_another_or_to_an_account_without_owner() -> None:
    plan = reallocation([
        score("C", COMFORT, hours=30.0), score("A", UNDER, hours=0.0, owner_id="V"), score("B", UNDER, hours=0.0, owner_id=None),
    ])  # fmt: skip
    assert (plan.given, plan.taken, plan.hours) == ((), (), 0)
    assert (plan.left_over, plan.missing) == (20.0, 10.0)


def test_without_any_potential_the_hours_are_shared_alike() -> None:
    plan = reallocation([
        score("C", COMFORT, hours=14.0), score("A", UNDER, hours=0.0, potential=0.0), score("B", UNDER, hours=0.0, potential=0.0),
    ])  # fmt: skip
    assert [m.hours for m in plan.given] == [2.0, 2.0]


def test_a_change_of_minutes_is_not_worth_a_line() -> None:
    plan = reallocation([score("C", COMFORT, hours=10.3), score("A", UNDER, hours=0.0)])
    assert (plan.given, plan.taken) == ((), ())


def test_moves_are_told_by_the_names_of_accounts() -> None:
    """By name, so that the order says nothing of anybody."""
    books = list(enumerate(("delta", "Alpha", "charlie", "Bravo")))
    rows = [score(f"c{n}", COMFORT, name=f"{name} c", hours=20.0 + n, owner_id=f"R{n}") for n, name in books]
    rows += [score(f"u{n}", UNDER, name=f"{name} u", hours=0.0, owner_id=f"R{n}") for n, name in books]
    plan = reallocation(rows)
    names = {s.account_id: s.name for s in rows}
    assert [names[m.account_id] for m in plan.given] == ["Alpha u", "Bravo u", "charlie u", "delta u"]


scores = st.lists(
    st.builds(
        lambda n, state, owner, hours, fair, worth: (n, state, owner, hours, fair, worth),
        st.integers(0, 10_000), st.sampled_from(STATES), st.sampled_from(["U", "V", "W", None]), st.floats(0, 500),
        st.floats(0, 500), st.floats(0, 1e7),
    ),
    max_size=25, unique_by=lambda row: row[0],
)  # fmt: skip


@settings(deadline=None)
@given(scores)
def test_no_more_hours_move_than_sit_in_comfort_zones_and_nobody_gets_more_than_its_share(rows: list[Any]) -> None:
    made = [score(f"N{n:05}", state, owner_id=owner, hours=hours, fair_hours=fair, potential=worth)
            for n, state, owner, hours, fair, worth in rows]  # fmt: skip
    plan, by_id = reallocation(made), {s.account_id: s for s in made}
    spare = sum(max(0.0, s.hours - s.fair_hours) for s in made if s.state == COMFORT and s.owner_id)
    assert plan.hours <= spare + 1e-6
    assert plan.hours <= sum(s.hours for s in made if s.state == COMFORT) + 1e-6
    for move in plan.given:
        s = by_id[move.account_id]
        assert s.state == UNDER
        assert s.hours + move.hours <= s.fair_hours + 1e-6
        assert 0 <= move.low <= move.value <= move.high
    for move in plan.taken:
        s = by_id[move.account_id]
        assert s.state == COMFORT
        assert s.hours + move.hours >= s.fair_hours - 1e-6
        assert 0 <= move.high <= s.expected
    for owner in ("U", "V", "W"):
        got = sum(m.hours for m in plan.given if by_id[m.account_id].owner_id == owner)
        gave = sum(max(0.0, s.hours - s.fair_hours) for s in made if s.state == COMFORT and s.owner_id == owner)
        assert got <= gave + 1e-6


@settings(deadline=None)
@given(scores, st.randoms())
def test_neither_order_nor_the_names_of_owners_change_a_plan(rows: list[Any], random: Any) -> None:
    """Nobody is ranked: who somebody is has no bearing."""
    made = [score(f"N{n:05}", state, owner_id=owner, hours=hours, fair_hours=fair, potential=worth)
            for n, state, owner, hours, fair, worth in rows]  # fmt: skip
    other = [score(s.account_id, s.state, owner_id={"U": "X", "V": "A", "W": "M"}.get(s.owner_id or ""), hours=s.hours,
                   fair_hours=s.fair_hours, potential=s.potential) for s in made]  # fmt: skip
    random.shuffle(other)
    one, two = reallocation(made), reallocation(other)
    assert (one.given, one.taken) == (two.given, two.taken)
    assert "owner" not in repr(one)


# ---- by tenure ------------------------------------------------------------------------------------------------------


def test_a_band_of_fewer_than_five_people_is_withheld() -> None:
    rows = [score(f"a{n}", COMFORT if n < 3 else BALANCED, owner_id=f"R{n}") for n in range(10)]
    started = {f"R{n}": DAY - 400 for n in range(5)} | {f"R{n}": DAY - 3000 for n in range(5, 9)}
    bands = by_tenure(rows, started, DAY)
    assert [(b.first_year, b.end_year, b.people, b.share) for b in bands] == [
        (0, 1, None, None), (1, 3, 5, 0.6), (3, 7, None, None), (7, None, None, None),
    ]  # fmt: skip


def test_people_without_hours_or_of_the_future_do_not_fill_a_band() -> None:
    rows = [score(f"a{n}", COMFORT, owner_id=f"R{n}", hours=0.0 if n == 0 else 5.0) for n in range(FEWEST)]
    assert all(b.people is None for b in by_tenure(rows, {f"R{n}": DAY - 100 for n in range(FEWEST)}, DAY))
    late = by_tenure([score(f"a{n}", owner_id=f"R{n}") for n in range(5)], {f"R{n}": DAY + 1 for n in range(5)}, DAY)
    assert all(b.people is None for b in late)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.floats(0, 100)), max_size=40),
    st.lists(st.integers(0, 5000), min_size=10, max_size=10),
)
def test_a_share_is_told_of_five_people_or_more_or_not_at_all(rows: list[Any], ages: list[int]) -> None:
    made = [score(f"a{n}", COMFORT if comfort else BALANCED, owner_id=f"R{owner}", hours=hours)
            for n, (owner, comfort, hours) in enumerate(rows)]  # fmt: skip
    for band in by_tenure(made, {f"R{n}": DAY - age for n, age in enumerate(ages)}, DAY):
        assert (band.people is None) == (band.share is None)
        assert band.people is None or band.people >= FEWEST
        assert band.share is None or 0 <= band.share <= 1 + 1e-9
