"""How days and instants count, everywhere: seconds since 1970, and days since 1970 (scoring.records tells the units)."""

from datetime import date, timedelta

#: seconds
DAY = 86_400
EPOCH = date(1970, 1, 1)


def date_of(day: int) -> date:
    """Find the date of a numbered day."""
    return EPOCH + timedelta(days=day)
