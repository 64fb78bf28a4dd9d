"""A cron expression, a time zone and a callable become an APScheduler. Imports nothing of ours.

A time that the zone's spring night leaves out comes as much later as the clock was put forward; one that its autumn night
has twice comes the first time only. APScheduler's own CronTrigger fires twice in that night.
"""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

#: seconds that a tick may come late, after a machine slept for instance
MISFIRE_GRACE = 86_400
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
TICK = timedelta(microseconds=1)
#: no zone moves its clock further than this at once
SHIFT = timedelta(hours=3)
#: how far `due` looks back; a schedule that comes more seldom than once a year is never due
BACK = tuple(timedelta(seconds=s) for s in (60, 3_600, 90_000, 8 * 86_400, 32 * 86_400, 367 * 86_400))


class Cron(BaseTrigger):  # type: ignore[misc]
    """When a schedule comes: minute, hour, day, month, weekday (0 and 7 are Sunday); six fields begin with the second.

    Raises `ValueError` for an expression or a time zone that means nothing.
    """

    def __init__(self, expression: str, time_zone: str) -> None:
        try:
            self.zone = ZoneInfo(time_zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"time zone {time_zone!r} is unknown. Fix: a name such as Europe/Berlin or UTC") from None
        self._walls = _walls(expression)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        start = now if previous_fire_time is None else min(now, previous_fire_time + TICK)
        return next(self.times(start), None)

    def times(self, start: datetime) -> Iterator[datetime]:
        """Return every time from `start` on, as aware UTC."""
        local, last = start.astimezone(self.zone), start.astimezone(UTC) - TICK
        moved = local.utcoffset() != (start - SHIFT).astimezone(self.zone).utcoffset()
        wall = local.replace(tzinfo=UTC, fold=0) - (SHIFT if moved else timedelta())
        while (wall := self._walls.get_next_fire_time(None, wall)) is not None:
            at = wall.replace(tzinfo=self.zone).astimezone(UTC)
            if at > last:
                yield at
                last = at
            wall += TICK

    def due(self, now: float) -> int | None:
        """Return the last time at or before `now`, both in seconds since 1970."""
        until = datetime.fromtimestamp(now, UTC)
        for back in BACK:
            *_, last = (None, *itertools.takewhile(lambda at: at <= until, self.times(until - back)))
            if last is not None:
                return int(last.timestamp())
        return None

    def upcoming(self, now: float) -> int | None:
        """Return the first time after `now`, both in seconds since 1970."""
        at = next(self.times(datetime.fromtimestamp(now, UTC) + TICK), None)
        return None if at is None else int(at.timestamp())


def schedule(cron: Cron, call: Callable[[], None]) -> "BackgroundScheduler":
    """Return a scheduler, not started, that calls once at its start and then at each time of `cron`, never twice at once."""
    from apscheduler.executors.pool import ThreadPoolExecutor  # whoever only asks for the next time needs no scheduler
    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(timezone=UTC, executors={"default": ThreadPoolExecutor(1)})
    scheduler.add_job(
        call,
        cron,
        id="tick",
        coalesce=True,
        max_instances=1,
        misfire_grace_time=MISFIRE_GRACE,
        next_run_time=datetime.now(UTC),
    )
    return scheduler


def _walls(expression: str) -> CronTrigger:
    """Return the expression as a trigger over wall-clock times, written as if they were UTC."""
    fields = expression.split()
    if len(fields) not in (5, 6):
        raise ValueError(f"cron {expression!r} has {len(fields)} fields, not 5. Fix: e.g. 30 2 * * * for 02:30 every night")
    second, minute, hour, day, month, weekday = fields if len(fields) == 6 else ("0", *fields)
    if day != "*" and weekday != "*":
        raise ValueError(f"cron {expression!r} names days of the month and of the week. Fix: leave one of them *")
    try:
        clock = {"second": second, "minute": minute, "hour": hour, "day": day, "month": month}
        return CronTrigger(**clock, day_of_week=_weekdays(weekday), timezone=UTC)
    except (ValueError, TypeError) as error:
        raise ValueError(f"cron {expression!r}: {error}. Fix: e.g. 30 2 * * * for 02:30 every night") from None


def _weekdays(field: str) -> str:
    """Spell cron's weekdays by name; APScheduler's numbers begin with Monday."""
    if field == "*":
        return field
    days: set[int] = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        first, dash, last = ("0", "-", "6") if span == "*" else span.partition("-")
        start, end = _weekday(first), _weekday(last) if dash else _weekday("6" if step else first)
        days |= {day % 7 for day in range(start, end + (7 if end < start else 0) + 1, int(step or 1))}
    return ",".join(DAYS[day] for day in sorted(days))


def _weekday(word: str) -> int:
    if word in DAYS:
        return DAYS.index(word)
    if word.isdigit() and int(word) <= 7:
        return int(word)
    raise ValueError(f"{word!r} is no weekday")
