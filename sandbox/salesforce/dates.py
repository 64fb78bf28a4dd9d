"""Date literals: a word to the first and the last day it means ("Date Formats and Date Literals", SOQL reference).

Weeks begin on Sunday as in an en_US org; the fiscal year is the calendar year.
"""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

from sandbox.salesforce.errors import malformed

ONE = timedelta(days=1)
Range = tuple[date, date]


def span(word: str, today: date) -> Range:
    """Return the first and last day; raises MALFORMED_QUERY for a word that is no date literal."""
    name, _, count = word.partition(":")
    if count and name in COUNTED:
        return COUNTED[name](today, int(count))
    if not count and name in PLAIN:
        return PLAIN[name](today)
    raise malformed(f"unexpected token: '{word}'")


def _week(day: date, shift: int = 0) -> Range:
    start = day - timedelta(days=(day.weekday() + 1) % 7) + timedelta(weeks=shift)
    return start, start + timedelta(days=6)


def _months(day: date, shift: int, length: int) -> Range:
    """Return `length` months that begin `shift` months from the month of `day`."""
    first = _month_start(day.year, day.month + shift)
    return first, _month_start(first.year, first.month + length) - ONE


def _month_start(year: int, month: int) -> date:
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def _quarter(day: date, shift: int) -> Range:
    return _months(day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1), 3 * shift, 3)


def _year(day: date, shift: int) -> Range:
    return date(day.year + shift, 1, 1), date(day.year + shift, 12, 31)


PLAIN: dict[str, Callable[[date], Range]] = {
    "TODAY": lambda d: (d, d),
    "YESTERDAY": lambda d: (d - ONE, d - ONE),
    "TOMORROW": lambda d: (d + ONE, d + ONE),
    "THIS_WEEK": _week,
    "LAST_WEEK": lambda d: _week(d, -1),
    "NEXT_WEEK": lambda d: _week(d, 1),
    "THIS_MONTH": lambda d: _months(d, 0, 1),
    "LAST_MONTH": lambda d: _months(d, -1, 1),
    "NEXT_MONTH": lambda d: _months(d, 1, 1),
    "THIS_QUARTER": lambda d: _quarter(d, 0),
    "LAST_QUARTER": lambda d: _quarter(d, -1),
    "NEXT_QUARTER": lambda d: _quarter(d, 1),
    "THIS_YEAR": lambda d: _year(d, 0),
    "LAST_YEAR": lambda d: _year(d, -1),
    "NEXT_YEAR": lambda d: _year(d, 1),
    **{f"{when}_FISCAL_QUARTER": partial(_quarter, shift=n) for when, n in (("LAST", -1), ("THIS", 0), ("NEXT", 1))},
    **{f"{when}_FISCAL_YEAR": partial(_year, shift=n) for when, n in (("LAST", -1), ("THIS", 0), ("NEXT", 1))},
    "LAST_90_DAYS": lambda d: (d - 90 * ONE, d),
    "NEXT_90_DAYS": lambda d: (d + ONE, d + 90 * ONE),
}
COUNTED: dict[str, Callable[[date, int], Range]] = {
    "LAST_N_DAYS": lambda d, n: (d - n * ONE, d),
    "NEXT_N_DAYS": lambda d, n: (d + ONE, d + n * ONE),
    "N_DAYS_AGO": lambda d, n: (d - n * ONE, d - n * ONE),
    "LAST_N_WEEKS": lambda d, n: (_week(d, -n)[0], _week(d, -1)[1]),
    "NEXT_N_WEEKS": lambda d, n: (_week(d, 1)[0], _week(d, n)[1]),
    "LAST_N_MONTHS": lambda d, n: _months(d, -n, n),
    "NEXT_N_MONTHS": lambda d, n: _months(d, 1, n),
    "LAST_N_QUARTERS": lambda d, n: (_quarter(d, -n)[0], _quarter(d, -1)[1]),
    "NEXT_N_QUARTERS": lambda d, n: (_quarter(d, 1)[0], _quarter(d, n)[1]),
    "N_MONTHS_AGO": lambda d, n: _months(d, -n, 1),
    "N_YEARS_AGO": lambda d, n: _year(d, -n),
    "LAST_N_YEARS": lambda d, n: (_year(d, -n)[0], _year(d, -1)[1]),
    "NEXT_N_YEARS": lambda d, n: (_year(d, 1)[0], _year(d, n)[1]),
}
