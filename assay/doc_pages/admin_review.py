"""The tables of the admin's review page, from the code that reads and writes.

`python -m assay.doc_pages.admin_review docs/admin-review.md` renews them.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from connectors.fields import FIELDS
from connectors.hubspot import schema as hubspot_schema
from connectors.hubspot.streams import STREAMS as HUBSPOT
from connectors.salesforce import permissions
from connectors.salesforce.permissions import OBJECTS, RIGHTS, SECURED, PermissionSet
from connectors.salesforce.schema import NAMES, OBJECT
from connectors.salesforce.streams import STREAMS as SALESFORCE

Row = Sequence[str]
BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
#: why an object is read that needs no permission of its own
REASONS = {
    "User": "whose book an account is in; kind, role, manager, start, time zone", "OpportunityStage": "what a stage means",
    "CurrencyType": "rates, where there are several currencies", "OpportunityHistory": "stages and amounts as they were",
    "OpportunityContactRole": "new people in a deal", "EventRelation": "who was invited",
    "EmailMessage": "mails: times, direction, thread as a keyed hash; no text, no addresses",
    "OpportunityLineItem": "which product families were offered and bought", "Task": "calls, mails and tasks: selling time",
    "Event": "meetings: selling time", "AccountHistory": "who owned an account before",
    "AccountTeamMember": "who else works on an account", "Quote": "offers that the customer has",
    "QuoteLineItem": "which product families were offered", "EmailMessageRelation": "how many people a mail went to; ids only",
}  # fmt: skip


def tables() -> dict[str, str]:
    """Name -> Markdown table."""
    return {
        "salesforce_read": _markdown(("object", "fields", "why"), _salesforce_read()),
        "integration": _markdown(("right", "on", "why"), _granted(permissions.integration())),
        "viewer": _markdown(("right", "on", "why"), _granted(permissions.viewer())),
        "written": _markdown(("Salesforce Account", "HubSpot company", "type", "written by", "meaning"), _written()),
        "hubspot_read": _markdown(("object", "properties", "scope"), _hubspot_read()),
    }


def renew(text: str) -> str:
    """A page with its tables as the code has them."""
    fresh = tables()
    return BLOCK.sub(lambda m: f"{m[1]}{fresh[m[2]]}{m[3]}", text)


def _salesforce_read() -> Sequence[Row]:
    rows = []
    for s in SALESFORCE:
        names = [f"`{f}`" for f in (*s.required, *s.optional)]
        why = OBJECTS[s.entity][1] if s.entity in OBJECTS else REASONS[s.entity]
        rows.append((s.entity + ("" if s.needed else " (if there)"), ", ".join(names), why))
    return rows


def _granted(one: PermissionSet) -> list[Row]:
    """Rights of the user and of objects one by one, of fields together."""
    rows: list[Row] = [
        (RIGHTS[g.right], "the user" if not g.path else g.path, g.why) for g in one.grants if "." not in g.path
    ]
    for entity, fields in SECURED.items():
        mine = [n for n in fields if permissions.secured(entity, n) in one.fields()]
        if mine:
            names = (permissions.secured(entity, n).partition(".")[2] for n in mine)
            rows.append(
                (
                    "read",
                    f"{entity}: " + ", ".join(f"`{n}`" for n in names),
                    "; ".join(dict.fromkeys(fields[n] for n in mine)),
                )
            )
    ours = {path: rights for path, rights in one.fields().items() if path.startswith(f"{OBJECT}.Assay_")}
    for right, wanted in (("read, edit", {"Read", "Edit"}), ("read", {"Read"})):
        names = (path.partition(".")[2] for path, rights in ours.items() if rights == wanted)
        rows.append(
            (
                right,
                f"{OBJECT}: " + ", ".join(f"`{n}`" for n in names),
                next(g.why for g in one.grants if g.path in ours and one.fields()[g.path] == wanted),
            )
        )
    return rows


def _written() -> Sequence[Row]:
    return [
        (
            f"`{NAMES[f.meaning]}`",
            f"`{hubspot_schema.NAMES[f.meaning]}`",
            _type(f.kind, f.options),
            "Assay" if f.written else "people",
            f.help,
        )
        for f in FIELDS
    ]


def _type(kind: str, options: Sequence[str]) -> str:
    return f"choice: {', '.join(options)}" if options else {"money": "currency / number", "text": "text 255"}.get(kind, kind)


def _hubspot_read() -> Sequence[Row]:
    ours = set(hubspot_schema.NAMES.values())
    return [
        (
            s.type + ("" if s.needed else " (if there)"),
            ", ".join(f"`{p}`" for p in s.properties if p not in ours),
            " or ".join(f"`{x}`" for x in s.scopes),
        )
        for s in HUBSPOT
    ]


def _markdown(headings: Row, rows: Sequence[Row]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(renew(page.read_text(encoding="utf-8")), encoding="utf-8")
