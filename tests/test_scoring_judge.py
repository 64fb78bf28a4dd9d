"""The judgement: every state reached by a made case, and what must never happen, as properties."""

import json
import math
from collections.abc import Mapping
from dataclasses import astuple, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.effort import fair_minutes, ratio
from scoring.explain import scores
from scoring.judge import Judgement, judge
from scoring.lookalike import quantile_regression
from scoring.records import BALANCED, COMFORT, EARNING, NO_EVIDENCE, STATES, THIN_LOGGING, UNDER, Score
from scoring.rules import Rules, preset
from scoring.state import NightRow, advance

DAY = 20_000
LONG_AGO = (DAY - 2000) * 86_400
RULES = Rules()
EMPTY = {
    "accounts": "id name owner_id owner_from_at category industry country employees annual_revenue_cents currency created_at ours",
    "minutes": "person account_id seconds activities measured_seconds meetings mails last_at",
    "owners": "id active started_at",
    "rates": "id micro_per_corporate",
    "revenue": "account_id currency won_365 won_182 won_91 orders_365 orders first_won_day",
    "pipeline": "id account_id name currency created_at stage amount_cents close_day probability",
    "due": "account_id category",
    "pushes": "opportunity_id pushes",
    "stages": "id probability",
    "stage_odds": "stage closed won",
    "moves": "account_id asks resolutions",
    "met": "account_id level department new_people old_people",
    "contacts": "account_id level department contacts",
    "families": "account_id family currency first_shown_at first_bought_day bought_365",
}


class World:
    """Facts as the store would give them, account by account."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in EMPTY}
        self.add("owners", id="U", active=True, started_at=LONG_AGO)
        self.add("stages", id="Proposal", probability=60)

    def add(self, fact: str, **values: Any) -> None:
        self.rows[fact].append(values)

    def account(self, name: str, *, hours: float, revenue: int = 10_000, **more: Any) -> None:
        """An account with `hours` of selling time and `revenue` whole units won in the last year."""
        base = {"id": name, "name": name, "owner_id": more.get("owner", "U"), "owner_from_at": 0, "industry": "Steel",
                "employees": 50, "created_at": LONG_AGO, "ours": "{}"}  # fmt: skip
        self.add("accounts", **(base | more.get("facts", {})))
        activities = more.get("activities", max(1, round(hours * 1.5)))
        if hours:
            self.add("minutes", person=base["owner_id"], account_id=name, seconds=round(hours * 3600), activities=activities,
                     measured_seconds=round(hours * 3600), meetings=activities, mails=0, last_at=LONG_AGO)  # fmt: skip
        if revenue:
            self.add("revenue", account_id=name, won_365=revenue * 100, won_182=revenue * 50, won_91=revenue * 25, orders_365=4,
                     orders=9, first_won_day=more.get("first_won_day", 0))  # fmt: skip
        if events := more.get("events", 0):
            self.add("met", account_id=name, level="staff", new_people=events, old_people=2)
            self.add("moves", account_id=name, asks=events, resolutions=events)

    def book(self, count: int = 20, hours: float = 10.0) -> "World":
        """Ordinary neighbours: a fair share each, some of everything new."""
        for n in range(count):
            self.account(f"N{n:02}", hours=hours, revenue=10_000 + 100 * n, events=2)
        return self

    def facts(self, order: int = 1) -> Mapping[str, Mapping[str, list[Any]]]:
        made = {}
        for name, columns in EMPTY.items():
            rows = self.rows[name][::order]
            if name == "accounts":
                rows = sorted(rows, key=lambda r: str(r["id"]))
            made[name] = {c: [r.get(c) for r in rows] for c in columns.split()}
        return made


def judged(world: World, order: int = 1, rules: Rules = RULES) -> Judgement:
    return judge(world.facts(order), DAY, "EUR", rules)


def told(world: World, rules: Rules = RULES) -> dict[str, Score]:
    j = judged(world, rules=rules)
    return {s.account_id: s for s in scores(j, advance({}, j, rules), rules)}


def world_of_all_states() -> World:
    w = World().book()
    w.account("comfort", hours=60, revenue=3_000)
    w.account("earning", hours=60, revenue=10_000, events=12)
    w.account("under", hours=0, revenue=60_000)
    w.account("few", hours=1.0, revenue=500, activities=2)
    w.add("owners", id="T", active=True, started_at=LONG_AGO)
    for n in range(6):
        w.account(f"thin{n}", hours=0.3, owner="T")
    return w


def test_every_state_is_reached_and_says_why() -> None:
    found = told(world_of_all_states())
    expected = {
        "comfort": COMFORT,
        "earning": EARNING,
        "under": UNDER,
        "N03": BALANCED,
        "few": NO_EVIDENCE,
        "thin1": THIN_LOGGING,
    }
    assert {name: found[name].state for name in expected} == expected
    assert set(expected.values()) == set(STATES)
    assert all(s.reasons for s in found.values())


def test_a_comfort_zone_s_reasons_carry_its_own_numbers_and_a_next_step() -> None:
    w = world_of_all_states()
    w.add("pipeline", id="O1", account_id="comfort", name="Press 12", created_at=(DAY - 300) * 86_400, stage="Proposal",
          amount_cents=100_000, close_day=DAY + 10, probability=60)  # fmt: skip
    w.add("pushes", opportunity_id="O1", pushes=3)
    s = told(w)["comfort"]
    assert s.reasons[0].text == f"60.0 h in 180 days; its share of the book is {s.fair_hours:.1f} h."
    assert [r.code for r in s.reasons] == ["T1", "D1", "C2"]
    assert s.reasons[2].text == '"Press 12" open 300 days, close date moved 3 times.'
    assert s.next_step == 'Ask for a decision on "Press 12", open 300 days.'


def test_texts_fit_their_fields_and_start_no_formula() -> None:
    w = World().book(6)
    w.account("=cmd()" + "x" * 300, hours=60, revenue=1_000)
    w.add("pipeline", id="O", account_id="=cmd()" + "x" * 300, name="+SUM(1)\u202e\n" + "long " * 90, created_at=None,
          stage="Proposal", amount_cents=1, close_day=None, probability=None)  # fmt: skip
    for s in told(w).values():
        reason = " ".join(r.text for r in s.reasons)
        for text in (reason, s.next_step):
            assert len(text) <= 255
            assert not text.startswith(("=", "+", "-", "@"))
            assert text.isprintable()


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"created_at": (DAY - 30) * 86_400}, "the account is 30 days old"),
        ({"owner_from_at": (DAY - 20) * 86_400}, "the owner changed 20 days ago"),
        ({"owner_id": None}, "the account has no owner"),
    ],
)
def test_missing_evidence_is_named(facts: dict[str, Any], words: str) -> None:
    w = World().book()
    w.account("x", hours=60, revenue=1_000, facts=facts)
    s = told(w)["x"]
    assert s.state == NO_EVIDENCE
    assert words in s.reasons[0].text


def test_below_the_evidence_gate_there_is_never_a_comfort_zone() -> None:
    w = World().book()
    w.account("x", hours=60, revenue=100, activities=RULES.least_activities - 1)
    assert told(w)["x"].state == NO_EVIDENCE
    w = World().book()
    w.account("x", hours=60, revenue=100, activities=RULES.least_activities)
    assert told(w)["x"].state == COMFORT


def test_a_firm_where_nobody_logs_is_not_judged_though_all_are_alike() -> None:
    """Relative coverage alone would call every book of such a firm complete (docs/facts/scoring.md, "Logging coverage")."""
    assert {s.state for s in told(World().book(hours=0.5)).values()} == {THIN_LOGGING}


def test_a_person_s_own_potential_wins_and_is_named() -> None:
    w = World().book()
    w.account("x", hours=60, revenue=3_000, facts={"ours": '{"potential_override":900000}'})
    s = told(w)["x"]
    assert (s.potential, s.potential_low, s.potential_high) == (900_000, 900_000, 900_000)
    assert s.state != COMFORT
    assert any("as corrected by a person" in r.text for r in s.reasons)


def test_a_snoozed_account_is_no_comfort_zone_until_its_day() -> None:
    for until, state in (("2030-01-01", BALANCED), ("2000-01-01", COMFORT)):
        w = World().book()
        w.account("x", hours=60, revenue=3_000, facts={"ours": f'{{"snooze_until":"{until}"}}'})
        assert told(w)["x"].state == state


def test_presets_differ_in_how_readily_they_flag() -> None:
    w = World().book()
    for n in range(8):
        w.account(f"x{n}", hours=12 + 4 * n, revenue=4_000)
    flags = [sum(s.state == COMFORT for s in told(w, preset(p)).values()) for p in ("cautious", "normal", "sensitive")]
    assert flags == sorted(flags)
    assert flags[0] < flags[2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"enter": 2.0}, "enter = 2.0 must lie between 0 and 1"),
        ({"window_days": 1.5}, "window_days = 1.5 must be a whole number"),
        ({"kappa": -1}, "kappa = -1 must not be negative"),
        ({"windov_days": 9}, "unknown key windov_days"),
        ({"kappa": "4"}, "kappa = '4' is no number"),
        ({"leave": 0.9}, "leave = 0.9 must not be above enter"),
    ],
)
def test_a_constant_that_makes_no_sense_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        preset("normal", **changes)


# ---- properties -----------------------------------------------------------------------------------------------------

HOURS = st.lists(st.floats(0, 200), min_size=6, max_size=15)


@settings(max_examples=60, deadline=None)
@given(hours=HOURS, more=st.floats(0.1, 100), which=st.integers(0, 5))
def test_more_hours_never_lower_p_over(hours: list[float], more: float, which: int) -> None:
    """Not even where one account has nearly all hours of a book: its share never grows faster than its hours (docs/adr/0012)."""

    def p_over(spent: list[float]) -> float:
        w = World()
        for n, h in enumerate(spent):
            w.account(f"A{n:02}", hours=h + 0.01, activities=10, revenue=1000 * (n + 1))
        return float(judged(w).ratio.p_over[which])

    raised = [h + more if n == which else h for n, h in enumerate(hours)]
    assert p_over(raised) >= p_over(hours) - 1e-12


@settings(max_examples=60, deadline=None)
@given(hours=HOURS, which=st.integers(0, 5), kind=st.sampled_from(["people", "ask", "resolution"]))
def test_a_new_person_ask_or_resolution_never_raises_p_shallow(hours: list[float], which: int, kind: str) -> None:
    def p_shallow(extra: int) -> float:
        w = World()
        for n, h in enumerate(hours):
            w.account(f"A{n:02}", hours=h + 0.01, events=n % 3)
        name = f"A{which:02}"
        if extra and kind == "people":
            w.add("met", account_id=name, level=None, new_people=1, old_people=0)
        elif extra:
            w.add("moves", account_id=name, asks=int(kind == "ask"), resolutions=int(kind == "resolution"))
        return float(judged(w).behaviour.p_shallow[which])

    assert p_shallow(1) <= p_shallow(0) + 1e-12


#: what a CRM can hold at most, in hundredths: 18 digits in Salesforce, and what `connectors.fields` lets pass of people's own
CENTS = st.one_of(st.none(), st.sampled_from([0, 1, -1, 10**17, -(10**17)]), st.integers(-(10**17), 10**17))
MOMENT = st.one_of(st.none(), st.integers(-(10**10), 10**11))
COUNT = st.sampled_from([0, 1, 2, 50, 10**9])
ODD = st.fixed_dictionaries({
    "seconds": st.sampled_from([0, 1, 10**9]) | st.integers(0, 10**7), "activities": COUNT, "won": CENTS, "half": CENTS, "orders": COUNT,
    "employees": st.one_of(st.none(), st.integers(-5, 2**31)), "annual": CENTS, "created": MOMENT, "took": st.integers(0, 10**11),
    "owner": st.sampled_from([None, "U", "V"]), "offer": CENTS, "chance": st.one_of(st.none(), st.integers(0, 100)),
    "events": COUNT, "override": st.one_of(st.none(), st.floats(-1e15, 1e15)), "currency": st.sampled_from([None, "X", "Y", "Z"]),
})  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ODD, min_size=1, max_size=12), odds=st.integers(0, 100), rate=st.sampled_from([0, 1, 10**6, 10**13]))
def test_every_number_of_a_verdict_is_one(rows: list[dict[str, Any]], odds: int, rate: int) -> None:
    """Whatever the records hold: what is no number cannot be written, and one of them would spoil its whole book."""
    w = World()
    w.add("owners", id="V", active=True, started_at=(DAY + 50) * 86_400)
    w.add("stages", id="S", probability=odds)
    for currency, micro in (("X", rate), ("Y", 10**6)):
        w.add("rates", id=currency, micro_per_corporate=micro)
    for n, r in enumerate(rows):
        ours = {} if r["override"] is None else {"potential_override": r["override"]}
        w.add("accounts", id=f"A{n}", name="A", owner_id=r["owner"], owner_from_at=r["took"], employees=r["employees"],
              annual_revenue_cents=r["annual"], created_at=r["created"], currency=r["currency"], ours=json.dumps(ours))  # fmt: skip
        w.add("minutes", person=r["owner"], account_id=f"A{n}", seconds=r["seconds"], activities=r["activities"],
              measured_seconds=r["seconds"] // 2, meetings=1, mails=0, last_at=None)  # fmt: skip
        w.add("revenue", account_id=f"A{n}", currency=r["currency"], won_365=r["won"], won_182=r["half"], won_91=0,
              orders_365=r["orders"], orders=r["orders"], first_won_day=DAY - 100)  # fmt: skip
        w.add("pipeline", id=f"O{n}", account_id=f"A{n}", name="O", currency=r["currency"], created_at=r["created"], stage="S",
              amount_cents=r["offer"], close_day=DAY, probability=r["chance"])  # fmt: skip
        w.add("met", account_id=f"A{n}", level=None, new_people=r["events"], old_people=0)
        w.add("families", account_id=f"A{n}", family=f"F{n % 3}", currency=r["currency"], first_shown_at=0, first_bought_day=DAY - 9,
              bought_365=r["won"])  # fmt: skip
    for s in told(w).values():
        numbers = [v for v in (*astuple(s), *s.coverage.values(), *s.evidence.values()) if isinstance(v, int | float)]
        assert all(math.isfinite(v) for v in numbers), s
        assert 0 <= s.confidence <= 100
        assert 0 <= s.hours_low <= s.hours <= s.hours_high
        assert s.fair_hours >= 0


def test_order_of_records_and_names_of_accounts_change_nothing() -> None:
    w = world_of_all_states()
    first, second = judged(w), judged(w, order=-1)
    assert np.array_equal(first.ratio.p_over, second.ratio.p_over)
    assert np.array_equal(first.behaviour.p_shallow, second.behaviour.p_shallow)
    assert np.allclose(first.potential.potential, second.potential.potential, rtol=1e-12)


def test_the_unit_of_money_changes_no_state() -> None:
    """A firm that counts in yen is judged like the same firm in euros."""
    euros, yen = world_of_all_states(), world_of_all_states()
    for row in yen.rows["revenue"]:
        row |= {k: v * 150 for k, v in row.items() if k.startswith("won")}
    before, after = told(euros), told(yen)
    assert {k: (s.state, s.grade, s.confidence) for k, s in before.items()} == {
        k: (s.state, s.grade, s.confidence) for k, s in after.items()
    }
    assert math.isclose(after["comfort"].potential, 150 * before["comfort"].potential, rel_tol=1e-3)


def test_fair_shares_add_up_to_the_book_s_time() -> None:
    """In proportion, so nothing is invented and nothing lost."""
    j = judged(world_of_all_states())
    fair = fair_minutes(j.effort, j.potential.potential, j.potential.customer, np.arange(j.frame.n) % 2 == 0, RULES)
    for book in range(j.effort.books):
        mine = j.effort.book == book
        assert math.isclose(fair[mine].sum(), j.effort.minutes[mine].sum(), rel_tol=1e-9)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"due": "Existing Customer - Replacement"}, "renewal"),
        ({"due": "New Customer"}, None),
        ({"first_won_day": DAY - 179}, "first order"),
        ({"first_won_day": DAY - 181}, None),
        ({"facts": {"ours": '{"answer":"Renewal or project"}'}}, "a person's word"),
        ({"facts": {"ours": '{"answer":"Disagree"}'}}, None),
    ],
)
def test_an_occasion_gives_an_account_two_hours_more(told: dict[str, Any], why: str | None) -> None:
    def fair(account: dict[str, Any]) -> tuple[float, Any]:
        w = World().book()
        w.account("it", hours=20, **account)
        if "due" in account:
            w.add("due", account_id="it", category=account["due"])
        made = judged(w)
        (score,) = [s for s in scores(made, advance({}, made, RULES), RULES) if s.account_id == "it"]
        return score.fair_hours, score.evidence["occasion"]

    plain, without = fair({})
    more, occasion = fair(told)
    assert (without, occasion) == (None, why)
    assert more == pytest.approx(plain + 2 * (why is not None), abs=0.25)  # the two hours come out of what all share


def test_the_words_of_a_renewal_are_the_firm_s_own() -> None:
    w = World().book()
    w.add("due", account_id="N00", category="Verlängerung")
    assert not any(judged(w).occasion)
    assert judged(w, rules=preset("normal", renewal_types=["verlängerung"])).occasion[0] == "renewal"
    with pytest.raises(ValueError, match="renewal_types = 'x' must be a list of words"):
        preset("normal", renewal_types="x")


def test_the_quantile_regression_finds_the_quantile() -> None:
    """Of a constant it is the sample's quantile; a fifth of the points lie above the 0.8 line of a slope."""
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(500), rng.normal(size=500)])
    y = 3 + 2 * x[:, 1] + rng.exponential(size=500)
    beta = quantile_regression(x, y, 0.8)
    assert abs((y > x @ beta).mean() - 0.2) < 0.01
    assert abs(beta[1] - 2) < 0.3


def test_evidence_sharpens_the_posterior() -> None:
    minutes, fair, doubt = np.array([600.0, 600.0]), np.array([200.0, 200.0]), np.array([0.3, 0.3])
    r = ratio(minutes, fair, np.array([3.0, 30.0]), doubt, RULES)
    assert r.p_over[1] > r.p_over[0]


# ---- hysteresis -----------------------------------------------------------------------------------------------------


def nights(targets: list[str], rules: Rules = RULES) -> list[NightRow]:
    """Feed one account a night a target: comfort (J = 0.8), doubtful (J = 0.35), clear (J = 0.05), thin."""
    over = {"comfort": 0.9, "doubtful": 0.6, "clear": 0.1, "thin": 0.9}
    shallow = {"comfort": 0.9, "doubtful": 0.6, "clear": 0.5, "thin": 0.9}
    w = World().book()
    base = judged(w)
    previous: dict[str, NightRow] = {}
    rows = []
    for n, target in enumerate(targets):
        frame = replace_day(base, DAY + n)
        one = np.full(base.frame.n, over[target])
        j = replace(
            frame, ratio=replace(base.ratio, p_over=one, p_under=one * 0),
            behaviour=replace(base.behaviour, p_shallow=np.full(base.frame.n, shallow[target])),
            gates=("logging",) * base.frame.n if target == "thin" else ("",) * base.frame.n,
        )  # fmt: skip
        previous = {r.account_id: r for r in advance(previous, j, rules)}
        rows.append(previous["N00"])
    return rows


def replace_day(j: Judgement, day: int) -> Judgement:
    frame = object.__new__(type(j.frame))
    frame.__dict__.update(j.frame.__dict__ | {"day": day})
    return replace(j, frame=frame)


def test_a_comfort_zone_is_entered_after_five_nights_and_not_before() -> None:
    rows = nights(["clear"] * 20 + ["comfort"] * 6)
    assert [r.state for r in rows[20:]] == [BALANCED] * 4 + [COMFORT] * 2
    assert rows[25].since == DAY + 24


def test_one_quiet_night_starts_the_count_again() -> None:
    rows = nights(["clear"] * 20 + ["comfort"] * 4 + ["clear"] + ["comfort"] * 4)
    assert {r.state for r in rows} == {BALANCED}


def test_a_comfort_zone_is_left_after_fourteen_clear_nights_and_not_on_doubtful_ones() -> None:
    doubtful = nights(["comfort"] * 20 + ["doubtful"] * 30)
    assert {r.state for r in doubtful} == {COMFORT}
    clear = nights(["comfort"] * 20 + ["clear"] * 15)
    assert [r.state for r in clear[20:]] == [COMFORT] * 13 + [BALANCED] * 2


def test_missing_evidence_withdraws_a_flag_at_once() -> None:
    rows = nights(["comfort"] * 20 + ["thin"])
    assert rows[-1].state == THIN_LOGGING


def test_a_frozen_night_keeps_every_state() -> None:
    """A night with broken data must not move anybody."""
    j = judged(world_of_all_states())
    before = {r.account_id: r._replace(state=COMFORT, day=DAY - 1) for r in advance({}, j, RULES)}
    frozen = advance(before, j, RULES, frozen=frozenset(j.frame.ids))
    assert {r.state for r in frozen} == {COMFORT}
    assert {r.day for r in frozen} == {DAY}


def test_a_sentence_that_no_longer_fits_the_field_is_left_out_whole() -> None:
    w = world_of_all_states()
    w.rows["accounts"][20]["ours"] = '{"answer":"' + "x" * 240 + '"}'
    s = told(w)["comfort"]
    assert [r.code for r in s.reasons] == ["T1", "D1", "C1"]
    assert len(" ".join(r.text for r in s.reasons)) <= 255
