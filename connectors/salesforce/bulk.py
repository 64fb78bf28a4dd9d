"""Bulk API 2.0: query jobs read page by page in bounded memory, and ingest jobs (docs/facts/salesforce.md, "Bulk API 2.0")."""

import csv
import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import Any, Protocol

import httpx

from connectors.errors import CrmError, Incomplete, Refused, Unavailable
from connectors.salesforce.errors import NAME, code_of
from connectors.salesforce.session import Session

csv.field_size_limit(sys.maxsize)
#: rows of a page; with three in flight memory stays flat
MAX_RECORDS = 20_000
PARALLEL = 2
#: seconds between looks at a job: quickly at first, seldom later
FIRST_WAIT, MAX_WAIT = 0.1, 10.0
#: seconds before a result that broke off is asked for again
WAITS = (1.0, 4.0, 15.0, 40.0)
#: said of a second upload, and of starting a job that runs
DONE_BEFORE = "INVALIDJOBSTATE"

Sleep = Callable[[float], None]
Table = tuple[dict[str, Sequence[str]], int]


def start(session: Session, soql: str) -> str:
    """Begin a queryAll job; its address. The org works on it while others are read."""
    body = {"operation": "queryAll", "query": soql, "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF"}
    job = session.call("POST", session.data("/jobs/query"), json=body).json()["id"]
    return session.data(f"/jobs/query/{job}")


def pages(session: Session, address: str, sleep: Sleep) -> Iterator[Table]:
    """Yield the pages of a job as (columns, row count), in order; raises `Incomplete` if rows are missing."""
    done = _finished(session, address, sleep)
    yield from _pages(session, address, int(done.get("numberRecordsProcessed", -1)))


def remove(session: Session, address: str) -> None:
    """Give the job back, also after an error: the org keeps results for seven days otherwise."""
    with suppress(CrmError):
        session.call("DELETE", address)


def _finished(session: Session, address: str, sleep: Sleep) -> Mapping[str, str]:
    waited = 0.0
    while True:
        info: Mapping[str, str] = session.call("GET", address).json()
        if info["state"] == "JobComplete":
            return info
        if info["state"] in ("Failed", "Aborted"):
            raise Refused(f"bulk job {info['state'].lower()}: {info.get('errorMessage', 'no reason given')}", crm=NAME)
        waited += _rest(waited, sleep)


def _rest(waited: float, sleep: Sleep) -> float:
    """Return a tenth of what was waited so far: a quick job is seen quickly, a long one costs few calls."""
    wait = min(max(FIRST_WAIT, waited / 10), MAX_WAIT)
    sleep(wait)
    return wait


def _pages(session: Session, address: str, expected: int) -> Iterator[Table]:
    delivered = 0
    for response in _responses(session, address):
        columns, count = parse(response.content, response.headers.get("sforce-numberofrecords"))
        delivered += count
        yield columns, count
    if expected not in (-1, delivered):
        raise Incomplete(
            f"bulk job announced {expected} rows and delivered {delivered}", crm=NAME, fix="the next run reads again"
        )


def _responses(session: Session, address: str) -> Iterator[httpx.Response]:
    """Result pages in order, `PARALLEL` of them on their way; one after the other where resultPages is not offered."""
    try:
        first = session.call("GET", f"{address}/resultPages").json()
    except Refused:
        yield from _sequential(session, address)
        return
    with ThreadPoolExecutor(PARALLEL) as pool:
        waiting: list[Future[httpx.Response]] = []
        try:
            for url in _urls(session, first):
                waiting.append(pool.submit(session.call, "GET", url))
                if len(waiting) > PARALLEL:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()


def _urls(session: Session, listing: Mapping[str, object]) -> Iterator[str]:
    while True:
        pages = listing.get("resultPages")
        for page in pages if isinstance(pages, list) else ():
            yield str(page["resultUrl"])
        following = listing.get("nextRecordsUrl") or listing.get("nextRecordUrl")  # the vendor's page spells it both ways
        if not following:
            return
        listing = session.call("GET", str(following)).json()


def _sequential(session: Session, address: str) -> Iterator[httpx.Response]:
    locator = ""
    while True:
        query = f"?maxRecords={MAX_RECORDS}" + (f"&locator={locator}" if locator else "")
        response = session.call("GET", f"{address}/results{query}")
        yield response
        locator = response.headers.get("sforce-locator", "null")
        if locator == "null":
            return


def parse(content: bytes, announced: str | None = None) -> Table:
    """A CSV page with its header row as columns; the announced number of rows is checked where a proxy has left it."""
    text = content.decode("utf-8")
    if "\0" in text:
        text = text.replace("\0", "")  # PostgreSQL cannot hold it, and it means nothing (airbyte #8300)
    columns, count = _split(text) or _read(text)
    if announced is not None and int(announced) != count:
        raise Incomplete(f"a result page announced {announced} rows and held {count}", crm=NAME)
    return columns, count


def _split(text: str) -> Table | None:
    """The usual page, every value quoted and no quote within, cut at the quotes: three times faster than a CSV reader.

    None for anything else: a quote inside a value shows in the number of quotes, a value that is a line break or a comma
    before the end of a row looks like the break between rows and is left to the reader as well.
    """
    head, _, body = text.partition("\n")
    if not (text.startswith('"') and text.endswith('"\n') and body) or ',"\n"' in text or "\r" in head:
        return None
    names = head[1:-1].split('","')
    cells = body[1:-2].replace('"\n"', '","').split('","')
    if body.count('"') != 2 * len(cells) or len(cells) % len(names):
        return None
    width = len(names)
    return {name: cells[i::width] for i, name in enumerate(names)}, len(cells) // width


def _read(text: str) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""))
    names = next(reader, [])
    rows = list(reader)
    try:
        columns = list(zip(*rows, strict=True)) if rows else [() for _ in names]
        return dict(zip(names, columns, strict=True)), len(rows)
    except ValueError:
        raise _torn() from None


def _torn() -> Incomplete:
    return Incomplete("a result page holds a torn row", crm=NAME, fix="the next run reads again")


def as_text(value: Any) -> str:
    """Return a REST value as the text that Bulk gives."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text[:-5] + "Z" if text.endswith("+0000") else text  # REST writes a time's zone as +0000, Bulk as Z


# ---- ingest ---------------------------------------------------------------------------------------------------------


def open_ingest(session: Session, entity: str) -> str:
    """Open an update job; returns its id."""
    body = {"object": entity, "operation": "update", "contentType": "CSV", "lineEnding": "LF"}
    return str(session.call("POST", session.data("/jobs/ingest"), json=body).json()["id"])


class Sheet(Protocol):
    """Rows as CSV that can be read any number of times; `size` is that of the whole in bytes."""

    def __iter__(self) -> Iterator[bytes]: ...

    @property
    def size(self) -> int: ...


def upload(session: Session, job: str, sheet: Sheet) -> None:
    """Hand over the rows and start the job; a step whose answer was lost is not refused when it is done again."""
    address = session.data(f"/jobs/ingest/{job}")
    headers = {"Content-Type": "text/csv", "Content-Length": str(sheet.size)}
    try:
        session.call("PUT", f"{address}/batches", content=sheet, headers=headers)
    except Refused as error:
        if code_of(error) != DONE_BEFORE:
            raise
    try:
        session.call("PATCH", address, json={"state": "UploadComplete"})
    except Refused as error:
        if code_of(error) != DONE_BEFORE or state(session, job) not in ("UploadComplete", "InProgress", "JobComplete"):
            raise


def state(session: Session, job: str) -> str:
    return str(session.call("GET", session.data(f"/jobs/ingest/{job}")).json()["state"])


def ended(session: Session, job: str, sleep: Sleep) -> Mapping[str, str]:
    """Wait for an ingest job's end; one that was never started is ended, and nothing has happened."""
    address = session.data(f"/jobs/ingest/{job}")
    waited = 0.0
    while True:
        info: Mapping[str, str] = session.call("GET", address).json()
        if info["state"] == "Open":
            session.call("PATCH", address, json={"state": "Aborted"})
        if info["state"] not in ("UploadComplete", "InProgress"):
            return info
        waited += _rest(waited, sleep)


def outcome(session: Session, job: str, sleep: Sleep) -> Iterator[tuple[str, str]]:
    """Wait for an ingest job, then (record id, error text or "") for every row that was looked at."""
    info = ended(session, job, sleep)
    address = session.data(f"/jobs/ingest/{job}")
    for name in ("successfulResults", "failedResults"):
        yield from ((row["Id"], row.get("sf__Error") or "") for row in _rows(session, f"{address}/{name}", sleep))
    why = info.get("errorMessage") or "the job ended before this row"
    for row in _rows(session, f"{address}/unprocessedrecords", sleep):
        yield row["Id"], f"UNPROCESSED:{why}:--"


def _rows(session: Session, address: str, sleep: Sleep) -> Iterator[dict[str, str]]:
    """The rows of an ended job's results, one in memory at a time; what breaks off is asked again and goes on where it was."""
    delivered = 0
    for wait in (*WAITS, None):
        try:
            for row in islice(csv.DictReader(_lines(session.text(address))), delivered, None):
                if None in row or None in row.values():
                    raise _torn()
                yield row
                delivered += 1
            return
        except (Unavailable, Incomplete) as error:
            if wait is None:
                raise
            sleep(error.retry_after or wait)


def _lines(pieces: Iterator[str]) -> Iterator[str]:
    """Return lines with their ends; without NUL, which PostgreSQL cannot hold."""
    rest = ""
    for piece in pieces:
        *whole, rest = (rest + piece.replace("\0", "")).split("\n")
        yield from (f"{line}\n" for line in whole)
    if rest:
        yield rest
