"""getUpdated and getDeleted (docs/facts/salesforce.md, "Stamps and deletions")."""

from datetime import datetime, timedelta

from starlette.responses import Response

from sandbox.salesforce import access
from sandbox.salesforce.call import Call, as_json
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.state import OrgState

#: days back that can be asked for
UPDATED, DELETED = 30, 15
#: ids of one answer
MAX_IDS = 600_000


def updated(state: OrgState, call: Call, version: str, name: str) -> Response:
    """Return the ids of the records saved in the window; deleted ones are not among them."""
    start, end = _window(state, call, UPDATED)
    table = state.table(name)
    at, is_deleted = table.at["SystemModstamp"], table.at.get("IsDeleted", 1)
    rows = [r for r in access.visible_rows(state.org, table) if start <= str(r[at]) < end and r[is_deleted] != "true"]
    if len(rows) > MAX_IDS:
        raise ApiError(400, "EXCEEDED_ID_LIMIT", f"more than {MAX_IDS} ids")
    call.rows = len(rows)
    return as_json({"ids": [table.get(r, "Id") for r in rows], "latestDateCovered": _covered(state, end)})


def deleted(state: OrgState, call: Call, version: str, name: str) -> Response:
    """Return what was deleted in the window, hard deletes included."""
    start, end = _window(state, call, DELETED)
    table = state.table(name)
    deletions = [
        {"id": i, "deletedDate": _rest(at)} for n, i, at in state.org.deletions if n == table.name and start <= at < end
    ]
    call.rows = len(deletions)
    if len(deletions) > MAX_IDS:
        raise ApiError(400, "EXCEEDED_ID_LIMIT", f"more than {MAX_IDS} ids")
    earliest = max(_stamp(state.org.clock.now() - timedelta(days=DELETED)), state.org.remembers)
    return as_json(
        {"deletedRecords": deletions, "earliestDateAvailable": _rest(earliest), "latestDateCovered": _covered(state, end)}
    )


def _window(state: OrgState, call: Call, days: int) -> tuple[str, str]:
    try:
        start, end = (
            datetime.fromisoformat(call.query[k].replace("Z", "+00:00").replace(" ", "+")) for k in ("start", "end")
        )
    except (KeyError, ValueError):
        raise ApiError(400, "MALFORMED_QUERY", "start and end are needed, as ISO 8601 with a zone") from None
    if end - start < timedelta(minutes=1):
        raise ApiError(400, "INVALID_REPLICATION_DATE", "startDate must be at least one minute before endDate")
    if start < state.org.clock.now() - timedelta(days=days):
        raise ApiError(400, "INVALID_REPLICATION_DATE", f"startDate before org replication enabled date or {days} days ago")
    return _stamp(start), _stamp(end)


def _covered(state: OrgState, end: str) -> str:
    """Return the start of the longest open transaction, if earlier: what it saves will carry older stamps."""
    return _rest(min(end, state.org.clock.stamp(), state.org.oldest or end))


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _rest(stamp: str) -> str:
    return stamp[:-1] + "+0000"
