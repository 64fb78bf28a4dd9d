"""Who owned a company when, from the history of its owner; pure (docs/facts/hubspot.md, "Merges, deletes and history")."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from connectors.columns import instants
from connectors.hubspot.sheet import DIGITS_ONLY, Context, Rows, Sheet

OWNER = "hubspot_owner_id"
#: whom a company got so soon after it was made (seconds), it had from the start: imports and syncs take their time
FROM_THE_START = 86_400
#: HubSpot tells a property's newest values only, how many is not documented; of so many the oldest may not be the first
MANY = 20
#: an instant in seconds, the same as HubSpot wrote it, and whose the company was from then on
Owned = tuple[int, str, str | None]


def owner_change(s: Sheet, c: Context) -> Rows:
    """Return each change of a company's owner. Who had it when it was made took over from nobody: that is no change."""
    texts = [
        (company, entry["timestamp"], entry.get("value") or None)
        for company, record in zip(s.ids, s.records, strict=True)
        for entry in reversed((record.get("propertiesWithHistory") or {}).get(OWNER) or ())  # the newest comes first
    ]
    at = instants([moment for _, moment, _ in texts], c.odd, "companies history")
    created = dict(zip(s.ids, instants(s["createdate"], Counter(), ""), strict=True))
    rows: Rows = []
    for company, group in groupby(zip(texts, at, strict=True), key=lambda x: x[0][0]):
        owners = [(when, moment, owner) for (_, moment, owner), when in group if when is not None]
        rows += _changes(company, sorted(owners, key=lambda t: t[0]), created[company])
    return rows


def _changes(company: str, owners: Sequence[Owned], created: int | None) -> Iterator[tuple[Any, ...]]:
    if not owners:
        return
    first, _, former = owners[0]
    if created is not None and first - created > FROM_THE_START and len(owners) < MANY:
        former = None
    for at, moment, owner in owners:
        if owner != former:
            yield (f"{company}:{moment.translate(DIGITS_ONLY)}", company, at, owner, former, False)
        former = owner
