"""The backtest's maths: by hand where a hand can, else on made pasts whose truth is known."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from facts import DAY, Facts
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.proof import backtest, calibration
from scoring.proof.backtest import APART, Cut, cut, learn, learned_weights, plan, run
from scoring.proof.calibration import band
from scoring.proof.learned import WEIGHTS, Calibration
from scoring.proof.rank_measures import Compared, calibration_table, differences, spearman, top_share
from scoring.proof.stored import Proof, numbers
from scoring.rules import Rules

RULES = Rules()


# ---- which cuts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "horizon", "cuts"),
    [
        (911, 182, 7),  # one day short of a year's horizon
        (912, 365, 3),
        (545, 91, 4),
        (546, 182, 3),
        (364, 91, 3),
        (5000, 365, 8),  # more would add time, not truth
    ],
)
def test_the_longest_horizon_that_leaves_three_cuts_with_as_much_record_before(days: int, horizon: int, cuts: int) -> None:
    length, at = plan(DAY - days, DAY) or (0, ())
    assert (length, len(at)) == (horizon, cuts)
    assert at[-1] == DAY - horizon
    assert {b - a for a, b in pairwise(at)} == {APART}
    assert at[0] - horizon >= DAY - days


def test_a_record_of_less_than_a_year_is_not_tested() -> None:
    assert plan(DAY - 363, DAY) is None
    assert plan(DAY - 363, DAY, 30) == (30, (DAY - 303, DAY - 212, DAY - 121, DAY - 30))  # unless somebody asks for less


# ---- measures -------------------------------------------------------------------------------------------------------


def test_rank_correlation_and_top_share_by_hand() -> None:
    told, came = np.array([1.0, 2.0, 3.0, 4.0]), np.array([10.0, 30.0, 20.0, 40.0])
    assert spearman(told, came) == pytest.approx(0.8)  # 1 - 6 * 2 / (4 * 15)
    assert spearman(np.ones(4), came) == 0
    assert spearman(np.zeros(0), np.zeros(0)) == 0
    twenty = np.arange(20.0)
    assert top_share(twenty, twenty) == pytest.approx((19 + 18) / 190)
    assert top_share(np.ones(20), twenty) == pytest.approx(0.10)  # two seats shared by twenty equals
    assert top_share(twenty, np.zeros(20)) == 0
    assert top_share(np.zeros(0), np.zeros(0)) == 0


def test_the_table_of_calibration_holds_every_account_once_in_tenths() -> None:
    table = calibration_table([np.arange(15.0), np.arange(10.0)], [np.ones(15), np.zeros(10)])
    assert sum(n for n, _, _ in table) == 25
    assert [told for _, told, _ in table] == sorted(told for _, told, _ in table)
    assert sum(n * came for n, _, came in table) == pytest.approx(15)
    assert len(calibration_table([np.arange(3.0)], [np.arange(3.0)])) == 3


def compared(orders: dict[str, np.ndarray], revenue: np.ndarray) -> Compared:
    return Compared([f"N{n:04}" for n in range(len(revenue))], orders, revenue)


def test_a_better_order_is_called_better_and_an_equal_one_is_not() -> None:
    rng = np.random.default_rng(3)
    truth = rng.lognormal(10, 1, 300)
    good, bad = truth * rng.lognormal(0, 0.3, 300), truth * rng.lognormal(0, 2.0, 300)
    again = truth * rng.lognormal(0, 0.3, 300)
    found = differences([compared({"ours": good, "bad": bad, "again": again, "good": good}, truth)], "ours")
    assert found["bad"][0].verdict == "better"
    assert found["again"][0].verdict == "no difference"
    assert (found["good"][0].mean, found["good"][0].low, found["good"][0].high) == (0, 0, 0)
    assert differences([compared({"bad": bad, "good": good}, truth)], "bad")["good"][0].verdict == "worse"
    assert found["bad"][0].mean == pytest.approx(spearman(good, truth) - spearman(bad, truth))
    assert found["bad"][1].mean == pytest.approx(top_share(good, truth) - top_share(bad, truth))


def test_the_interval_of_a_difference_is_about_as_wide_as_fisher_says() -> None:
    """Against an order of no worth the gap is one correlation: its standard error is near 1 / sqrt(n)."""
    rng = np.random.default_rng(5)
    revenue = rng.lognormal(0, 1, 400)
    found = differences([compared({"noise": rng.random(400), "flat": np.ones(400)}, revenue)], "noise")["flat"][0]
    assert (found.high - found.low) / 3.92 == pytest.approx(1 / math.sqrt(400), rel=0.25)


def test_accounts_that_are_new_at_a_later_cut_take_part_in_that_one_only() -> None:
    revenue = np.arange(20.0)
    first, second = (
        compared({"ours": revenue}, revenue),
        Compared([f"N{n:04}" for n in range(5, 25)], {"ours": -revenue}, revenue),
    )
    assert differences([first, second], "ours") == {}


# ---- the range ------------------------------------------------------------------------------------------------------


def test_a_band_leaves_a_tenth_on_each_side() -> None:
    assert band(np.arange(1.0, 100.0)) == (10.0, 89.0)  # of 99: 9 below, 80 % of 100 inside
    assert band(np.arange(1.0, 100.0), 0.9) == (5.0, 94.0)
    assert band(np.array([2.0])) == (2.0, 2.0)


def test_accounts_that_bought_nothing_take_their_share_of_the_band() -> None:
    """30 of 100 equal at the bottom lie inside, so 50 more are enough."""
    low, high = band(np.concatenate([np.zeros(30), np.arange(1.0, 71.0)]))
    assert low == 0
    assert high == pytest.approx(51, abs=1)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-5, 5), min_size=10, max_size=80))
def test_a_band_always_holds_its_share_of_what_it_was_made_from(values: list[float]) -> None:
    surprises = np.array(values)
    low, high = band(surprises)
    assert ((surprises >= low) & (surprises <= high)).mean() >= 0.8 - 1e-9


def test_parts_keep_equal_expectations_together() -> None:
    assert calibration.parts(np.array([1.0, 1.0, 1.0, 2.0, 3.0, 4.0])).tolist() == [0, 0, 0, 1, 2, 2]
    assert calibration.parts(np.zeros(0)).tolist() == []


# ---- made pasts -----------------------------------------------------------------------------------------------------


def past(cuts: int, *, seed: int = 1, accounts: int = 300, noise: float = 0.5, zeros: float = 0.1, growth: Sequence[float] = (),
         offers_decide: bool = False) -> list[Cut]:  # fmt: skip
    """Cuts 91 days apart with a horizon of 91: revenue follows a constant rate through noise, a share buys nothing."""
    rng = np.random.default_rng(seed)
    rate = rng.lognormal(9, 1, accounts)
    made = []
    for n in range(cuts):
        f = Facts().add("stages", id="Offer", probability=50)
        quarter = rate / 4 * rng.lognormal(-(noise**2) / 2, noise, accounts) * (rng.random(accounts) > zeros)
        quarter *= growth[n] if growth else 1
        offer = rng.lognormal(9, 2, accounts) if offers_decide else np.zeros(accounts)
        for i in range(accounts):
            name = f"N{i:03}"
            f.account(name).won(name, round(float(rate[i])))
            if offers_decide:
                f.add(
                    "pipeline", id=f"O{i}", account_id=name, stage="Offer", amount_cents=int(offer[i] * 200), close_day=None
                )
        came = offer if offers_decide else quarter
        outcomes = {"account_id": [f"N{i:03}" for i in range(accounts)], "currency": [None] * accounts,
                    "cents": [round(float(v) * 100) for v in came]}  # fmt: skip
        made.append(cut(f.all(), outcomes, DAY - 91 * (cuts - n), 91, RULES))
    return made


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("noise", "zeros"), [(0.3, 0.0), (0.8, 0.2), (0.5, 0.4)])
def test_the_80_percent_range_holds_in_75_to_85_percent_of_later_outcomes(seed: int, noise: float, zeros: float) -> None:
    """What is learned from the first cuts is laid over one that comes after them all."""
    *earlier, last = past(5, seed=seed, noise=noise, zeros=zeros)
    learned = learn(earlier)
    told = backtest.expected(last.signals, learned.weights)
    low, high = calibration.ranges(told, learned.bands, last.signals.small)
    assert 0.75 <= ((last.revenue >= low) & (last.revenue <= high)).mean() <= 0.85
    assert learned.coverage is not None
    assert 0.75 <= learned.coverage <= 0.85
    assert learned.coverage_forward is not None
    assert 0.75 <= learned.coverage_forward <= 0.85


def test_where_quarters_differ_the_range_grows_until_it_holds() -> None:
    calm, wild, hopeless = learn(past(4)), learn(past(4, growth=(0.4, 2.0, 0.8, 1.4))), learn(past(3, growth=(0.01, 1, 100)))
    assert calm.level == 0.80
    assert 0.80 < wild.level < 0.99
    assert hopeless.level == 0.99
    assert hopeless.coverage is not None
    assert hopeless.coverage < 0.75  # it does not hold, and that is what is stored
    assert wild.coverage is not None
    assert wild.coverage > 0.70
    assert all(w[1] - w[0] > c[1] - c[0] for w, c in zip(wild.bands, calm.bands, strict=True))


def test_too_few_cuts_or_accounts_teach_nothing() -> None:
    assert learn(past(2)) == Calibration()
    assert learn(past(3, accounts=10)) == Calibration()


def test_weights_move_half_way_and_only_where_that_ranked_better_on_three_later_cuts() -> None:
    """Where offers alone decide, the offer's weight grows; where history decides nothing is gained, so nothing moves."""
    assert learned_weights(past(5)) == WEIGHTS
    moved = learned_weights(past(5, offers_decide=True))
    assert moved != WEIGHTS
    assert moved[0] == WEIGHTS[0] / 2
    assert moved[1] > WEIGHTS[1]
    assert learned_weights(past(3, offers_decide=True)) == WEIGHTS  # two later cuts prove nothing


def test_a_blended_firm_keeps_its_weights() -> None:
    cuts = [replace(c, signals=replace(c.signals, blended=True)) for c in past(5, offers_decide=True)]
    assert learned_weights(cuts) == WEIGHTS


def test_the_room_that_was_realised_is_found_where_it_was() -> None:
    """Revenue made as expected plus a third of the room."""
    cuts = past(4)
    made = []
    for c in cuts:
        e = backtest.expected(c.signals, WEIGHTS)
        made.append(replace(c, revenue=e + backtest.headroom(c.signals, e, 1.0) / 3))
    assert learn(made).realised == pytest.approx(1 / 3, abs=0.02)


def test_a_run_tells_ours_beside_every_baseline_the_records_hold() -> None:
    cuts = past(4)
    made = run(cuts, RULES)
    names = [m.name for m in made.methods]
    assert names[:2] == ["expected", "potential"]
    assert "trailing 12 months" in names
    assert "random" in names
    assert "open pipeline" not in names  # nobody has one
    assert "size" not in names
    by_name = {m.name: m for m in made.methods}
    assert by_name["expected"].rho > 0.6
    assert abs(by_name["random"].rho) < 0.2
    assert by_name["trailing 12 months"].difference is not None
    assert by_name["expected"].difference is None
    assert [c.learned_from for c in made.cuts] == [0, 1, 2, 3]
    assert made.coverage_by_cut[0] is None
    assert all(v is not None and 0.7 < v < 0.9 for v in made.coverage_by_cut[1:])
    assert all(0.1 < c.ideal <= 1 for c in made.cuts)
    assert run(cuts, RULES) == made  # nothing random that is not fixed


def test_what_is_stored_of_a_run_comes_back_as_it_was_told() -> None:
    tested = run(past(4), RULES)
    proof = Proof.of(DAY, numbers(tested))
    assert (proof.day, proof.calibration, proof.ideal > 0) == (DAY, tested.calibration, True)
    assert [(line.name, line.rho, line.top) for line in proof.lines] == [(m.name, m.rho, m.top) for m in tested.methods]
    told = {m.name: m.difference.verdict for m in tested.methods if m.difference is not None}
    assert {line.name: line.verdict for line in proof.lines} == {"expected": ""} | told


def test_without_a_run_the_defaults_are_stored_and_nothing_is_claimed() -> None:
    assert Proof.of(DAY, numbers(None)) == Proof(DAY, Calibration(), ())


def test_what_a_cut_learns_from_had_ended_by_then() -> None:
    """With a horizon of two quarters the neighbouring cut's outcome was not known yet."""
    cuts = [replace(c, horizon_days=182) for c in past(4)]
    assert [c.learned_from for c in run(cuts, RULES).cuts] == [0, 0, 1, 2]


def test_a_firm_where_everything_is_equal_is_told_so_without_an_error() -> None:
    f = Facts()
    for n in range(30):
        f.account(f"N{n:02}")
    none = {"account_id": [], "currency": [], "cents": []}
    cuts = [cut(f.all(), none, DAY - 91 * n, 91, RULES) for n in (4, 3, 2)]
    made = run(cuts, RULES)
    assert made.methods[0].rho == 0
    assert made.calibration.accounts == 90
