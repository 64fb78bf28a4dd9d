"""API calls by hour, so that several runs of one day share one allowance: `connectors.daily_calls.Meter`."""

from sqlalchemy import Engine, delete, func, insert, literal, select, update

from db.tables import api_calls as table

HOUR, DAY_HOURS = 3600, 24


class Calls:
    """The calls made to one CRM; `at` is always that CRM's own clock (seconds)."""

    def __init__(self, engine: Engine, crm: str) -> None:
        self.engine, self.crm = engine, crm

    def spent(self, at: int | None = None) -> tuple[int, int]:
        """Calls of the 24 hours before `at`, or before the last call, and how many a day the CRM allows (0: unknown).

        The hour that is half gone counts whole.
        """
        newest = select(func.max(table.c.hour)).where(table.c.crm == self.crm).scalar_subquery()
        last = newest if at is None else literal(at // HOUR)
        recent = (table.c.crm == self.crm) & (table.c.hour >= last - DAY_HOURS) & (table.c.hour <= last)
        with self.engine.connect().execution_options(reading=True) as c:
            row = c.execute(select(func.sum(table.c.calls), func.max(table.c.allowed)).where(recent)).one()
        return int(row[0] or 0), int(row[1] or 0)

    def add(self, at: int, calls: int, allowed: int) -> None:
        """Count calls before they are made; a negative number gives back what was not used."""
        hour = at // HOUR
        mine = (table.c.crm == self.crm) & (table.c.hour == hour)
        with self.engine.begin() as c:
            if not c.execute(update(table).where(mine).values(calls=table.c.calls + calls, allowed=allowed)).rowcount:
                c.execute(insert(table).values(crm=self.crm, hour=hour, calls=calls, allowed=allowed))
            c.execute(delete(table).where(table.c.crm == self.crm, table.c.hour < hour - 2 * DAY_HOURS))
