"""The report's sections on reallocation, tenure and proof; and the command's way out of mistakes."""

import json
from pathlib import Path
from typing import Any

import warm

from assay.report import Report, render_html, render_json
from scoring.proof.learned import Calibration
from scoring.proof.stored import Proof
from scoring.records import BALANCED, COMFORT, UNDER, Score

DAY = 20_780


def score(account: str, state: str = BALANCED, **given: Any) -> Score:
    values: dict[str, Any] = {
        "account_id": account, "name": f"Firm {account}", "owner_id": "R0", "state": state, "state_since": DAY, "expected": 100.0,
        "expected_low": 50.0, "expected_high": 200.0, "headroom": 50.0, "potential": 150.0, "potential_low": 80.0,
        "potential_high": 300.0, "trailing_12m": 90.0, "currency": "EUR", "grade": "B", "hours": 10.0, "hours_low": 8.0,
        "hours_high": 12.0, "fair_hours": 10.0, "hours_gap": 0.0, "p_over": 0.5, "p_under": 0.5, "p_shallow": 0.5, "confidence": 5,
        "reasons": (), "next_step": "", "coverage": {}, "evidence": {}, "as_of": DAY, "model_version": "1",
    }  # fmt: skip
    return Score(**(values | given))


def report(**given: Any) -> Report:
    rows = [
        score("c", COMFORT, hours=34.0),
        score("u", UNDER, hours=1.0),
        *(score(f"o{n}", owner_id=f"R{n}") for n in range(6)),
    ]
    started = {f"R{n}": DAY - 500 for n in range(6)}
    return Report("Org", "salesforce", DAY, "EUR", rows, started=started, **given)


LEARNED = Calibration(bands=((-1, 1),) * 3, coverage=0.79, coverage_forward=0.7, cuts=3, horizon_days=182, accounts=900)
ROWS = {"rho.expected": 0.7, "top.expected": 0.3, "rho.size": 0.6, "top.size": 0.2, "gap.size": 0.1, "gap_low.size": 0.05,
        "gap_high.size": 0.15, "ideal": 0.4}  # fmt: skip


def test_the_plan_tells_hours_and_ranges_and_never_calls_itself_the_best() -> None:
    page = render_html(report())
    plan = page.split('<section id="plan">')[1].split("</section>")[0]
    assert "9.0 hours could go from comfort zones to under-worked accounts of the same owner" in plan
    assert "15.0 more hours lie above their share" in plan
    assert "not the best possible plan" in plan
    assert "optimal" not in page.lower()
    assert "R0" not in plan  # accounts are named, people are not
    told = render_json(report())["reallocation"]
    assert (told["hours"], told["left_over"]) == (9.0, 15.0)
    assert set(told["at_stake"]) == {"low", "middle", "high"}


def test_tenure_is_told_by_bands_of_five_people_or_more() -> None:
    told = render_json(report())["comfort_share_by_tenure"]
    assert [(b["first_year"], b["people"]) for b in told] == [(0, None), (1, 6), (3, None), (7, None)]
    page = render_html(report())
    assert "fewer than 5" in page
    assert "withheld" in page


def test_without_a_pair_in_a_book_nothing_could_move() -> None:
    made = Report("Org", "salesforce", DAY, "EUR", [score("c", COMFORT, hours=34.0)])
    assert "nothing could move without an account changing hands" in render_html(made)


def test_the_proof_is_shown_once_a_night_has_made_it() -> None:
    page = render_html(report(proof=Proof.of(DAY, LEARNED.rows() | ROWS)))
    assert "Expected revenue ranked the accounts better than every simple baseline" in page
    assert "79\u00a0%" in page
    assert 'id="proof"' not in render_html(report())
    short = render_html(report(proof=Proof.of(DAY, Calibration().rows())))
    assert "Nothing is claimed" in short
    record = render_json(report(proof=Proof.of(DAY, LEARNED.rows() | ROWS)))["proof"]
    assert record["calibration"]["coverage"] == 0.79
    assert json.dumps(record, allow_nan=False)


def test_a_backtest_before_any_night_and_a_cut_that_is_no_date_are_one_line(tmp_path: Path) -> None:
    config = tmp_path / "assay.toml"
    config.write_text(f'[database]\nurl = "sqlite:///{tmp_path}/assay.db"\n')
    for arguments, words in (((), "nothing to test yet"), (("--cut", "soon"), "--cut 'soon' is no date")):
        done = warm.run("--config", str(config), "backtest", *arguments)
        assert done.returncode == 2, done.stderr
        [line] = done.stderr.splitlines()
        assert words in line
        assert "Fix:" in line


def test_answers_are_counted_and_nobody_is_named() -> None:
    said: dict[str, dict[str, Any]] = {
        "c": {"answer": "Disagree", "answer_noted": True},
        "u": {"potential_override": 5.0},
        "o0": {"answer": "Renewal or project", "snooze_until": "2099-01-01"},
        "o1": {"snooze_until": "2001-01-01"},
        "o2": {"answer": "<b>Their own</b>"},
        "gone": {"answer": "Agree"},
    }
    told = render_json(report(said=said))["answers"]
    assert told["says"] == "Disputed by a person: 1 of 1 comfort zone (100\u00a0%)."
    assert [(k["what"], k["accounts"], k["comfort"]) for k in told["kinds"]] == [
        ("Disagree", 1, 1), ("Renewal or project", 1, 0), ("Potential corrected", 1, 0), ("Snoozed", 1, 0), ("<b>Their own</b>", 1, 0),
    ]  # fmt: skip
    page = render_html(report(said=said)).split('<section id="answers">')[1].split("</section>")[0]
    assert "Potential corrected" in page
    assert "<b>Their own" not in page


def test_before_the_first_answer_and_without_a_comfort_zone_the_section_says_so() -> None:
    assert "Nobody has answered a verdict yet." in render_html(report())
    calm = Report("Org", "salesforce", DAY, "EUR", [score("a")], said={"a": {"answer": "Agree"}})
    assert "No comfort zone stands tonight" in render_html(calm)
