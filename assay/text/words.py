"""Numbers and names as people read them; a number that is not finite is said to be unknown."""

import math
import re
from datetime import date, timedelta

EPOCH = date(1970, 1, 1)
UNKNOWN = "unknown"
#: control characters break XML, lone surrogates break UTF-8, direction overrides make a name read as something else
_UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]")


def clean(text: object) -> str:
    """Text without the characters that a page cannot hold."""
    return _UNSHOWABLE.sub("\ufffd", str(text))


def short(text: object, length: int = 60) -> str:
    """A name cut to a length that fits a chart's label."""
    said = clean(text)
    return said if len(said) <= length else said[: length - 1].rstrip() + "…"


def iso(day: int) -> str:
    """A day as YYYY-MM-DD."""
    return (EPOCH + timedelta(days=day)).isoformat()


def long_date(day: int) -> str:
    """A day as a sentence says it."""
    said = EPOCH + timedelta(days=day)
    return f"{said.day} {said:%B %Y}"


def money(amount: float) -> str:
    """Whole units of the currency, thousands grouped."""
    return f"{amount:,.0f}" if math.isfinite(amount) else UNKNOWN


def hours(value: float) -> str:
    """Hours with one decimal below a thousand, whole above."""
    if not math.isfinite(value):
        return UNKNOWN
    return f"{value:,.1f}" if abs(value) < 999.95 else f"{value:,.0f}"


def whole_hours(value: float) -> str:
    """Hours as a headline says them."""
    return f"{value:,.0f}"


def span(low: float, high: float, unit: str = "money") -> str:
    """A range from low to high."""
    say = money if unit == "money" else hours
    return f"{say(low)}–{say(high)}" if math.isfinite(low) and math.isfinite(high) else UNKNOWN


def percent(share: float) -> str:
    """A share of one as per cent; anything above zero is at least "<1 %"."""
    if not math.isfinite(share):
        return UNKNOWN
    return "<1\u00a0%" if 0 < share < 0.01 else f"{share:.0%}".replace("%", "\u00a0%")


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 account", "2 accounts"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def finite(value: object) -> object:
    """The value itself, or None for a float that JSON cannot hold."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def compact(value: float) -> str:
    """An axis' number: 0.1, 1, 10k, 1M."""
    for size, letter in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
