"""What the next write would change: only our fields, only existing accounts, only absolute values, only what changed
(docs/adr/0005).

`plan` decides and is pure; `of_org` and `of_stored` gather what it needs from the database.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any

from assay.night.options import Bands, RunOptions
from assay.text.words import clean
from db.ledger import Ledger
from db.store import Org, Store
from scoring.records import COMFORT, EARNING, STATES, UNDER, WRITTEN, FieldUpdate, Score, Value

EPOCH = date(1970, 1, 1)
#: states on which somebody is asked to act
CLAIMS = (COMFORT, EARNING, UNDER)
#: our fields that are sentences, and what in them is a number: 12.4k, 1.2M, 9; a name in quotes is none
TEXTS, NUMBER = ("reason", "next_step"), re.compile(r'("[^"]*")|[\d.,]*\d(?:k|M|bn)?\b')
#: characters of a text field, and those with which none may begin
TEXT, FORMULA = 255, "=+-@＝＋－＠ "


@dataclass(frozen=True, slots=True)
class Money:
    """Turns the org's currency into an account's own (docs/facts/running.md, "Money")."""

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
    flags_changed: int  #: accounts whose state changes from one state to another
    waiting: int = 0  #: accounts that the CRM refused and that are not due again


@dataclass(frozen=True, slots=True)
class OrgPlan:
    """The plan of one org from what is stored, with the names of its accounts."""

    org: Org
    plan: Plan
    names: Mapping[str, str]  #: account id -> name


def of_stored(store: Store, options: RunOptions) -> Iterator[OrgPlan]:
    """What the next write would change in each org, from the last verdicts, within the scope of today's settings."""
    for org in store.orgs():
        verdicts = _in_scope(store, org, store.verdicts(org.id))
        yield OrgPlan(org, of_org(store, org, verdicts, options), {s.account_id: s.name for s in verdicts})


def _in_scope(store: Store, org: Org, verdicts: list[Score]) -> list[Score]:
    """Those in scope by today's settings, which may be narrower than they were when the night judged."""
    if not store.scope:
        return verdicts
    inside = {p.account_id for p in store.census().places if p.org == org.id and not p.why}
    return [s for s in verdicts if s.account_id in inside]


def of_org(store: Store, org: Org, verdicts: Sequence[Score], options: RunOptions, day: int | None = None) -> Plan:
    """What would be written now, or on the night of `day`: refused rows that are not due then are left out."""
    first = store.orgs()[0]  # whose currency all verdicts are in
    money = Money(first.currency, store.rates(first.id), store.currencies(org.id), org.currency)
    night = day if day is not None else max((s.as_of for s in verdicts), default=0)
    waiting = Ledger(store.engine, org.id).waiting(night)
    return plan(verdicts, store.ours(org.id), money, options.bands, options.only, waiting)


def plan(
    scores: Sequence[Score],
    current: Mapping[str, Mapping[str, Any]],
    money: Money,
    bands: Bands,
    only: Sequence[str] = (),
    waiting: Collection[str] = (),
) -> Plan:
    """The difference between verdicts and what the CRM has (`current`: account -> Meaning -> value of this pull).

    `only` limits it to a pilot's accounts; `waiting` are accounts that the CRM refused and that are not due again.
    """
    updates: list[FieldUpdate] = []
    within = flags = later = 0
    for score in scores:
        if only and score.account_id not in only:
            continue
        old = current.get(score.account_id, {})
        new = field_values(score, money)
        changes = {m: v for m, v in new.items() if v != old.get(m)}
        if changes and score.account_id in waiting:
            later += 1
        elif changes and _matters(changes, old, score, money, bands):
            before = {m: old.get(m) for m in changes}
            updates.append(FieldUpdate(score.account_id, changes, before, _why(changes, old)))
            flags += "state" in changes and old.get("state") in STATES
        else:
            within += bool(changes)
    return Plan(tuple(sorted(updates, key=lambda u: u.account_id)), len(scores), within, flags, later)


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
        written_text(" ".join(r.text for r in score.reasons)),
        written_text(score.next_step),
    )
    return {m: None if v == "" else v for m, v in zip(WRITTEN, values, strict=True)}


def written_text(text: str, most: int = TEXT) -> str:
    """A text as it may stand in a CRM's field: one line, no character that a spreadsheet takes for a formula in front.

    Salesforce counts UTF-16 units, so that an emoji is two (docs/facts/running.md, "Texts in the CRM").
    """
    line = " ".join(clean(text).split()).lstrip(FORMULA).encode("utf-16-le")[: 2 * most]
    return line.decode("utf-16-le", errors="ignore").rstrip()


def _matters(changes: Mapping[str, Value], old: Mapping[str, Any], score: Score, money: Money, bands: Bands) -> bool:
    """Whether a change is worth a write: a new state, date or grade, an empty field, a number out of its band, or a claim in
    other words (an offer that was decided must not be asked for)."""
    if changes.keys() & {"state", "since", "grade"} or any(old.get(m) is None for m in changes):
        return True
    claimed = score.state in CLAIMS
    if claimed and any(_gist(changes[m]) != _gist(old[m]) for m in TEXTS if m in changes):
        return True
    doubt = money.own(score.account_id, score.potential_high - score.potential_low)
    numbers = ((m, old[m], v) for m, v in changes.items() if m not in TEXTS)
    return any(_outside(o, v, partial(bands.width, m, doubt=doubt, claimed=claimed)) for m, o, v in numbers)


def _outside(old: Any, new: Value, width: Callable[[float], float]) -> bool:
    if not isinstance(new, int | float) or not isinstance(old, int | float):
        return True
    return abs(new - old) > width(old)


def _gist(text: Any) -> str:
    """A sentence without its numbers."""
    return NUMBER.sub(r"\1", str(text))


def _why(changes: Mapping[str, Value], old: Mapping[str, Any]) -> str:
    if "state" in changes:
        return f"{old['state']} -> {changes['state']}" if old.get("state") else f"first verdict: {changes['state']}"
    return "changed: " + ", ".join(changes)
