"""What the commands answer: the store's records as texts, tables, CSV and JSON."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.settings import ConfigError, Settings
from assay.text import status as status_text
from assay.text import terminal
from assay.text.words import iso
from db.ledger import Ledger
from db.runs import Runs
from db.store import Org, Store
from scoring.records import STATES, FieldUpdate, Score
from scoring.rules import Rules

if TYPE_CHECKING:  # what shows one thing imports what that takes, so that `assay status` answers at once
    from assay.night.options import RunOptions
    from assay.night.outcome import Outcome
    from assay.night.undo import UndoResult


def outcome(o: "Outcome") -> str:
    """One night in a few lines."""
    rows = sum(o.rows.values())
    changed = sum(o.changed.values())
    lines = [f"{o.crm}: {o.outcome}"]
    if o.day:
        lines.append(
            f"  night of {iso(o.day)}, {rows:,} rows read, {changed:,} new or changed, {o.calls} API calls, "
            f"{sum(o.seconds.values()):.1f} s"
        )
    lines += [f"  {line}" for line in scope_lines(o.scope)]
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


def headline(store: Store, settings: Settings) -> str:
    """The report's sentence."""
    from assay.report.gather import firm_report
    from assay.report.headline import headline as sentence

    return sentence(firm_report(store, settings))


def plan(store: Store, options: "RunOptions", form: str, planned: dict[str, int] | None = None) -> str:
    """What the next write would change, from what is stored; `planned` takes the number of accounts by CRM."""
    from assay.night.plan import of_stored
    from assay.text import plan as plan_text

    _require_format(form, ("table", "csv", "json", "html"))
    updates: list[FieldUpdate] = []
    names: dict[str, str] = {}
    for org_plan in of_stored(store, options):
        names |= org_plan.names
        updates += org_plan.plan.updates
        if planned is not None:
            planned[org_plan.org.crm] = len(org_plan.plan.updates)
    if form == "table":
        return plan_text.plan_table(updates, names, _look())
    if form == "html":
        from assay.report.plan_page import plan_html  # templates are loaded where a page is wanted

        return plan_html(updates, names)
    return {"csv": plan_text.plan_csv, "json": plan_text.plan_json}[form](updates, names)


def scores(store: Store, form: str, state: str | None, owner: str | None) -> str:
    """Every account's verdict, or those of a state or owner."""
    from assay.text import scores as scores_text

    _require_format(form, ("table", "csv", "jsonl"))
    if state is not None and state not in STATES:
        raise ConfigError([f"--state {state!r} is unknown. Fix: one of {', '.join(STATES)}"])
    verdicts = {
        org.crm: [s for s in store.verdicts(org.id) if state in (None, s.state) and owner in (None, s.owner_id)]
        for org in store.orgs()
    }
    if form == "table":
        return scores_text.scores_table(verdicts, _look())
    return {"csv": scores_text.scores_csv, "jsonl": scores_text.scores_jsonl}[form](verdicts)


def explain(store: Store, rules: Rules, account: str, as_json: bool) -> str:
    """One account with the records behind its numbers; found by id or by its exact name."""
    org, score = _find(store, account)
    from assay.report.account_records import records  # asks the rules of the minutes
    from assay.text import explain as explain_text

    sections = records(store, rules, org, score)
    owner = store.owner_names(org.id).get(score.owner_id or "", "")
    if as_json:
        return explain_text.explain_json(org.crm, score, sections, owner)
    return explain_text.explain_text(org.crm, score, sections, owner, _look())


def _look() -> terminal.Look:
    """How wide and how colourful; rich's NO_COLOR included."""
    return terminal.look_of(sys.stdout, os.environ)


def _find(store: Store, account: str) -> tuple[Org, Score]:
    for org in store.orgs():
        for score in store.verdicts(org.id):
            if account in (score.account_id, score.account_id[:15], score.name):
                return org, score
    raise ConfigError([f"no account {account!r} has a verdict. Fix: take an id from `assay scores`, or run a night first"])


def write_report(store: Store, settings: Settings, out: Path) -> None:
    """The report as one HTML file."""
    from assay.report.gather import firm_report
    from assay.report.page import render_html

    _write(out, render_html(firm_report(store, settings)))


def backtest(store: Store, rules: Rules, days: Sequence[int], horizon: int | None, as_json: bool, out: Path | None) -> str:
    """How earlier scores would have fared; with `out` the page as well."""
    from assay.report import backtest_page
    from assay.report.backtest import prove  # the maths: whoever only shows what is stored does not load it

    tested = prove(store, rules, days, horizon)
    if out is not None:
        _write(out, backtest_page.html(tested))
    return json.dumps(backtest_page.record(tested)) + "\n" if as_json else backtest_page.text(tested, _look())


def _write(out: Path, page: str) -> None:
    """Whole or not at all."""
    draft = out.with_name(out.name + ".part")
    draft.write_text(page, encoding="utf-8")
    draft.replace(out)


def report_json(store: Store, settings: Settings) -> str:
    """The report for programs."""
    from assay.report.gather import firm_report
    from assay.report.record import render_json

    return json.dumps(render_json(firm_report(store, settings)), ensure_ascii=False)


def status(store: Store, as_json: bool, schedule: Mapping[str, Any]) -> str:
    """Orgs, watermarks, the schedule and the last runs; `schedule` is `schedule_facts`."""
    runs = Runs(store.engine).list(5)
    facts: dict[str, Any] = {
        "database": store.engine.url.render_as_string(hide_password=True),
        "orgs": [
            asdict(org) | {"accounts": store.count(org.id, "account"), "watermarks": store.watermarks(org.id)}
            for org in store.orgs()
        ],
        "schedule": dict(schedule),
        "scope": scope(store),
        "runs": [asdict(r) for r in runs],
    }
    if as_json:
        return json.dumps(facts)
    return status_text.status_text(facts, scope_lines(facts["scope"]), runs, _look())


def scope(store: Store) -> dict[str, Any]:
    """Who is in scope by today's settings and what is stored; nothing where no scope is set."""
    if not store.scope:
        return {}
    from assay.night import scope as scopes

    census = store.census()
    out = [p for p in census.places if p.why and p.marked]
    warnings = scopes.unknown_values(census, store.scope)
    return scopes.firm(census) | {"still_carry_ids": [p.account_id for p in out], "warnings": warnings}


def scope_lines(counts: Mapping[str, Any]) -> list[str]:
    """The counts of `scope` as sentences, warnings last; none where everything is in scope by default."""
    if not counts:
        return []
    from assay.night import scope as scopes

    return scopes.words(counts) + list(counts.get("warnings", ()))


def runs(store: Store, run_id: int | None, as_json: bool) -> str:
    """The last runs, or one in detail."""
    if run_id is None:
        last = Runs(store.engine).list()
        return json.dumps([asdict(r) for r in last]) if as_json else status_text.runs_text(last, _look())
    run = Runs(store.engine).get(run_id)
    if run is None:
        raise ConfigError([f"there is no run {run_id}. Fix: `assay runs` lists them"])
    return json.dumps([asdict(run)]) if as_json else json.dumps(asdict(run), indent=2)


def rejects(store: Store, as_json: bool) -> str:
    """What the CRM has refused and not taken since: by reason first, then row by row."""
    rows = [(org.crm, e) for org in store.orgs() for e in Ledger(store.engine, org.id).rejected()]
    if as_json:
        return json.dumps([{"crm": crm, **asdict(e)} for crm, e in rows])
    return status_text.refusals_text(rows, _look())


def undone(result: "UndoResult", *, yes: bool) -> str:
    """What an undo did, or would do."""
    verb = f"restored {result.acked}, refused {result.rejected}" if yes else f"would restore {len(result.updates)}"
    lines = [f"{result.crm}: undo of run {result.run}: {verb} accounts, {len(result.left)} values left alone"]
    if result.left:
        rows = [(x.account_id, x.field, x.before, x.wrote, x.now, x.why) for x in result.left]
        lines.append(_table(rows, ("account", "field", "before", "written", "now", "left alone because")))
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
    return terminal.table_text(rows, headings, _look())


def _require_format(form: str, forms: tuple[str, ...]) -> None:
    if form not in forms:
        raise ConfigError([f"--format {form}: unknown. Fix: one of {', '.join(forms)}"])
