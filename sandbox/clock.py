"""Two clocks: the machine's for logins, the org's for everything else (docs/facts/running.md, "Clocks")."""

import time
from datetime import UTC, datetime, timedelta


class OrgClock:
    """Clock that starts at the org's own now and runs on; can be set and advanced."""

    def __init__(self, start: datetime) -> None:
        self.set(start)

    def set(self, moment: datetime) -> None:
        self._start, self._since = moment.astimezone(UTC), time.monotonic()

    def advance(self, seconds: float) -> None:
        self.set(self.now() + timedelta(seconds=seconds))

    def now(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._since)

    def stamp(self) -> str:
        """Return now as Salesforce stores it: whole seconds, in Data Loader form."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%S.000Z")


def http_date(moment: datetime) -> str:
    """Write a date as RFC 9110 wants it, independent of the locale."""
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{days[moment.weekday()]}, {moment:%d} {months[moment.month - 1]} {moment:%Y %H:%M:%S} GMT"
