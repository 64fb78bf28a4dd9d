"""What the commands print: safe in a spreadsheet, in a terminal and in a program."""

import csv
import io
import json
import math
import re
from typing import Any

import pytest

from assay.report.plan_page import plan_html
from assay.text.explain import explain_json, explain_text
from assay.text.plan import plan_csv, plan_json, plan_table
from assay.text.scores import FIELDS, scores_csv, scores_jsonl, scores_table
from assay.text.terminal import Look, look_of
from scoring.records import BALANCED, COMFORT, UNDER, FieldUpdate, Reason, Score

DAY = 20_780  # 2026-11-23
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", '=HYPERLINK("//x")']
PLAIN = Look(200)
INTERFACE = (
    "crm, account_id, name, owner_id, state, state_since, expected, expected_low, expected_high, headroom, potential, "
    "potential_low, potential_high, trailing_12m, currency, grade, hours, hours_low, hours_high, fair_hours, hours_gap, "
    "p_over, p_under, p_shallow, confidence, reasons, next_step, coverage, evidence, as_of, model_version"
)


def score(**given: Any) -> Score:
    values: dict[str, Any] = {
        "account_id": "a1", "name": "Northwind", "owner_id": "rep1", "state": COMFORT, "state_since": DAY - 9,
        "expected": 1234.0, "expected_low": 1000.0, "expected_high": 2000.0, "headroom": 100.0, "potential": 4321.5,
        "potential_low": 3000.0, "potential_high": 9000.0, "trailing_12m": 777.0, "currency": "EUR", "grade": "B",
        "hours": 12.25, "hours_low": 10.0, "hours_high": 14.0, "fair_hours": 15.5, "hours_gap": -3.25, "p_over": 0.91234,
        "p_under": 0.01, "p_shallow": 0.5, "confidence": 61, "reasons": (Reason("T1", "too long"), Reason("D1", "same")),
        "next_step": "ask", "coverage": {"book": 0.5, "email": None}, "evidence": {"activities": 9},
        "as_of": DAY, "model_version": "1",
    }  # fmt: skip
    return Score(**(values | given))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


UPDATES = [
    FieldUpdate("a1", {"hours": 12.5, "state": COMFORT, "next_step": None}, {"state": BALANCED, "next_step": "go"}, "why1"),
    FieldUpdate("a2", {"since": "2026-11-23"}, {}, "why2"),
]
NAMES = {"a1": "Northwind"}


def test_scores_have_the_fields_of_the_interface_in_their_order() -> None:
    wanted = INTERFACE.split(", ")
    assert list(FIELDS) == wanted
    assert list(rows(scores_csv({"salesforce": [score()]}))[0]) == wanted
    assert list(json.loads(scores_jsonl({"salesforce": [score()]}))) == wanted


def test_dates_are_iso_and_reasons_keep_code_and_text() -> None:
    line = json.loads(scores_jsonl({"salesforce": [score()]}))
    assert (line["as_of"], line["state_since"]) == ("2026-11-23", "2026-11-14")
    assert line["reasons"] == [{"code": "T1", "text": "too long"}, {"code": "D1", "text": "same"}]
    assert rows(scores_csv({"salesforce": [score()]}))[0]["reasons"] == "T1: too long | D1: same"


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_text_can_be_a_formula(text: str) -> None:
    evil = score(name=text, next_step=text, owner_id=text, grade=text, coverage={text: text})
    cells = rows(scores_csv({"salesforce": [evil]}))[0]
    update = [FieldUpdate(text, {"reason": text}, {"reason": text}, text)]
    for cell in [*cells.values(), *rows(plan_csv(update, {text: text}))[0].values()]:
        assert not re.match(r"\s*[=+@＝]|\s*-(?!\d+(\.\d+)?$)", cell) or cell == cells["hours_gap"]
    assert cells["name"] == f"'{text}".replace("\r", "\n")
    assert cells["model_version"] == "1"


def test_negative_numbers_stay_numbers() -> None:
    assert float(rows(scores_csv({"salesforce": [score()]}))[0]["hours_gap"]) == -3.25


def test_text_survives_quotes_commas_and_new_lines() -> None:
    name = 'Smith, "Sons"\n& Co; 🚀'
    assert rows(scores_csv({"salesforce": [score(name=name)]}))[0]["name"] == name
    assert json.loads(scores_jsonl({"salesforce": [score(name=name)]}))["name"] == name


def test_two_crms_share_one_header() -> None:
    both = {"salesforce": [score()], "hubspot": [score(account_id="7")]}
    assert [r["crm"] for r in rows(scores_csv(both))] == ["salesforce", "hubspot"]
    assert len(scores_jsonl(both).splitlines()) == 2


def test_what_is_not_a_number_is_empty_or_null() -> None:
    broken = score(potential=math.nan, hours_high=math.inf, coverage={"book": math.nan})
    assert rows(scores_csv({"salesforce": [broken]}))[0]["potential"] == ""
    for text in (scores_jsonl({"s": [broken]}), explain_json("s", broken, {"x": [{"n": math.nan}]})):
        assert not re.search("NaN|Infinity", text)
    assert "nan" not in scores_table({"s": [broken]}, PLAIN) + explain_text("s", broken, {})


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_table_keeps_to_the_width_and_shows_trailing_revenue_beside_expected_and_potential(width: int) -> None:
    text = scores_table({"salesforce": [score(name="A long name of a firm " * 5)]}, Look(width))
    if width >= 80:
        assert max(map(len, text.splitlines())) <= width
    if width >= 120:
        assert {"777", "1,234", "4,322"} <= set(text.split())


def test_without_colour_there_is_no_escape_code_and_with_it_there_is() -> None:
    assert "\x1b" not in scores_table({"salesforce": [score(name="\x1b[31mred\x9b")]}, PLAIN)
    assert "\x1b[" in scores_table({"salesforce": [score(state=UNDER)]}, Look(120, colour=True))


def test_states_have_a_sign_so_that_colour_never_speaks_alone() -> None:
    text = scores_table({"salesforce": [score(), score(state=UNDER)]}, PLAIN)
    assert f"■ {COMFORT}" in text
    assert f"▲ {UNDER}" in text


def test_a_name_in_brackets_is_a_name_and_no_markup() -> None:
    assert "[bold]x[/bold]" in scores_table({"salesforce": [score(name="[bold]x[/bold]")]}, PLAIN)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_no_color_and_dumb_terminals_and_pipes_turn_colour_off() -> None:
    assert look_of(Screen(), {}).colour
    assert not look_of(Screen(), {"NO_COLOR": "1"}).colour
    assert look_of(Screen(), {"NO_COLOR": ""}).colour
    assert not look_of(Screen(), {"TERM": "dumb"}).colour
    assert not look_of(io.StringIO(), {}).colour


def test_a_plan_says_old_new_and_why_for_each_field_in_reading_order() -> None:
    found = json.loads(plan_json(UPDATES, NAMES))
    assert [(r["name"], r["field"], r["old"], r["new"], r["why"]) for r in found] == [
        ("Northwind", "state", BALANCED, COMFORT, "why1"),
        ("Northwind", "hours", None, 12.5, "why1"),
        ("Northwind", "next_step", "go", None, "why1"),
        ("", "since", None, "2026-11-23", "why2"),
    ]
    assert [r["field"] for r in rows(plan_csv(UPDATES, NAMES))] == ["state", "hours", "next_step", "since"]


def test_a_plan_as_table_and_page_holds_every_value() -> None:
    for text in (plan_table(UPDATES, NAMES, PLAIN), plan_html(UPDATES, NAMES, "Org")):
        for said in ("Northwind", BALANCED, COMFORT, "12.5", "2026-11-23", "why1", "why2", "a2", "2 accounts would be"):
            assert said in text
    assert plan_table([], {}) == "Nothing would be written.\n"


def test_a_plan_page_escapes_and_asks_no_one_for_anything() -> None:
    evil = "<script>x</script>"
    page = plan_html([FieldUpdate(evil, {"reason": evil}, {"reason": evil}, evil)], {evil: evil}, evil)
    assert "<script" not in page
    assert not re.search(r"https?:|url\(|\bsrc=", page)


def test_an_explanation_shows_numbers_reasons_and_the_records_behind_them() -> None:
    records = {"Activities": [{"id": "00U1", "raw": 3600, "counted": 2700, "how": "split"}], "Opportunities": []}
    text = explain_text("salesforce", score(), records, "Anna", PLAIN)
    for said in ("777", "1,234", "4,322", "1,000–2,000", "3,000–9,000", "12.2", "15.5", "-3.2", "91", "T1  too long"):
        assert said in text, said
    for said in ("Anna", "next  ask", "00U1", "3,600", "2,700", "split", "Opportunities (0)"):
        assert said in text, said
    whole = json.loads(explain_json("salesforce", score(), records, "Anna"))
    assert whole["records"] == records
    assert whole["potential"] == 4321.5


def test_the_same_input_gives_the_same_text() -> None:
    assert scores_table({"s": [score()]}, PLAIN) == scores_table({"s": [score()]}, PLAIN)
    one, other = score(coverage={"a": 1.0, "b": 2.0}), score(coverage={"b": 2.0, "a": 1.0})
    assert scores_csv({"s": [one]}) == scores_csv({"s": [other]})


def test_an_activity_says_where_its_seconds_went() -> None:
    row = {"id": "E1", "kind": "meeting", "seconds": 7200, "claimed": 7200, "counted": 1800, "clipped": 0, "lost": 3600,
           "capped": 600, "elsewhere": 1200, "left_out": 0, "rule": "overlap", "code": "capped"}  # fmt: skip
    text = " ".join(explain_text("salesforce", score(), {"activities": [row]}, "Anna", PLAIN).split())
    for part in ("3600 overlap", "600 over the day's limit", "1200 to other accounts"):
        assert part in text
    assert "left out" not in text
