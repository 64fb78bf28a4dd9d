"""When the next night is, and whether one that should have come has not: the one answer for status, doctor and metrics."""

from sqlalchemy import Engine

from db.telemetry import Telemetry
from scheduler import Cron

#: seconds after which a night that should have come is called stale
LATE = 6 * 3_600
#: how the process of a tick ends: nothing is left to do, the tick is still open, or another run holds the lease
SETTLED, OPEN, HELD = 0, 1, 6


def schedule_facts(engine: Engine, clock: Cron | None, now: float) -> dict[str, int | bool | None]:
    """The next night (seconds since 1970, None without a schedule), and whether the last one due is late."""
    return {"next": clock.upcoming(now) if clock else None, "stale": is_stale(Telemetry(engine), clock, now)}


def is_stale(telemetry: Telemetry, clock: Cron | None, now: float) -> bool:
    """Whether a night was due more than LATE ago and no good one has begun since."""
    return telemetry.stale(clock.due(now - LATE) if clock else None)
