"""What one CRM's part of the night ends with: plan, safety stops, write, each row's fate committed around each call.

The steps are numbered in docs/writing.md.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assay.night import plan as publish
from assay.night import stops
from assay.night.stops import Finding
from connectors.errors import CrmError
from connectors.port import Check, Crm
from db.lease import Lease
from db.ledger import Ledger
from db.runs import Runs
from db.store import Org, Store
from scoring.records import Score, WriteResult
from scoring.rules import MODEL_VERSION, Rules

if TYPE_CHECKING:
    from assay.night.outcome import Outcome
    from assay.nightly import Orders, Tell

#: kinds whose number says that an org is still the one we know
COUNTED = ("account", "contact", "opportunity", "activity")
#: runs that say what is usual
USUAL = 7


def plan(store: Store, org: Org, verdicts: Sequence[Score], orders: "Orders", day: int | None = None) -> publish.Plan:
    """What would be written now, or on the night of `day`: refused rows that are not due then are left out."""
    first = store.orgs()[0]  # whose currency all verdicts are in
    money = publish.Money(first.currency, store.rates(first.id), store.currencies(org.id), org.currency)
    night = day if day is not None else max((s.as_of for s in verdicts), default=0)
    waiting = Ledger(store.engine, org.id).waiting(night)
    return publish.plan(verdicts, store.ours(org.id), money, orders.bands, orders.only, waiting)


def facts(store: Store, org: Org, check: Check, rules: Rules) -> dict[str, Any]:
    """What the next runs compare themselves with; kept in this run's detail."""
    held = {kind: store.count(org.id, kind) for kind in COUNTED}
    score = json.loads(json.dumps({"model": MODEL_VERSION, **asdict(rules)}))  # as a stored run gives it back
    return {"held": held, "fields": dict(check.fields), "score": score}


def findings(
    store: Store, org: Org, check: Check, made: publish.Plan, orders: "Orders", now: Mapping[str, Any]
) -> list[Finding]:
    """Every rule that does not hold for this plan."""
    limits = stops.Limits(flag_change=orders.max_flag_change)
    written = Runs(store.engine).last_written(org.id)
    past = _usual(Runs(store.engine).good(org.id, USUAL))
    then = written.detail.get("facts", {}) if written else {}
    found = (
        stops.undo_hold(org.hold),
        stops.clock_skew(check.skew, limits),
        stops.row_count(now["held"], past, limits),
        stops.fields_changed(then.get("fields", {}), now["fields"]),
        stops.score_changed(then.get("score", {}), now["score"]),
        stops.flag_change(made.flags_changed, made.accounts, limits),
    )
    return [f for f in found if f is not None]


def _usual(runs: Sequence[Any]) -> list[dict[str, int]]:
    """Counts of the runs since the one in which an unusual count was allowed: that one is the new usual."""
    counts = []
    for run in runs:
        known = run.detail.get("facts", {})
        if "held" in known:
            counts.append(known["held"])
        if "row-count" in known.get("lifted", ()):
            break
    return counts


def write(
    made: publish.Plan, crm: Crm, ledger: Ledger, lease: Lease, out: "Outcome", allowed: Sequence[str], tell: "Tell"
) -> None:
    """Send the plan; `out` counts as outcomes are committed. Raises `Stopped`, `LeaseLost`, `Interrupted` or `CrmError`."""
    known = {e.account_id for e in ledger.rejected()}
    ledger.plan(out.run, made.updates, int(time.time()), lease)
    surprises = 0

    def settle(results: Sequence[WriteResult]) -> None:
        nonlocal surprises
        ledger.settle(out.run, results, int(time.time()), out.day)
        refused = [r for r in results if not r.ok]
        out.acked, out.rejected = out.acked + len(results) - len(refused), out.rejected + len(refused)
        surprises += sum(r.account_id not in known for r in refused)

    def look() -> None:
        tell.rows("rows written", out.acked + out.rejected, crm.calls)
        finding = stops.rejects(surprises, out.acked + out.rejected, stops.Limits())
        if finding is not None and "rejects" not in out.facts.setdefault("lifted", []):
            out.notes += stops.raise_unless([finding], allowed)
            out.facts["lifted"].append("rejects")

    publish.apply(made, crm, lambda ids, token: ledger.sending(out.run, ids, token, int(time.time()), lease), settle, look)


class FieldsUnwritable(CrmError):
    """Fields that are to be written are absent or read-only."""

    def __init__(self, meanings: Sequence[str], crm: str) -> None:
        names = ", ".join(meanings)
        fix = "an admin runs `assay schema apply --yes` and assigns the permission set to this user"
        super().__init__(
            f"these fields are absent or not writable for this user: {names}; nothing was written", crm=crm, fix=fix
        )
