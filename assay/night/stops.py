"""Safety stops: what must look right before anything is written (docs/facts/running.md, "Safety stops"). Pure.

Each rule has a name, a default and a way out; `--allow NAME` lifts it for one run, and every finding is kept with the run.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from statistics import median
from typing import Any

from assay.settings import Write

log = logging.getLogger("assay.night.stops")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as an admin reads it (docs/writing.md shows this table)."""

    name: str
    default: str
    wants: str


RULES = (
    Rule("first-run", "an org's first run writes nothing", "read `assay plan`, then run again (or `run --force`)"),
    Rule("org-changed", "the org's id and its sandbox flag stay what they were at the first run",
         "a database belongs to one org; allow it only when this org was really replaced: everything is then read anew"),
    Rule("access-lost", "the user still sees what it saw in the last good run: objects, fields, and half of the records at least",
         "`assay doctor` says what to grant; judged without it, accounts would change state for no reason of their own"),
    Rule("scope-empty", "at least one account is in scope", "correct [scope]; `assay status` shows what each criterion leaves out"),
    Rule("row-count", "accounts, contacts, opportunities and activities: none below half or above four times its median of the "
         "last 7 runs", "see whether the integration user lost access to records, or a mass load went wrong"),
    Rule("flag-change", f"at most {Write().max_flag_change * 100:.0f} % of the accounts change their state in one night, and at "
         "least 10 may", "read `assay plan`; [write] max_flag_change is the share"),
    Rule("rejects", "at most 25 % of the rows sent are refused by the CRM, and at least 10 may; accounts that were refused "
         "before do not count", "read `assay rejects`: an admin's new rule, or a right that was taken away"),
    Rule("fields-changed", "our fields are defined as they were when we last wrote",
         "see `assay schema show`; a changed type or option list may spoil what is written"),
    Rule("clock-skew", "this machine's clock is within 60 s of the login server's", "set the clock (NTP)"),
    Rule("score-changed", "the constants of the score are those of the last write",
         "read `assay plan`, then approve the new ones with --allow score-changed"),
    Rule("undo-hold", "after `assay undo` nothing is written", "find out what was wrong with the run that was undone"),
)  # fmt: skip
NAMES = tuple(rule.name for rule in RULES)


@dataclass(frozen=True, slots=True)
class Limits:
    """The defaults in numbers."""

    flag_change: float = Write().max_flag_change
    rejects: float = 0.25
    handful: int = 10  #: as many are no accident in the smallest org
    shrunk: float = 0.5
    grown: float = 4.0
    skew_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that does not hold, and what was seen."""

    rule: str
    said: str


class Stopped(Exception):
    """Safety rules stopped the write; each is named with what was seen and how to lift it."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        broken = "; ".join(f"rule {f.rule}: {f.said}" for f in findings)
        fixes = " ".join(f"{f.rule}: {_rule(f.rule).wants}." for f in findings)
        allow = " ".join(f"--allow {f.rule}" for f in findings)
        super().__init__(f"stopped by {broken}. Fix: {fixes} If it is right: assay run {allow}")


def raise_unless(findings: Sequence[Finding], allowed: Sequence[str]) -> list[str]:
    """Raise `Stopped` for what is not allowed; returns a note for each finding that is. All are logged."""
    for f in findings:
        log.warning("%s rule=%s %s", "allowed" if f.rule in allowed else "stopped", f.rule, f.said)
    stopping = [f for f in findings if f.rule not in allowed]
    if stopping:
        raise Stopped(stopping)
    return [f"rule {f.rule} was lifted for this run: {f.said}" for f in findings]


def unknown(names: Sequence[str]) -> list[str]:
    """A line for each name of `--allow` that is no rule."""
    return [_unknown(name) for name in names if name not in NAMES]


def _unknown(name: str) -> str:
    near = get_close_matches(name, NAMES, 1)
    return f"--allow {name}: there is no such rule. Fix: " + (
        f"did you mean {near[0]}?" if near else f"one of {', '.join(NAMES)}"
    )


def _rule(name: str) -> Rule:
    return next(r for r in RULES if r.name == name)


# ---- the rules ------------------------------------------------------------------------------------------------------


def org_changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> Finding | None:
    """Another org answers, or the same one says it is (no longer) a sandbox; sandbox copies keep record ids."""
    for key, word in (("external_id", "the org"), ("sandbox", "the sandbox flag")):
        if then[key] != now[key]:
            return Finding("org-changed", f"{word} is {now[key]}, but this database holds data of {then[key]}")
    return None


def access_lost(
    last: Mapping[str, Any], lacking: Sequence[str], visible: Mapping[str, int], limits: Limits
) -> Finding | None:
    """What the user saw in the org's last good run (`last`, its detail) and sees no longer."""
    lost = [what for what in lacking if "lacking" in last and what not in last["lacking"]]
    for name, before in last.get("visible", {}).items():
        now = visible.get(name, before)
        lost += [f"{name}: {now} records are visible where {before} were"] if 0 < now < limits.shrunk * before else []
    return Finding("access-lost", f"this user no longer has: {', '.join(lost)}") if lost else None


def seen_again(before: Sequence[str], now: Sequence[str]) -> set[str]:
    """Streams of which a field can be seen that could not be seen the night before: records that were read without it have
    not changed since, and would be without it for good."""
    return {path.partition(".")[0] for path in before if "." in path and path not in now}


def row_count(now: Mapping[str, int], past: Sequence[Mapping[str, int]], limits: Limits) -> Finding | None:
    """Records held after the pull, kind by kind, against the runs before."""
    odd = []
    for kind, rows in now.items():
        before = [p[kind] for p in past if kind in p]
        usual = median(before) if before else rows
        if abs(rows - usual) > limits.handful and not limits.shrunk * usual <= rows <= limits.grown * usual:
            odd.append(f"{rows:,} of kind {kind} where {usual:,.0f} are usual")
    return Finding("row-count", ", ".join(odd)) if odd else None


def flag_change(changed: int, accounts: int, limits: Limits) -> Finding | None:
    """A first verdict is no change."""
    if changed <= max(limits.handful, limits.flag_change * accounts):
        return None
    return Finding("flag-change", f"{changed} of {accounts} accounts ({changed / accounts:.0%}) would change state")


def rejects(refused: int, sent: int, limits: Limits) -> Finding | None:
    if refused <= max(limits.handful, limits.rejects * sent):
        return None
    return Finding("rejects", f"the CRM refused {refused} of the first {sent} rows; the others were not sent")


def fields_changed(then: Mapping[str, str], now: Mapping[str, str]) -> Finding | None:
    """A field that we did not write then, or that is gone now, is another check's matter."""
    odd = [f"{m} was {then[m]!r} and is {now[m]!r}" for m in then if m in now and then[m] != now[m]]
    return Finding("fields-changed", ", ".join(odd)) if odd else None


def clock_skew(seconds: int | None, limits: Limits) -> Finding | None:
    if seconds is None or abs(seconds) <= limits.skew_seconds:
        return None
    side = "ahead of" if seconds > 0 else "behind"
    return Finding("clock-skew", f"this machine's clock is {abs(seconds)} s {side} the login server's")


def score_changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> Finding | None:
    """Both as name -> value; a constant that one of them does not know counts as changed."""
    odd = [f"{k}: {then.get(k, 'absent')} -> {now.get(k, 'absent')}" for k in {**then, **now} if then.get(k) != now.get(k)]
    return Finding("score-changed", ", ".join(odd)) if then and odd else None


def undo_hold(hold: str | None) -> Finding | None:
    return Finding("undo-hold", hold) if hold else None
