"""Two years of one account: touches, people met, deals. Days count back from the org's today."""

import math
import random
from dataclasses import dataclass
from itertools import pairwise

from sandbox.world.plan import KINDS, Account, Kind, Profile

HISTORY = 790  #: days
STAGES = (("Prospecting", 10), ("Qualification", 20), ("Proposal", 60), ("Negotiation", 80))
WON, LOST = ("Closed Won", 100), ("Closed Lost", 0)
#: share of an account's revenue that comes by repeat orders, and how many those are
ORDERED, ORDERS_A_YEAR = 0.45, 4.0
#: minutes of an average touch, from the mix below
AVERAGE = 0.45 * 45 + 0.30 * 6 + 0.25 * 3


@dataclass(frozen=True, slots=True)
class Touch:
    ago: float  #: days before today, with the time of day
    kind: str  #: meeting, call, email
    minutes: float
    contact: int  #: number within the account
    colleagues: int  #: invited from our side


@dataclass(frozen=True, slots=True)
class Step:
    ago: float
    stage: str
    odds: int
    amount: int
    close_ago: int  #: expected close, days before today (negative: ahead)


@dataclass(frozen=True, slots=True)
class Deal:
    steps: tuple[Step, ...]
    family: int
    renewal: bool
    contact: int


def touches(rng: random.Random, account: Account, contacts: int, profile: Profile) -> list[Touch]:
    """Draw the logged touches."""
    kind = KINDS[account.kind]
    span = min(HISTORY, account.created_days_ago)
    met = _first_met(rng, account, contacts, span, profile)
    logged: list[Touch] = []
    daily = account.minutes / 180 / AVERAGE * account.rep.logging
    for first, last, as_kind in _phases(account, span, profile, HISTORY):
        for _ in range(_poisson(rng, (daily if as_kind else daily / kind.effort) * (last - first))):
            ago = first + rng.random() * (last - first)
            met_by_then = [c for c in range(contacts) if met[c] >= ago] or [0]
            logged.append(_touch(rng, ago, rng.choice(met_by_then)))
    for contact, day in enumerate(met):
        if 0 < day < span and rng.random() < max(0.3, account.rep.logging):
            logged.append(_touch(rng, day, contact))
    return sorted(logged, key=lambda t: -t.ago)


def _phases(account: Account, span: int, profile: Profile, since: int) -> list[tuple[int, int, bool]]:
    """List first and last day ago, and whether the account was treated as its kind then, or as an ordinary one.

    A comfortable relationship became one `step_days` ago and ended `cure_days` ago; others are what they are `since` days.
    """
    end, begin = (profile.cure_days, profile.step_days) if account.kind == "comfort" else (0, since)
    cuts = (0, min(end, span), min(begin, span), span)
    return [(first, last, n == 1) for n, (first, last) in enumerate(pairwise(cuts)) if first < last]


def _first_met(rng: random.Random, account: Account, contacts: int, span: int, profile: Profile) -> list[float]:
    """Draw the day each contact is met first; how many of them lately depends on the kind."""
    kind, half = KINDS[account.kind], 177
    new: list[float] = []
    for first, last, as_kind in _phases(account, half, profile, half):
        count = _poisson(rng, 0.9 * account.opens * (kind.people if as_kind else 1.0) * (last - first) / half)
        new += [max(2.0, first + rng.random() * (last - first)) for _ in range(count)]
    new = new[: contacts - 1]
    old = [span - rng.random() * max(1.0, span - 200) for _ in range(contacts - len(new))]
    return [max(span * 0.9, max(old)), *old[1:], *new]


def length(touch: Touch) -> int:
    """Return the minutes as a calendar shows them."""
    return max(5, round(touch.minutes / 5) * 5)


def _touch(rng: random.Random, ago: float, contact: int) -> Touch:
    draw = rng.random()
    ago = math.floor(ago) + (0.35 + 0.35 * rng.random())  # office hours
    if draw < 0.45:
        return Touch(ago, "meeting", min(230.0, max(10.0, rng.gammavariate(4, 11))), contact, rng.random() < 0.15)
    if draw < 0.75:
        return Touch(ago, "call", max(0.5, rng.gammavariate(1.5, 4)), contact, 0)
    return Touch(ago, "email", 4.0, contact, 0)


def deals(rng: random.Random, account: Account, contacts: int, profile: Profile) -> list[Deal]:
    """Draw decided deals and open ones; revenue follows potential through noise."""
    kind = KINDS[account.kind]
    span = min(HISTORY, account.created_days_ago) - 30
    yearly = account.potential * min(1.2, 0.45 * kind.revenue * math.exp(rng.gauss(0, profile.noise)))
    a_year = 3.0 * account.opens
    owned = rng.sample(range(profile.families), max(1, profile.families // 2))
    planned: list[Deal] = []
    for first, last, as_kind in _phases(account, span, profile, 200):
        for _ in range(_poisson(rng, a_year * (kind.decisions if as_kind else 1.0) * (last - first) / 365)):
            family = _family(rng, owned, kind, profile)
            few = 1 / kind.decisions if kind.decisions > 1 else 1.0  # many decisions are about smaller things
            amount = max(200, round((1 - ORDERED) * yearly / a_year / 0.6 * few * math.exp(rng.gauss(0, 0.4)), -1))
            renewal = kind.renewal and rng.random() < 0.6
            steps = _steps(rng, first + rng.random() * (last - first), int(amount))
            planned.append(Deal(steps, family, renewal, rng.randrange(contacts)))
    planned += _orders(rng, ORDERED * yearly, rng.choice(owned), span)
    if rng.random() < (0.5 if account.kind == "comfort" else 0.25):  # stalled offers lie everywhere
        planned.append(_stale(rng, int(max(200, yearly / 3)), rng.choice(owned), span))
    return sorted(planned, key=lambda d: -d.steps[0].ago)


def _orders(rng: random.Random, yearly: float, family: int, span: int) -> list[Deal]:
    """Draw repeat orders, entered as won: revenue without anybody asking for a decision."""
    amount = yearly / ORDERS_A_YEAR
    return [
        Deal(
            (Step(ago, *WON, int(max(100, round(amount * math.exp(rng.gauss(0, 0.4)), -1))), math.floor(ago)),),
            family,
            False,
            0,
        )
        for ago in (rng.random() * span for _ in range(_poisson(rng, ORDERS_A_YEAR * max(0, span) / 365)))
    ]


def _family(rng: random.Random, owned: list[int], kind: Kind, profile: Profile) -> int:
    if rng.random() < min(0.9, 0.12 * kind.families):
        return rng.randrange(profile.families)
    return rng.choice(owned)


def _steps(rng: random.Random, decided_ago: float, amount: int) -> tuple[Step, ...]:
    """Go from prospecting to a decision `decided_ago` days before today; what would lie ahead has not happened."""
    length = rng.uniform(30, 110)
    close = math.floor(decided_ago)
    moments = sorted((decided_ago + length * f for f in (1, 0.7, 0.4, 0.2)), reverse=True)
    steps = [Step(ago, *STAGES[i], amount, close) for i, ago in enumerate(moments)]
    end = WON if rng.random() < 0.62 else LOST
    steps.append(Step(decided_ago, *end, amount, close))
    return tuple(steps)


def _stale(rng: random.Random, amount: int, family: int, span: int) -> Deal:
    """Draw an offer that nobody presses for: proposed long ago, its close date moved again and again."""
    began = min(span, rng.uniform(240, 420))
    steps = [Step(began, *STAGES[0], amount, int(began) - 60), Step(began - 20, *STAGES[2], amount, int(began) - 60)]
    steps += [Step(began - 60 - 45 * n, *STAGES[2], amount, int(began) - 60 - 60 * (n + 1)) for n in range(3)]
    return Deal(tuple(s for s in steps if s.ago > 0), family, False, 0)


def _poisson(rng: random.Random, mean: float) -> int:
    """Draw by Knuth's method for small means, from a rounded normal for large ones."""
    if mean > 60:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-max(mean, 0.0)), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count
