"""Field history: the org tracks the owner of accounts, as most do ("AccountHistory", object reference)."""

from typing import Any

from sandbox.salesforce.store import Org
from sandbox.salesforce.table import Row, Table

TRACKED = {"Account": ("OwnerId", "Owner", "AccountHistory", "AccountId")}


def track(org: Org, table: Table, row: Row, new: dict[str, Any]) -> None:
    """Record a change that is about to be saved: twice, as for every lookup, with ids and with names."""
    name, field, history, parent = TRACKED.get(table.name, ("", "", "", ""))
    old, changed = (table.get(row, name), new.get(name)) if name in new else (None, None)
    if old == changed:
        return
    people = org.tables["User"]
    for as_text in (str, lambda i: people.get(user, "Name") if (user := people.find(str(i))) else i):
        org.insert(
            history,
            {
                parent: table.get(row, "Id"),
                "Field": field,
                "DataType": "EntityId" if as_text is str else "Text",
                "CreatedById": org.user,
                "OldValue": old and as_text(old),
                "NewValue": changed and as_text(changed),
            },
        )
