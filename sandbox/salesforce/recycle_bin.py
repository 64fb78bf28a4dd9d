"""The recycle bin, which keeps deleted records for fifteen days (docs/facts/salesforce.md, "Stamps and deletions")."""

from datetime import timedelta

from sandbox.salesforce.store import Org

DAYS_KEPT = 15


def empty(org: Org, days: int = DAYS_KEPT) -> int:
    """Purge what has been in the bin for so many days, so that no query shows it; returns its number."""
    before = (org.clock.now() - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    purged = 0
    for table in org.tables.values():
        expired = [
            str(table.get(row, "Id"))
            for row in table.rows
            if table.get(row, "IsDeleted") == "true" and str(table.get(row, "SystemModstamp") or "") <= before
        ]
        for record in expired:
            table.remove(record)
        purged += len(expired)
    return purged
