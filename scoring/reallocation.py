"""Hours that could move from comfort zones to under-worked accounts, in proportion to potential. Pure; never a best plan.

Within each book first: there nothing has to change hands. What is left over is told for the whole firm, in hours, never by
person. Every account keeps its own share; nobody is ranked.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scoring.records import COMFORT, UNDER, Score

#: mean elasticity of sales to personal selling over all industries (Albers, Mantrala & Sridhar 2010); the most that time
#: taken from a comfort zone is taken to cost
ELASTICITY = 0.34
#: hours below which a change is not worth a line
LEAST_HOURS = 0.5


@dataclass(frozen=True, slots=True)
class Move:
    """Hours taken from (negative) or given to one account, and what they are taken to be worth, in the org's currency."""

    account_id: str
    hours: float
    low: float
    high: float
    value: float


@dataclass(frozen=True, slots=True)
class Reallocation:
    """What could move within books, and what a book has left over or still misses."""

    taken: tuple[Move, ...]  #: of comfort zones; value is revenue at risk, from nothing to `high`
    given: tuple[Move, ...]  #: to under-worked accounts; value is the part of their headroom that the hours stand for
    hours: float  #: moved within books
    left_over: float  #: hours above their share in books that have no under-worked account to give them to
    missing: float  #: hours that under-worked accounts still miss

    @property
    def at_stake(self) -> tuple[float, float, float]:
        """Low, middle, high of what the given hours stand for; all accounts at the low or the high end together."""
        return sum(m.low for m in self.given), sum(m.value for m in self.given), sum(m.high for m in self.given)

    @property
    def at_risk(self) -> float:
        """The most that the taken hours are taken to cost."""
        return sum(m.high for m in self.taken)


def reallocation(scores: Sequence[Score]) -> Reallocation:
    """Move hours book by book; an account without an owner belongs to no book."""
    taken: list[Move] = []
    given: list[Move] = []
    left_over = missing = 0.0
    for book in _books(scores).values():
        spare = {s.account_id: max(0.0, s.hours - s.fair_hours) for s in book if s.state == COMFORT}
        short = {s.account_id: max(0.0, s.fair_hours - s.hours) for s in book if s.state == UNDER}
        by_id = {s.account_id: s for s in book}
        moved = min(sum(spare.values()), sum(short.values()))
        left_over += sum(spare.values()) - moved
        missing += sum(short.values()) - moved
        weight = {i: by_id[i].potential for i in short}
        taken += [_taken(by_id[i], h) for i, h in _shared(moved, spare, spare).items() if h >= LEAST_HOURS]
        given += [_given(by_id[i], h, short[i]) for i, h in _shared(moved, short, weight).items() if h >= LEAST_HOURS]
    order = {s.account_id: (s.name.casefold(), s.account_id) for s in scores}
    both = [tuple(sorted(moves, key=lambda m: order[m.account_id])) for moves in (taken, given)]
    return Reallocation(both[0], both[1], sum(m.hours for m in given), left_over, missing)


def _books(scores: Sequence[Score]) -> Mapping[str, list[Score]]:
    books: defaultdict[str, list[Score]] = defaultdict(list)
    for s in sorted(scores, key=lambda s: s.account_id):
        if s.owner_id is not None:
            books[s.owner_id].append(s)
    return books


def _shared(hours: float, most: Mapping[str, float], weight: Mapping[str, float]) -> dict[str, float]:
    """Share hours out by weight, nobody beyond its most: what one cannot take goes to the others (water-filling)."""
    hours_of = dict.fromkeys(most, 0.0)
    open_ones = {i for i in most if most[i] > 0}
    rest = hours
    while open_ones and rest > 1e-9:
        total = sum(weight[i] for i in sorted(open_ones))
        parts = {i: rest * (weight[i] / total if total > 0 else 1 / len(open_ones)) for i in open_ones}
        full = {i for i in open_ones if parts[i] >= most[i] - hours_of[i]}
        for i in full or open_ones:
            part = min(parts[i], most[i] - hours_of[i])
            hours_of[i] += part
        rest = hours - sum(hours_of.values())
        if not full:
            break
        open_ones -= full
    return hours_of


def _taken(s: Score, hours: float) -> Move:
    """Revenue at risk: nothing, if the hours opened nothing; at most what a constant elasticity says of such a cut."""
    kept = max(0.0, 1 - hours / s.hours) if s.hours > 0 else 1.0
    high = s.expected * (1 - kept**ELASTICITY)
    return Move(s.account_id, -hours, 0.0, high, high / 2)


def _given(s: Score, hours: float, short: float) -> Move:
    """The part of the realisable headroom that these hours stand for: all of it where the account reaches its share."""
    part = hours / short
    low, value, high = (part * max(0.0, p - s.expected) for p in (s.potential_low, s.potential, s.potential_high))
    return Move(s.account_id, hours, min(low, value), max(high, value), value)


# ---- by tenure ------------------------------------------------------------------------------------------------------

#: bands of years with the firm, and how many people a band must hold to be told
BANDS, FEWEST = ((0, 1), (1, 3), (3, 7), (7, None)), 5
YEAR = 365.25


@dataclass(frozen=True, slots=True)
class TenureBand:
    """People of like tenure together; the share is None where they are too few to tell it."""

    first_year: int
    end_year: int | None
    people: int | None  #: None where withheld
    share: float | None  #: of their hours, in comfort zones


def by_tenure(scores: Sequence[Score], started: Mapping[str, int], day: int) -> list[TenureBand]:
    """Share of hours in comfort zones by tenure band, never by person; only people with hours and a known start count."""
    hours: defaultdict[str, float] = defaultdict(float)
    comfort: defaultdict[str, float] = defaultdict(float)
    for s in sorted(scores, key=lambda s: s.account_id):
        if s.owner_id is not None and s.hours > 0:
            hours[s.owner_id] += s.hours
            comfort[s.owner_id] += s.hours if s.state == COMFORT else 0.0
    years = {p: (day - started[p]) / YEAR for p in sorted(hours) if p in started and started[p] <= day}
    return [
        _band(first, end, [p for p, y in years.items() if first <= y and (end is None or y < end)], hours, comfort)
        for first, end in BANDS
    ]


def _band(
    first: int, end: int | None, people: Sequence[str], hours: Mapping[str, float], comfort: Mapping[str, float]
) -> TenureBand:
    if len(people) < FEWEST:
        return TenureBand(first, end, None, None)
    return TenureBand(first, end, len(people), sum(comfort[p] for p in people) / sum(hours[p] for p in people))
