"""Potential by cases computed by hand."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from facts import DAY, Facts
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring import lookalike
from scoring.frame import Frame
from scoring.lookalike import quantile_regression, wallet, whitespace
from scoring.pipeline import counted_quantile, offers, stage_odds, usual_days
from scoring.potential import Potential, expected, potential, ranks, record_days, signals
from scoring.proof import calibration
from scoring.proof.learned import WEIGHTS, Calibration
from scoring.rules import Rules

RULES = Rules()


def frame(facts: Facts) -> Frame:
    return Frame(facts.all(), DAY)


def judged(
    facts: Facts, overrides: dict[str, float] | None = None, learned: Calibration | None = None
) -> dict[str, dict[str, float]]:
    """Account -> the numbers of its potential."""
    f = facts.all()
    if learned is not None:
        numbers = learned.rows()
        f = {**f, "calibration": {"name": list(numbers), "value": list(numbers.values())}}
    one = Frame(f, DAY)
    p: Potential = potential(one, np.array([(overrides or {}).get(i, np.nan) for i in one.ids]), RULES)
    names = ("expected", "expected_low", "expected_high", "headroom", "potential", "low", "high", "trailing", "pipeline", "doubt",
             "guess", "overridden", "customer")  # fmt: skip
    return {i: {n: float(getattr(p, n)[k]) for n in names} for k, i in enumerate(one.ids)}


# ---- open opportunities ---------------------------------------------------------------------------------------------


def offer(facts: Facts, name: str, **values: object) -> Facts:
    base = {"account_id": "A", "stage": "Proposal", "amount_cents": 100_000, "close_day": DAY + 30, "probability": 90}
    return facts.account("A").add("stages", id="Proposal", probability=60).add("pipeline", id=name, **(base | values))


@pytest.mark.parametrize(
    ("values", "worth"),
    [
        ({}, 600.0),  # the admin's odds, not the seller's own 90 %
        ({"stage": "Gone"}, 900.0),  # a stage nobody knows: the odds the record carries
        ({"stage": "Gone", "probability": None}, 0.0),
        ({"stage": None}, 600.0),  # stage then unknown: as if it had only begun, and this firm has one open stage
        ({"close_day": DAY + 365}, 0.0),  # closes after the horizon
        ({"close_day": None}, 600.0),
        ({"close_day": DAY - 90}, 600.0),
        ({"close_day": DAY - 91}, 300.0),  # nobody believes the date any more
        ({"amount_cents": -5}, 0.0),
        ({"amount_cents": None}, 0.0),
    ],
)
def test_an_open_opportunity_is_worth_its_amount_times_its_odds(values: dict[str, object], worth: float) -> None:
    assert offers(frame(offer(Facts(), "O", **values)), RULES).tolist() == [worth]


def test_stage_odds_are_learned_and_shrunk_to_the_admin_s() -> None:
    """20 closed, 15 won, against 20 imagined ones at 60 %: (15 + 12) / 40."""
    f = offer(Facts(), "O").add("stage_odds", stage="Proposal", closed=20, won=15)
    assert stage_odds(frame(f), RULES) == {"Proposal": 0.675}
    assert offers(frame(f), RULES).tolist() == [675.0]


@pytest.mark.parametrize(("age", "worth"), [(39, 600.0), (40, 600.0), (41, 300.0)])
def test_what_stands_longer_than_nine_of_ten_won_ones_did_is_worth_half(age: int, worth: float) -> None:
    f = offer(Facts(), "O").add("stage_since", opportunity_id="O", since=(DAY - age) * 86_400)
    f.add("stays", stage="Proposal", days=10, opportunities=17).add("stays", stage="Proposal", days=40, opportunities=1)
    f.add("stays", stage="Proposal", days=90, opportunities=2)
    assert usual_days(frame(f)) == {"Proposal": 40}
    assert offers(frame(f), RULES).tolist() == [worth]


def test_too_few_won_ones_say_nothing_of_what_is_slow() -> None:
    f = offer(Facts(), "O").add("stage_since", opportunity_id="O", since=(DAY - 900) * 86_400)
    f.add("stays", stage="Proposal", days=10, opportunities=19)
    assert offers(frame(f), RULES).tolist() == [600.0]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), min_size=1), st.floats(0.01, 1.0))
def test_a_counted_quantile_is_that_of_the_values_written_out(rows: list[tuple[int, int]], share: float) -> None:
    written = sorted(v for v, n in rows for _ in range(n))
    assert counted_quantile(rows, share) == written[max(0, math.ceil(share * len(written) - 1e-9) - 1)]


# ---- look-alikes ----------------------------------------------------------------------------------------------------


def customers(count: int, *, spread: float = 0.0) -> Facts:
    """Accounts of growing size that buy 100 a head, `spread` of them twice that."""
    f = Facts()
    for n in range(count):
        name, heads = f"N{n:03}", 10 + n
        f.account(name, employees=heads, industry=("Steel", "Paper")[n % 2], country="DE", created_at=(DAY - 900) * 86_400)
        f.won(name, heads * 100 * (2 if n % 10 < 10 * spread else 1))
    return f


def test_the_wallet_of_a_prospect_is_what_customers_of_its_size_buy() -> None:
    f = customers(80).account("Z", employees=50, industry="Steel", country="DE", created_at=(DAY - 900) * 86_400)
    bought, fallback = wallet(frame(f), signals(frame(f), RULES).run_rate, 0.5)
    assert not fallback.any()
    assert bought[-1] == pytest.approx(5_000, rel=0.05)


def test_more_rows_than_the_regression_takes_are_thinned_evenly_and_found_in_any_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookalike, "MAX_ROWS", 800)
    rng = np.random.default_rng(2)
    x = np.column_stack([np.ones(2_000), rng.normal(size=2_000)])
    y = 3 + 2 * x[:, 1] + rng.normal(size=2_000)
    beta, order = quantile_regression(x, y, 0.5), rng.permutation(2_000)
    assert beta == pytest.approx([3, 2], abs=0.1)
    assert quantile_regression(x[order], y[order], 0.5).tolist() == beta.tolist()


def test_one_customer_more_moves_nobody_else_s_line() -> None:
    """A sample would be another one every night, and with it every wallet (ADR 0024)."""
    rng = np.random.default_rng(4)
    x = np.column_stack([np.ones(1_501), rng.normal(size=1_501)])
    y = 3 + 0.8 * x[:, 1] + rng.normal(size=1_501)
    before, after = quantile_regression(x[1:], y[1:], 0.8), quantile_regression(x, y, 0.8)
    assert np.abs(x @ (after - before)).max() < 0.02


def test_an_industry_without_customers_takes_the_line_of_all() -> None:
    f = customers(80).account("Z", employees=50, industry="Mining", country="FR", created_at=(DAY - 900) * 86_400)
    assert wallet(frame(f), signals(frame(f), RULES).run_rate, 0.5)[0][-1] == pytest.approx(5_000, rel=0.1)


def test_what_an_industry_adds_is_shrunk_by_its_customers() -> None:
    """Two industries that differ by a factor of two; few customers of the second move it only part of the way."""
    f = Facts()
    for n in range(80):
        few = n >= 75
        f.account(f"N{n:03}", employees=40, industry="Rare" if few else "Steel")
        f.won(f"N{n:03}", 2_000 if few else 1_000)
    bought, _ = wallet(frame(f), signals(frame(f), RULES).run_rate, 0.5)
    assert bought[0] == pytest.approx(1_000, rel=0.01)
    assert bought[-1] == pytest.approx(1_000 * 2 ** (5 / 25), rel=0.01)


def test_with_few_customers_the_industry_s_quantile_speaks_shrunk_and_then_the_firm_s() -> None:
    f = Facts()
    for n in range(20):
        f.account(f"A{n:02}", industry="Steel").won(f"A{n:02}", 100)
    for n in range(5):
        f.account(f"B{n:02}", industry="Paper").won(f"B{n:02}", 900)
    bought, fallback = wallet(frame(f), signals(frame(f), RULES).run_rate, 0.8)
    firm = np.quantile([100.0] * 20 + [900.0] * 5, 0.8)
    assert fallback.all()
    assert bought[0] == pytest.approx((20 * 100 + 20 * firm) / 40)
    assert bought[-1] == pytest.approx(firm)  # five customers have no quantile of their own


def test_the_regression_falls_back_to_the_sample_s_quantile_where_the_solver_gives_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scoring.lookalike.linprog", lambda *_, **__: SimpleNamespace(status=4))
    beta = quantile_regression(np.array([[1.0, 5.0], [1.0, 2.0]]), np.array([1.0, 3.0]), 0.5)
    assert beta.tolist() == pytest.approx([2.0, 0.0], abs=1e-4)


def test_the_nearest_look_alikes_say_which_family_is_missing() -> None:
    """Of 30 small and 30 large customers only the large own pumps; a large one without them is told of them."""
    f = Facts()
    for n in range(60):
        large = n >= 30
        name = f"N{n:02}"
        f.account(name, employees=5_000 + n if large else 10 + n)
        f.won(name, 1_000)
        f.add("families", account_id=name, family="Valves", first_bought_day=DAY - 200, bought_365=50_000)
        if large and n != 59:
            f.add("families", account_id=name, family="Pumps", first_bought_day=DAY - 100, bought_365=200_000)
    found = whitespace(frame(f))
    family, owners, peers = found.best[59]
    assert (family, owners, peers) == ("Pumps", 24, 24)  # 25 nearest, itself left out
    assert 30 not in found.best  # owns both
    small = found.best.get(0)
    assert small is None or small[1] == 0
    share = (24 + 10 * 29 / 60) / (24 + 10)
    spend = (29 * 2_000 + 10 * 500) / 39  # the median of all families together is 500
    assert found.value[59] == pytest.approx(share * spend)


def test_without_products_there_is_no_whitespace() -> None:
    found = whitespace(frame(customers(3)))
    assert (found.value.tolist(), found.best) == ([0, 0, 0], {})


def test_a_family_that_brought_nothing_lately_is_worth_the_usual_spend() -> None:
    f = Facts().account("A").account("B")
    f.add("families", account_id="A", family="Pumps", first_bought_day=DAY - 900, bought_365=0)
    f.add("families", account_id="B", family="Valves", first_bought_day=None, bought_365=0)  # shown, never bought
    assert whitespace(frame(f)).value.tolist() == [0.0, 0.0]


# ---- expected, headroom, grade's facts --------------------------------------------------------------------------------


def test_expected_revenue_is_the_weighted_root_of_rate_rate_with_offers_and_look_alikes() -> None:
    """One customer: 400 a year, 300 in the last half: rate 0.5 * 600 + 0.5 * 400 = 500; offer 400; look-alikes buy 500."""
    f = offer(Facts(), "O", amount_cents=2 * 400 * 100 * 5 // 6).won("A", 400, 300)
    # 666.67 * 0.6 = 400
    root = 0.45 * math.sqrt(500) + 0.35 * math.sqrt(900) + 0.2 * math.sqrt(500)
    told = judged(f)["A"]
    assert told["pipeline"] == pytest.approx(400, rel=1e-4)
    assert told["expected"] == pytest.approx(root**2, rel=1e-4)
    assert told["potential"] == pytest.approx(told["expected"] + told["headroom"])
    assert told["trailing"] == 400


def test_a_record_of_a_third_of_a_year_counts_as_that() -> None:
    f = Facts().account("A").won("A", 100, 100)
    for n in range(100):
        f.add("won_days", close_day=DAY - 120 + n, opportunities=1)
    assert record_days(frame(f)) == 120
    assert signals(frame(f), RULES).run_rate[0] == pytest.approx(100 * 182 / 120 + 0.5 * 100 * 365 / 120)
    assert record_days(frame(Facts())) == 365
    assert record_days(frame(Facts().add("won_days", close_day=DAY - 3, opportunities=5))) == 91


def test_a_shorter_horizon_takes_its_part_of_the_year() -> None:
    f = customers(80)
    year, quarter = (signals(frame(f), replace(RULES, horizon_days=d)) for d in (365, 91))
    assert expected(quarter, (0.45, 0.35, 0.2)) == pytest.approx(expected(year, (0.45, 0.35, 0.2)) * 91 / 365)


def sells_by_stages(count: int = 40) -> Facts:
    """A firm whose wins all passed a stage; won revenue, offers and size each rank the accounts in their own way."""
    f = Facts().add("stages", id="Offer", probability=50).add("stages", id="Won", probability=100)
    f.add("stage_odds", stage="Offer", closed=count * 8, won=count * 4).add(
        "stage_odds", stage="Won", closed=1, won=count * 4
    )
    for n in range(count):
        f.account(f"N{n:02}", employees=1000 - n, annual_revenue_cents=100 * (1000 - n))
        f.won(f"N{n:02}", 100 + n)
        f.add("pipeline", id=f"O{n}", account_id=f"N{n:02}", stage="Offer", amount_cents=100_000 + n, close_day=None)
    return f


def test_a_small_firm_that_sells_by_opportunities_is_ranked_by_blended_ranks() -> None:
    s = signals(frame(sells_by_stages()), RULES)
    assert s.blended
    told = expected(s, WEIGHTS)
    order = (ranks(s.run_rate) + ranks(s.pipeline) + s.size) / 3
    assert (np.argsort(told, kind="stable") == np.argsort(order.round(9), kind="stable")).all()
    plain = expected(replace(s, blended=False), WEIGHTS)
    assert told.sum() == pytest.approx(plain.sum(), rel=0.01)  # the same amounts, other accounts


@pytest.mark.parametrize("change", ["many", "orders"])
def test_a_firm_with_enough_customers_or_with_orders_is_not_blended(change: str) -> None:
    f = sells_by_stages(160 if change == "many" else 40)
    if change == "orders":
        f.won("N00", 100, orders=400)
    assert not signals(frame(f), RULES).blended


def test_where_nothing_is_known_the_potential_is_a_guess() -> None:
    f = customers(20).account("new").account("sized", employees=9)
    told = judged(f)
    assert (told["new"]["guess"], told["sized"]["guess"], told["N000"]["guess"]) == (1, 0, 0)
    assert told["new"]["doubt"] > told["N000"]["doubt"]


def test_a_person_s_own_figure_wins_and_says_so() -> None:
    told = judged(customers(20).account("new"), {"new": 7_000.0})["new"]
    assert (told["potential"], told["low"], told["high"]) == (7_000, pytest.approx(7_000), pytest.approx(7_000))
    assert (told["overridden"], told["guess"]) == (1, 0)


def test_an_org_without_accounts_or_revenue_has_no_potential() -> None:
    assert judged(Facts()) == {}
    assert judged(Facts().account("A"))["A"]["potential"] == 0


# ---- the range ------------------------------------------------------------------------------------------------------


def test_a_learned_range_is_laid_around_what_is_expected_by_thirds() -> None:
    f = customers(30)
    bands = ((-1.0, 1.0), (-0.5, 0.5), (-0.1, 0.2))
    told = judged(f, learned=Calibration(bands=bands, cuts=3, horizon_days=182, accounts=90))
    s = signals(frame(f), RULES)
    money = np.array([t["expected"] for t in told.values()])
    c = 0.1 * float(np.median(s.run_rate))
    low, high = told["N000"]["expected_low"], told["N000"]["expected_high"]
    assert low == pytest.approx((money[0] + c) * math.exp(-1.0) - c)
    assert high == pytest.approx((money[0] + c) * math.exp(1.0) - c)
    assert told["N029"]["expected_high"] == pytest.approx((money[29] + c) * math.exp(0.2) - c)


def test_what_is_expected_never_lies_outside_its_own_range() -> None:
    """A firm that doubled has surprises that are all positive."""
    expected_ = np.array([1.0, 10.0, 100.0])
    low, high = calibration.ranges(expected_, ((0.5, 1.0),) * 3, 0.1)
    assert (low <= expected_).all()
    assert (high >= expected_).all()
    assert (calibration.ranges(expected_, ((-9.0, 1.0),) * 3, 0.1)[0] >= 0).all()


def test_the_stored_numbers_give_back_what_was_learned() -> None:
    one = Calibration((0.3, 0.3, 0.3), 0.1, ((-1.0, 1.0), (-0.5, 0.5), (-0.1, 0.2)), 0.88, 0.79, 0.71, 4, 182, 900)
    assert Calibration.of(one.rows()) == one
    assert Calibration.of(Calibration().rows()) == Calibration()
    assert Calibration.of({}) == Calibration()


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 60), st.integers(0, 1000))
def test_the_unit_of_money_changes_no_order_and_scales_every_amount(factor: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    amounts = rng.integers(1, 5_000, 25)
    one, other = Facts(), Facts()
    for n, amount in enumerate(amounts.tolist()):
        for f, k in ((one, 1), (other, factor)):
            f.account(f"N{n:02}", employees=10 + n * 7).won(f"N{n:02}", amount * k, amount * k / 2)
    learned = Calibration(bands=((-0.5, 0.5),) * 3, cuts=3, horizon_days=182, accounts=75)
    a, b = judged(one, learned=learned), judged(other, learned=learned)
    for name in a:
        for field in ("expected", "expected_low", "expected_high", "potential", "low", "high"):
            assert b[name][field] == pytest.approx(factor * a[name][field], rel=1e-6, abs=1e-6)


def test_of_several_lines_that_cost_the_same_there_is_one_answer() -> None:
    """Four points and a median: any line between the middle two costs the same; the lower one is taken."""
    x, y = np.ones((4, 1)), np.array([1.0, 2.0, 3.0, 4.0])
    assert quantile_regression(x, y, 0.5).tolist() == pytest.approx([2.0])
