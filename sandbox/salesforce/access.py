"""Record access of a user: all, read only, or its own and what is shared (docs/facts/salesforce.md, "Record access").

A stand-in for profiles, org-wide defaults and sharing rules: the level is a fact of the object (org.toml `[access]`, or the
edit `access`), single records are opened by the edit `share`.
"""

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.soql import Compare, Logic, Node
from sandbox.salesforce.store import Org
from sandbox.salesforce.table import Row, Table

#: all = View All and Modify All; read = View All; own = private
LEVELS = ("all", "read", "own")
MAX_RECORDS = 200


def visible_rows(org: Org, table: Table) -> list[Row]:
    """Return the records the running user may read."""
    if level_of(org, table) != "own":
        return table.rows
    return [row for row in table.rows if can_read(org, table, row)]


def level_of(org: Org, table: Table) -> str:
    """Return the running user's access to an object's records."""
    return org.sight.level(table.name, org.access.get(table.name, "all"))


def with_people(org: Org, table: Table, rows: list[Row], where: Node | None) -> list[Row]:
    """Add the users who log in here, who are not in the folder's data, if the query compares a username."""
    if table.name != "User" or "username" not in _compared(where):
        return rows
    return [*rows, *(table.by_id[i] for i in org.people.values())]


def can_read(org: Org, table: Table, row: Row) -> bool:
    return level_of(org, table) != "own" or _opened(org, table, row) is not None


def can_edit(org: Org, table: Table, row: Row) -> bool:
    level = level_of(org, table)
    return level == "all" or _opened(org, table, row) == "Edit"


def _opened(org: Org, table: Table, row: Row) -> str | None:
    """Return Edit for the owner, else what a share gives; an activity is as open as its account."""
    if table.get(row, "OwnerId") == org.user:
        return "Edit"
    account = table.get(row, "AccountId") if table.name in ("Task", "Event") else None
    return org.shared.get(str(table.get(row, "Id"))) or org.shared.get(str(account))


def record_access(org: Org, where: Node | None) -> Table:
    """Fill UserRecordAccess, which has no rows of its own, for the records the query names (200 at most)."""
    compared = _compared(where)
    if "userid" not in compared or "recordid" not in compared:
        raise ApiError(400, "MALFORMED_QUERY", "UserRecordAccess must be filtered by UserId and RecordId")
    if len(compared["recordid"]) > MAX_RECORDS:
        raise ApiError(400, "MALFORMED_QUERY", f"UserRecordAccess: at most {MAX_RECORDS} RecordIds")
    table = org.tables["UserRecordAccess"]
    table.rows, table.by_id = [], {}
    for record in compared["recordid"]:
        _answer(org, table, record, compared["userid"][0])
    return table


def _answer(org: Org, table: Table, record: str, user: str) -> None:
    owner = next((t for t in org.tables.values() if t.find(record)), None)
    row = owner.find(record) if owner else None
    read, edit = (can_read(org, owner, row), can_edit(org, owner, row)) if owner and row else (False, False)
    level = "All" if edit and owner and level_of(org, owner) == "all" else "Edit" if edit else "Read"
    flags = {
        "HasReadAccess": read,
        "HasEditAccess": edit,
        "HasDeleteAccess": edit,
        "HasAllAccess": level == "All",
        "HasTransferAccess": level == "All",
    }
    values = {n: str(v).lower() for n, v in flags.items()}
    table.add(values | {"Id": record, "RecordId": record, "UserId": user, "MaxAccessLevel": level if read else "None"})


def _compared(where: Node | None) -> dict[str, list[str]]:
    """Map each field to the texts it is compared with, over a conjunction."""
    if isinstance(where, Compare):
        return {where.field.lower(): [v.text for v in where.values]} if where.op in ("=", "in") else {}
    if isinstance(where, Logic) and where.op == "and":
        return {k: v for part in where.parts for k, v in _compared(part).items()}
    return {}
