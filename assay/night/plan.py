"""From verdicts to the CRM: plan, stop, apply. Pure, except `apply`.

Only our fields, only existing accounts, only absolute values, only what changed (docs/adr/0005).
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any

from assay.text.words import clean
from connectors.port import Crm, Sending
from scoring.records import COMFORT, EARNING, STATES, UNDER, WRITTEN, FieldUpdate, Score, Value, WriteResult

EPOCH = date(1970, 1, 1)
#: results are committed to the ledger in groups of this many
GROUP = 1_000
#: states on which somebody is asked to act
CLAIMS = (COMFORT, EARNING, UNDER)
#: our fields that are sentences, and what in them is a number: 12.4k, 1.2M, 9; a name in quotes is none
TEXTS, NUMBER = ("reason", "next_step"), re.compile(r'("[^"]*")|[\d.,]*\d(?:k|M|bn)?\b')
#: characters of a text field, and those with which none may begin
TEXT, FORMULA = 255, "=+-@＝＋－＠ "


@dataclass(frozen=True, slots=True)
class Bands:
    """How far a number may drift before it is written again (docs/adr/0024).

    Hours are facts that people count themselves, so their band is narrow; potential and confidence are estimates, which say
    something new only when they move by more than their own doubt leaves open.
    """

    hours: float = 1.0
    share: float = 0.10  #: of potential, and of its own 80 % range
    points: int = 5  #: of the confidence in a claim; twice as many where nothing is claimed

    def width(self, meaning: str, held: float, *, doubt: float, claimed: bool) -> float:
        """How far a number may be from what is `held`; `doubt` is the width of potential's own range."""
        if meaning == "potential":
            return self.share * max(abs(held), doubt)
        if meaning == "confidence":
            return self.points if claimed else 2 * self.points
        return self.hours


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
    out_of_scope: int  #: accounts not written because of [write] only
    flags_changed: int  #: accounts whose state changes from one state to another
    waiting: int = 0  #: accounts that the CRM refused and that are not due again


def plan(
    scores: Sequence[Score],
    held: Mapping[str, Mapping[str, Any]],
    money: Money,
    bands: Bands,
    only: Sequence[str] = (),
    waiting: Collection[str] = (),
) -> Plan:
    """The difference between verdicts and what the CRM holds (`held`: account -> Meaning -> value of this pull).

    `only` limits it to a pilot's accounts; `waiting` are accounts that the CRM refused and that are not due again.
    """
    updates: list[FieldUpdate] = []
    within = outside = flags = later = 0
    for score in scores:
        if only and score.account_id not in only:
            outside += 1
            continue
        old = held.get(score.account_id, {})
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
    ordered = tuple(sorted(updates, key=lambda u: u.account_id))
    return Plan(ordered, len(scores), within, outside, flags, later)


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


def apply(
    made: Plan,
    crm: Crm,
    sending: Callable[[Sequence[str], str], None],
    settle: Callable[[Sequence[WriteResult]], None],
    look: Callable[[], None] = lambda: None,
) -> None:
    """Write the plan; `sending` and `settle` commit to the ledger, `look` may stop the rest by raising.

    What was heard is committed before anything else is sent, and also when the write breaks off.
    """
    waiting: list[WriteResult] = []
    try:
        for said in crm.write(made.updates):
            if isinstance(said, Sending):
                _flush(waiting, settle)
                look()
                sending(said.account_ids, said.token)
                continue
            waiting.append(said)
            if len(waiting) >= GROUP:
                _flush(waiting, settle)
    finally:
        _flush(waiting, settle)


def _flush(waiting: list[WriteResult], settle: Callable[[Sequence[WriteResult]], None]) -> None:
    if waiting:
        settle(tuple(waiting))
        waiting.clear()
