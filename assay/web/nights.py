"""Past nights as drawings: a year of squares, and bars of what each night took. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from assay.night.outcome import EXIT_CODES
from assay.text.words import EPOCH, clean, count, iso
from db.runs import Brief

DAY = 86_400
WEEKS, PITCH, SIDE = 53, 13.6, 11.0
#: outcomes, the worst last: what a square shows is the worst of its day
OUTCOMES = ("done", "running", *(outcome for outcome in reversed(EXIT_CODES) if outcome != "done"))
WORDS = {
    "done": "done",
    "running": "running",
    "rejected": "done, with refused rows",
    "quota": "stopped by the API quota",
    "stopped": "stopped by a safety rule",
    "failed": "failed",
}
#: how an outcome is drawn and coloured: (icon, class)
LOOKS = {
    "done": ("M2 9l4 4 8-9", "good"),
    "running": ("M8 3v5l3 2M8 1a7 7 0 1 0 .1 0z", "quiet"),
    "rejected": ("M8 2v7M8 13v.5", "bad"),
    "quota": ("M5 3v10M11 3v10", "bad"),
    "stopped": ("M3 3h10v10h-10z", "bad"),
    "failed": ("M3 3l10 10M13 3l-10 10", "bad"),
}


@dataclass(frozen=True, slots=True)
class Square:
    """One day."""

    x: float
    y: float
    outcome: str  #: "" where no night ran
    dry: bool
    label: str
    run: int  #: the run to look at; 0 where there is nothing to see


@dataclass(frozen=True, slots=True)
class Year:
    """53 weeks up to today, a column a week, Monday on top."""

    squares: Sequence[Square]
    months: Sequence[tuple[float, str]]
    nights: int  #: days on which a night ran
    troubled: int  #: of these, with another end than a good one


def year(briefs: Iterable[Brief], today: int) -> Year:
    """The last 53 weeks; `today` in days since 1970-01-01."""
    days: defaultdict[int, list[Brief]] = defaultdict(list)
    for b in briefs:
        days[b.started_at // DAY].append(b)
    first = today - _weekday(today) - 7 * (WEEKS - 1)
    squares = [_square(day, first, days.get(day, [])) for day in range(first, today + 1)]
    ran = [s for s in squares if s.outcome]
    return Year(squares, _months(first), len(ran), sum(s.outcome not in ("done", "running") for s in ran))


def _weekday(day: int) -> int:
    return (day + 3) % 7  # 1970-01-01 was a Thursday


def _square(day: int, first: int, runs: Sequence[Brief]) -> Square:
    week, row = divmod(day - first, 7)
    x, y = round(week * PITCH, 1), round(18 + row * PITCH, 1)
    if not runs:
        return Square(x, y, "", False, f"{iso(day)}: no night", 0)
    worst = max(runs, key=lambda b: (rank(b.outcome), b.id))
    said = f"{iso(day)}: {count(len(runs), 'run')}, {WORDS.get(worst.outcome, clean(worst.outcome))}"
    return Square(x, y, worst.outcome, all(b.mode == "dry" for b in runs), said, worst.id)


def rank(outcome: str) -> int:
    """How bad an outcome is; one that is not known is the worst."""
    return OUTCOMES.index(outcome) if outcome in OUTCOMES else len(OUTCOMES)


def _months(first: int) -> list[tuple[float, str]]:
    """Where each month's first whole week begins."""
    starts = [EPOCH + timedelta(days=first + 7 * week) for week in range(WEEKS)]
    return [(round(n * PITCH, 1), f"{d:%b}") for n, d in enumerate(starts) if d.day <= 7]


@dataclass(frozen=True, slots=True)
class Bar:
    """One run's bar; sizes as per cent of the drawing."""

    x: float
    width: float
    height: float
    outcome: str
    label: str


@dataclass(frozen=True, slots=True)
class Bars:
    """Runs side by side, the newest last."""

    bars: Sequence[Bar]
    top: float  #: the value that fills the height
    last: float


def bars(briefs: Sequence[Brief], unit: str, most: int = 90) -> Bars | None:
    """Seconds or API calls of the last runs that have ended; None where fewer than two have."""
    ended = [b for b in briefs if b.ended_at is not None][-most:]
    values = [float(b.calls) if unit == "API calls" else float((b.ended_at or 0) - b.started_at) for b in ended]
    top = max(values, default=0.0)
    if len(ended) < 2 or top <= 0:
        return None
    pitch = 100 / max(len(ended), 20)
    drawn = [
        Bar(
            round(n * pitch, 2),
            round(pitch * 0.72, 2),
            round(max(2.0, 100 * value / top), 1),
            b.outcome,
            f"{iso(b.started_at // DAY)}: {value:,.0f} {unit}",
        )
        for n, (b, value) in enumerate(zip(ended, values, strict=True))
    ]
    return Bars(drawn, top, values[-1])
