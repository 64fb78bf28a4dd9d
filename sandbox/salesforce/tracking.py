"""Field history: the org tracks the owner of accounts, as most do ("AccountHistory", object reference)."""

from typing import Any

from sandbox.salesforce.store import Org
from sandbox.salesforce.table import Row, Table

TRACKED = {"Account": ("OwnerId", "Owner", "AccountHistory", "AccountId")}


def track(org: Org, table: Table, row: Row, new: dict[str, Any]) -> None:
    """Note a change that is about to be made: twice, as for every lookup, with ids and with names."""
    name, field, history, parent = TRACKED.get(table.name, ("", "", "", ""))
    old, given = (table.get(row, name), new.get(name)) if name in new else (None, None)
    if old == given:
        return
    people = org.tables["User"]
    for told in (str, lambda i: people.get(found, "Name") if (found := people.find(str(i))) else i):
        org.insert(
            history,
            {
                parent: table.get(row, "Id"),
                "Field": field,
                "DataType": "EntityId" if told is str else "Text",
                "CreatedById": org.user,
                "OldValue": old and told(old),
                "NewValue": given and told(given),
            },
        )
