"""What was sent to the CRM, row by row: planned -> sending -> acked | rejected | unknown.

Each status is committed before the step it announces, so that after a crash it is known which rows may have arrived
(docs/writing.md numbers the steps). `superseded` is a row whose outcome was never heard, that the CRM does not hold and
that no later plan wants.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, bindparam, delete, func, insert, select, update

from db.lease import Lease
from db.pulled import patch
from db.tables import account, ledger
from scoring.records import FieldUpdate, WriteResult

OPEN = ("sending", "unknown")
#: rows of one statement
ROWS_PER_STATEMENT = 500
#: nights until a refused row is sent again, by the number of tries so far; the last one from then on
WAITS = (0, 1, 2, 4, 7)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger."""

    id: int
    run: int
    account_id: str
    status: str
    old: dict[str, Any]
    new: dict[str, Any]
    why: str
    attempts: int
    token: str
    code: str
    message: str
    at: int
    retry_day: int | None


class Ledger:
    """The ledger of one org."""

    def __init__(self, engine: Engine, org: int) -> None:
        self.engine, self.org = engine, org

    # ---- the protocol -----------------------------------------------------------------------------------------------

    def plan(self, run: int, updates: Sequence[FieldUpdate], at: int, lease: Lease | None = None) -> None:
        """Commit what is to be sent; raises `LeaseLost`.

        A row that is sent again takes over its tries; one whose outcome is open and that nobody wants any more is closed.
        """
        with self.engine.begin() as c:
            if lease is not None:
                lease.prove(c)
            attempts = {r.account_id: r.attempts for r in c.execute(self._latest(("rejected", *OPEN)))}
            account_ids = [u.account_id for u in updates]
            for part in _parts(account_ids):
                repeated = (ledger.c.org == self.org) & ledger.c.status.in_(OPEN) & ledger.c.account_id.in_(part)
                c.execute(delete(ledger).where(repeated))
            unwanted = (ledger.c.org == self.org) & ledger.c.status.in_(OPEN)
            c.execute(update(ledger).where(unwanted).values(status="superseded"))
            for some in _parts(updates):
                c.execute(insert(ledger), [self._row(run, u, at, attempts.get(u.account_id, 0)) for u in some])

    def _row(self, run: int, u: FieldUpdate, at: int, attempts: int) -> dict[str, Any]:
        return {
            "run": run,
            "org": self.org,
            "account_id": u.account_id,
            "status": "planned",
            "why": u.why,
            "at": at,
            "old": _json(u.old),
            "new": _json(u.values),
            "attempts": attempts,
        }

    def sending(self, run: int, account_ids: Sequence[str], token: str, at: int, lease: Lease | None = None) -> None:
        """Commit, before the call, that these rows are on their way; raises `LeaseLost` if they must not be sent."""
        with self.engine.begin() as c:
            if lease is not None:
                lease.prove(c)
            for part in _parts(account_ids):
                mine = self._rows(run, part) & ledger.c.status.in_(("planned", "sending"))
                c.execute(
                    update(ledger).where(mine).values(status="sending", token=token, at=at, attempts=ledger.c.attempts + 1)
                )

    def settle(self, run: int, results: Sequence[WriteResult], at: int, day: int = 0) -> None:
        """Record outcomes heard on the night of `day`; an acked row is also what we know the CRM to hold from now on."""
        with self.engine.begin() as c:
            for part in _parts(results):
                results_by_account = {r.account_id: r for r in part}
                mine = self._rows(run, results_by_account) & (ledger.c.status == "sending")
                rows = c.execute(select(ledger.c.id, ledger.c.account_id, ledger.c.attempts, ledger.c.new).where(mine)).all()
                self._note(c, [_outcome(r.id, results_by_account[r.account_id], r.attempts, at, day) for r in rows])
                self._remember(c, {r.account_id: json.loads(r.new) for r in rows if results_by_account[r.account_id].ok})

    def _rows(self, run: int, account_ids: Collection[str]) -> ColumnElement[bool]:
        """Rows of a run by account. The sum keeps the engine from the run's own index: by it each of 500 calls would look at
        the whole plan."""
        return (ledger.c.org == self.org) & ledger.c.account_id.in_(account_ids) & (ledger.c.run + 0 == run)

    def heard_late(self, arrived: Collection[int], doubtful: Collection[int], at: int) -> None:
        """Settle rows by id after a crash: the CRM holds `arrived`; of `doubtful` it does not hold all."""
        with self.engine.begin() as c:
            acked = {"status": "acked", "code": "", "message": "", "at": at, "retry_day": None}
            self._note(c, [{"key": i, **acked} for i in arrived])
            for part in _parts(sorted(doubtful)):
                c.execute(update(ledger).where(ledger.c.id.in_(part)).values(status="unknown", at=at))

    def _note(self, c: Connection, outcomes: Sequence[dict[str, Any]]) -> None:
        if outcomes:
            names = [n for n in outcomes[0] if n != "key"]
            change = update(ledger).where(ledger.c.id == bindparam("key")).values({n: bindparam(f"to_{n}") for n in names})
            c.execute(change, [{"key": o["key"], **{f"to_{n}": o[n] for n in names}} for o in outcomes])

    def _remember(self, c: Connection, new: dict[str, dict[str, Any]]) -> None:
        """The next night then does not read our own write as a change."""
        mine = (account.c.org == self.org) & account.c.id.in_(new)
        rows = c.execute(select(account.c.id, account.c.ours).where(mine)).all() if new else []
        merged = [(r.id, _json({k: v for k, v in (json.loads(r.ours) | new[r.id]).items() if v is not None})) for r in rows]
        patch(c, self.org, "account", ("id", "ours"), merged)

    def forget_planned(self) -> int:
        """Drop rows that were planned and never sent: nothing has happened to them."""
        with self.engine.begin() as c:
            return c.execute(delete(ledger).where(ledger.c.org == self.org, ledger.c.status == "planned")).rowcount

    # ---- what is known ----------------------------------------------------------------------------------------------

    def open(self) -> list[Entry]:
        """Return rows whose outcome is not known."""
        return self._entries(ledger.c.status.in_(("planned", *OPEN)))

    def of_run(self, run: int, status: str = "acked") -> list[Entry]:
        return self._entries((ledger.c.run == run) & (ledger.c.status == status))

    def rejected(self, run: int | None = None) -> list[Entry]:
        """Tell what the CRM refused in a run; without one, what it has refused last and not taken since."""
        return self._entries(_still_refused() if run is None else (ledger.c.status == "rejected") & (ledger.c.run == run))

    def open_refusals(self) -> int:
        """Tell how many accounts the CRM has refused last and not taken since: as many as `rejected()` lists."""
        query = select(func.count()).select_from(ledger).where(ledger.c.org == self.org, _still_refused())
        with self._reading() as c:
            return int(c.execute(query).scalar_one())

    def waiting(self, day: int) -> set[str]:
        """Return accounts whose refused row is not due on this night."""
        with self._reading() as c:
            return set(c.execute(self._latest(("rejected",)).where(ledger.c.retry_day > day)).scalars())

    def retry(self, account_ids: Collection[str] = ()) -> int:
        """Make refused rows due at the next run, of these accounts or all; returns how many."""
        due = [e.id for e in self.rejected() if not account_ids or e.account_id in account_ids]
        with self.engine.begin() as c:
            for part in _parts(due):
                c.execute(update(ledger).where(ledger.c.id.in_(part)).values(retry_day=0))
        return len(due)

    def _latest(self, statuses: Sequence[str]) -> Any:
        """Return (account_id, attempts) of accounts whose latest row has one of these statuses."""
        mine = (ledger.c.org == self.org) & ledger.c.status.in_(statuses) & is_latest()
        return select(ledger.c.account_id, ledger.c.attempts).where(mine)

    def _entries(self, where: Any) -> list[Entry]:
        query = select(ledger).where(ledger.c.org == self.org, where).order_by(ledger.c.id)
        with self._reading() as c:
            return [_entry(dict(r)) for r in c.execute(query).mappings()]

    def _reading(self) -> Any:
        return self.engine.connect().execution_options(reading=True)


def _still_refused() -> ColumnElement[bool]:
    return (ledger.c.status == "rejected") & is_latest()


def is_latest() -> ColumnElement[bool]:
    """Whether no later row of the ledger is about the same account."""
    later = ledger.alias("later")
    same = (later.c.org == ledger.c.org) & (later.c.account_id == ledger.c.account_id) & (later.c.id > ledger.c.id)
    return ~select(later.c.id).where(same).exists()


def _outcome(key: int, result: WriteResult, attempts: int, at: int, day: int) -> dict[str, Any]:
    """A refused row waits longer with every try; one that was only locked is due at the next run."""
    wait = WAITS[min(attempts, len(WAITS)) - 1] if attempts and not result.transient else 0
    return {
        "key": key,
        "status": "acked" if result.ok else "rejected",
        "code": result.code,
        "message": result.message,
        "at": at,
        "retry_day": None if result.ok else day + wait,
    }


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[i : i + ROWS_PER_STATEMENT] for i in range(0, len(items), ROWS_PER_STATEMENT))


def _json(values: Any) -> str:
    return json.dumps(dict(values), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _entry(row: dict[str, Any]) -> Entry:
    row.pop("org")
    return Entry(**{**row, "old": json.loads(row["old"]), "new": json.loads(row["new"])})
