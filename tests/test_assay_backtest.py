"""The backtest from a real database, on both engines: nothing of what came after a cut may show before it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from assay.commands import show
from assay.night.learn import facts, gather, learned, month_of, recorded_since
from assay.report import backtest_page, proof
from assay.report.backtest import prove
from assay.settings import ConfigError
from assay.text.terminal import Look
from db.calibrations import Calibrations
from db.firm import firm
from db.store import Store
from scoring.proof.learned import Calibration
from scoring.proof.stored import Proof
from scoring.records import columns
from scoring.rules import Rules
from scoring.state import NightRow

ORG, RULES = 1, Rules()
DAY = 20_000  #: the cut of the leak tests
TODAY = DAY + 200
S = 86_400


@pytest.fixture
def store(engine: Engine) -> Store:
    made = Store(engine)
    made.pin_org("salesforce", {"external_id": "1", "name": "Firm", "sandbox": True, "currency": "EUR"})
    put(made, "stage", [{"id": "Offer", "label": "Offer", "closed": False, "won": False, "probability": 60},
                        {"id": "Early", "label": "Early", "closed": False, "won": False, "probability": 10},
                        {"id": "Won", "label": "Won", "closed": True, "won": True, "probability": 100}])  # fmt: skip
    return made


def put(store: Store, kind: str, rows: list[dict[str, Any]]) -> None:
    base = dict.fromkeys(columns(kind)) | {"deleted": False, "traits": "{}"}
    store.save(ORG, kind, [tuple((base | row)[c] for c in columns(kind)) for row in rows], kind, None)


def deal(store: Store, name: str, steps: list[tuple[int, str, int, int]], **values: Any) -> None:
    """A deal by its history: (day, stage, cents, close day); today it is what the last step left."""
    _, stage, cents, close = steps[-1]
    won = stage == "Won"
    row = {"id": name, "account_id": "A", "name": name, "stage": stage, "amount_cents": cents, "close_day": close,
           "probability": 100 if won else 60, "created_at": steps[0][0] * S, "closed": won, "won": won}  # fmt: skip
    put(store, "opportunity", [row | values])
    put(store, "opportunity_change", [
        {"id": f"{name}:{n}", "opportunity_id": name, "changed_at": at * S, "stage": s, "amount_cents": c, "close_day": d,
         "probability": 100 if s == "Won" else 60} for n, (at, s, c, d) in enumerate(steps)
    ])  # fmt: skip


def known(store: Store, day: int = DAY) -> dict[str, dict[str, list[Any]]]:
    with firm(store.engine, [ORG]) as one:
        return {name: dict(found) for name, found in facts(one, day, RULES).items()}


def account(store: Store, **values: Any) -> None:
    put(store, "account", [{"id": "A", "name": "A", "owner_id": "U", "ours": "{}", "created_at": 0} | values])


BEFORE = [(DAY - 100, "Early", 50_000, DAY + 30), (DAY - 40, "Offer", 60_000, DAY + 30)]
LEAKS: dict[str, Callable[[Store], None]] = {
    "won after the cut": lambda s: deal(s, "O", [*BEFORE, (DAY, "Won", 99_000, DAY)]),
    "won after the cut with a close date before it": lambda s: deal(s, "O", [*BEFORE, (DAY + 9, "Won", 99_000, DAY - 5)]),
    "stage, amount and date changed after the cut": lambda s: deal(s, "O", [*BEFORE, (DAY + 1, "Early", 1, DAY + 300)]),
    "a deal made after the cut": lambda s: deal(s, "P", [(DAY, "Won", 70_000, DAY - 1)]),
    "a line item added after the cut": lambda s: put(
        s, "line_item", [{"id": "L9", "opportunity_id": "W", "family": "Pumps", "amount_cents": 9, "created_at": DAY * S}]
    ),
    "another owner after the cut": lambda s: (account(s, owner_id="V"), s.record_owners(ORG, (DAY + 3) * S)),  # type: ignore[func-returns-value]
    "a new account after the cut": lambda s: put(
        s, "account", [{"id": "B", "name": "B", "ours": "{}", "created_at": DAY * S}]
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_what_happened_after_the_cut_changes_nothing_before_it(store: Store, leak: str) -> None:
    account(store)
    store.record_owners(ORG, (DAY - 50) * S)
    deal(store, "O", BEFORE)
    deal(store, "W", [(DAY - 300, "Offer", 40_000, DAY - 200), (DAY - 200, "Won", 40_000, DAY - 200)])
    put(store, "line_item", [{"id": "L", "opportunity_id": "W", "family": "Valves", "amount_cents": 5, "created_at": 1}])
    before = known(store)
    LEAKS[leak](store)
    assert known(store) == before
    assert known(store, TODAY) != before  # and today it does show


def test_the_facts_of_a_cut_are_what_was_there(store: Store) -> None:
    account(store)
    deal(store, "O", [*BEFORE, (DAY + 5, "Won", 99_000, DAY + 5)])
    deal(store, "W", [(DAY - 300, "Early", 40_000, DAY - 200), (DAY - 280, "Offer", 45_000, DAY - 200),
                      (DAY - 260, "Offer", 40_000, DAY - 200), (DAY - 200, "Won", 40_000, DAY - 200)])  # fmt: skip
    found = known(store)
    assert (found["pipeline"]["id"], found["pipeline"]["stage"], found["pipeline"]["amount_cents"]) == (
        ["O"],
        ["Offer"],
        [60_000],
    )
    assert found["stage_since"] == {"opportunity_id": ["O"], "since": [(DAY - 40) * S]}
    assert sorted(zip(*(found["stays"][c] for c in ("stage", "days", "opportunities")), strict=True)) == [
        ("Early", 20, 1), ("Offer", 80, 1),  # a change of amount is no new stay
    ]  # fmt: skip
    assert found["won_days"] == {"close_day": [DAY - 200], "opportunities": [1]}
    odds = {s: (c, w) for s, c, w in zip(*(found["stage_odds"][c] for c in ("stage", "closed", "won")), strict=True)}
    assert odds == {"Early": (1, 1), "Offer": (1, 1), "Won": (1, 1)}
    assert (found["revenue"]["won_365"], found["revenue"]["orders"]) == ([40_000], [1])


def test_a_deal_without_history_is_open_until_its_close_date_and_its_stage_then_is_unknown(store: Store) -> None:
    account(store)
    row = {"account_id": "A", "name": "x", "amount_cents": 100, "created_at": (DAY - 50) * S, "probability": 100}
    closed = {"stage": "Won", "closed": True, "won": True}
    put(store, "opportunity", [
        {"id": "later", "close_day": DAY, **row, **closed}, {"id": "earlier", "close_day": DAY - 1, **row, **closed},
        {"id": "open", "close_day": DAY + 9, **row, "stage": "Offer", "closed": False, "won": False, "probability": 60},
    ])  # fmt: skip
    found = known(store)
    shown = {i: (s, p) for i, s, p in zip(*(found["pipeline"][c] for c in ("id", "stage", "probability")), strict=True)}
    assert shown == {"later": (None, None), "open": ("Offer", 60)}
    assert found["revenue"]["won_365"] == [100]


def test_of_a_deal_whose_history_begins_later_only_that_it_was_there_is_known(store: Store) -> None:
    account(store)
    deal(store, "O", [(DAY + 5, "Offer", 100, DAY + 9), (DAY + 6, "Won", 900, DAY + 6)], created_at=(DAY - 5) * S)
    found = known(store)["pipeline"]
    assert [found[c] for c in ("id", "stage", "amount_cents", "close_day", "probability")] == [
        ["O"],
        [None],
        [None],
        [None],
        [None],
    ]


# ---- cuts -----------------------------------------------------------------------------------------------------------


def trade(store: Store, *, accounts: int = 30, days: int = 600, until: int = TODAY) -> None:
    """Every account buys every 30 days, in proportion to its number, for `days` up to `until`."""
    put(store, "account", [{"id": f"A{n:02}", "name": f"A{n}", "owner_id": "U", "ours": "{}", "created_at": 0, "employees": 10 + n}
                           for n in range(accounts)])  # fmt: skip
    rows = [(n, until - ago) for n in range(accounts) for ago in range(1 + n % 7, days, 30)]
    put(store, "opportunity", [
        {"id": f"O{n}-{at}", "account_id": f"A{n:02}", "name": "order", "stage": "Won", "amount_cents": 10_000 * (n + 1),
         "close_day": at, "created_at": at * S, "probability": 100, "closed": True, "won": True} for n, at in rows
    ])  # fmt: skip


def night(store: Store, day: int = TODAY) -> None:
    store.save_nights(ORG, day, [NightRow("A00", day, 0, 0, 0, "", "C", "Balanced", "Balanced", day, 0)])


def test_cuts_outcomes_and_assumptions_come_from_the_records(store: Store) -> None:
    trade(store)
    with firm(store.engine, [ORG]) as one:
        found = gather(one, TODAY, RULES)
        assert recorded_since(one, TODAY) == found.since
    assert [c.day for c in found.cuts] == [TODAY - 182 - 91 * n for n in (2, 1, 0)]
    assert {c.horizon_days for c in found.cuts} == {182}
    cut = found.cuts[-1]
    expected = [100 * (n + 1) * len(range(1 + n % 7, 183, 30)) for n in range(30)]
    assert cut.revenue.tolist() == expected
    assert found.assumed[-1]["opportunities without history"][0] == found.assumed[-1]["opportunities without history"][1]
    assert found.assumed[-1]["accounts whose owner then is assumed"] == (30, 30)


def test_an_odd_date_makes_no_history(store: Store) -> None:
    trade(store)
    put(
        store,
        "opportunity",
        [{"id": "old", "account_id": "A00", "name": "x", "close_day": 10, "closed": False, "won": False}],
    )
    with firm(store.engine, [ORG]) as one:
        assert (recorded_since(one, TODAY) or 0) > TODAY - 601


def test_what_is_learned_is_stored_for_the_month_and_read_again(store: Store) -> None:
    trade(store)
    month = month_of(TODAY)
    with firm(store.engine, [ORG]) as one:
        first = learned(store, one, TODAY, RULES)
        kept = Calibrations(store.engine, ORG)
        assert Calibration.of(kept.of(month)).cuts == 3
        kept.save(month, kept.of(month) | {"coverage": 0.5})
        again = learned(store, one, TODAY, RULES)
    assert dict(zip(*again["calibration"].values(), strict=True))["coverage"] == 0.5
    assert set(again["calibration"]["name"]) == set(first["calibration"]["name"])
    assert month_of(month) == month
    assert month_of(month - 1) < month - 1


def test_a_firm_without_a_past_learns_nothing_and_does_not_try_again(store: Store) -> None:
    with firm(store.engine, [ORG]) as one:
        learned(store, one, TODAY, RULES)
    found = Calibrations(store.engine, ORG).latest()
    assert found is not None
    assert (Calibration.of(found[1]), found[0]) == (Calibration(), month_of(TODAY))
    assert "Nothing is claimed" in proof.verdict(Proof.of(*found))


# ---- the command ----------------------------------------------------------------------------------------------------


def test_the_command_tells_the_same_as_text_json_and_page(store: Store, tmp_path: Path) -> None:
    trade(store)
    night(store)
    page = tmp_path / "b.html"
    told = json.loads(show.backtest(store, RULES, [], None, True, page))
    text = show.backtest(store, RULES, [], None, False, None)
    assert told["horizon_days"] == 182
    assert [c["day"] for c in told["cuts"]] == sorted(c["day"] for c in told["cuts"])
    by_name = {m["name"]: m for m in told["methods"]}
    assert by_name["expected"]["rho"] > 0.95
    assert told["missing"] == ["open pipeline"]
    for sentence in told["says"]:
        assert " ".join(sentence.split()) in " ".join(text.split())
        assert sentence.replace("'", "&#39;") in page.read_text()
    assert "not in these records: open pipeline" in text
    assert page.read_text().count("<svg") == 2
    assert not list(tmp_path.glob("*.part"))


def test_it_says_plainly_when_the_simple_baseline_is_better() -> None:
    rows = {"rho.expected": 0.40, "top.expected": 0.2, "rho.trailing 6 months": 0.55, "top.trailing 6 months": 0.3,
            "gap.trailing 6 months": -0.15, "gap_low.trailing 6 months": -0.2, "gap_high.trailing 6 months": -0.1,
            "rho.size": 0.1, "top.size": 0.1, "gap.size": 0.3, "gap_low.size": 0.2, "gap_high.size": 0.4}  # fmt: skip
    p = Proof.of(TODAY, Calibration().rows() | rows)
    assert proof.verdict(p) == (
        "Here the simple baseline is better: trailing 6 months (0.55) ranked the accounts better than expected revenue (0.40)."
    )
    assert proof.on_trailing(p) == [
        "Trailing 6 months ranked better than expected revenue (0.55 against 0.40; difference -0.150, 95 % -0.200 to -0.100)."
    ]
    assert "rule of thumb" in proof.on_ranges(p)


def test_it_says_how_often_the_range_held_and_when_that_is_not_what_it_should_do() -> None:
    def told(**values: Any) -> str:
        return proof.on_ranges(Proof(TODAY, Calibration(cuts=3, horizon_days=91, accounts=100, **values), ()))

    assert (
        told(coverage=0.8)
        == "The 80 % range of expected revenue held in 80\u00a0% of 100 outcomes at cuts that had no part in it."
    )
    assert "and in 60\u00a0% where only what had ended" in told(coverage=0.8, coverage_forward=0.6)
    assert "it spans 96\u00a0% of all past outcomes" in told(coverage=0.8, level=0.96)
    assert "read it with care" in told(coverage=0.6)


def test_equal_and_better_verdicts_name_the_baseline() -> None:
    def told(low: float, high: float) -> str:
        rows = {"rho.expected": 0.7, "top.expected": 0.2, "rho.size": 0.6, "top.size": 0.2, "gap.size": 0.1}
        return proof.verdict(Proof.of(TODAY, Calibration().rows() | rows | {"gap_low.size": low, "gap_high.size": high}))

    assert told(0.05, 0.2) == "Expected revenue ranked the accounts better than every simple baseline: 0.70, size 0.60."
    assert (
        told(-0.05, 0.2)
        == "Expected revenue (0.70) ranked the accounts no better than size (0.60): the simple column does as well here."
    )
    only = Proof.of(TODAY, Calibration().rows() | {"rho.expected": 0.7, "top.expected": 0.2})
    assert "nothing to compare it with" in proof.verdict(only)


def test_a_cut_of_one_s_own_and_cuts_that_cannot_be(store: Store) -> None:
    trade(store)
    night(store)
    made = prove(store, RULES, [TODAY - 120, TODAY - 200], 91).made
    assert made is not None
    assert [c.day for c in made.cuts] == [TODAY - 200, TODAY - 120]
    assert prove(store, RULES, [TODAY - 300]).made is not None
    with pytest.raises(ConfigError, match=r"--cut .*: the 91 days after it end on .*Fix: an earlier --cut"):
        prove(store, RULES, [TODAY - 90], 91)
    with pytest.raises(ConfigError, match=r"no opportunity is recorded before it\. Fix: a later --cut"):
        prove(store, RULES, [TODAY - 3000], 91)


def test_before_the_first_night_and_on_a_short_record_it_says_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing to test yet\. Fix: run `assay run` first"):
        prove(store, RULES)
    night(store)
    text = backtest_page.text(prove(store, RULES), Look())
    assert "Nothing is claimed" in text
    assert "no opportunity is recorded" in text
    trade(store, days=200)
    found = prove(store, RULES)
    assert "records begin on" in backtest_page.text(found, Look())
    assert "<svg" not in backtest_page.html(found).split("<main>")[1].split("id=")[0]
    assert backtest_page.record(found)["cuts"] == []
