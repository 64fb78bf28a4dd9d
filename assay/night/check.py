"""Log in to one CRM and see whether it is the org we know, as this user saw it before."""

import time
from dataclasses import asdict
from typing import Any

from structlog.contextvars import bind_contextvars

from assay.night import stops
from assay.night.options import Progress, RunOptions
from assay.night.outcome import Night, timed
from connectors.port import Check
from db.runs import Runs
from db.store import Org, Store

DAY = 86_400


def check(night: Night, store: Store, options: RunOptions, progress: Progress) -> None:
    """Open the run of one CRM; raises `Stopped` where another org answers or the user sees less, `CrmError`."""
    out, runs = night.out, Runs(store.engine)
    night.check = answer = timed(out, progress, "check", lambda: night.crm.check())
    out.day = answer.now // DAY if options.day is None else options.day
    night.org = org = _same_org(night, store, answer, options)
    _note(night, answer)
    out.mode, out.whole = "write" if _may_write(night, runs, org, options) else "dry", options.whole
    store.read_again(org.id, stops.seen_again(runs.lacking(org.id), answer.lacking))
    out.run = out.run or runs.start(org.id, int(time.time()), out.mode, {"lacking": out.lacking})
    bind_contextvars(run=out.run)
    last_good = next((r.detail for r in runs.good(org.id, 1)), {})
    lost = stops.access_lost(last_good, answer.lacking, answer.visible, stops.Limits())
    out.notes += stops.raise_unless([lost] if lost else [], options.allow)


def _note(night: Night, answer: Check) -> None:
    """What the CRM said of itself, for the run's record."""
    out = night.out
    out.notes += answer.notes
    out.lacking, out.visible = list(answer.lacking), dict(answer.visible)
    if answer.calls_allowed is not None and answer.calls_used is not None:
        out.calls_left = answer.calls_allowed - answer.calls_used


def _may_write(night: Night, runs: Runs, org: Org, options: RunOptions) -> bool:
    """Whether this run is free to write; an org's first run is not, by rule first-run."""
    first = (night.anew or runs.first(org.id)) and not options.force and "first-run" not in options.allow
    if first and options.write:
        night.out.notes.append("rule first-run: the first run of an org writes nothing; read `assay plan`, then run again")
    return options.write and not first


def _same_org(night: Night, store: Store, answer: Check, options: RunOptions) -> Org:
    """The org as the database knows it; another one stops the night before a record is read (rule org-changed)."""
    facts, out = _facts(answer), night.out
    pinned = next((org for org in store.orgs() if org.crm == night.crm.name), None)
    finding = stops.org_changed(asdict(pinned), facts) if pinned is not None else None
    if pinned is None or finding is None:
        return store.pin_org(night.crm.name, facts)
    if finding.rule not in options.allow:
        out.run = Runs(store.engine).start(pinned.id, int(time.time()), "dry")
    out.notes += stops.raise_unless([finding], options.allow)
    night.anew = True
    return store.pin_org(night.crm.name, facts, anew=True)


def _facts(answer: Check) -> dict[str, Any]:
    return {
        "external_id": answer.org_id,
        "name": answer.org_name,
        "sandbox": answer.sandbox,
        "currency": answer.currency,
    }
