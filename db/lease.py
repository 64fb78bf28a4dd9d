"""One run at a time: a row with an end, renewed by a heartbeat, taken over when its holder is dead (docs/adr/0021)."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from db.tables import lease as table

SECONDS = 60
#: a beat that failed is tried again after this part of the lease's life
AGAIN = 12
#: one night at a time in a database, whichever CRMs it reads
NIGHT = "night"


class LeaseHeld(Exception):
    """Another run holds the lease."""


class LeaseLost(Exception):
    """Somebody else took the lease over, or may have; this run must not write any more."""


class Lease:
    """The right to run for `name`; `fence` grows with every holder."""

    def __init__(self, engine: Engine, name: str, fence: int, holder: str, seconds: int = SECONDS) -> None:
        self.engine, self.name, self.fence, self.holder, self.seconds = engine, name, fence, holder, seconds
        self.lost = ""  #: why it is no longer ours; said by the heartbeat

    def check(self) -> None:
        """Raises `LeaseLost` if the heartbeat has lost the lease; asks nobody."""
        if self.lost:
            raise LeaseLost(self.lost)

    def renew(self, now: Callable[[], float] = time.time) -> None:
        """Move the end; raises `LeaseLost` if the lease is no longer ours."""
        with self.engine.begin() as c:
            self.prove(c, now)

    def prove(self, c: Connection, now: Callable[[], float] = time.time) -> None:
        """Check the fencing token inside a transaction: what is committed with it was done by the lease's holder.

        Moves the end; raises `LeaseLost`, and nothing of the transaction stays.
        """
        self.check()
        mine = (table.c.name == self.name) & (table.c.fence == self.fence) & (table.c.holder == self.holder)
        if c.execute(update(table).where(mine).values(expires_at=int(now()) + self.seconds)).rowcount != 1:
            raise LeaseLost(f"lease {self.name}: taken over by another run. Fix: none needed, that run goes on")

    def release(self) -> None:
        mine = (table.c.name == self.name) & (table.c.fence == self.fence) & (table.c.holder == self.holder)
        with self.engine.begin() as c:
            c.execute(update(table).where(mine).values(expires_at=0))


def acquire(engine: Engine, name: str, now: Callable[[], float] = time.time, seconds: int = SECONDS) -> Lease:
    """Take the lease; raises `LeaseHeld` while a living holder has it."""
    holder, at = _me(), int(now())
    try:
        with engine.begin() as c:
            row = c.execute(select(table).where(table.c.name == name).with_for_update()).first()
            if row is None:
                c.execute(insert(table).values(name=name, holder=holder, fence=1, expires_at=at + seconds))
                return Lease(engine, name, 1, holder, seconds)
            if row.expires_at > at and not _dead_here(row.holder):
                host, _boot_id, pid, _start = row.holder.split()
                raise LeaseHeld(
                    f"another run holds the lease (process {pid} on {host}, {row.expires_at - at} s left). "
                    "Fix: wait for it, or run with --wait"
                )
            c.execute(
                update(table).where(table.c.name == name).values(holder=holder, fence=row.fence + 1, expires_at=at + seconds)
            )
            return Lease(engine, name, row.fence + 1, holder, seconds)
    except IntegrityError:
        raise LeaseHeld("another run took the lease a moment ago. Fix: wait for it, or run with --wait") from None


def is_free(engine: Engine, name: str, now: Callable[[], float] = time.time) -> bool:
    """Whether `acquire` would succeed now; for those who wait and do not want to start in vain."""
    with engine.connect().execution_options(reading=True) as c:
        row = c.execute(select(table).where(table.c.name == name)).first()
    return row is None or row.expires_at <= int(now()) or _dead_here(row.holder)


@contextmanager
def held(engine: Engine, name: str, seconds: int = SECONDS) -> Iterator[Lease]:
    """Hold the lease for a block, renewing it every third of its life."""
    lease = acquire(engine, name, seconds=seconds)
    stop = threading.Event()
    beat = threading.Thread(target=_beat, args=(lease, stop), daemon=True)
    beat.start()
    try:
        yield lease
    finally:
        stop.set()
        beat.join()
        with suppress(SQLAlchemyError):  # what cannot be given back ends by itself
            lease.release()


class Stop(Protocol):
    """What tells a heartbeat to end; a `threading.Event`."""

    def wait(self, timeout: float) -> bool: ...


def _beat(lease: Lease, stop: Stop, now: Callable[[], float] = time.time) -> None:
    """Renew until told to stop. A database that is locked or away is tried again for as long as the lease would have lasted;
    after that somebody else may hold it, and the run learns that it must end."""
    ends, pause = now() + lease.seconds, lease.seconds / 3
    while not stop.wait(pause):
        sent_at = now()
        try:
            lease.renew(now)
        except LeaseLost as error:
            lease.lost = str(error)
            return
        except SQLAlchemyError as error:
            if now() >= ends:
                lease.lost = _unrenewed(lease, error)
                return
            pause = lease.seconds / AGAIN
        else:
            ends, pause = sent_at + lease.seconds, lease.seconds / 3


def _unrenewed(lease: Lease, error: SQLAlchemyError) -> str:
    why = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return (
        f"lease {lease.name}: could not be renewed for {lease.seconds} s ({why}), so another run may hold it. "
        "Fix: see what keeps the database from being written, then run again"
    )


def _me() -> str:
    return f"{socket.gethostname()} {_boot()} {os.getpid()} {_started(os.getpid())}"


def _dead_here(holder: str) -> bool:
    """A holder of this host and boot whose process is gone or has another start is dead."""
    host, boot, pid, started = holder.split()
    return (host, boot) == (socket.gethostname(), _boot()) and _started(int(pid)) != started


def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else "unknown"


def _started(pid: int) -> str:
    """Start time of a process in clock ticks since boot (proc(5), stat field 22); "gone" if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return "gone"
