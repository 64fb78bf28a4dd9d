"""Plan, stop, apply: what is written, when, and what is left alone."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from assay.night import plan as publish
from assay.night.options import Bands
from assay.night.plan import Money, Plan, plan, written_text
from assay.night.write import apply
from connectors.errors import QuotaExhausted
from connectors.port import Sending
from scoring.records import WRITTEN, FieldUpdate, Reason, Score, WriteResult

EUR = Money("EUR")
BANDS = Bands(hours=1.0, share=0.10, points=5)


def score(account: str = "A1", **changes: Any) -> Score:
    values: dict[str, Any] = dict.fromkeys(Score.__dataclass_fields__, 0.0)
    values |= {"account_id": account, "name": "Acme", "owner_id": "U1", "state": "Balanced", "state_since": 20000}
    values |= {
        "potential": 12000.4,
        "grade": "B",
        "hours": 10.04,
        "fair_hours": 8.0,
        "confidence": 60,
        "currency": "EUR",
    }
    values |= {
        "reasons": (Reason("T1", "10 h of 8 h."),),
        "next_step": "",
        "coverage": {},
        "evidence": {},
        "as_of": 20100,
    }
    return Score(**(values | changes))


def held(**changes: Any) -> dict[str, Any]:
    values = dict(publish.field_values(score(), EUR)) | changes
    return {m: v for m, v in values.items() if v is not None}


def changes(old: dict[str, Any], new: Score, money: Money = EUR) -> dict[str, Any]:
    made = plan([new], {"A1": old}, money, BANDS)
    return dict(made.updates[0].values) if made.updates else {}


def test_a_verdict_the_crm_already_holds_is_not_written() -> None:
    assert changes(held(), score()) == {}


def test_an_account_without_our_values_gets_all_that_are_not_empty() -> None:
    assert set(WRITTEN) - {"next_step"} == set(changes({}, score()))


def test_a_number_inside_its_band_is_left_alone() -> None:
    """Otherwise every account would change a little every night."""
    drift = score(hours=10.9, fair_hours=8.9, potential=13100.0, confidence=64)
    assert changes(held(), drift) == {}
    assert plan([drift], {"A1": held()}, EUR, BANDS).within_band == 1


@pytest.mark.parametrize(("moved", "to"), [("hours", 11.2), ("fair_hours", 9.2), ("potential", 13300.0), ("confidence", 71)])
def test_a_number_outside_its_band_takes_the_small_changes_along(moved: str, to: float) -> None:
    """One write then brings the whole account up to date."""
    texts = {"reasons": (Reason("T1", "another text."),)}
    assert {moved, "reason"} == set(changes(held(), score(**{moved: to}, **texts)))


def test_potential_is_left_alone_within_a_tenth_of_its_own_range() -> None:
    """Whoever says 5 to 45 thousand has nothing new to say at 15 instead of 12 (docs/adr/0024)."""
    wide = {"potential_low": 5_000.0, "potential_high": 45_000.0}
    assert changes(held(), score(potential=15_900.0, **wide)) == {}
    assert changes(held(), score(potential=16_100.0, **wide)) == {"potential": 16_100}
    dollars = Money("EUR", {"EUR": 1_000_000, "USD": 2_000_000}, {"A1": "USD"})
    assert changes(held(potential=24_000), score(potential=15_900.0, **wide), dollars) == {}


@pytest.mark.parametrize(("state", "to"), [("Comfort zone", 66), ("Earning its time", 66), ("Under-worked", 66),
                                           ("Balanced", 71), ("Not enough evidence", 71)])  # fmt: skip
def test_confidence_has_half_the_band_where_something_is_claimed(state: str, to: int) -> None:
    assert changes(held(state=state), score(state=state, confidence=to - 1)) == {}
    assert changes(held(state=state), score(state=state, confidence=to)) == {"confidence": to}


STEP = 'Ask for a decision on "Offer 7", open 40 days.'


@pytest.mark.parametrize(
    ("now", "written"),
    [
        ('Ask for a decision on "Offer 7", open 51 days.', False),  # the same step, eleven nights later
        ('Ask for a decision on "Offer 8", open 40 days.', True),  # offer 7 was decided
        ("Meet a director: none of them was met yet.", True),
    ],
)
def test_a_claim_is_told_anew_when_it_is_told_in_other_words(now: str, written: bool) -> None:
    """Nobody may be sent to ask for a decision that was made last week; a count in a sentence may wait."""
    claimed = {"state": "Comfort zone"}
    before = held(**claimed, next_step=STEP)
    assert changes(before, score(**claimed, next_step=now)) == ({"next_step": now} if written else {})
    assert changes(held(next_step=STEP), score(next_step=now)) == {}


@pytest.mark.parametrize("flag", [{"state": "Comfort zone"}, {"grade": "A"}, {"state_since": 20050}])
def test_a_new_state_date_or_grade_is_always_written(flag: dict[str, Any]) -> None:
    assert changes(held(), score(**flag, hours=10.5)).keys() >= {"hours"}


def test_a_text_alone_is_no_reason_to_write() -> None:
    """Reasons repeat the numbers; they are rewritten together with them."""
    assert changes(held(), score(reasons=(Reason("T1", "10.2 h of 8 h."),))) == {}


def test_a_value_that_is_no_longer_ours_to_say_is_cleared() -> None:
    assert changes(held(next_step="Meet finance."), score(state="Comfort zone", next_step="")) == {
        "state": "Comfort zone",
        "next_step": None,
    }


def test_potential_is_written_in_the_accounts_own_currency() -> None:
    """One euro is 1.1 dollars here; the account counts in dollars (docs/facts/running.md, "Money")."""
    money = Money("EUR", {"EUR": 1_000_000, "USD": 1_100_000}, {"A1": "USD"})
    assert changes({}, score(potential=12000.0), money)["potential"] == 13200


def test_the_plan_is_sorted_and_empty_once_it_is_applied() -> None:
    verdicts = [score("A3"), score("A1"), score("A2")]
    made = plan(verdicts, {}, EUR, BANDS)
    assert [u.account_id for u in made.updates] == ["A1", "A2", "A3"]
    now_held = {u.account_id: dict(u.values) for u in made.updates}
    assert plan(verdicts, now_held, EUR, BANDS).updates == ()


def test_a_pilot_writes_only_its_accounts_and_counts_the_others() -> None:
    made = plan([score("A1"), score("A2")], {}, EUR, BANDS, only=("A2",))
    assert [u.account_id for u in made.updates] == ["A2"]


def test_a_first_verdict_is_no_flag_change_and_a_new_state_is() -> None:
    assert plan([score()], {}, EUR, BANDS).flags_changed == 0
    assert plan([score(state="Comfort zone")], {"A1": held()}, EUR, BANDS).flags_changed == 1


class Recording:
    """A CRM that says what it would do and refuses every fifth row."""

    def write(self, updates: Sequence[FieldUpdate]) -> Iterator[Sending | WriteResult]:
        for start in range(0, len(updates), 200):
            part = updates[start : start + 200]
            yield Sending(tuple(u.account_id for u in part), "")
            yield from (WriteResult(u.account_id, ok=i % 5 != 4, code="RULE") for i, u in enumerate(part))


def test_every_row_is_announced_before_and_settled_after_its_call() -> None:
    """What was announced and not settled is exactly what a crash leaves open."""
    updates = tuple(FieldUpdate(f"A{n:04}", {"grade": "A"}) for n in range(450))
    said: list[tuple[str, int]] = []
    apply(
        Plan(updates, 450, 0, 0),
        Recording(),  # type: ignore[arg-type]
        lambda ids, _token: said.append(("sending", len(ids))),
        lambda results: said.append(("settled", len(results))),
        lambda: said.append(("look", 0)),
    )
    look = ("look", 0)
    assert said == [look, ("sending", 200), ("settled", 200), look, ("sending", 200), ("settled", 200), look,
                    ("sending", 50), ("settled", 50)]  # fmt: skip


class Breaking(Recording):
    def write(self, updates: Sequence[FieldUpdate]) -> Iterator[Sending | WriteResult]:
        for n, said in enumerate(super().write(updates)):
            if n == 150:
                raise QuotaExhausted("used up")
            yield said


def test_what_was_heard_before_a_write_broke_off_is_settled() -> None:
    updates = tuple(FieldUpdate(f"A{n:04}", {"grade": "A"}) for n in range(450))
    settled: list[WriteResult] = []
    with pytest.raises(QuotaExhausted):
        apply(Plan(updates, 450, 0, 0), Breaking(), lambda *_: None, settled.extend)  # type: ignore[arg-type]
    assert len(settled) == 149


def test_an_account_that_was_refused_waits_for_its_night() -> None:
    made = plan([score("A1"), score("A2")], {}, EUR, BANDS, waiting={"A2"})
    assert ([u.account_id for u in made.updates], made.waiting) == (["A1"], 1)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=HYPERLINK(1)", "HYPERLINK(1)"),
        (" -+@x", "x"),
        ("\t＝1", "1"),
        ("a\nb\r\n c", "a b c"),
        ("12 h of 8 h.", "12 h of 8 h."),
        ("", ""),
        ("e\u202eb", "e\ufffdb"),
    ],
)
def test_a_text_for_the_crm_is_one_line_and_no_formula(text: str, written: str) -> None:
    """Reports of a CRM are exported to spreadsheets."""
    assert written_text(text) == written


def test_a_text_is_cut_as_salesforce_counts() -> None:
    """An emoji is two characters there; half of one would be none."""
    assert written_text("x" * 300) == "x" * 255
    assert written_text("😀" * 200) == "😀" * 127
    assert len(written_text("a" + "😀" * 200).encode("utf-16-le")) == 2 * 255
