"""From verdicts to the CRM: plan, stop, apply. Pure, except `apply`.

Only our fields, only existing accounts, only absolute values, only what changed (docs/adr/0005).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from connectors.port import Check, Crm, Sending
from scoring.records import STATES, WRITTEN, FieldUpdate, Score, Value, WriteResult

EPOCH = date(1970, 1, 1)
#: results are committed to the ledger in groups of this many
GROUP = 200
#: fewer visible records than this share of the last good run's are a loss of access, not deletions
SHRUNK = 0.5


@dataclass(frozen=True, slots=True)
class Bands:
    """How far a number may drift before it is written again (rulings 5)."""

    hours: float = 1.0
    share: float = 0.10
    points: int = 5


@dataclass(frozen=True, slots=True)
class Money:
    """Turns the org's currency into an account's own (rulings 8)."""

    corporate: str
    rates: Mapping[str, int] = field(default_factory=dict)  #: currency -> micro units for one corporate unit
    of_account: Mapping[str, str] = field(default_factory=dict)
    otherwise: str = ""  #: the currency of accounts that name none; empty: the corporate one

    def own(self, account_id: str, amount: float) -> int:
        """`amount` of the org's currency in whole units of the account's."""
        currency = self.of_account.get(account_id, self.otherwise or self.corporate)
        return round(amount * self.rates.get(currency, 1_000_000) / 1_000_000)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the next write would change."""

    updates: tuple[FieldUpdate, ...]
    accounts: int  #: accounts looked at
    within_band: int  #: accounts whose numbers moved less than their bands
    out_of_scope: int  #: accounts not written because of [write] only
    flags_changed: int  #: accounts whose state changes from one state to another


class Stopped(Exception):
    """A safety rule stopped the write; `rule` is what --allow takes."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(f"stopped by rule {rule}: {message}. Fix: look at `assay plan`; if it is right, --allow {rule}")
        self.rule = rule


def plan(
    scores: Sequence[Score], held: Mapping[str, Mapping[str, Any]], money: Money, bands: Bands, only: Sequence[str] = ()
) -> Plan:
    """The difference between verdicts and what the CRM holds (`held`: account -> Meaning -> value of this pull)."""
    updates, within, outside, flags = [], 0, 0, 0
    for score in scores:
        if only and score.account_id not in only:
            outside += 1
            continue
        old = held.get(score.account_id, {})
        new = field_values(score, money)
        changes = {m: v for m, v in new.items() if v != old.get(m)}
        if changes and _matters(changes, old, bands):
            before = {m: old.get(m) for m in changes}
            updates.append(FieldUpdate(score.account_id, changes, before, _why(changes, old)))
            flags += "state" in changes and old.get("state") in STATES
        else:
            within += bool(changes)
    ordered = tuple(sorted(updates, key=lambda u: u.account_id))
    return Plan(ordered, len(scores), within, outside, flags)


def field_values(score: Score, money: Money) -> dict[str, Value]:
    """A verdict as the canonical values of our fields."""
    since = EPOCH + timedelta(days=score.state_since)
    values: tuple[Value, ...] = (
        score.state,
        since.isoformat(),
        money.own(score.account_id, score.potential),
        score.grade,
        round(score.hours, 1),
        round(score.fair_hours, 1),
        score.confidence,
        " ".join(r.text for r in score.reasons)[:255],
        score.next_step[:255],
    )
    return {m: None if v == "" else v for m, v in zip(WRITTEN, values, strict=True)}


def _matters(changes: Mapping[str, Value], old: Mapping[str, Any], bands: Bands) -> bool:
    """Whether a change is worth a write: a new state, date or grade, an empty field, or a number out of its band."""
    if changes.keys() & {"state", "since", "grade"} or any(old.get(m) is None for m in changes):
        return True
    return any(_outside(m, old[m], v, bands) for m, v in changes.items() if m not in ("reason", "next_step"))


def _outside(meaning: str, old: Any, new: Value, bands: Bands) -> bool:
    if not isinstance(new, int | float) or not isinstance(old, int | float):
        return True
    width = {"potential": bands.share * abs(old), "confidence": bands.points}.get(meaning, bands.hours)
    return abs(new - old) > width


def _why(changes: Mapping[str, Value], old: Mapping[str, Any]) -> str:
    if "state" in changes:
        return f"{old['state']} -> {changes['state']}" if old.get("state") else f"first verdict: {changes['state']}"
    return "changed: " + ", ".join(changes)


def raise_if_unsafe(made: Plan, max_flag_change: float, allowed: Sequence[str]) -> None:
    """The safety stops that a plan alone can show; raises `Stopped`."""
    limit = max(10, max_flag_change * made.accounts)  # a handful of changes in a tiny org is no accident
    if made.flags_changed > limit and "flag-change" not in allowed:
        share = made.flags_changed / made.accounts
        raise Stopped("flag-change", f"{made.flags_changed} of {made.accounts} accounts ({share:.0%}) would change state")


def raise_if_access_lost(last: Mapping[str, Any] | None, check: Check) -> None:
    """What the user saw in the org's last good run (`last`, its detail) it must still see: judged without it, accounts would
    change their state for no reason of their own. Raises `Stopped`."""
    last = last or {}
    lost = [what for what in check.lacking if "lacking" in last and what not in last["lacking"]]
    for name, before in last.get("visible", {}).items():
        now = check.visible.get(name, before)
        lost += [f"{name}: {now} records are visible where {before} were"] if 0 < now < SHRUNK * before else []
    if lost:
        raise Stopped("access-lost", f"this user no longer has: {', '.join(lost)} (`assay doctor` says what to grant)")


def apply(
    made: Plan, crm: Crm, sending: Callable[[Sequence[str], str], None], settle: Callable[[Sequence[WriteResult]], None]
) -> dict[str, int]:
    """Write the plan; `sending` and `settle` commit to the ledger. Returns counts by outcome."""
    counts = {"acked": 0, "rejected": 0}
    waiting: list[WriteResult] = []
    for said in crm.write(made.updates):
        if isinstance(said, Sending):
            _flush(waiting, settle)
            sending(said.account_ids, said.token)
            continue
        counts["acked" if said.ok else "rejected"] += 1
        waiting.append(said)
        if len(waiting) >= GROUP:
            _flush(waiting, settle)
    _flush(waiting, settle)
    return counts


def _flush(waiting: list[WriteResult], settle: Callable[[Sequence[WriteResult]], None]) -> None:
    if waiting:
        settle(tuple(waiting))
        waiting.clear()


def holds(held: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the CRM already has all of `new`."""
    return all(held.get(m) == v for m, v in new.items())
