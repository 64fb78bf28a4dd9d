"""The fold over nights: what may never happen, whatever the nights say."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_scoring_judge import DAY, LONG_AGO, World, judged, told

from scoring.judge import judge
from scoring.records import BALANCED, COMFORT, EARNING, NO_EVIDENCE, THIN_LOGGING, UNDER
from scoring.rules import Rules, preset
from scoring.state import NightRow, advance, entry, settle

RULES = Rules()
Night = tuple[float, float, float, str]
NIGHTS = st.lists(
    st.tuples(
        st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.sampled_from(["", "", "", "", "few", "logging", "owner"])
    ),
    min_size=1,
    max_size=90,
)


def fold(nights: Sequence[Night], rules: Rules = RULES, grade: str = "B") -> list[NightRow]:
    """The rows of one account, night after night."""
    rows: list[NightRow] = []
    for n, (over, under, shallow, gate) in enumerate(nights):
        target = entry(gate, over, under, shallow, grade, rules)
        row = NightRow("A", DAY + n, over, under, shallow, gate, grade, target, target, DAY + n, 0)
        rows.append(settle(rows[-1], row, rules) if rows else row)
    return rows


@settings(max_examples=200, deadline=None)
@given(nights=NIGHTS)
def test_a_comfort_zone_never_stands_below_the_evidence_gate(nights: list[Night]) -> None:
    assert not [
        r for r in fold(nights) if r.state == COMFORT and r.gate not in ("",) and r.target in (NO_EVIDENCE, THIN_LOGGING)
    ]


@settings(max_examples=200, deadline=None)
@given(nights=NIGHTS)
def test_a_comfort_zone_is_entered_only_after_nights_in_a_row_that_point_at_it(nights: list[Night]) -> None:
    """A first night has none before it: there the state is what the night says."""
    rows = fold(nights)
    for n in range(1, len(rows)):
        if rows[n].state == COMFORT != rows[n - 1].state:
            assert [r.target for r in rows[max(0, n - RULES.nights_in + 1) : n + 1]] == [COMFORT] * RULES.nights_in


@settings(max_examples=200, deadline=None)
@given(nights=NIGHTS)
def test_states_of_evidence_stay_for_the_dwell_unless_evidence_goes(nights: list[Night]) -> None:
    rows = fold(nights)
    for before, after in pairwise(rows):
        if before.state != after.state and after.state not in (NO_EVIDENCE, THIN_LOGGING):
            judged_before = before.state not in (NO_EVIDENCE, THIN_LOGGING)
            assert not judged_before or after.day - before.since >= RULES.dwell_days


@settings(max_examples=100, deadline=None)
@given(nights=NIGHTS, again=st.integers(0, 89))
def test_a_night_run_again_gives_the_same_row(nights: list[Night], again: int) -> None:
    """The fold has no memory but the row before."""
    cut = again % len(nights) + 1
    assert fold(nights)[:cut] == fold(nights[:cut])


def test_missing_evidence_has_no_since_of_its_own_while_it_lasts() -> None:
    rows = fold([(0.9, 0, 0.9, "few")] * 3)
    assert [(r.state, r.since) for r in rows] == [(NO_EVIDENCE, DAY)] * 3


def test_a_snooze_ends_a_comfort_zone_at_once_and_keeps_it_away() -> None:
    w = World().book()
    w.account("x", hours=60, revenue=3_000)
    j = judged(w)
    [before] = [r for r in advance({}, j, RULES) if r.account_id == "x"]
    assert before.state == COMFORT
    w.rows["accounts"][-1]["ours"] = '{"snooze_until":"2030-01-01"}'
    rows = advance({"x": before._replace(day=DAY - 1)}, judged(w), RULES)
    assert [r.state for r in rows if r.account_id == "x"] == [BALANCED]


def test_an_account_with_nothing_to_go_by_has_no_grade_and_no_flag() -> None:
    """No revenue, no offer, no size; the grade comes with the first fact, and the old one holds within its slack."""
    w = World().book()
    w.account("x", hours=60, revenue=0, facts={"employees": None})
    j = judged(w)
    [row] = [r for r in advance({}, j, RULES) if r.account_id == "x"]
    assert (row.grade, row.state) == ("?", BALANCED)
    known = World().book()
    known.account("x", hours=60, revenue=3_000)
    [later] = [r for r in advance({"x": row._replace(day=DAY - 1)}, judged(known), RULES) if r.account_id == "x"]
    assert later.grade == "C"


def test_a_grade_holds_within_its_slack_and_not_beyond() -> None:
    w = World().book(19)
    w.account("x", hours=10, revenue=11_350)
    j = judged(w)
    i = j.frame.ids.index("x")
    edge = float(j.rank[i])
    rules = preset("normal", grade_a=edge + 0.02, grade_b=0.3)
    held = advance({"x": NightRow("x", DAY - 1, 0, 0, 0, "", "A", BALANCED, BALANCED, DAY - 9, 0)}, j, rules)
    assert held[i].grade == "A"
    assert advance({}, j, rules)[i].grade == "B"
    lost = advance({"x": NightRow("x", DAY - 1, 0, 0, 0, "", "C", BALANCED, BALANCED, DAY - 9, 0)}, j, rules)
    assert lost[i].grade == "B"


@pytest.mark.parametrize(
    ("gate", "numbers", "grade", "state"),
    [
        ("logging", (1, 0, 1), "A", THIN_LOGGING),
        ("young", (1, 0, 1), "A", NO_EVIDENCE),
        ("few", (0, 0.9, 0), "A", UNDER),
        ("few", (0, 0.9, 0), "C", NO_EVIDENCE),
        ("", (0.9, 0, 0.9), "C", COMFORT),
        ("", (0.9, 0, 0.9), "?", BALANCED),
        ("", (0.9, 0, 0.1), "C", EARNING),
        ("", (0.9, 0, 0.26), "C", BALANCED),
    ],
)
def test_the_entry_rule(gate: str, numbers: tuple[float, float, float], grade: str, state: str) -> None:
    assert entry(gate, *numbers, grade, RULES) == state


def test_an_unknown_preset_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="preset 'bold' is unknown; valid are cautious, normal, sensitive"):
        preset("bold")


def test_a_small_book_is_not_judged_and_an_empty_firm_is_no_error() -> None:
    w = World().book()
    w.add("owners", id="V", active=True, started_at=LONG_AGO)
    for n in range(3):
        w.account(f"V{n}", hours=40, facts={"owner_id": "V"})
        w.rows["minutes"][-1]["person"] = "V"
    assert "book is too small" in told(w)["V1"].reasons[0].text
    assert judge(World().facts(), DAY, "EUR", RULES).fair.shape == (0,)


def test_time_that_belongs_to_no_account_counts_for_its_person_only() -> None:
    w = World().book()
    w.account("x", hours=10)
    w.add("minutes", person="U", account_id=None, seconds=36_000, activities=4, measured_seconds=0, meetings=0, mails=0,
          last_at=LONG_AGO)  # fmt: skip
    w.add(
        "minutes", person="U", account_id="x", seconds=0, activities=0, measured_seconds=0, meetings=0, mails=0, last_at=None
    )
    j = judged(w)
    assert j.effort.minutes[-1] == 600
    assert j.effort.a_day[-1] > j.effort.minutes.sum() / 180 * 7 / 5
