"""Every safety rule on both sides of its edge, and what lifts it."""

import re
from pathlib import Path
from typing import Any

import pytest

from assay.night import stops
from assay.night.stops import Finding, Limits, Stopped

ROOT = Path(__file__).parent.parent
LIMITS = Limits()
PAST = [{"account": n} for n in (900, 1000, 1000, 1000, 1000, 1000, 1100)]
FIELDS = {"state": "picklist Balanced", "hours": "double precision 9"}
SCORE = {"model": "1", "enter": 0.45}
ORG = {"external_id": "00D1", "sandbox": True}

EDGES: list[tuple[str, Any, Any]] = [
    ("org-changed", stops.org_changed(ORG, ORG), stops.org_changed(ORG, ORG | {"external_id": "00D2"})),
    ("org-changed", stops.org_changed(ORG, ORG), stops.org_changed(ORG, ORG | {"sandbox": False})),
    ("row-count", stops.row_count({"account": 500}, PAST, LIMITS), stops.row_count({"account": 499}, PAST, LIMITS)),
    ("row-count", stops.row_count({"account": 4000}, PAST, LIMITS), stops.row_count({"account": 4001}, PAST, LIMITS)),
    ("flag-change", stops.flag_change(200, 1000, LIMITS), stops.flag_change(201, 1000, LIMITS)),
    ("flag-change", stops.flag_change(10, 12, LIMITS), stops.flag_change(11, 12, LIMITS)),
    ("rejects", stops.rejects(50, 200, LIMITS), stops.rejects(51, 200, LIMITS)),
    ("rejects", stops.rejects(10, 10, LIMITS), stops.rejects(11, 11, LIMITS)),
    ("fields-changed", stops.fields_changed(FIELDS, FIELDS | {"grade": "new"}),
     stops.fields_changed(FIELDS, FIELDS | {"hours": "string length 255"})),
    ("clock-skew", stops.clock_skew(60, LIMITS), stops.clock_skew(61, LIMITS)),
    ("clock-skew", stops.clock_skew(-60, LIMITS), stops.clock_skew(-61, LIMITS)),
    ("score-changed", stops.score_changed(SCORE, dict(SCORE)), stops.score_changed(SCORE, SCORE | {"enter": 0.35})),
    ("score-changed", stops.score_changed({}, SCORE), stops.score_changed(SCORE, {"model": "2", "enter": 0.45})),
    ("undo-hold", stops.undo_hold(None), stops.undo_hold("run 3 was undone on 2026-06-01")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "holds", "broken"), EDGES)
def test_a_rule_holds_up_to_its_edge_and_not_beyond(rule: str, holds: Any, broken: Finding) -> None:
    assert holds is None
    assert broken.rule == rule
    with pytest.raises(Stopped, match=rf"rule {rule}: .*Fix: .*--allow {rule}"):
        stops.raise_unless([broken], ())
    assert stops.raise_unless([broken], (rule,)) == [f"rule {rule} was lifted for this run: {broken.said}"]


def test_what_is_seen_is_named() -> None:
    said = {e[0]: e[2].said for e in EDGES}
    assert "4,001 of kind account where 1,000 are usual" in said["row-count"]
    assert "model: 1 -> 2" in said["score-changed"]
    assert "hours was 'double precision 9' and is 'string length 255'" in said["fields-changed"]
    assert "61 s behind" in said["clock-skew"]


def test_a_kind_without_a_past_or_with_a_handful_of_rows_is_no_reason() -> None:
    assert stops.row_count({"contact": 5}, PAST, LIMITS) is None
    assert stops.row_count({"account": 0}, [{"account": 10}], LIMITS) is None
    assert stops.row_count({"account": 5000}, [], LIMITS) is None
    assert stops.clock_skew(None, LIMITS) is None


def test_all_findings_are_told_at_once_and_lifting_one_does_not_lift_the_other() -> None:
    found = [Finding("clock-skew", "61 s"), Finding("flag-change", "all of them")]
    with pytest.raises(Stopped, match="--allow clock-skew --allow flag-change"):
        stops.raise_unless(found, ())
    with pytest.raises(Stopped) as caught:
        stops.raise_unless(found, ("clock-skew",))
    assert [f.rule for f in caught.value.findings] == ["flag-change"]


def test_every_finding_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    stops.raise_unless([Finding("clock-skew", "61 s")], ("clock-skew",))
    with pytest.raises(Stopped):
        stops.raise_unless([Finding("flag-change", "all")], ())
    assert [r.getMessage() for r in caplog.records] == ["allowed rule=clock-skew 61 s", "stopped rule=flag-change all"]


def test_a_name_that_is_no_rule_is_an_error_that_knows_the_nearest() -> None:
    assert stops.unknown(stops.NAMES) == []
    assert "did you mean flag-change?" in stops.unknown(["flag-chnage"])[0]
    assert "first-run" in stops.unknown(["xyz"])[0]


def test_the_page_shows_the_rules_as_they_are() -> None:
    page = (ROOT / "docs" / "writing.md").read_text()
    table = page.partition("## Safety stops")[2].partition("\n## ")[0]
    rows = [f"| `{rule.name}` | {rule.default} | {rule.wants} |" for rule in stops.RULES]
    assert [line for line in table.splitlines() if line.startswith("| `")] == rows


def test_no_page_names_their_number() -> None:
    """Three pages named three numbers once; the table counts itself."""
    number = re.compile(
        r"\b(?:\d+|six|seven|eight|nine|ten|eleven|twelve)(?: named)?(?: safety)? (?:rules|stops)\b", re.IGNORECASE
    )
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        assert not number.findall(page.read_text()), page
