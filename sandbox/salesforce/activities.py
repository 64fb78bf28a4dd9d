"""What the org derives for tasks and events by itself (docs/facts/salesforce.md, "Activities")."""

from datetime import timedelta
from typing import Any

from sandbox.salesforce.store import Org
from sandbox.salesforce.table import Table

ACTIVITIES = ("Task", "Event")
#: days after which a past event or a closed task is archived ("Archived Activities")
ARCHIVED_AFTER = 365


def account_of(org: Org, what: Any, who: Any) -> str | None:
    """Derive AccountId: what the activity is about is an account or belongs to one, else its contact's account."""
    for table in (org.tables.get(n) for n in ("Account", "Opportunity", "Contact")):
        row = table.find(str(who if table.name == "Contact" else what)) if table else None
        if table and row:
            return str(table.get(row, "Id")) if table.name == "Account" else table.get(row, "AccountId")
    return None


def computed(org: Org, table: Table, values: dict[str, Any]) -> dict[str, Any]:
    """Derive the fields that follow from those that are saved."""
    if table.name not in ACTIVITIES or not {"WhatId", "WhoId"} & values.keys():
        return {}
    return {"AccountId": account_of(org, values.get("WhatId"), values.get("WhoId"))}


def archive(org: Org, days: int = ARCHIVED_AFTER) -> int:
    """Archive events past and tasks closed for so many days; returns their number."""
    before = (org.clock.now() - timedelta(days=days)).strftime("%Y-%m-%d")
    count = 0
    for table in (org.tables[n] for n in ACTIVITIES):
        for row in table.rows:
            day = str(table.get(row, "ActivityDate") or table.get(row, "EndDateTime") or table.get(row, "CreatedDate"))
            if day[:10] <= before and (table.name == "Event" or table.get(row, "IsClosed") == "true"):
                table.set(row, {"IsArchived": "true"})
                count += 1
    return count
