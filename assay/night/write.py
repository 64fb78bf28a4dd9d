"""What one CRM's part of the night ends with: plan, safety stops, write, each row's fate committed around each call.

The steps are numbered in docs/writing.md.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from assay.night import plan, stops
from assay.night.options import Progress, RunOptions
from assay.night.outcome import Night, Outcome, timed
from assay.night.plan import Plan
from assay.night.stops import Finding
from connectors.errors import CrmError
from connectors.port import Check, Crm, Sending
from db.lease import Lease
from db.ledger import Ledger
from db.runs import Runs
from db.store import Org, Store
from scoring.records import Score, WriteResult
from scoring.rules import MODEL_VERSION, Rules

#: kinds whose number says that an org is still the one we know
COUNTED = ("account", "contact", "opportunity", "activity")
#: runs that say what is usual
USUAL = 7
#: results are committed to the ledger in groups of this many
GROUP = 1_000


def publish(
    night: Night, verdicts: Sequence[Score], store: Store, lease: Lease, options: RunOptions, progress: Progress
) -> None:
    """Write what changed to one CRM, unless a rule forbids it; the outcome says how it ended."""
    (org, check), crm, out = night.known, night.crm, night.out
    planned = timed(out, progress, "plan", lambda: plan.of_org(store, org, verdicts, options, out.day))
    out.planned, out.within_band, out.waiting = len(planned.updates), planned.within_band, planned.waiting
    out.facts |= facts(store, org, check, options.rules)
    findings = broken_rules(store, org, check, planned, options, out.facts)
    if out.mode == "dry":
        out.notes += [f"a write would stop by rule {f.rule}: {f.said}" for f in findings if options.write]
    else:
        if check.unwritable and planned.updates:
            raise FieldsUnwritable(check.unwritable, crm.name)
        out.notes += stops.raise_unless(findings, options.allow)
        out.facts["lifted"] = [f.rule for f in findings]
        if org.hold:
            Runs(store.engine).hold(org.id, None)
        ledger = Ledger(store.engine, org.id)
        timed(out, progress, "write", lambda: write(planned, crm, ledger, lease, out, options.allow, progress))
    out.outcome = "rejected" if out.rejected else "done"


def facts(store: Store, org: Org, check: Check, rules: Rules) -> dict[str, Any]:
    """What the next runs compare themselves with; kept in this run's detail."""
    counts = {kind: store.count(org.id, kind) for kind in COUNTED}
    score = json.loads(json.dumps({"model": MODEL_VERSION, **asdict(rules)}))  # as a stored run gives it back
    return {"held": counts, "fields": dict(check.fields), "score": score}


def broken_rules(
    store: Store, org: Org, check: Check, planned: Plan, options: RunOptions, now: Mapping[str, Any]
) -> list[Finding]:
    """Every rule that does not hold for this plan."""
    limits = stops.Limits(flag_change=options.max_flag_change)
    written = Runs(store.engine).last_written(org.id)
    past = _usual(Runs(store.engine).good(org.id, USUAL))
    then = written.detail.get("facts", {}) if written else {}
    findings = (
        stops.undo_hold(org.hold),
        stops.clock_skew(check.skew, limits),
        stops.row_count(now["held"], past, limits),
        stops.fields_changed(then.get("fields", {}), now["fields"]),
        stops.score_changed(then.get("score", {}), now["score"]),
        stops.flag_change(planned.flags_changed, planned.accounts, limits),
    )
    return [f for f in findings if f is not None]


def _usual(runs: Sequence[Any]) -> list[dict[str, int]]:
    """Counts of the runs since the one in which an unusual count was allowed: that one is the new usual."""
    counts = []
    for run in runs:
        facts_then = run.detail.get("facts", {})
        if "held" in facts_then:
            counts.append(facts_then["held"])
        if "row-count" in facts_then.get("lifted", ()):
            break
    return counts


def write(
    planned: Plan, crm: Crm, ledger: Ledger, lease: Lease, out: Outcome, allowed: Sequence[str], progress: Progress
) -> None:
    """Send the plan; `out` counts as outcomes are committed. Raises `Stopped`, `LeaseLost`, `Interrupted` or `CrmError`."""
    refused_before = {e.account_id for e in ledger.rejected()}
    ledger.plan(out.run, planned.updates, int(time.time()), lease)
    surprises = 0

    def settle(results: Sequence[WriteResult]) -> None:
        nonlocal surprises
        ledger.settle(out.run, results, int(time.time()), out.day)
        refused = [r for r in results if not r.ok]
        out.acked, out.rejected = out.acked + len(results) - len(refused), out.rejected + len(refused)
        surprises += sum(r.account_id not in refused_before for r in refused)

    def stop_if_refused() -> None:
        progress.rows("rows written", out.acked + out.rejected, crm.calls)
        finding = stops.rejects(surprises, out.acked + out.rejected, stops.Limits())
        if finding is not None and "rejects" not in out.facts.setdefault("lifted", []):
            out.notes += stops.raise_unless([finding], allowed)
            out.facts["lifted"].append("rejects")

    def sending(account_ids: Sequence[str], token: str) -> None:
        ledger.sending(out.run, account_ids, token, int(time.time()), lease)

    apply(planned, crm, sending, settle, stop_if_refused)


def apply(
    planned: Plan,
    crm: Crm,
    sending: Callable[[Sequence[str], str], None],
    settle: Callable[[Sequence[WriteResult]], None],
    stop_if_refused: Callable[[], None] = lambda: None,
) -> None:
    """Write the plan; `sending` and `settle` commit to the ledger, `stop_if_refused` may stop the rest by raising.

    What was heard is committed before anything else is sent, and also when the write breaks off.
    """
    waiting: list[WriteResult] = []
    try:
        for event in crm.write(planned.updates):
            if isinstance(event, Sending):
                _flush(waiting, settle)
                stop_if_refused()
                sending(event.account_ids, event.token)
                continue
            waiting.append(event)
            if len(waiting) >= GROUP:
                _flush(waiting, settle)
    finally:
        _flush(waiting, settle)


def _flush(waiting: list[WriteResult], settle: Callable[[Sequence[WriteResult]], None]) -> None:
    if waiting:
        settle(tuple(waiting))
        waiting.clear()


class FieldsUnwritable(CrmError):
    """Fields that are to be written are absent or read-only."""

    def __init__(self, meanings: Sequence[str], crm: str) -> None:
        names = ", ".join(meanings)
        fix = "an admin runs `assay schema apply --yes` and assigns the permission set to this user"
        super().__init__(
            f"these fields are absent or not writable for this user: {names}; nothing was written", crm=crm, fix=fix
        )
