"""The words of made cases, through the real judge, against one file that people can read.

`python tests/test_scoring_words.py` writes the file anew; read the difference before it is kept.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from test_scoring_judge import DAY, LONG_AGO, World, told

from scoring.records import STATES

SAMPLE = Path(__file__).parent / "samples" / "words" / "words.txt"
Case = Callable[[World], None]


def offer(w: World, account: str, name: str, days: int, pushes: int = 0) -> None:
    w.add("pipeline", id=f"O-{account}-{name[:8]}", account_id=account, name=name, created_at=(DAY - days) * 86_400,
          stage="Proposal", amount_cents=100_000, close_day=DAY + 10, probability=60)  # fmt: skip
    w.add("pushes", opportunity_id=f"O-{account}-{name[:8]}", pushes=pushes)


def family(w: World, account: str, name: str, owned: bool = True) -> None:
    w.add("families", account_id=account, family=name, first_shown_at=LONG_AGO, first_bought_day=DAY - 900 if owned else None,
          bought_365=500_000 if owned else 0)  # fmt: skip


def comfort(w: World, **more: object) -> None:
    w.account("X", **({"hours": 60, "revenue": 3_000} | more))


def under(w: World, **more: object) -> None:
    w.account("X", **({"hours": 0, "revenue": 60_000} | more))


def earning(w: World, **more: object) -> None:
    w.account("X", **({"hours": 60, "revenue": 10_000, "events": 12} | more))


def answered(state: Case, **ours: object) -> Case:
    return lambda w: state(w, facts={"ours": json.dumps(ours)})  # type: ignore[call-arg]


#: 60,000 EUR at 1.25 dollars a euro
WON_IN_DOLLARS = {"currency": "USD", "won_365": 7_500_000, "won_182": 3_750_000, "won_91": 1_875_000}


def dollars(**ours: object) -> Case:
    """An account that is kept in dollars in a firm that reckons in euros."""

    def make(w: World) -> None:
        w.add("rates", id="EUR", micro_per_corporate=1_000_000)
        w.add("rates", id="USD", micro_per_corporate=1_250_000)
        comfort(w, facts={"currency": "USD", "ours": json.dumps(ours)})

    return make


def with_offer(state: Case, name: str, days: int, pushes: int = 0) -> Case:
    return lambda w: (state(w), offer(w, "X", name, days, pushes))[0]


def with_contacts(state: Case, *people: tuple[str | None, str | None]) -> Case:
    def make(w: World) -> None:
        state(w)
        for level, department in people:
            w.add("contacts", account_id="X", level=level, department=department, contacts=1)

    return make


def with_families(state: Case) -> Case:
    def make(w: World) -> None:
        state(w)
        for n in range(20):
            family(w, f"N{n:02}", "Pumps")
            if n % 2:
                family(w, f"N{n:02}", "Valves")
        family(w, "X", "Pumps")

    return make


def thin(w: World) -> None:
    w.add("owners", id="T", active=True, started_at=LONG_AGO)
    for n in range(6):
        w.account(f"T{n}" if n else "X", hours=0.3, owner="T")


def small_book(w: World) -> None:
    w.add("owners", id="S", active=True, started_at=LONG_AGO)
    for name in ("X", "S1"):
        w.account(name, hours=60, owner="S")


def provisional(w: World) -> None:
    for owner, hours in (("P", 4.0), ("Q", 10.0), ("R", 10.0), ("V", 10.0)):
        w.add("owners", id=owner, active=True, started_at=LONG_AGO)
        for n in range(20):
            w.account(f"{owner}{n}", hours=hours, owner=owner, events=2)
    w.account("X", hours=20, revenue=3_000, owner="P")


def facts(**values: object) -> Case:
    return lambda w: comfort(w, facts=values)


HOSTILE = '=HYPERLINK("http://x")\u202e\n' + "very long name " * 20
CASES: dict[str, Case] = {
    "comfort, nothing new": comfort,
    "comfort, one new thing": lambda w: comfort(w, hours=150, events=1, revenue=2_000),
    "comfort, an offer open": with_offer(comfort, "Press 12", 300),
    "comfort, an offer moved once": with_offer(comfort, "Press 12", 300, 1),
    "comfort, an offer moved twice": with_offer(comfort, "Press 12", 300, 2),
    "comfort, an offer of today": with_offer(comfort, "Press 12", 0),
    "comfort, an offer of one day": with_offer(comfort, "Press 12", 1),
    "comfort, a hostile offer": with_offer(comfort, HOSTILE, 90, 3),
    "comfort, an offer in quotes": with_offer(comfort, 'The "big" one', 90, 3),
    "comfort, an offer in Chinese": with_offer(comfort, "压力机 12", 90, 3),
    "comfort, an offer without a name": with_offer(comfort, "", 90, 3),
    "comfort, two offers": lambda w: (comfort(w), offer(w, "X", "Old", 200), offer(w, "X", "Moved", 90, 4))[0],
    "comfort, a family to present": with_families(comfort),
    "comfort, the top never met": with_contacts(comfort, ("chief", None), ("director", None)),
    "comfort, a director never met": with_contacts(comfort, ("director", "Production")),
    "comfort, a manager never met": with_contacts(comfort, ("manager", None)),
    "comfort, a department never met": with_contacts(comfort, (None, "Purchasing")),
    "comfort, a hostile department": with_contacts(comfort, (None, "+" + "Purchasing " * 30)),
    "comfort, agreed": answered(comfort, answer="Agree"),
    "comfort, disputed": answered(comfort, answer="Disagree"),
    "comfort, a renewal": answered(comfort, answer="Renewal or project"),
    "comfort, the wrong owner": answered(comfort, answer="Wrong owner"),
    "comfort, another answer": answered(comfort, answer="Other"),
    "comfort, snoozed": answered(comfort, snooze_until="2099-01-01"),
    "comfort, snooze over": answered(comfort, snooze_until="2001-01-01"),
    "comfort, potential corrected": answered(comfort, potential_override=2_500),
    "comfort, potential corrected to much": answered(comfort, potential_override=1_250_000),
    "comfort, potential corrected in another currency": dollars(potential_override=1_562_500),
    "under-worked, revenue in another currency": lambda w: (dollars()(w), w.rows["minutes"].pop(),
                                                            w.rows["revenue"].append(w.rows["revenue"].pop() | WON_IN_DOLLARS)),
    "comfort, potential corrected to billions": answered(comfort, potential_override=3_100_000_000),
    "comfort, no revenue": lambda w: comfort(w, revenue=0),
    "comfort, a customer in dollars": facts(currency="USD"),
    "earning": earning,
    "earning, one of each": lambda w: earning(w, hours=30, revenue=5_000, events=4),
    "under-worked, never visited": under,
    "under-worked, visited": lambda w: under(w, hours=4),
    "under-worked, an offer open": with_offer(under, "Line 7", 45),
    "under-worked, a family to present": with_families(under),
    "under-worked, the top never met": with_contacts(under, ("chief", None)),
    "under-worked, disputed": answered(under, answer="Disagree"),
    "balanced": lambda w: w.account("X", hours=10, revenue=11_000, events=2),
    "balanced, disputed": lambda w: w.account("X", hours=10, revenue=11_000, events=2, facts={"ours": '{"answer":"Disagree"}'}),
    "withheld, no activity": lambda w: w.account("X", hours=0, revenue=500),
    "withheld, one activity": lambda w: w.account("X", hours=1, revenue=500, activities=1),
    "withheld, two activities": lambda w: w.account("X", hours=1, revenue=500, activities=2),
    "withheld, young": facts(created_at=(DAY - 30) * 86_400),
    "withheld, made yesterday": facts(created_at=(DAY - 1) * 86_400),
    "withheld, another owner": facts(owner_from_at=(DAY - 20) * 86_400),
    "withheld, another owner since yesterday": facts(owner_from_at=(DAY - 1) * 86_400),
    "withheld, no owner": facts(owner_id=None),
    "withheld, a small book": small_book,
    "withheld, thin logging": thin,
    "provisional": provisional,
}  # fmt: skip


def blocks() -> Iterator[str]:
    for name, make in CASES.items():
        world = World().book()
        make(world)
        s = told(world)["X"]
        lines = [f"# {name}", f"{s.state}, grade {s.grade}", *(f"{r.code}  {r.text}" for r in s.reasons)]
        yield "\n".join(lines + ([f"next  {s.next_step}"] if s.next_step else []))


def test_every_case_says_what_the_file_says() -> None:
    found, kept = "\n\n".join(blocks()) + "\n", SAMPLE.read_text(encoding="utf-8")
    assert found.split("\n\n") == kept.split("\n\n")


def test_the_cases_reach_every_state_and_fit_their_fields() -> None:
    kept = SAMPLE.read_text(encoding="utf-8").strip().split("\n\n")
    assert len(kept) == len(CASES) >= 40
    assert {block.splitlines()[1].partition(",")[0] for block in kept} == set(STATES)
    for block in kept:
        told_ = [line.partition("  ")[2] for line in block.splitlines()[2:]]
        assert all(len(text) <= 255 and not text.startswith(("=", "+", "-", "@")) and text.isprintable() for text in told_)


def test_a_sentence_rounds_the_hours_that_the_field_shows() -> None:
    """5.745 h: numpy rounds it to 5.74, Python to 5.75, and people read both numbers beside each other."""
    world = World().book()
    world.account("X", hours=20_682 / 3600)
    score = told(world)["X"]
    assert score.hours == 5.75
    assert score.reasons[0].text.startswith(f"{score.hours:.1f} h in 180 days; its share of the book is ")


if __name__ == "__main__":
    SAMPLE.parent.mkdir(parents=True, exist_ok=True)
    SAMPLE.write_text("\n\n".join(blocks()) + "\n", encoding="utf-8")
