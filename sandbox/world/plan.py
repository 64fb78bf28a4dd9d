"""A firm with planted truth, before any CRM: reps, accounts, and what kind of relationship each is.

Shape: docs/facts/scoring.md, "Planted truth".
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sandbox.world.names import INDUSTRIES

COMFORT, EARNING, UNDER, BALANCED = "Comfort zone", "Earning its time", "Under-worked", "Balanced"
NO_EVIDENCE, THIN = "Not enough evidence", "Logging too thin"


@dataclass(frozen=True, slots=True)
class Kind:
    """Kind of account: effort and rates of behaviour against an ordinary one of the same potential."""

    state: str
    effort: float = 1.0
    people: float = 1.0
    families: float = 1.0
    decisions: float = 1.0
    renewal: bool = False
    revenue: float = 1.0  #: what it pays today; investments have not paid yet


KINDS: Mapping[str, Kind] = {
    "ordinary": Kind(BALANCED),
    "comfort": Kind(COMFORT, 4.5, 0.18, 0.18, 0.20),
    "earning": Kind(EARNING, 3.0, 2.5, 2.0, 2.5),
    "neglected": Kind(UNDER, 0.10, 0.5, 0.5, 0.6),
    "drifting": Kind(BALANCED, 0.8, 0.4, 0.4, 0.5),
    "decoy_renewal": Kind(EARNING, 3.5, 1.0, 1.0, 3.0, renewal=True, revenue=0.6),
    "decoy_people": Kind(EARNING, 3.5, 5.0, 0.5, 0.8, revenue=0.5),
    "decoy_products": Kind(EARNING, 3.5, 0.6, 6.0, 1.5, revenue=0.5),
    "decoy_resolutions": Kind(EARNING, 3.5, 0.5, 0.5, 5.0, revenue=0.5),
    "decoy_all": Kind(EARNING, 3.5, 2.0, 2.0, 2.5, revenue=0.5),
    "young": Kind(NO_EVIDENCE),
}
DECOYS = ("decoy_renewal", "decoy_people", "decoy_products", "decoy_resolutions", "decoy_all")


@dataclass(frozen=True, slots=True)
class Profile:
    """Profile of a world: how it differs from the ordinary one."""

    reps_per_accounts: float = 33.0
    comfort_reps: float = 0.40  #: share of reps who have comfort accounts
    comfort_share: float = 0.11  #: of their book
    decoys: float = 0.05
    earning: float = 0.03
    neglected: float = 0.05
    drifting: float = 0.05
    young: float = 0.02
    uneven: bool = False  #: reps log very different shares of their work
    thin_reps: float = 0.0  #: share of reps who log almost nothing
    doubled: float = 0.0  #: share of reps whose meetings are logged twice
    messy: float = 0.02  #: share of calendar entries that are private, cancelled, all day or a template
    families: int = 5
    noise: float = 0.45  #: log units by which revenue strays from potential
    step_days: int = 400  #: days ago at which comfort accounts began to be comfortable
    cure_days: int = 0  #: days ago at which they ended


PROFILES: Mapping[str, Profile] = {
    "demo": Profile(comfort_reps=0.6, uneven=True, thin_reps=0.08, doubled=0.2, messy=0.05),
    "clean": Profile(),
    "uneven": Profile(uneven=True),
    "duplicated": Profile(uneven=True, doubled=0.3),
    "thin": Profile(uneven=True, thin_reps=0.3),
    "step": Profile(step_days=120),
    "cure": Profile(cure_days=120),
    "messy": Profile(uneven=True, messy=0.25),
    "single_product": Profile(families=1),
    "tiny": Profile(reps_per_accounts=13.0),
    "hunter": Profile(earning=0.10, neglected=0.10, comfort_share=0.05),
}


@dataclass(frozen=True, slots=True)
class Rep:
    number: int
    logging: float  #: share of the work that is logged
    doubled: bool
    comfortable: bool
    started_days_ago: int
    zone: int


@dataclass(frozen=True, slots=True)
class Account:
    number: int
    rep: Rep
    potential: float  #: latent, 12 months
    industry: int
    employees: int | None
    revenue: int | None
    kind: str
    minutes: float  #: true selling minutes in 180 days
    opens: float  #: how readily it meets and decides, whatever the rep does
    created_days_ago: int

    @property
    def state(self) -> str:
        """Return the verdict a perfect observer would give."""
        return THIN if self.rep.logging < 0.1 else KINDS[self.kind].state


def reps(rng: random.Random, count: int, profile: Profile) -> list[Rep]:
    thin = max(1, round(count * profile.thin_reps)) if profile.thin_reps else 0
    comfortable = set(rng.sample(range(count), round(count * profile.comfort_reps)))
    doubled = set(rng.sample(range(count), round(count * profile.doubled)))
    team = [
        Rep(
            number=n,
            logging=rng.betavariate(6, 2) if profile.uneven else 0.95,
            doubled=n in doubled,
            comfortable=n in comfortable,
            started_days_ago=rng.choice((200, 600, 1500, 3000)),
            zone=n % 4,
        )
        for n in range(count)
    ]
    return [replace(r, logging=0.03, doubled=False) if r.number >= count - thin else r for r in team]


def books(rng: random.Random, team: list[Rep], count: int, profile: Profile) -> list[Account]:
    """Draw every account with its kind; a rep's minutes are shared out by potential^0.6, noise and kind."""
    accounts = [_account(rng, n, team[n % len(team)]) for n in range(count)]
    kinds: dict[int, str] = {}
    for rep in team:
        kinds |= _kinds(rng, rep, [a for a in accounts if a.rep.number == rep.number], profile)
    weight = {a.number: a.potential**0.6 * math.exp(rng.gauss(0, 0.40)) * KINDS[kinds[a.number]].effort for a in accounts}
    total = {r.number: sum(weight[a.number] for a in accounts if a.rep.number == r.number) for r in team}
    capacity = {r.number: rng.gauss(115, 12) * 128 for r in team}  # minutes in 180 days
    return [
        replace(
            a,
            kind=kinds[a.number],
            minutes=capacity[a.rep.number] * weight[a.number] / total[a.rep.number],
            created_days_ago=40 if kinds[a.number] == "young" else a.created_days_ago,
        )
        for a in accounts
    ]


def _account(rng: random.Random, number: int, rep: Rep) -> Account:
    industry = number % len(INDUSTRIES)
    potential = math.exp(rng.gauss(10.3 + 0.35 * industry, 0.9))
    size = math.exp(0.8 * math.log(potential) - 4.0 + rng.gauss(0, 0.6))
    employees = None if rng.random() < 0.08 else max(3, round(size))
    revenue = None if rng.random() < 0.15 else round(size * 150_000 * math.exp(rng.gauss(0, 0.4)), -3)
    return Account(
        number=number,
        rep=rep,
        potential=potential,
        industry=industry,
        employees=employees,
        revenue=None if revenue is None else int(revenue),
        kind="ordinary",
        minutes=0.0,
        opens=math.exp(rng.gauss(0, 0.3)),
        created_days_ago=rng.randint(800, 3000),
    )


def _kinds(rng: random.Random, rep: Rep, book: list[Account], profile: Profile) -> dict[int, str]:
    """Draw the kinds: comfort accounts from the lower 60 % of the book by potential, neglected ones from the top."""
    by_worth = sorted(book, key=lambda a: a.potential)
    low, high = by_worth[: int(len(book) * 0.6)], by_worth[int(len(book) * 0.7) :]
    kinds = dict.fromkeys((a.number for a in book), "ordinary")
    if rep.comfortable:
        kinds |= dict.fromkeys(
            (a.number for a in rng.sample(low, max(1, round(len(book) * profile.comfort_share)))), "comfort"
        )
    free = [a.number for a in book if kinds[a.number] == "ordinary"]
    rng.shuffle(free)
    tops = [a.number for a in high if kinds[a.number] == "ordinary"]
    for share, kind, pool in (
        (profile.neglected, "neglected", tops),
        (profile.earning, "earning", free),
        (profile.drifting, "drifting", free),
        (profile.young, "young", free),
    ):
        kinds |= dict.fromkeys(_take(rng, pool, share * len(book), kinds), kind)
    for number in _take(rng, free, profile.decoys * len(book), kinds):
        kinds[number] = rng.choice(DECOYS)
    return kinds


def _take(rng: random.Random, pool: list[int], share: float, kinds: dict[int, str]) -> list[int]:
    open_ones = [n for n in pool if kinds[n] == "ordinary"]
    count = int(share) + (rng.random() < share % 1)
    return rng.sample(open_ones, min(count, len(open_ones)))
