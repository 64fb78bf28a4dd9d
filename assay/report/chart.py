"""Potential against time as coordinates for an inline SVG, both axes logarithmic.

Few accounts: every one is a mark with a label. Many: unjudged and ordinary ones become one path a state. Very many:
they become tiles. Flagged accounts with a row in a table stay links to it throughout.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from assay.text.words import count, hours, money, short
from scoring.records import COMFORT, STATES, UNDER, Score

LEFT, TOP, RIGHT, BOTTOM = 76.0, 34.0, 704.0, 424.0  #: the plot inside a 720 x 500 drawing
#: up to this many accounts each one has a label of its own
LABELLED = 400
#: beyond this many accounts tiles are drawn instead of points
TILED = 1500
TILE = 16.0
#: what lies below an axis' first tick, zero above all, is drawn in a lane of its own beside the plot
LANE = 14.0
#: the shape of each state as a path of its own, so that colour never speaks alone
GLYPHS = {
    "Comfort zone": "m-4-4h8v8h-8z",
    "Earning its time": "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "Under-worked": "m-5 4h10l-5-9z",
    "Balanced": "m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0z",
    "Not enough evidence": "m-3 0h6",
    "Logging too thin": "m-3-3l6 6m0-6l-6 6",
}


@dataclass(frozen=True, slots=True)
class Axis:
    """A logarithmic axis from `low` to `high` drawn between two coordinates."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The coordinate of a value; values below the axis lie in the lane before it."""
        step = math.copysign(LANE, self.end - self.start)
        if not value >= self.low:
            return self.start - step
        share = math.log(min(value, self.high) / self.low) / math.log(self.high / self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[tuple[float, float]]:
        """(coordinate, value) of each power of ten on the axis."""
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        return [(self.at(10.0**n), 10.0**n) for n in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Mark:
    """One account drawn with its shape; `href` leads to its row or page, empty where it has none."""

    x: float
    y: float
    state: str
    href: str
    label: str


@dataclass(frozen=True, slots=True)
class Tile:
    """All accounts of one square; `depth` 1-4 says how many, on a logarithmic scale."""

    x: float
    y: float
    depth: int
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything the template draws."""

    x_axis: Axis
    y_axis: Axis
    marks: Sequence[Mark]
    dots: Sequence[tuple[str, str]]  #: (state, path of many points without labels)
    tiles: Sequence[Tile]
    fair_line: str  #: points of a polyline
    over: str  #: points of the area above it: more time than in proportion to potential
    room: str  #: points of the area below it
    accounts: int
    left_out: int  #: accounts whose potential or hours are unknown


def chart(scores: Sequence[Score], anchors: Mapping[str, str]) -> Chart:
    """Lay out all accounts; `anchors` gives where the row or page of an account is, for those that have one."""
    drawn = [s for s in scores if math.isfinite(s.potential) and math.isfinite(s.hours)]
    x, y = _axes(drawn)
    named = [s for s in drawn if _has_mark(s, len(drawn), anchors)]
    names = {s.account_id for s in named}
    rest = [s for s in drawn if s.account_id not in names]
    line = _fair_line(drawn, x, y)
    return Chart(
        x,
        y,
        [_mark(s, x, y, anchors) for s in sorted(named, key=_drawing_order)],
        [] if len(drawn) > TILED else _dots(rest, x, y),
        _tiles(rest, x, y) if len(drawn) > TILED else [],
        _points(line),
        _points([(LEFT, line[0][1]), *line, (RIGHT, line[-1][1]), (RIGHT, TOP), (LEFT, TOP)] if line else []),
        _points([(LEFT, line[0][1]), *line, (RIGHT, line[-1][1]), (RIGHT, BOTTOM), (LEFT, BOTTOM)] if line else []),
        len(drawn),
        len(scores) - len(drawn),
    )


def _points(line: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in line)


def _has_mark(s: Score, accounts: int, anchors: Mapping[str, str]) -> bool:
    """Among tiles only flagged accounts stand out; which others have a row is chance."""
    listed = s.account_id in anchors
    return accounts <= LABELLED or (listed and (accounts <= TILED or s.state in (COMFORT, UNDER)))


def _axes(scores: Sequence[Score]) -> tuple[Axis, Axis]:
    return (
        _axis([s.potential for s in scores], 100.0, LEFT + 2 * LANE, RIGHT),
        _axis([s.hours for s in scores], 0.1, BOTTOM - 2 * LANE, TOP),
    )


def _axis(values: Iterable[float], least: float, start: float, end: float) -> Axis:
    """From the 2nd percentile, to a third of a decade, up to the largest value; at least one decade."""
    positive = sorted(v for v in values if v >= least) or [least]
    low = 10 ** (math.floor(3 * math.log10(positive[len(positive) // 50])) / 3)
    high = 10 ** (math.ceil(3 * math.log10(positive[-1]) + 0.2) / 3)
    return Axis(low, max(high, low * 10), start, end)


def _drawing_order(s: Score) -> tuple[bool, int, str]:
    """What matters most is drawn last, on top."""
    return s.state in (COMFORT, UNDER), -STATES.index(s.state), s.account_id


def _mark(s: Score, x: Axis, y: Axis, anchors: Mapping[str, str]) -> Mark:
    label = (
        f"{short(s.name)}: {s.state}. {hours(s.hours)} h, share {hours(s.fair_hours)} h. "
        f"Potential {money(s.potential)}, last 12 months {money(s.trailing_12m)}"
    )
    return Mark(x.at(s.potential), y.at(s.hours), s.state, anchors.get(s.account_id, ""), label)


def _dots(scores: Sequence[Score], x: Axis, y: Axis) -> list[tuple[str, str]]:
    paths: defaultdict[str, list[str]] = defaultdict(list)
    for s in sorted(scores, key=lambda s: s.account_id):
        paths[s.state].append(f"M{x.at(s.potential):g} {y.at(s.hours):g}{GLYPHS[s.state]}")
    return [(state, "".join(paths[state])) for state in STATES if state in paths]


def _tiles(scores: Sequence[Score], x: Axis, y: Axis) -> list[Tile]:
    squares: defaultdict[tuple[float, float], Counter[str]] = defaultdict(Counter)
    for s in scores:
        squares[x.at(s.potential) // TILE * TILE, y.at(s.hours) // TILE * TILE][s.state] += 1
    return [Tile(a, b, _depth(sum(n.values())), _tile_label(n)) for (a, b), n in sorted(squares.items())]


def _depth(accounts: int) -> int:
    return min(4, 1 + int(math.log(accounts, 5)))


def _tile_label(states: Counter[str]) -> str:
    parts = [f"{n:,} {state}" for state in STATES if (n := states[state])]
    return f"{count(sum(states.values()), 'account')}: {', '.join(parts)}"


def _fair_line(scores: Sequence[Score], x: Axis, y: Axis) -> list[tuple[float, float]]:
    """The median fair share by potential, in up to 12 groups of 15 or more: shares are set within each book."""
    points = sorted((s.potential, s.fair_hours) for s in scores if s.potential >= x.low and s.fair_hours >= y.low)
    groups = min(12, len(points) // 15)
    cuts = [round(i * len(points) / groups) for i in range(groups + 1)] if groups > 1 else []
    middles = [[median(v) for v in zip(*points[a:b], strict=True)] for a, b in pairwise(cuts)]
    return [(x.at(p), y.at(f)) for p, f in middles]
