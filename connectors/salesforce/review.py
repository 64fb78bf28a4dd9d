"""Salesforce's tables of the admin's review page: what is read, what is granted, and why; pure."""

from collections.abc import Iterator, Mapping, Sequence

from connectors.salesforce import permissions
from connectors.salesforce.permissions import OBJECTS, RIGHTS, SECURED, PermissionSet
from connectors.salesforce.schema import OBJECT
from connectors.salesforce.streams import STREAMS
from connectors.vendor import Table

Row = Sequence[str]
#: why an object is read that needs no permission of its own
REASONS = {
    "User": "whose book an account is in; kind, role, manager, start, time zone",
    "OpportunityStage": "what a stage means",
    "CurrencyType": "rates, where there are several currencies",
    "OpportunityHistory": "stages and amounts as they were",
    "OpportunityContactRole": "new people in a deal",
    "EventRelation": "who was invited",
    "EmailMessage": "mails: times, direction, thread as a keyed hash; no text, no addresses",
    "OpportunityLineItem": "which product families were offered and bought",
    "Task": "calls, mails and tasks: selling time",
    "Event": "meetings: selling time",
    "AccountHistory": "who owned an account before",
    "AccountTeamMember": "who else works on an account",
    "Quote": "offers that the customer has",
    "QuoteLineItem": "which product families were offered",
    "EmailMessageRelation": "how many people a mail went to; ids only",
}


def tables() -> Mapping[str, Table]:
    """Name -> table, as docs/admin-review.md has them."""
    granted = ("right", "on", "why")
    return {
        "salesforce_read": (("object", "fields", "why"), list(_read())),
        "integration": (granted, _granted(permissions.integration())),
        "viewer": (granted, _granted(permissions.viewer())),
    }


def _read() -> Iterator[Row]:
    for s in STREAMS:
        why = OBJECTS[s.entity][1] if s.entity in OBJECTS else REASONS[s.entity]
        yield s.entity + ("" if s.needed else " (if there)"), _code((*s.required, *s.optional)), why


def _granted(one: PermissionSet) -> list[Row]:
    """Return rights of the user and of objects one by one, of fields together."""
    single = [(RIGHTS[g.right], g.path or "the user", g.why) for g in one.grants if "." not in g.path]
    return [*single, *_secured(one), *_ours(one)]


def _secured(one: PermissionSet) -> Iterator[Row]:
    """Return the standard fields that the set opens, object by object."""
    for entity, reasons in SECURED.items():
        opened = [n for n in reasons if permissions.secured(entity, n) in one.fields()]
        if opened:
            names = [permissions.secured(entity, n).partition(".")[2] for n in opened]
            yield "read", f"{entity}: {_code(names)}", "; ".join(dict.fromkeys(reasons[n] for n in opened))


def _ours(one: PermissionSet) -> Iterator[Row]:
    """Return our own fields, those that may be edited first."""
    ours = {path: rights for path, rights in one.fields().items() if path.startswith(f"{OBJECT}.Assay_")}
    for right, wanted in (("read, edit", {"Read", "Edit"}), ("read", {"Read"})):
        paths = [path for path, rights in ours.items() if rights == wanted]
        why = next(g.why for g in one.grants if g.path in paths)
        yield right, f"{OBJECT}: {_code([path.partition('.')[2] for path in paths])}", why


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
