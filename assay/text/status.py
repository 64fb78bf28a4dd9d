"""What is in the database and how runs went, as lines and tables for people."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from assay.text.terminal import Look, table_text
from assay.text.words import iso
from db.ledger import Entry
from db.runs import Run


def status_text(facts: Mapping[str, Any], scope_lines: Sequence[str], runs: Sequence[Run], look: Look) -> str:
    """Orgs, scope, the schedule and the last runs; `facts` are those of `assay status --json`."""
    lines = [f"database  {facts['database']}"]
    for org in facts["orgs"]:
        test = ", a test org" if org["sandbox"] else ""
        lines.append(f"{org['crm']}  {org['name']} ({org['external_id']}{test}), {org['accounts']} accounts")
        if org["hold"]:
            lines.append(f"  on hold: {org['hold']}; nothing is written until `assay run --allow undo-hold`")
    lines += [f"scope  {line}" for line in scope_lines]
    schedule = facts["schedule"]
    lines += [f"schedule  next night {_moment(schedule['next'])} UTC"] if schedule["next"] else []
    lines += ["  a night that should have come has not: see the log of `assay serve`"] if schedule["stale"] else []
    return "\n".join([*lines, "", runs_text(runs, look)])


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def runs_text(runs: Sequence[Run], look: Look) -> str:
    """The runs, a line each."""
    rows = [
        (r.id, iso(r.day) if r.day else "", r.mode, r.outcome, r.calls, r.detail.get("acked", ""), r.message) for r in runs
    ]
    return table_text(rows, ("run", "night", "mode", "outcome", "API calls", "written", "message"), look)


def refusals_text(rows: Sequence[tuple[str, Entry]], look: Look) -> str:
    """(CRM, refused row): by reason first, then row by row."""
    if not rows:
        return "Nothing is refused."
    reasons = Counter((crm, e.code, e.message) for crm, e in rows)
    digest = [(count, crm, code, message) for (crm, code, message), count in reasons.most_common()]
    each = [(e.run, e.account_id, e.code, e.attempts, _due(e)) for _, e in rows]
    by_reason = table_text(digest, ("accounts", "CRM", "code", "the CRM's words"), look)
    return by_reason + "\n" + table_text(each, ("run", "account", "code", "tries", "next try"), look)


def _due(e: Entry) -> str:
    return iso(e.retry_day) if e.retry_day else "next run"
