"""What reports and pages show, gathered from the store: all orgs as one firm."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from assay.night import scope as scope_words
from assay.report.model import Report, RunFacts
from assay.settings import ConfigError, Settings
from db.calibrations import Calibrations
from db.ledger import Ledger
from db.runs import Run, Runs
from db.store import Org, Store
from scoring.proof.stored import Proof
from scoring.records import ANSWERS, Score


def firm_report(store: Store, settings: Settings) -> Report:
    """What reports and pages show, from the store."""
    if not store.orgs():
        raise ConfigError(["there is nothing to report yet. Fix: run `assay run` first"])
    window = settings.scoring.rules().window_days
    return report_of(store, window, settings.scoring.preset, hide_owners=settings.report.hide_owners)


def report_of(store: Store, window: int, preset: str, *, hide_owners: bool) -> Report:
    """All orgs as one firm: what two CRMs know is told once, under the first one's id."""
    orgs = store.orgs()
    verdicts = [s for org in orgs for s in _firm_verdicts(store, org)]
    owners = {i: name for org in reversed(orgs) for i, name in store.owner_names(org.id).items()}
    night = max((s.as_of for s in verdicts), default=0)
    before = {row[0]: row[8] for org in orgs for row in store.nights(org.id, night - 1)}
    runs = Runs(store.engine)
    return Report(
        org=" and ".join(org.name for org in orgs),
        crm=" and ".join(org.crm for org in orgs),
        day=night,
        currency=orgs[0].currency if orgs else "",
        scores=verdicts,
        owners=owners,
        previous_states=before,
        run=_run_facts(store, [run for org in orgs for run in runs.good(org.id, 1)], hide_owners),
        preset=preset,
        window_days=window,
        hide_owners=hide_owners,
        proof=_proof(store),
        started=_started(store, orgs),
        said=_answers(store, orgs),
    )


def _proof(store: Store) -> Proof | None:
    """The last backtest that a night has made; None before the first."""
    orgs = store.orgs()
    latest = Calibrations(store.engine, orgs[0].id).latest() if orgs else None
    return None if latest is None else Proof.of(*latest)


def _answers(store: Store, orgs: Sequence[Org]) -> dict[str, dict[str, Any]]:
    """What people answered, an account; an account of two CRMs under its first one's id, whose answers win."""
    answers: dict[str, dict[str, Any]] = {}
    for org in orgs:
        to_first = store.links(org.id, "account")
        for account, ours in store.ours(org.id).items():
            given = {k: v for k, v in ours.items() if k in ANSWERS}
            if given:
                first = to_first.get(account, account)
                answers[first] = given | answers.get(first, {})
    return answers


def _started(store: Store, orgs: Sequence[Org]) -> dict[str, int]:
    """Since which day each owner sells for the firm; the first CRM's word counts."""
    return {i: at // 86_400 for org in reversed(orgs) for i, at in store.owner_starts(org.id).items()}


def _firm_verdicts(store: Store, org: Org) -> list[Score]:
    """An org's own accounts, with their owner's name in the first CRM where both know the owner."""
    elsewhere, people = store.links(org.id, "account"), store.links(org.id, "owner")
    own = (s for s in store.verdicts(org.id) if s.account_id not in elsewhere)
    return [replace(s, owner_id=people[s.owner_id]) if s.owner_id in people else s for s in own]


def _run_facts(store: Store, runs: Sequence[Run], hide_owners: bool) -> RunFacts:
    """The last runs of all orgs as one."""
    if not runs:
        return RunFacts()
    details = [run.detail for run in runs]
    counts: dict[str, Any] = next((d["scope"]["firm"] for d in details if d.get("scope")), {})
    counts = scope_words.without_owners(counts) if counts and hide_owners else counts
    refused = [
        (e.account_id, e.code, e.message) for run in runs for e in Ledger(store.engine, run.org or 0).rejected(run.id)
    ]
    return RunFacts(
        mode=runs[0].mode,
        rows=_added(d["rows"] for d in details),
        calls=sum(run.calls for run in runs),
        seconds=_added(d["seconds"] for d in details),
        oddities=_added(d["odd"] for d in details),
        rejected=refused,
        written=sum(d["acked"] for d in details),
        planned=sum(d["planned"] for d in details),
        notes=[note for d in details for note in (scope_words.nameless(d["notes"]) if hide_owners else d["notes"])],
        scope=counts,
        scope_says=scope_words.words(counts),
    )


def _added(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    total: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            total[key] = total.get(key, 0) + value
    return total
