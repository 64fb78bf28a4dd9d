"""What is forgotten as it grows old (`assay db purge`, and after every scheduled night)."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, func, or_, select, update

from db import tables as t
from scoring.calendar import DAY
from scoring.records import KINDS

SETTLED = ("acked", "rejected", "superseded")


@dataclass(frozen=True, slots=True)
class Keep:
    """For how long, in days."""

    people_days: int
    nights_days: int
    ledger_days: int


def purge(engine: Engine, keep: Keep, now: int) -> dict[str, int]:
    """Forget what is older; returns how many of what.

    Old activities stay with their time and owner: a row that went would be missed and read again from the CRM. Records that
    the CRM has deleted go, but for merged accounts, whose ids still lead to the survivor. Runs stay: they hold counts only.
    """
    with engine.begin() as c:
        forgotten = {"people of activities": _people(c, now - keep.people_days * DAY), "deleted records": _deleted(c)}
        newest = c.execute(select(func.max(t.night.c.day))).scalar_one()
        if newest is not None:
            forgotten["nights"] = c.execute(delete(t.night).where(t.night.c.day < newest - keep.nights_days)).rowcount
        old = (t.ledger.c.at < now - keep.ledger_days * DAY) & t.ledger.c.status.in_(SETTLED)
        forgotten["writes"] = c.execute(delete(t.ledger).where(old)).rowcount
        newest_tick = select(func.max(t.tick.c.at)).scalar_subquery()
        oldest_tick = select(func.min(t.tick.c.at)).scalar_subquery()  # says since when nights are promised
        expired = (t.tick.c.at < now - keep.nights_days * DAY) & t.tick.c.at.not_in([newest_tick, oldest_tick])
        c.execute(delete(t.tick).where(expired))
    return forgotten


def _people(c: Connection, before: int) -> int:
    """Forget who took part in old activities, and the keys of their subjects and threads."""
    a, p = t.activity, t.participant
    old = select(a.c.id).where(a.c.org == p.c.org, a.c.id == p.c.activity_id, a.c.starts_at < before).exists()
    deleted = c.execute(delete(p).where(old)).rowcount
    named = or_(a.c.contact_id.is_not(None), a.c.subject_key.is_not(None), a.c.thread_key.is_not(None))
    empty = {"contact_id": None, "subject_key": None, "thread_key": None}
    return int(deleted + c.execute(update(a).where(a.c.starts_at < before, named).values(empty)).rowcount)


def _deleted(c: Connection) -> int:
    deleted = 0
    for kind in KINDS:
        table = t.metadata.tables[kind]
        unmerged = [table.c.merged_into.is_(None)] if kind == "account" else []
        deleted += c.execute(delete(table).where(table.c.deleted.is_(True), *unmerged)).rowcount
    return deleted
