"""What was learned from a firm's own past, a set of named numbers a month."""

from collections.abc import Mapping

from sqlalchemy import Engine, delete, func, select

from db import tables as t
from db.upsert import upsert


class Calibrations:
    """The rows of `calibration` of one org."""

    def __init__(self, engine: Engine, org: int) -> None:
        self._engine, self._org = engine, org

    def of(self, day: int) -> dict[str, float]:
        """Tell what was learned for the month that begins on `day`; empty if nothing was."""
        c = t.calibration
        with self._engine.connect().execution_options(reading=True) as connection:
            query = select(c.c.name, c.c.value).where(c.c.org == self._org, c.c.day == day).order_by(c.c.name)
            return {r.name: r.value for r in connection.execute(query)}

    def latest(self) -> tuple[int, dict[str, float]] | None:
        """Return the newest month and its numbers."""
        c = t.calibration
        with self._engine.connect().execution_options(reading=True) as connection:
            day = connection.execute(select(func.max(c.c.day)).where(c.c.org == self._org)).scalar_one()
        return None if day is None else (day, self.of(day))

    def save(self, day: int, numbers: Mapping[str, float]) -> None:
        """Replace the month's numbers."""
        c = t.calibration
        with self._engine.begin() as connection:
            connection.execute(delete(c).where(c.c.org == self._org, c.c.day == day))
            upsert(connection, c, ("day", "name", "value"), [(day, n, v) for n, v in sorted(numbers.items())], org=self._org)
