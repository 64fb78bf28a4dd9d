"""CSV that a spreadsheet shows and never runs."""

import csv
import io
import math
from collections.abc import Iterable, Sequence

from assay.text.words import clean

#: what makes a spreadsheet take a text for a formula (OWASP, CSV Injection), full-width forms included
STARTERS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe(value: object) -> object:
    """A cell's value: numbers stay numbers, unknown is empty, a text that could be a formula gets an apostrophe."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return value
    text = clean(value).replace("\r\n", "\n").replace("\r", "\n")  # the csv module leaves a lone CR unquoted
    return f"'{text}" if text.lstrip(" ").startswith(STARTERS) else text


def written(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Header and rows as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([safe(value) for value in row] for row in rows)
    return out.getvalue()
