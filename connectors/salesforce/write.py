"""Write-back: sObject Collections for small plans, Bulk ingest for large ones; one result a row."""

import csv
import io
import random
from collections.abc import Iterator, Sequence

from connectors.errors import CrmError, Refused
from connectors.port import Sending
from connectors.salesforce import bulk
from connectors.salesforce.bulk import Sleep
from connectors.salesforce.errors import code_of
from connectors.salesforce.schema import OBJECT, outgoing
from connectors.salesforce.session import Session
from scoring.records import FieldUpdate, WriteResult

#: records of a collection call, and the largest plan that goes that way (reference: salesforce.md 1.6)
CALL, SMALL = 200, 2_000
#: rows of an ingest job: far below its 100 MB (400 bytes a row)
JOB = 100_000
LOCKED = "UNABLE_TO_LOCK_ROW"
LOCK_TRIES = 3
CLEAR = "#N/A"


def write(session: Session, updates: Sequence[FieldUpdate], sleep: Sleep) -> Iterator[Sending | WriteResult]:
    """Set our fields, serially and sorted by id so that locks of one parent meet in one place."""
    ordered = sorted(updates, key=lambda u: u.account_id)
    if len(ordered) > SMALL:
        for start in range(0, len(ordered), JOB):
            yield from _job(session, ordered[start : start + JOB], sleep)
        return
    for start in range(0, len(ordered), CALL):
        part = ordered[start : start + CALL]
        yield Sending(tuple(u.account_id for u in part))
        yield from _collection(session, part, sleep, LOCK_TRIES)


def _collection(session: Session, part: Sequence[FieldUpdate], sleep: Sleep, tries: int) -> Iterator[WriteResult]:
    """One call; locked rows are tried again, a batch that is refused as a whole is halved down to the bad row."""
    body = {"allOrNone": False, "records": [_record(u) for u in part]}
    try:
        answers = session.call("PATCH", session.data("/composite/sobjects"), json=body).json()
    except CrmError as error:
        if not isinstance(error, Refused) and code_of(error) != "INVALID_FIELD":
            raise
        yield from _halved(session, part, error, sleep)
        return
    locked = []
    for update, answer in zip(part, answers, strict=True):
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
        yield WriteResult(part[0].account_id, ok=False, code=code_of(error), message=str(error.args[0]))
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
    """One ingest job; its id is told before the upload, so that a crash leaves no doubt."""
    job = bulk.open_ingest(session, OBJECT)
    yield Sending(tuple(u.account_id for u in part), job)
    bulk.upload(session, job, _csv(part))
    waiting = {u.account_id: u for u in part}
    locked = []
    for result in settle(session, job, sleep):
        update = waiting.pop(result.account_id, None)
        if update and result.code == LOCKED:
            locked.append(update)
        elif update:
            yield result
    yield from (WriteResult(a, False, "UNPROCESSED", "the job says nothing of this row", True) for a in waiting)
    for start in range(0, len(locked), CALL):
        yield from _collection(session, locked[start : start + CALL], sleep, LOCK_TRIES)


def _csv(part: Sequence[FieldUpdate]) -> bytes:
    """An empty cell is ignored, so what does not change stays empty and what is cleared says so."""
    names = sorted({n for u in part for n in outgoing(u.values)})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Id", *names])
    for update in part:
        values = outgoing(update.values)
        writer.writerow(
            [update.account_id, *(CLEAR if n in values and values[n] is None else values.get(n, "") for n in names)]
        )
    return out.getvalue().encode()


def settle(session: Session, job: str, sleep: Sleep) -> Iterator[WriteResult]:
    """The outcome of an ingest job, row by row."""
    for record, error in bulk.outcome(session, job, sleep):
        code, _, message = error.partition(":")
        yield WriteResult(record, ok=not error, code=code, message=message.removesuffix("--").strip(": "),
                          transient=code in (LOCKED, "UNPROCESSED"))  # fmt: skip
