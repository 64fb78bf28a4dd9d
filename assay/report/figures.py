"""The sums behind the page. Pure; nothing here ranks or counts people against each other."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from assay.report.model import Report
from scoring.records import COMFORT, NO_EVIDENCE, STATES, THIN_LOGGING, UNDER, Score

#: states that say that an account was not judged
UNJUDGED = (NO_EVIDENCE, THIN_LOGGING)
#: books smaller than this say too much about one person's few accounts
SMALLEST_BOOK = 10
#: fewer books than this cannot be shown without showing persons
FEWEST_BOOKS = 5


T = TypeVar("T")
Bar = Sequence[tuple[str, float]]  #: (state, share of the hours) of one book, in the order of STATES


@dataclass(frozen=True, slots=True)
class StateSum:
    """All accounts of one state."""

    state: str
    accounts: int
    hours: float
    share: float  #: of all hours
    trailing_12m: float
    expected: float
    potential: float


@dataclass(frozen=True, slots=True)
class Movable:
    """Hours above the fair share in comfort zones against hours missing in under-worked accounts."""

    above: float
    above_low: float  #: if every account's hours lie at the low end of their range
    above_high: float
    below: float
    below_low: float
    below_high: float
    within_books: float  #: what could move without an account changing hands
    headroom: float  #: of the under-worked accounts: potential beyond what is expected
    headroom_low: float
    headroom_high: float


def total(values: Iterable[float]) -> float:
    """The sum of what is finite; exact, so that the order of accounts does not matter."""
    return math.fsum(v for v in values if math.isfinite(v))


def of_state(scores: Sequence[Score], state: str) -> list[Score]:
    """The accounts in a state, those with the most hours at stake first."""
    flagged = [s for s in scores if s.state == state]
    return sorted(flagged, key=lambda s: (-abs(s.hours_gap) if math.isfinite(s.hours_gap) else 0.0, s.account_id))


def by_state(scores: Sequence[Score]) -> list[StateSum]:
    """Every state, also those without accounts, in their usual order."""
    all_hours = total(s.hours for s in scores)
    return [_state_sum(state, [s for s in scores if s.state == state], all_hours) for state in STATES]


def _state_sum(state: str, scores: Sequence[Score], all_hours: float) -> StateSum:
    hours = total(s.hours for s in scores)
    return StateSum(
        state,
        len(scores),
        hours,
        hours / all_hours if all_hours > 0 else 0.0,
        total(s.trailing_12m for s in scores),
        total(s.expected for s in scores),
        total(s.potential for s in scores),
    )


def movable(scores: Sequence[Score]) -> Movable:
    """How many hours could move, and the room where they are missing."""
    over, under = of_state(scores, COMFORT), of_state(scores, UNDER)
    return Movable(
        above=_positive(s.hours_gap for s in over),
        above_low=_positive(s.hours_low - s.fair_hours for s in over),
        above_high=_positive(s.hours_high - s.fair_hours for s in over),
        below=_positive(-s.hours_gap for s in under),
        below_low=_positive(s.fair_hours - s.hours_high for s in under),
        below_high=_positive(s.fair_hours - s.hours_low for s in under),
        within_books=_within_books(over, under),
        headroom=_positive(s.potential - s.expected for s in under),
        headroom_low=_positive(s.potential_low - s.expected for s in under),
        headroom_high=_positive(s.potential_high - s.expected for s in under),
    )


def _positive(values: Iterable[float]) -> float:
    return total(v for v in values if v > 0)


def _within_books(over: Sequence[Score], under: Sequence[Score]) -> float:
    above, below = _gaps(over, 1), _gaps(under, -1)
    return total(min(above[book], below[book]) for book in above.keys() & below.keys())


def _gaps(scores: Sequence[Score], sign: int) -> dict[str, float]:
    gaps: defaultdict[str, list[float]] = defaultdict(list)
    for s in scores:
        if s.owner_id is not None:
            gaps[s.owner_id].append(max(0.0, sign * s.hours_gap))
    return {book: total(values) for book, values in gaps.items()}


def comfort_by_book(scores: Sequence[Score]) -> list[float]:
    """Share of hours in comfort zones of each book that is large enough, ascending; empty if that would show persons."""
    return [sum(share for state, share in bar if state == COMFORT) for bar in hours_by_book(scores)]


def hours_by_book(scores: Sequence[Score]) -> list[Bar]:
    """Each large book's hours by state as shares, the least comfort first; empty if that would show persons."""
    books: defaultdict[str, list[Score]] = defaultdict(list)
    for s in scores:
        if s.owner_id is not None:
            books[s.owner_id].append(s)
    large = [b for b in books.values() if len(b) >= SMALLEST_BOOK and total(s.hours for s in b) > 0]
    bars = [tuple((x.state, x.share) for x in by_state(book)) for book in large]
    return sorted(bars, key=lambda bar: (bar[0][1], bar)) if len(bars) >= FEWEST_BOOKS else []


def evenly(ordered: Sequence[T], most: int) -> Sequence[T]:
    """At most so many of them, the first and the last included."""
    if len(ordered) <= most:
        return ordered
    return [ordered[round(i * (len(ordered) - 1) / (most - 1))] for i in range(most)]


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile by the medians of the halves (Tukey's hinges)."""
    half = (len(values) + 1) // 2
    return median(values[:half]), median(values), median(values[-half:])


def transitions(report: Report) -> list[tuple[str, str, int]]:
    """(state before, state now, accounts) for what changed since the night before, most frequent first."""
    moved = Counter((before, now) for _, before, now in changed(report))
    return sorted(((a, b, n) for (a, b), n in moved.items()), key=lambda row: (-row[2], row[0], row[1]))


def changed(report: Report) -> list[tuple[Score, str, str]]:
    """Accounts whose state differs from the night before, new flags first."""
    before = report.previous_states
    moved = [(s, before[s.account_id], s.state) for s in report.scores if s.account_id in before]
    flags = (COMFORT, UNDER)
    return sorted((m for m in moved if m[1] != m[2]), key=lambda m: (m[2] not in flags, STATES.index(m[2]), m[0].account_id))
