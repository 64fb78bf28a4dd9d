"""What one CRM's part of the night begins with: pull and save, compare ids, learn what became of the last write."""

import gc
import json
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypeVar

from assay.night.options import Progress, RunOptions
from assay.night.outcome import Night, timed
from connectors.lost_answers import has_values
from connectors.port import Check, Crm, Listing, Page, Patch, Pulled
from db.ledger import Ledger
from db.pulled import Listings
from db.store import Org, Store
from scoring.records import KINDS

T = TypeVar("T")
DAY = 86_400
#: ids of everything are compared this often; hard deletes leave no other trace
RECONCILE_DAYS = 7


@dataclass(slots=True)
class Tally:
    """What was read, stream by stream."""

    rows: dict[str, int] = field(default_factory=dict)  #: stream -> rows read
    changed: dict[str, int] = field(default_factory=dict)  #: stream -> rows that were new or different
    gone: dict[str, int] = field(default_factory=dict)  #: kind -> rows the CRM no longer lists
    odd: Counter[str] = field(default_factory=Counter)


def pull(night: Night, store: Store, options: RunOptions, progress: Progress) -> None:
    """Save everything that changed in one CRM, and learn what became of what was written to it."""
    timed(night.out, progress, "pull", lambda: _pull(night, store, options, progress))
    timed(night.out, progress, "settle", lambda: settle(night.crm, store, night.known[0]))


def _pull(night: Night, store: Store, options: RunOptions, progress: Progress) -> None:
    (org, check), crm, out = night.known, night.crm, night.out
    tally = Tally(out.rows, out.changed, out.gone)
    recent_from = (out.day - options.rules.window_days) * DAY
    compared = pull_pages(crm, store, org, recent_from, tally, progress.rows, full=options.full)
    store.record_owners(org.id, out.day * DAY)
    if options.full or night.anew or reconcile_due(store, org, check):
        progress.step("reconcile")
        out.gone |= reconcile(crm, store, org, check, compared)
    out.gone = {kind: rows for kind, rows in out.gone.items() if rows}
    out.odd = dict(tally.odd) | store.orphans(org.id)


def pull_pages(
    crm: Crm, store: Store, org: Org, recent_from: int, tally: Tally, show: Callable[[str, int, int], None], *, full: bool
) -> set[str]:
    """Pull and save, a page a transaction; the watermark of a stream moves with its last page.

    Returns the kinds all of whose ids were compared on the way.
    """
    since = {} if full else store.watermarks(org.id)
    compared: set[str] = set()
    with closing(Listings(store.engine, org.id)) as listings:
        for item in ahead(crm.pull(since, store.held(org.id, recent_from, fresh=full))):
            if isinstance(item, Listing):
                listings.add(item.kind, item.ids)
                if item.last:
                    compared.add(item.kind)
                    tally.gone[item.kind] = tally.gone.get(item.kind, 0) + listings.finish(item.kind)
            else:
                _take(item, store, org, tally)
                show(item.stream, tally.rows[item.stream], crm.calls)
    return compared


def _take(item: Pulled, store: Store, org: Org, tally: Tally) -> None:
    """Save a page, or new values of some fields."""
    if isinstance(item, Patch):
        changed = store.patch(org.id, item.kind, item.columns, item.rows)
    elif isinstance(item, Page):
        only = None if item.whole is None else (item.whole.column, item.whole.parents, item.whole.where)
        changed = store.save(org.id, item.kind, item.rows, item.stream, item.watermark, resume=item.resume, only=only)
        tally.odd.update(item.odd)
        tally.rows[item.stream] = tally.rows.get(item.stream, 0) + len(item.rows)
    tally.rows.setdefault(item.stream, 0)
    tally.changed[item.stream] = tally.changed.get(item.stream, 0) + changed


def reconcile_due(store: Store, org: Org, check: Check) -> bool:
    """Weekly; the first pull has just listed everything."""
    last = store.reconciled_at(org.id)
    if last is None:
        store.note_reconciled(org.id, check.now)
        return False
    return check.now - last >= RECONCILE_DAYS * DAY


def reconcile(crm: Crm, store: Store, org: Org, check: Check, compared: Collection[str]) -> dict[str, int]:
    """Find what was deleted for good, where the pull has not compared all ids anyway; kind -> rows."""
    gone: dict[str, int] = {}
    for kind in KINDS:
        if kind not in compared and store.count(org.id, kind) and (ids := crm.ids(kind)) is not None:
            gone[kind] = store.reconcile(org.id, kind, ids)
    store.note_reconciled(org.id, check.now)
    return gone


def settle(crm: Crm, store: Store, org: Org) -> None:
    """Learn what became of rows that were sent and not heard about: each is read again, and the CRM's values decide."""
    ledger = Ledger(store.engine, org.id)
    ledger.forget_planned()
    sent = ledger.open()
    for token in sorted({e.token for e in sent}):
        entries = [e for e in sent if e.token == token]
        now = dict(crm.reread(sorted({e.account_id for e in entries}), token))
        store.patch(org.id, "account", ("id", "ours"), list(now.items()))
        arrived = {e.id for e in entries if e.account_id in now and has_values(json.loads(now[e.account_id]), e.new)}
        ledger.heard_late(arrived, {e.id for e in entries} - arrived, int(time.time()))


# ---- fetch the next page while this one is being saved --------------------------------------------------------------


def ahead(source: Iterator[T], pages: int = 1) -> Iterator[T]:
    """Yield what `source` yields, read by a thread that is at most `pages` ahead; its exception is raised here.

    Meanwhile the cyclic garbage collector rests: pages are millions of small tuples without a cycle among them, and
    looking through them again and again costs a quarter of the pull.
    """
    collecting = gc.isenabled()
    gc.disable()
    line: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(maxsize=pages)
    stop = threading.Event()
    reader = threading.Thread(target=_read, args=(source, line, stop), daemon=True)
    reader.start()
    try:
        while True:
            word, item = line.get()
            if word == "end":
                return
            if word == "error":
                raise item  # type: ignore[misc]
            yield item  # type: ignore[misc]
    finally:
        stop.set()
        if collecting:
            gc.enable()
        while reader.is_alive():  # make room, so that a blocked reader sees the stop
            try:
                line.get(timeout=0.05)
            except queue.Empty:
                continue


def _read(source: Iterator[T], line: "queue.Queue[tuple[str, T | BaseException | None]]", stop: threading.Event) -> None:
    try:
        for item in source:
            line.put(("page", item))
            if stop.is_set():
                break
        line.put(("end", None))
    except BaseException as error:  # everything belongs to the caller's thread
        line.put(("error", error))
