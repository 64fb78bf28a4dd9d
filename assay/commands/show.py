"""What the reading commands answer: the store's records through the renderers."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay import nightly, text
from assay.night import scope as scoped
from assay.night.outcome import Outcome
from assay.night.undo import Undone
from assay.nightly import Orders
from assay.report import Report, RunFacts, backtest_page, render_html, render_json
from assay.report.headline import headline as sentence
from assay.settings import ConfigError, Settings
from assay.text import terminal
from assay.text.words import iso
from db.account_records import one_account
from db.calibrations import Calibrations
from db.ledger import Entry, Ledger
from db.runs import Run, Runs
from db.store import Org, Store
from scoring.facts.minutes.chain import treatment
from scoring.proof.stored import Proof
from scoring.records import ANSWERS, STATES, FieldUpdate, Score
from scoring.rules import Rules


def outcome(o: Outcome) -> str:
    """One night in a few lines."""
    rows = sum(o.rows.values())
    changed = sum(o.changed.values())
    lines = [f"{o.crm}: {o.outcome}"]
    if o.day:
        lines.append(
            f"  night of {iso(o.day)}, {rows:,} rows read, {changed:,} new or changed, {o.calls} API calls, "
            f"{sum(o.seconds.values()):.1f} s"
        )
    lines += [f"  {said}" for said in scoped.words(o.scope)]
    if o.states:
        lines.append("  " + ", ".join(f"{s}: {o.states.get(s, 0)}" for s in STATES))
        if o.nights > 1:
            lines.append(f"  {o.nights} nights judged: earlier ones replayed so that states start settled")
        done = f"{o.acked} written, {o.rejected} refused" if o.mode == "write" else "dry run, nothing written"
        lines.append(f"  {o.planned} accounts to write, {o.within_band} within their bands; {done}")
        if o.waiting:
            lines.append(f"  {o.waiting} refused accounts wait for their next try (assay rejects)")
    lines += [f"  oddity: {k}: {v}" for k, v in sorted(o.odd.items())]
    lines += [f"  note: {n}" for n in o.notes]
    return "\n".join(lines)


def headline(store: Store) -> str:
    """The report's sentence."""
    return sentence(_report(store, Rules().window_days, "", hide_owners=False))


def plan(store: Store, orders: Orders, form: str, planned: dict[str, int] | None = None) -> str:
    """What the next write would change, from what is stored; `planned` takes the number of accounts by CRM."""
    _known(form, ("table", "csv", "json", "html"))
    updates: list[FieldUpdate] = []
    names: dict[str, str] = {}
    for org in store.orgs():
        verdicts = _inside(store, org, store.verdicts(org.id))
        names |= {s.account_id: s.name for s in verdicts}
        made = nightly.plan(store, org, verdicts, orders)
        updates += made.updates
        if planned is not None:
            planned[org.crm] = len(made.updates)
    if form == "table":
        return text.plan_table(updates, names, _look())
    return {"csv": text.plan_csv, "json": text.plan_json, "html": text.plan_html}[form](updates, names)


def _inside(store: Store, org: Org, verdicts: list[Score]) -> list[Score]:
    """Those in scope by today's settings, which may be narrower than they were when the night judged."""
    if not store.scope:
        return verdicts
    inside = {p.account_id for p in store.census().places if p.org == org.id and not p.why}
    return [s for s in verdicts if s.account_id in inside]


def scores(store: Store, form: str, state: str | None, owner: str | None) -> str:
    """Every account's verdict, or those of a state or owner."""
    _known(form, ("table", "csv", "jsonl"))
    if state is not None and state not in STATES:
        raise ConfigError([f"--state {state!r} is unknown. Fix: one of {', '.join(STATES)}"])
    found = {
        org.crm: [s for s in store.verdicts(org.id) if state in (None, s.state) and owner in (None, s.owner_id)]
        for org in store.orgs()
    }
    if form == "table":
        return text.scores_table(found, _look())
    return {"csv": text.scores_csv, "jsonl": text.scores_jsonl}[form](found)


def explain(store: Store, rules: Rules, account: str, as_json: bool) -> str:
    """One account with the records behind its numbers; found by id or by its exact name."""
    org, score = _find(store, account)
    sections = records(store, rules, org, score)
    owner = store.owner_names(org.id).get(score.owner_id or "", "")
    if as_json:
        return text.explain_json(org.crm, score, sections, owner)
    return text.explain_text(org.crm, score, sections, owner, _look())


Records = Mapping[str, Sequence[Mapping[str, Any]]]  #: kind -> rows


def records(store: Store, rules: Rules, org: Org, score: Score) -> Records:
    """The records behind one account's numbers, by kind."""
    firm_id = store.links(org.id, "account").get(score.account_id, score.account_id)
    since = (score.as_of - rules.window_days) * nightly.DAY
    with one_account(store.engine, [o.id for o in store.orgs()], firm_id, since, store.scope) as firm:
        activities = firm.rows(treatment(firm.tables, firm.org, score.as_of, rules, firm_id, _usual(score)))
        return {"activities": activities, **firm.records_of(firm_id)}


def _usual(score: Score) -> dict[str, int]:
    """The firm's usual lengths on the night of the score."""
    found = {kind: score.coverage.get(f"usual_{kind}_seconds") for kind in ("meeting", "call")}
    return {kind: int(seconds) for kind, seconds in found.items() if seconds}


def _look() -> text.Look:
    """How wide and how colourful; rich's NO_COLOR included."""
    return text.look_of(sys.stdout, os.environ)


def _find(store: Store, account: str) -> tuple[Org, Score]:
    for org in store.orgs():
        for score in store.verdicts(org.id):
            if account in (score.account_id, score.account_id[:15], score.name):
                return org, score
    raise ConfigError([f"no account {account!r} has a verdict. Fix: take an id from `assay scores`, or run a night first"])


def write_report(store: Store, settings: Settings, out: Path) -> None:
    """The report as one HTML file."""
    _write(out, render_html(firm_report(store, settings)))


def backtest(store: Store, rules: Rules, days: Sequence[int], horizon: int | None, as_json: bool, out: Path | None) -> str:
    """How earlier scores would have fared; with `out` the page as well."""
    from assay.night import learn as proving  # the maths: whoever only shows what is stored does not load it

    found = proving.prove(store, rules, days, horizon)
    if out is not None:
        _write(out, backtest_page.html(found))
    return json.dumps(backtest_page.record(found)) + "\n" if as_json else backtest_page.text(found, _look())


def _write(out: Path, page: str) -> None:
    """Whole or not at all."""
    draft = out.with_name(out.name + ".part")
    draft.write_text(page, encoding="utf-8")
    draft.replace(out)


def report_json(store: Store, settings: Settings) -> str:
    return json.dumps(render_json(firm_report(store, settings)), ensure_ascii=False)


def firm_report(store: Store, settings: Settings) -> Report:
    """What reports and pages show, from the store."""
    if not store.orgs():
        raise ConfigError(["there is nothing to report yet. Fix: run `assay run` first"])
    window = settings.scoring.rules().window_days
    return _report(store, window, settings.scoring.preset, hide_owners=settings.report.hide_owners)


def _report(store: Store, window: int, preset: str, *, hide_owners: bool) -> Report:
    """All orgs as one firm: what two CRMs know is told once, under the first one's id."""
    orgs = store.orgs()
    verdicts = [s for org in orgs for s in _firm_verdicts(store, org)]
    owners = {i: name for org in reversed(orgs) for i, name in store.owner_names(org.id).items()}
    night = max((s.as_of for s in verdicts), default=0)
    before = {row[0]: row[8] for org in orgs for row in store.nights(org.id, night - 1)}
    past = Runs(store.engine).list(50)
    last = [
        next((r for r in past if r.org == org.id and r.outcome in ("done", "rejected") and r.mode != "undo"), None)
        for org in orgs
    ]
    return Report(
        org=" and ".join(org.name for org in orgs), crm=" and ".join(org.crm for org in orgs), day=night,
        currency=orgs[0].currency if orgs else "", scores=verdicts, owners=owners, previous_states=before,
        run=_run_facts(store, [r for r in last if r is not None], hide_owners), preset=preset, window_days=window,
        hide_owners=hide_owners, proof=_proof(store), started=_started(store, orgs), said=_said(store, orgs),
    )  # fmt: skip


def _proof(store: Store) -> Proof | None:
    """The last backtest that a night has made; None before the first."""
    orgs = store.orgs()
    found = Calibrations(store.engine, orgs[0].id).latest() if orgs else None
    return None if found is None else Proof.of(*found)


def _said(store: Store, orgs: Sequence[Org]) -> dict[str, dict[str, Any]]:
    """What people answered, an account; an account of two CRMs under its first one's id, whose answers win."""
    found: dict[str, dict[str, Any]] = {}
    for org in orgs:
        to_first = store.links(org.id, "account")
        for account, ours in store.ours(org.id).items():
            told = {k: v for k, v in ours.items() if k in ANSWERS}
            if told:
                first = to_first.get(account, account)
                found[first] = told | found.get(first, {})
    return found


def _started(store: Store, orgs: Sequence[Org]) -> dict[str, int]:
    """Since which day each owner sells for the firm; the first CRM's word counts."""
    return {i: at // 86_400 for org in reversed(orgs) for i, at in store.owner_starts(org.id).items()}


def _firm_verdicts(store: Store, org: Org) -> list[Score]:
    """An org's own accounts, with their owner's name in the first CRM where both know the owner."""
    elsewhere, people = store.links(org.id, "account"), store.links(org.id, "owner")
    found = (s for s in store.verdicts(org.id) if s.account_id not in elsewhere)
    return [replace(s, owner_id=people[s.owner_id]) if s.owner_id in people else s for s in found]


def _run_facts(store: Store, runs: Sequence[Run], hide_owners: bool) -> RunFacts:
    """The last runs of all orgs as one."""
    if not runs:
        return RunFacts()
    details = [run.detail for run in runs]
    counted: dict[str, Any] = next((d["scope"]["firm"] for d in details if d.get("scope")), {})
    counted = scoped.without_owners(counted) if counted and hide_owners else counted
    refused = [
        (e.account_id, e.code, e.message) for run in runs for e in Ledger(store.engine, run.org or 0).rejected(run.id)
    ]
    return RunFacts(
        mode=runs[0].mode, rows=_added(d["rows"] for d in details), calls=sum(run.calls for run in runs),
        seconds=_added(d["seconds"] for d in details), oddities=_added(d["odd"] for d in details), rejected=refused,
        written=sum(d["acked"] for d in details), planned=sum(d["planned"] for d in details),
        notes=[note for d in details for note in (scoped.nameless(d["notes"]) if hide_owners else d["notes"])],
        scope=counted, scope_says=scoped.words(counted),
    )  # fmt: skip


def _added(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    total: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            total[key] = total.get(key, 0) + value
    return total


def status(store: Store, as_json: bool, schedule: Mapping[str, Any]) -> str:
    """Orgs, watermarks, the schedule and the last runs."""
    found: dict[str, Any] = {
        "database": store.engine.url.render_as_string(hide_password=True),
        "orgs": [
            asdict(org) | {"accounts": store.count(org.id, "account"), "watermarks": store.watermarks(org.id)}
            for org in store.orgs()
        ],
        "schedule": dict(schedule),
        "scope": scope(store),
        "runs": [asdict(r) for r in Runs(store.engine).list(5)],
    }
    if as_json:
        return json.dumps(found)
    lines = [f"database  {found['database']}"]
    for org in found["orgs"]:
        lines.append(
            f"{org['crm']}  {org['name']} ({org['external_id']}{', a test org' if org['sandbox'] else ''}), {org['accounts']} accounts"
        )
        lines += [f"  on hold: {org['hold']}; nothing is written until `assay run --allow undo-hold`"] if org["hold"] else []
    lines += [f"scope  {said}" for said in scope_words(found["scope"])]
    lines += [f"schedule  next night {_moment(schedule['next'])} UTC"] if schedule["next"] else []
    lines += ["  a night that should have come has not: see the log of `assay serve`"] if schedule["stale"] else []
    return "\n".join([*lines, "", _run_table(Runs(store.engine).list(5))])


def scope(store: Store) -> dict[str, Any]:
    """Who is in scope by today's settings and what is stored; nothing where no scope is set."""
    if not store.scope:
        return {}
    census = store.census()
    out = [p for p in census.places if p.why and p.marked]
    warnings = scoped.strange(census, store.scope)
    return scoped.firm(census) | {"still_carry_ids": [p.account_id for p in out], "warnings": warnings}


def scope_words(counted: Mapping[str, Any]) -> list[str]:
    return scoped.words(counted) + list(counted.get("warnings", ()))


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def runs(store: Store, run_id: int | None, as_json: bool) -> str:
    """The last runs, or one in detail."""
    found = [r for r in Runs(store.engine).list(200 if run_id else 20) if run_id in (None, r.id)]
    if run_id and not found:
        raise ConfigError([f"there is no run {run_id}. Fix: `assay runs` lists them"])
    if as_json:
        return json.dumps([asdict(r) for r in found])
    return json.dumps(asdict(found[0]), indent=2) if run_id else _run_table(found)


def _run_table(found: Sequence[Run]) -> str:
    rows = [
        (r.id, iso(r.day) if r.day else "", r.mode, r.outcome, r.calls, r.detail.get("acked", ""), r.message) for r in found
    ]
    return _table(rows, ("run", "night", "mode", "outcome", "API calls", "written", "message"))


def rejects(store: Store, as_json: bool) -> str:
    """What the CRM has refused and not taken since: by reason first, then row by row."""
    rows = [(org.crm, e) for org in store.orgs() for e in Ledger(store.engine, org.id).rejected()]
    if as_json:
        return json.dumps([{"crm": crm, **asdict(e)} for crm, e in rows])
    if not rows:
        return "Nothing is refused."
    reasons = Counter((crm, e.code, e.message) for crm, e in rows)
    digest = [(count, crm, code, message) for (crm, code, message), count in reasons.most_common()]
    each = [(e.run, e.account_id, e.code, e.attempts, _due(e)) for _, e in rows]
    return "\n".join((
        _table(digest, ("accounts", "CRM", "code", "the CRM's words")),
        _table(each, ("run", "account", "code", "tries", "next try")),
    ))  # fmt: skip


def _due(e: Entry) -> str:
    return iso(e.retry_day) if e.retry_day else "next run"


def undone(found: Undone, *, yes: bool) -> str:
    """What an undo did, or would do."""
    verb = f"restored {found.acked}, refused {found.rejected}" if yes else f"would restore {len(found.updates)}"
    lines = [f"{found.crm}: undo of run {found.run}: {verb} accounts, {len(found.left)} values left alone"]
    if found.left:
        said = [(x.account_id, x.field, x.before, x.wrote, x.now, x.why) for x in found.left]
        lines.append(_table(said, ("account", "field", "before", "written", "now", "left alone because")))
    if yes:
        lines.append("Publishing is on hold until `assay run --allow undo-hold`.")
    return "\n".join(lines)


def schema(rows: Sequence[tuple[str, str]], as_json: bool) -> str:
    return json.dumps(dict(rows)) if as_json else _table(rows, ("field", "state"))


def findings(rows: Sequence[tuple[str, str, str]]) -> str:
    """A doctor's table: what to mend takes the room that is left."""
    table = terminal.table("check", "result", "what was seen, and what to do", wrap="what was seen, and what to do")
    for row in rows:
        table.add_row(*map(terminal.plain, row))
    return terminal.printed(_look(), table)


def config(rows: Sequence[tuple[str, str, str]], as_json: bool) -> str:
    if as_json:
        return json.dumps({k: {"value": v, "from": o} for k, v, o in rows})
    return _table(rows, ("setting", "value", "from"))


def _table(rows: Sequence[Sequence[Any]], headings: Sequence[str]) -> str:
    table = terminal.table(*headings)
    for row in rows:
        table.add_row(*(terminal.plain("" if v is None else v) for v in row))
    return terminal.printed(_look(), table)


def _known(form: str, forms: tuple[str, ...]) -> None:
    if form not in forms:
        raise ConfigError([f"--format {form}: unknown. Fix: one of {', '.join(forms)}"])
