"""How well selling time is logged: what each score says about its book, book by book."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from assay.report.figures import FEWEST_BOOKS, evenly
from scoring.records import THIN_LOGGING, Score

#: below this share of the usual logging nobody is judged (docs/facts/scoring.md, "Logging coverage")
THIN = 0.3
#: books drawn as marks of a strip
STRIP = 80
#: the measure it applies to
LOGGING = "logging"


@dataclass(frozen=True, slots=True)
class Covered:
    """One measure of coverage over all books."""

    name: str
    books: int
    known: int  #: books that have a number
    middle: float | None  #: the median book
    thin: int | None  #: books below THIN, where the measure decides who is judged
    words: Mapping[str, int]  #: where the measure is a word: word -> accounts
    strip: Sequence[float] = ()  #: the books' numbers, ascending, where they decide and no person shows through


def thin_books(scores: Sequence[Score]) -> tuple[int, int]:
    """(books with accounts withheld because too little is logged, all books)."""
    books = {s.owner_id for s in scores}
    return len({s.owner_id for s in scores if s.state == THIN_LOGGING}), len(books)


def measures(scores: Sequence[Score]) -> list[Covered]:
    """Each measure that the scores carry, one value a book."""
    values: defaultdict[str, defaultdict[str, list[float | str | None]]] = defaultdict(lambda: defaultdict(list))
    for s in scores:
        for name, value in s.coverage.items():
            values[name][s.owner_id or ""].append(value)
    return [_covered(name, list(books.values())) for name, books in sorted(values.items())]


def _covered(name: str, books: Sequence[Sequence[float | str | None]]) -> Covered:
    numbers = [m for m in map(_mean, books) if m is not None]
    words = Counter(value for book in books for value in book if isinstance(value, str))
    return Covered(
        name,
        len(books),
        len(numbers),
        median(numbers) if numbers else None,
        sum(n < THIN for n in numbers) if name == LOGGING else None,
        dict(sorted(words.items())),
        evenly(sorted(numbers), STRIP) if name == LOGGING and len(numbers) >= FEWEST_BOOKS else (),
    )


def _mean(values: Sequence[float | str | None]) -> float | None:
    numbers = [float(v) for v in values if isinstance(v, int | float) and math.isfinite(v)]
    return math.fsum(numbers) / len(numbers) if numbers else None
