"""Times of the schedule: each is run by one process, whichever replica it belongs to (docs/adr/0021).

A tick is claimed under the lease, so a claim that has not ended and whose claimant no longer holds the lease is a death.
"""

from sqlalchemy import ColumnElement, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from db.tables import run
from db.tables import tick as table

#: a night that kills its process is not tried for ever
ATTEMPTS = 3


class Ticks:
    """The ticks of one schedule."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine, self.name = engine, name

    def begin(self, at: int, now: int) -> None:
        """Note, where no tick was ever known, that nothing was promised before now."""
        row = {
            "name": self.name,
            "at": at,
            "attempts": 0,
            "fence": 0,
            "started_at": now,
            "ended_at": now,
            "outcome": "skipped",
        }
        with self.engine.begin() as c:
            ticks = select(func.count()).select_from(table).where(table.c.name == self.name)
            if not c.execute(ticks).scalar_one():
                try:
                    with c.begin_nested():
                        c.execute(insert(table).values(row))
                except IntegrityError:
                    return  # another replica began a moment ago

    def open(self, at: int) -> bool:
        """Whether this tick is still to be run: not ended, and no run began since it was due."""
        with self.engine.connect().execution_options(reading=True) as c:
            row = c.execute(select(table.c.ended_at).where(self._is(at))).first()
            if row is not None:
                return row.ended_at is None
            return c.execute(select(run.c.id).where(run.c.started_at >= at).limit(1)).first() is None

    def unfinished(self) -> int | None:
        """Return the oldest tick that was claimed and has not ended: it runs, or its process died."""
        query = select(func.min(table.c.at)).where(table.c.name == self.name, table.c.ended_at.is_(None))
        with self.engine.connect().execution_options(reading=True) as c:
            at = c.execute(query).scalar_one()
            return None if at is None else int(at)

    def claim(self, at: int, fence: int, now: int) -> int:
        """Take the tick; the caller holds the lease. Returns the number of the attempt, 0 if the tick has ended."""
        with self.engine.begin() as c:
            row = c.execute(select(table).where(self._is(at)).with_for_update()).first()
            if row is None:
                values = {"attempts": 1, "fence": fence, "started_at": now, "outcome": "running"}
                c.execute(insert(table).values(name=self.name, at=at, **values))
                return 1
            if row.ended_at is not None:
                return 0
            c.execute(update(table).where(self._is(at)).values(attempts=row.attempts + 1, fence=fence, started_at=now))
            return int(row.attempts) + 1

    def end(self, at: int, fence: int, outcome: str, now: int) -> None:
        """Record how it went; nothing if somebody else has taken the tick over."""
        mine = self._is(at) & (table.c.fence == fence)
        with self.engine.begin() as c:
            c.execute(update(table).where(mine).values(outcome=outcome, ended_at=now))

    def give_back(self, at: int, fence: int) -> None:
        """Leave the tick to whoever comes next, as if it had not been tried."""
        mine = self._is(at) & (table.c.fence == fence)
        with self.engine.begin() as c:
            c.execute(delete(table).where(mine, table.c.attempts == 1))
            c.execute(update(table).where(mine).values(attempts=table.c.attempts - 1))

    def _is(self, at: int) -> ColumnElement[bool]:
        return (table.c.name == self.name) & (table.c.at == at)
