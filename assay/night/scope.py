"""Who is in scope, as words and as stops: names no CRM has, values nobody has, and how many accounts each criterion leaves out.

What the criteria mean: docs/scope.md.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from assay.night import stops
from assay.night.options import RunOptions
from assay.night.outcome import Night
from assay.night.stops import Finding
from connectors.errors import FieldMissing
from connectors.port import Check
from db.scope import ROLLED, Census, Place
from db.store import Store
from scoring.scope import OWNER, Scope

#: values that a warning names
NAMED = 8
STALE = (
    "still carry values that Assay wrote before; it never writes them. To clear them: `assay undo` of the run that wrote them, or "
    "empty the fields in the CRM (`assay status --json` lists the ids)"
)


def require_fields(nights: Sequence[Night], store: Store) -> None:
    """End the night where [scope] names what no CRM has; note where only one lacks it. Nothing has been read yet."""
    checks = {night.crm.name: night.known[1] for night in nights}
    whole = len(checks) == len(store.orgs())
    absent = absent_everywhere(checks) if whole else {}
    for night in nights:
        with night.fallible():
            if night.crm.name in absent:
                raise absent[night.crm.name]
            night.out.notes += absent_here(night.known[1])


def apply_scope(nights: Sequence[Night], store: Store, options: RunOptions) -> None:
    """Link what two CRMs know, count who is in scope, warn of values that nobody has, and stop where nobody is left to judge."""
    nights[0].out.notes += _relink(store)
    if not store.scope:
        return
    census = store.census()
    finding = empty_scope(census, store.scope)
    nights[0].out.notes += unknown_values(census, store.scope, [night.known[1].offered for night in nights])
    for night in nights:
        own = counts(p for p in census.places if p.org == night.known[0].id)
        night.out.scope = own | {"firm": firm(census)}
        with night.fallible():
            night.out.notes += stops.raise_unless([finding] if finding else [], options.allow)


def _relink(store: Store) -> list[str]:
    """Link the accounts of two CRMs again; notes of how many, and of pairs in doubt."""
    links = store.relink()
    notes = [f"{len(links.to)} accounts are known in two CRMs and judged as one"] if links.to else []
    return notes + [f"not linked: {doubt}" for doubt in links.doubtful]


def absent_everywhere(checks: Mapping[str, Check]) -> dict[str, FieldMissing]:
    """CRM -> the error for the first criterion that none of these CRMs has."""
    names = [set(check.absent) for check in checks.values()]
    lost = sorted(set.intersection(*names)) if names else []
    return {
        crm: FieldMissing(
            f"[scope] {lost[0]}: {check.absent[lost[0]]}; nothing was read",
            crm=crm,
            fix="correct the name in [scope], or give the user read access to the field",
        )
        for crm, check in checks.items()
        if lost
    }


def absent_here(check: Check) -> list[str]:
    """What one CRM lacks and another has."""
    return [f"[scope] {name}: {why}; there it includes and excludes nothing" for name, why in check.absent.items()]


def counts(places: Iterable[Place]) -> dict[str, Any]:
    """How many accounts are in scope, and what left out the others: for a run's record."""
    all_places = list(places)
    why = Counter(p.why for p in all_places if p.why)
    rolled = why.pop(ROLLED, 0)
    return {
        "accounts": len(all_places),
        "in": sum(not p.why for p in all_places),
        "rolled_up": rolled,
        "left_out": dict(why.most_common()),
        "still_carry": sum(p.marked for p in all_places if p.why),
    }


def firm(census: Census) -> dict[str, Any]:
    """The counts of all CRMs, an account that several know once."""
    return counts({p.firm_id: p for p in reversed(census.places)}.values())


def words(counted: Mapping[str, Any]) -> list[str]:
    """The counts as sentences; none where everything is in scope by default."""
    if not counted:
        return []
    parts = [f"{n:,} left out by {why}" for why, n in counted["left_out"].items()]
    parts += [f"{counted['rolled_up']:,} rolled up into a parent"] if counted["rolled_up"] else []
    lines = [f"{counted['in']:,} of {counted['accounts']:,} accounts are in scope" + "".join(f"; {p}" for p in parts)]
    return lines + ([f"{counted['still_carry']:,} accounts out of scope {STALE}"] if counted["still_carry"] else [])


def without_owners(counted: Mapping[str, Any]) -> dict[str, Any]:
    """The counts where nobody is to be named."""
    left: Counter[str] = Counter()
    for why, n in counted["left_out"].items():
        left[OWNER if why.startswith(f"{OWNER} ") else why] += n
    return {**counted, "left_out": dict(left)}


def nameless(notes: Iterable[str]) -> list[str]:
    """The notes but for those that name owners."""
    return [note for note in notes if not note.startswith(f"[scope] {OWNER}:")]


def empty_scope(census: Census, scope: Scope) -> Finding | None:
    """The rule that something is left to judge."""
    if not scope or not census.places or any(not p.why for p in census.places):
        return None
    reasons = Counter(p.why for p in census.places).most_common(3)
    by_reason = ", ".join(f"{n:,} by {why}" for why, n in reasons)
    return Finding("scope-empty", f"none of {len(census.places):,} accounts is in scope ({by_reason})")


def unknown_values(census: Census, scope: Scope, offered: Sequence[Mapping[str, Sequence[str]]] = ()) -> list[str]:
    """A warning for each value that no account or person has and no CRM's definition offers, the nearest known ones first."""
    warnings = []
    for name in scope.criteria:
        defined = [value for each in offered for value in each.get(name, ())]
        spelt = census.spellings.get(name, frozenset()) | {v.casefold() for v in defined}
        common = [value for value, _ in census.values.get(name, Counter()).most_common() if value]
        for value in scope.values(name):
            if value and value.casefold() not in spelt and spelt:
                warnings.append(_unknown_value(name, value, list(dict.fromkeys((*common, *defined)))))
    return warnings


def _unknown_value(name: str, value: str, known: Sequence[str]) -> str:
    by_fold = {v.casefold(): v for v in known}
    near = [by_fold[v] for v in get_close_matches(value.casefold(), by_fold, NAMED, 0.5)]
    listed = list(dict.fromkeys((*near, *known)))
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return f"[scope] {name}: no account has {value!r}; known are {', '.join(listed[:NAMED])}{more}"
