"""Taking back what a run wrote: the values before it, wherever nobody has changed them since.

"Since" is decided by the CRM alone: a field is restored only if it still holds exactly what the run wrote.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from assay.night import plan, pull, stops, write
from assay.night.check import DAY
from assay.night.options import Progress
from assay.night.outcome import Outcome
from assay.night.progress import Quiet
from assay.text.words import iso
from connectors.errors import CrmError, QuotaExhausted
from connectors.port import Crm
from db.lease import Lease
from db.ledger import Entry, Ledger
from db.runs import Runs
from db.store import Org, Store
from scoring.records import FieldUpdate, Value

QUIET = Quiet()


@dataclass(frozen=True, slots=True)
class Untouched:
    """A field that is not touched, and why."""

    account_id: str
    field: str  #: its Meaning
    before: Value  #: what it current before the run
    wrote: Value
    now: Value
    why: str


@dataclass(slots=True)
class UndoResult:
    """What taking a run back means; `acked` and `rejected` once it is done."""

    run: int
    crm: str
    updates: tuple[FieldUpdate, ...] = ()
    left: list[Untouched] = field(default_factory=list)
    by: int = 0  #: the run that did it
    acked: int = 0
    rejected: int = 0


def compare(run: int, crm: str, entries: Sequence[Entry], now: Mapping[str, Mapping[str, Any]]) -> UndoResult:
    """What would be restored and what left alone; `now` holds our fields as the CRM has them, account by account. Pure."""
    result, updates = UndoResult(run, crm), []
    for e in sorted(entries, key=lambda e: e.account_id):
        current = now.get(e.account_id)
        back: dict[str, Value] = {}
        for meaning, wrote in e.new.items():
            before, value = e.old.get(meaning), (current or {}).get(meaning)
            if current is None:
                result.left.append(Untouched(e.account_id, meaning, before, wrote, None, "the account is gone"))
            elif value == wrote and before != wrote:
                back[meaning] = before
            elif value != before:
                result.left.append(Untouched(e.account_id, meaning, before, wrote, value, "changed since"))
        if back:
            updates.append(FieldUpdate(e.account_id, back, {m: e.new[m] for m in back}, f"undo of run {run}"))
    result.updates = tuple(updates)
    return result


def run(
    crm: Crm, store: Store, org: Org, lease: Lease, number: int, *, yes: bool = False, progress: Progress = QUIET
) -> UndoResult:
    """Ask the CRM what it holds now and compare; with `yes` restore, and hold publishing until it is allowed again.

    The same protocol as any write, so that an undo may die half-way and can itself be taken back. Raises `Stopped` for
    another org, `CrmError`, `LeaseLost`.
    """
    check = crm.check()
    theirs = {"external_id": check.org_id, "sandbox": check.sandbox}
    if (finding := stops.org_changed(asdict(org), theirs)) is not None:
        raise stops.Stopped([finding])
    pull.settle(crm, store, org)  # the run may have died before it heard everything
    ledger = Ledger(store.engine, org.id)
    entries = ledger.of_run(number)
    now = {i: json.loads(ours) for i, ours in crm.reread(sorted({e.account_id for e in entries}))}
    result = compare(number, crm.name, entries, now)
    if yes:
        _restore(result, crm, store, org, lease, check.now // DAY, progress)
    return result


def _restore(result: UndoResult, crm: Crm, store: Store, org: Org, lease: Lease, day: int, progress: Progress) -> None:
    runs = Runs(store.engine)
    runs.hold(org.id, f"run {result.run} was undone on {iso(day)}")
    out = Outcome(crm.name, mode="undo", day=day, planned=len(result.updates), outcome="failed", whole=False)
    result.by = out.run = runs.start(org.id, int(time.time()), "undo")
    whole = plan.Plan(result.updates, len(result.updates), 0, 0)
    try:
        write.write(whole, crm, Ledger(store.engine, org.id), lease, out, ("rejects",), progress)
        out.outcome, out.message = ("rejected" if out.rejected else "done"), f"undid run {result.run}"
    except CrmError as error:
        out.outcome, out.message = ("quota" if isinstance(error, QuotaExhausted) else "failed"), str(error)
        raise
    finally:
        result.acked, result.rejected = out.acked, out.rejected
        end = {"day": day, "message": out.message, "calls": crm.calls, "detail": out.detail()}
        runs.end(out.run, int(time.time()), out.outcome, **end)
