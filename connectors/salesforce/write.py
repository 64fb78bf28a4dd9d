"""Write-back: sObject Collections for small plans, Bulk ingest for large ones; one result a row."""

import csv
import io
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from connectors.errors import CrmError, Refused
from connectors.lost_answers import send_confirmed
from connectors.port import Sending
from connectors.salesforce import bulk
from connectors.salesforce.bulk import Sleep, as_text
from connectors.salesforce.errors import code_of
from connectors.salesforce.schema import NAMES, OBJECT, WRITTEN, outgoing, read
from connectors.salesforce.session import Session
from scoring.records import FieldUpdate, WriteResult

#: records of a collection call, and the largest plan that goes that way (docs/facts/salesforce.md, "Collections")
CALL, SMALL = 200, 2_000
#: rows of an ingest job: far below its 100 MB (400 bytes a row)
JOB = 100_000
#: rows of a job that are made into text at a time
ROWS_AT_ONCE = 500
#: calls of a job besides looking whether it has ended: open, upload, start, three kinds of results
JOB_CALLS = 6
#: ids of one query: with them an address stays far below 16 KB
IDS_PER_QUERY = 400
LOCKED = "UNABLE_TO_LOCK_ROW"
LOCK_TRIES = 3
CLEAR = "#N/A"


def write(session: Session, updates: Sequence[FieldUpdate], sleep: Sleep) -> Iterator[Sending | WriteResult]:
    """Set our fields, serially and sorted by id so that locks of one parent meet in one place.

    The first rows of a large plan go alone: what would refuse all of them shows before a job of thousands is begun.
    """
    ordered = sorted(updates, key=lambda u: u.account_id)
    small = len(ordered) if len(ordered) <= SMALL else CALL
    for start in range(0, small, CALL):
        part = ordered[start : min(start + CALL, small)]
        yield Sending(tuple(u.account_id for u in part))
        yield from _collection(session, part, sleep, LOCK_TRIES)
    for start in range(small, len(ordered), JOB):
        yield from _job(session, ordered[start : start + JOB], sleep)


def calls(rows: int) -> int:
    """API calls that writing so many accounts takes, if none is locked: for a job besides those that wait for its end."""
    if rows <= SMALL:
        return -(-rows // CALL)
    return 1 + JOB_CALLS * -(-(rows - CALL) // JOB)


def _collection(session: Session, part: Sequence[FieldUpdate], sleep: Sleep, tries: int) -> Iterator[WriteResult]:
    """One call; locked rows are tried again, a batch that is refused as a whole is halved down to the bad row."""

    def send(some: Sequence[FieldUpdate]) -> Any:
        body = {"allOrNone": False, "records": [_record(u) for u in some]}
        return session.call("PATCH", session.data("/composite/sobjects"), json=body, repeat=False).json()

    try:
        arrived, rest, answers = send_confirmed(part, send, lambda ids: values(session, part, ids, sleep), sleep)
    except CrmError as error:
        if not isinstance(error, Refused) and code_of(error) not in ("INVALID_FIELD", LOCKED):
            raise
        yield from _halved(session, part, error, sleep)
        return
    yield from (WriteResult(u.account_id, ok=True) for u in arrived)
    locked = []
    for update, answer in zip(rest, answers or (), strict=True):
        result = _result(update.account_id, answer)
        if result.code == LOCKED and tries > 1:
            locked.append(update)
        else:
            yield result
    if locked:
        sleep(random.uniform(0.5, 2.0))  # noqa: S311 jitter, not a secret
        yield from _collection(session, locked, sleep, tries - 1)


def _halved(session: Session, part: Sequence[FieldUpdate], error: CrmError, sleep: Sleep) -> Iterator[WriteResult]:
    if len(part) == 1:
        code, _, message = str(error.args[0]).partition(": ")
        yield WriteResult(part[0].account_id, False, code, message, transient=code == LOCKED)
        return
    middle = len(part) // 2
    yield from _collection(session, part[:middle], sleep, LOCK_TRIES)
    yield from _collection(session, part[middle:], sleep, LOCK_TRIES)


def _record(update: FieldUpdate) -> dict[str, object]:
    return {"attributes": {"type": OBJECT}, "id": update.account_id, **outgoing(update.values)}


def _result(account_id: str, answer: dict[str, object]) -> WriteResult:
    errors = answer.get("errors")
    if answer.get("success") or not isinstance(errors, list) or not errors:
        return WriteResult(account_id, ok=bool(answer.get("success")))
    code = str(errors[0].get("statusCode", ""))
    return WriteResult(account_id, False, code, str(errors[0].get("message", "")), transient=code == LOCKED)


def _job(session: Session, part: Sequence[FieldUpdate], sleep: Sleep) -> Iterator[Sending | WriteResult]:
    """One ingest job; its id is told before the upload, so that a crash leaves no doubt.

    Rows that it found locked are announced anew and tried again by collections: a job takes the rows of one parent in
    parallel, a collection one after the other.
    """
    job = bulk.open_ingest(session, OBJECT)
    yield Sending(tuple(u.account_id for u in part), job)
    bulk.upload(session, job, Sheet(part))
    waiting = {u.account_id: u for u in part}
    locked = []
    for record, error in bulk.outcome(session, job, sleep):
        update = waiting.pop(record, None)
        result = _job_result(record, error)
        if update and result.code == LOCKED:
            locked.append(update)
        elif update:
            yield result
    yield from (WriteResult(a, False, "UNPROCESSED", "the job says nothing of this row", True) for a in waiting)
    for start in range(0, len(locked), CALL):
        again = locked[start : start + CALL]
        yield Sending(tuple(u.account_id for u in again))
        yield from _collection(session, again, sleep, LOCK_TRIES)


class Sheet:
    """Rows as CSV, a few at a time and anew for each reader, so that a job of any size takes no memory."""

    def __init__(self, part: Sequence[FieldUpdate]) -> None:
        self.part = part
        self.names = sorted({n for u in part for n in outgoing(u.values)})

    @property
    def size(self) -> int:
        return sum(map(len, self))

    def __iter__(self) -> Iterator[bytes]:
        yield _csv([["Id", *self.names]])
        for start in range(0, len(self.part), ROWS_AT_ONCE):
            yield _csv([u.account_id, *self.cells(u)] for u in self.part[start : start + ROWS_AT_ONCE])

    def cells(self, update: FieldUpdate) -> Iterator[object]:
        """An empty cell is ignored, so what does not change stays empty and what is cleared says so."""
        values = outgoing(update.values)
        return (CLEAR if n in values and values[n] is None else values.get(n, "") for n in self.names)


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def _job_result(record: str, error: str) -> WriteResult:
    """Tell what a job says of a row: "CODE:message:fields --"."""
    code, _, message = error.partition(":")
    return WriteResult(record, not error, code, message.removesuffix("--").strip(": "), code in (LOCKED, "UNPROCESSED"))


def values(session: Session, part: Sequence[FieldUpdate], ids: Sequence[str], sleep: Sleep) -> Iterator[tuple[str, str]]:
    """Tell what the accounts of `part` hold now of the fields that it writes."""
    names = sorted({n for u in part for n in outgoing(u.values)})
    return reread(session, names, ids, "", sleep)


def reread(session: Session, fields: Sequence[str], ids: Sequence[str], job: str, sleep: Sleep) -> Iterator[tuple[str, str]]:
    """Return (id, canonical JSON) of accounts as they are once `job` has ended; deleted ones are not among them."""
    if job:
        with suppress(Refused):  # a job that is no longer there has ended
            bulk.ended(session, job, sleep)
    for start in range(0, len(ids), IDS_PER_QUERY):
        some = ", ".join(f"'{i}'" for i in ids[start : start + IDS_PER_QUERY] if i.isalnum())
        text = f"SELECT {', '.join(('Id', *fields))} FROM {OBJECT} WHERE Id IN ({some})"  # noqa: S608 names of our own, ids checked
        records = session.call("GET", session.data("/query"), params={"q": text}).json()["records"]
        columns = {n: [as_text(r[n]) for r in records] for n in fields}
        yield from zip((str(r["Id"]) for r in records), read(columns, len(records)), strict=True)


def fingerprint(described: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Map meaning -> how the org defines our field: what a change of it could spoil."""
    ours = {f.meaning: described.get(NAMES[f.meaning]) for f in WRITTEN}
    return {m: _definition(f) for m, f in ours.items() if f is not None}


def _definition(f: Mapping[str, Any]) -> str:
    sizes = [f"{k} {f[k]}" for k in ("length", "precision", "scale") if f.get(k)]
    options = [str(v["value"]) for v in f.get("picklistValues") or () if v.get("active", True)]
    return " ".join([str(f["type"]), *sizes, *options])
