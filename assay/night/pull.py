"""What one CRM's part of the night begins with: pull and save, compare ids, learn what became of the last write."""

import json
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass, field

from assay.night.ahead import ahead
from connectors.lost_answers import has_values
from connectors.port import Check, Crm, Listing, Page, Patch, Pulled
from db.ledger import Ledger
from db.pulled import Listings
from db.store import Org, Store
from scoring.records import KINDS

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


def pull(
    crm: Crm, store: Store, org: Org, recent_from: int, tally: Tally, tell: Callable[[str, int, int], None], *, full: bool
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
                tell(item.stream, tally.rows[item.stream], crm.calls)
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
