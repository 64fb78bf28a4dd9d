"""The report page: what it says, and that it opens anywhere and hurts nobody."""

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from builders import DAY, score

from assay.report import Report, RunFacts, render_html, render_json
from assay.report.figures import by_state, movable
from scoring.records import BALANCED, COMFORT, EARNING, NO_EVIDENCE, STATES, THIN_LOGGING, UNDER, Reason, Score

NASTY = "<script>alert(1)</script>\"'&\x00\x1b\u202e\ud800 🚀"
RUN = RunFacts(
    "write",
    {"Account": 4_321},
    57,
    {"pull": 12.3},
    {"no owner": 17},
    [("a1", "LOCKED", "row is locked")],
    198,
    199,
    ["mail is hidden"],
)


def report(scores: list[Score], **given: Any) -> Report:
    owners = {f"rep{n}": f"Owner {n}" for n in range(6)}
    values: dict[str, Any] = {"owners": owners, "run": RUN, **given}
    return Report("Org", "salesforce", DAY, "EUR", scores, **values)


def firm(accounts: int = 60) -> list[Score]:
    return [score(n, STATES[n % len(STATES)]) for n in range(accounts)]


def nasty_report() -> Report:
    scores = [
        replace(s, name=NASTY, reasons=(Reason("T1", NASTY),), next_step=NASTY, grade=NASTY, coverage={NASTY: NASTY})
        for s in firm()
    ]
    run = RunFacts("write", {NASTY: 1}, 1, {NASTY: 1.0}, {NASTY: 1}, [("a1", NASTY, NASTY)], 1, 1, [NASTY])
    made = report(scores, run=run, owners={f"rep{n}": NASTY for n in range(6)}, previous_states={"a1": NASTY})
    return replace(made, org=NASTY, crm=NASTY, currency=NASTY, preset=NASTY)


class Tags(HTMLParser):
    """Collects tags and checks that they close in order."""

    VOID = ("meta", "br", "link", "img")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def drawing(page: str) -> ElementTree.Element:
    found = re.search(r'<svg class="chart".*?</svg>', page, re.S)
    assert found
    return ElementTree.fromstring(found[0])  # noqa: S314 our own output


def test_text_from_the_crm_stays_text_wherever_it_appears() -> None:
    page = render_html(nasty_report())
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not {tag for tag, _ in Tags(page).seen} & {"script", "img", "iframe", "object", "form", "base", "embed"}
    assert not [name for _, attrs in Tags(page).seen for name in attrs if name.startswith("on")]
    assert not re.search("[\x00-\x08\x1b\u202e\ud800]", page)
    page.encode()


def test_every_tag_closes_in_order() -> None:
    for made in (report(firm()), nasty_report(), report([]), report(firm(2_000))):
        assert Tags(render_html(made)).open == []


def test_the_page_asks_no_other_machine_for_anything() -> None:
    page = render_html(report(firm(), previous_states={"a1": BALANCED}))
    assert not re.search(r"https?:|//[a-z]|url\(|@import|\bsrc=", page)
    targets = [attrs["href"] for _, attrs in Tags(page).seen if attrs.get("href")]
    assert all(target.startswith("#") for target in targets if target)
    assert "default-src 'none'" in page


def test_every_link_leads_to_something_on_the_page() -> None:
    for made in (report(firm()), report(firm(700)), report(firm(3_000)), report([])):
        seen = Tags(render_html(made)).seen
        ids = [attrs["id"] for _, attrs in seen if "id" in attrs]
        assert len(ids) == len(set(ids))
        assert {str(attrs["href"])[1:] for _, attrs in seen if attrs.get("href")} <= set(ids)


def test_the_drawing_is_well_formed_and_shows_every_account_with_its_shape_and_words() -> None:
    scores = firm()
    svg = drawing(render_html(report(scores)))
    labels = {s.name: s.state for s in scores}
    marks = [use for use in svg.iter("use") if use.find("title") is not None]
    assert len(marks) == len(scores)
    for use in marks:
        said = use.findtext("title") or ""
        name = said.split(":")[0]
        assert labels[name] in said
        assert use.get("href") == f"#g{STATES.index(labels[name])}"
    assert len(list(svg.iter("a"))) == len(scores)
    shapes = [path.get("d") for path in svg.iterfind("defs/path")]
    assert len(set(shapes)) == len(STATES)


def test_more_time_stands_higher_and_more_potential_further_right() -> None:
    scores = [score(n, potential=10.0 ** (n % 5 + 3), hours=2.0**n) for n in range(1, 10)]
    svg = drawing(render_html(report(scores)))
    at = {}
    for use in svg.iter("use"):
        if label := use.findtext("title"):
            at[label.split(":")[0]] = float(use.attrib["x"]), float(use.attrib["y"])
    for a in scores:
        for b in scores:
            assert (a.hours > b.hours) == (at[a.name][1] < at[b.name][1])
            assert (a.potential > b.potential) == (at[a.name][0] > at[b.name][0])


@pytest.mark.parametrize("accounts", [400, 1_500, 20_000])
def test_the_file_stays_small_and_no_account_is_lost_from_the_drawing(accounts: int) -> None:
    long = "Vereinigte Präzisionswerke Süd " * 8
    scores = [replace(s, name=f"{long}{s.account_id}", reasons=s.reasons * 3) for s in firm(accounts)]
    page = render_html(report(scores))
    assert len(page.encode()) < 300_000
    svg = drawing(page)
    titles = [use.findtext("title") or "" for use in svg.iter("use")]
    tiles = sum(int(said.split()[0].replace(",", "")) for said in titles if re.match(r"[\d,]+ account", said))
    dots = sum(path.attrib["d"].count("M") for path in svg.iterfind("path"))
    marks = sum(": " in said and not re.match(r"[\d,]+ account", said) for said in titles)
    assert tiles + dots + marks == accounts
    assert "assay scores --format csv" in page


def test_each_flagged_account_shows_its_numbers_with_ranges_reasons_and_next_step() -> None:
    scores = [score(41, COMFORT), score(42, UNDER, hours_gap=-2.5), score(43, EARNING)]
    page = render_html(report(scores))
    for s in scores[:2]:
        row = page[page.index(f"<bdi>{s.name}</bdi>") :]
        row = row[: row.index("</tbody>")]
        for amount in (s.expected, s.potential, s.trailing_12m, s.expected_low, s.expected_high, s.potential_high):
            assert f"{amount:,.0f}" in row
        for said in (s.reasons[0].text, s.next_step, f"{s.hours:.1f}", "share 4.0", "confidence 61", "2026-11-14"):
            assert said in row
    for amount in (scores[2].expected, scores[2].potential, scores[2].trailing_12m):
        assert f"{amount:,.0f}" in page


def test_the_headline_adds_up_the_accounts_below_it() -> None:
    scores = [score(1, COMFORT, hours=100.0), score(2, BALANCED, hours=300.0), score(3, UNDER), score(4, UNDER)]
    said = render_json(report(scores))["headline"]
    assert said == "100 of 413 selling hours in 180 days sit in comfort zones; 2 accounts are under-worked."


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([], "There are no accounts to judge yet."),
        ([NO_EVIDENCE, THIN_LOGGING], "None of 2 accounts can be judged yet; the states below say why."),
        ([BALANCED, NO_EVIDENCE], "No comfort zones among 1 judged account; no account is under-worked."),
    ],
)
def test_the_headline_claims_nothing_without_evidence(states: list[str], said: str) -> None:
    made = report([score(n, state) for n, state in enumerate(states)])
    assert render_json(made)["headline"] == said
    assert said in render_html(made)


def test_hours_that_could_move_are_excess_against_shortage_and_stay_within_books() -> None:
    scores = [
        score(0, COMFORT, hours_gap=10.0, owner_id="x"),
        score(1, COMFORT, hours_gap=-1.0, owner_id="y"),
        score(2, UNDER, hours_gap=-4.0, owner_id="x"),
        score(3, UNDER, hours_gap=-8.0, owner_id="y"),
    ]
    found = movable(scores)
    assert (found.above, found.below, found.within_books) == (10.0, 12.0, 4.0)
    assert found.above_low <= found.above_high


def test_hours_by_state_add_up_to_all_hours() -> None:
    sums = by_state(firm())
    assert math.isclose(sum(s.hours for s in sums), sum(s.hours for s in firm()))
    assert math.isclose(sum(s.share for s in sums), 1.0)
    assert [s.state for s in sums] == list(STATES)


def test_what_is_not_a_number_is_said_to_be_unknown() -> None:
    broken = dict.fromkeys(("expected", "potential", "hours", "hours_gap", "trailing_12m"), math.nan)
    broken |= {"potential_high": math.inf, "coverage": {"logging": math.nan}}
    made = report([score(n, STATES[n % 6], **broken) for n in range(12)] + firm())
    page = render_html(made)
    assert not re.search(r"\b(nan|inf)\b", page, re.I)
    assert "unknown" in page
    json.dumps(render_json(made), allow_nan=False)


def test_what_changed_since_the_run_before_is_counted_and_named() -> None:
    scores = [score(1, COMFORT), score(2, COMFORT), score(3, BALANCED)]
    before = {"a1": BALANCED, "a2": BALANCED, "a3": BALANCED, "gone": COMFORT}
    page = render_html(report(scores, previous_states=before))
    assert "2 accounts changed state" in page
    assert [c["account_id"] for c in render_json(report(scores, previous_states=before))["changed"]] == ["a1", "a2"]
    assert "no earlier run" in render_html(report(scores))


def test_the_facts_of_the_run_are_all_there() -> None:
    page = render_html(report(firm()))
    for fact in ("4,321", "57 API calls", "12.3", "no owner", "17", "LOCKED", "row is locked", "mail is hidden", "198"):
        assert fact in page
    assert "Dry run" in render_html(report(firm(), run=replace(RUN, mode="dry")))


def test_owners_are_nowhere_when_they_are_hidden() -> None:
    made = report(firm(), hide_owners=True)
    for text in (render_html(made), json.dumps(render_json(made))):
        assert "Owner" not in re.sub("[Oo]wner's", "", text)
        assert not re.search(r"\brep\d", text)
    assert "Owner 1" in render_html(report(firm()))


def test_books_are_shown_together_and_only_when_no_person_shows_through() -> None:
    few = [score(n, owner_id=f"rep{n % 4}") for n in range(48)]
    assert render_json(report(few))["comfort_share_by_book_quartiles"] is None
    many = [score(n, COMFORT if n < 6 else BALANCED, owner_id=f"rep{n % 6}") for n in range(72)]
    low, middle, high = render_json(report(many))["comfort_share_by_book_quartiles"]
    assert 0 < low <= middle <= high < 1


def test_coverage_has_one_voice_a_book_and_says_how_many_are_thin_or_unknown() -> None:
    seen = [("x", 0.9, "recorded"), ("x", 0.9, "assumed"), ("y", 0.2, "assumed"), ("z", None, "assumed")]
    scores = [score(n, owner_id=o, coverage={"logging": v, "owner": w}) for n, (o, v, w) in enumerate(seen)]
    found = {m["name"]: m for m in render_json(report(scores))["coverage"]["measures"]}
    logging = found["logging"]
    assert (logging["books"], logging["known"], logging["thin"], logging["middle"]) == (3, 2, 1, pytest.approx(0.55))
    assert found["owner"]["words"] == {"assumed": 3, "recorded": 1}
    assert "assumed: 3 accounts, recorded: 1 account" in render_html(report(scores))


def test_the_word_optimal_is_never_used() -> None:
    assert "optimal" not in render_html(report(firm())).lower()


def test_the_same_record_gives_the_same_page_whatever_the_order_of_accounts() -> None:
    scores = firm(300)
    assert render_html(report(scores)) == render_html(report(list(scores)))
    assert render_html(report(scores)) == render_html(report(scores[::-1]))


def _palette(page: str, block: str) -> dict[str, str]:
    body = page[page.index(block) :]
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", body[: body.index("}")]))


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, definitions)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(a: str, b: str) -> float:
    light, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("block", [":root {", "@media (prefers-color-scheme: dark)", "@media print"])
def test_every_text_colour_is_readable_on_every_ground(block: str) -> None:
    colours = _palette(render_html(report([])), block)
    texts = [s.lower().replace(" ", "-") for s in STATES] + ["ink", "soft"]
    for text in texts:
        for ground in ("paper", "sheet", "faint"):
            assert _contrast(colours[text], colours[ground]) >= 4.5, (text, ground)  # WCAG AA
