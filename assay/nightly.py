"""One night, as a straight line. Read this first.

    check -> pull pages -> save page + watermark -> reconcile ids -> settle yesterday's unknowns
          -> features(as of) -> judge -> plan -> safety stops -> write -> record each row's result

`run` receives everything it works with and builds nothing. A night may die anywhere and be run again.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from assay import publish
from assay.ahead import ahead
from connectors.errors import CrmError, QuotaExhausted
from connectors.port import Check, Crm
from db import tables
from db.lease import Lease
from db.ledger import Ledger
from db.runs import Runs
from db.store import Org, Store
from scoring.explain import scores
from scoring.features import queries
from scoring.judge import Judgement, judge
from scoring.records import KINDS, FieldUpdate, Score, WriteResult
from scoring.rules import Rules
from scoring.state import NightRow, advance

DAY = 86_400
#: ids of everything are compared this often; hard deletes leave no other trace
RECONCILE_DAYS = 7


class Tell(Protocol):
    """Who hears how the night goes."""

    def step(self, name: str) -> None: ...

    def rows(self, stream: str, rows: int, calls: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Orders:
    """What this run is asked to do."""

    rules: Rules
    bands: publish.Bands = field(default_factory=publish.Bands)
    write: bool = False  #: [write] enabled, and no --dry-run
    force: bool = False  #: write even on an org's first run
    full: bool = False  #: pull everything again and compare all ids
    day: int | None = None  #: as of this date; None = the CRM's today
    allow: tuple[str, ...] = ()  #: safety rules lifted for this run
    only: tuple[str, ...] = ()  #: write these accounts only
    max_flag_change: float = 0.20
    replay_nights: int = 60


@dataclass(slots=True)
class Outcome:
    """What one night did for one org: filled step by step, stored as the run's detail."""

    crm: str
    run: int = 0
    outcome: str = "running"  #: done, rejected, quota, stopped, failed
    message: str = ""
    mode: str = "dry"
    day: int = 0
    calls: int = 0
    rows: dict[str, int] = field(default_factory=dict)  #: stream -> rows read
    changed: dict[str, int] = field(default_factory=dict)  #: stream -> rows that were new or different
    gone: dict[str, int] = field(default_factory=dict)  #: kind -> rows the CRM no longer lists
    odd: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    nights: int = 0  #: nights judged: one, or more where earlier ones were replayed
    states: dict[str, int] = field(default_factory=dict)
    planned: int = 0
    within_band: int = 0
    acked: int = 0
    rejected: int = 0

    def detail(self) -> dict[str, Any]:
        kept = (
            "rows",
            "changed",
            "gone",
            "odd",
            "notes",
            "nights",
            "states",
            "planned",
            "within_band",
            "acked",
            "rejected",
        )
        return {k: getattr(self, k) for k in kept} | {"seconds": {k: round(v, 3) for k, v in self.seconds.items()}}


def run(crm: Crm, store: Store, lease: Lease, orders: Orders, tell: Tell) -> Outcome:
    """One night of one org. What the CRM does wrong ends in the outcome; anything unexpected is raised."""
    out, runs = Outcome(crm.name), Runs(store.engine)
    try:
        check = _timed(out, tell, "check", lambda: crm.check())
        org = store.pin_org(crm.name, _facts(check))
        out.notes += check.notes
        out.mode = "write" if orders.write and (orders.force or not runs.first(org.id)) else "dry"
        out.run = runs.start(org.id, int(time.time()), out.mode)
        _night(crm, store, lease, org, check, orders, out, tell)
        out.outcome = "rejected" if out.rejected else "done"
    except QuotaExhausted as error:
        out.outcome, out.message = "quota", str(error)
    except publish.Stopped as error:
        out.outcome, out.message = "stopped", str(error)
    except CrmError as error:
        out.outcome, out.message = "failed", str(error)
    finally:
        out.calls = crm.calls
        if out.run:
            ended = out.outcome if out.outcome != "running" else "failed"
            runs.end(
                out.run, int(time.time()), ended, day=out.day, message=out.message, calls=out.calls, detail=out.detail()
            )
    return out


def _night(crm: Crm, store: Store, lease: Lease, org: Org, check: Check, orders: Orders, out: Outcome, tell: Tell) -> None:
    out.day = check.now // DAY if orders.day is None else orders.day
    ledger = Ledger(store.engine, org.id)
    _timed(out, tell, "pull", lambda: pull(crm, store, org, orders, out, tell))
    if orders.full or _reconcile_due(store, org, check):
        _timed(out, tell, "reconcile", lambda: reconcile(crm, store, org, check, out))
    _timed(out, tell, "settle", lambda: settle(crm, store, org, ledger))
    verdicts = _timed(out, tell, "score", lambda: judge_nights(store, org, orders, out))
    made = _timed(out, tell, "plan", lambda: plan(store, org, verdicts, orders))
    out.planned, out.within_band = len(made.updates), made.within_band
    if out.mode == "dry":
        return
    if check.unwritable and made.updates:
        raise FieldsUnwritable(check.unwritable, crm.name)
    publish.raise_if_unsafe(made, orders.max_flag_change, orders.allow)
    lease.renew()  # proves that nobody has taken over before the first write
    _timed(out, tell, "write", lambda: write(made, crm, ledger, out))


class FieldsUnwritable(CrmError):
    """Fields that are to be written are absent or read-only."""

    def __init__(self, meanings: Sequence[str], crm: str) -> None:
        names = ", ".join(meanings)
        fix = "an admin runs `assay schema apply --yes` and assigns the permission set to this user"
        super().__init__(
            f"these fields are absent or not writable for this user: {names}; nothing was written", crm=crm, fix=fix
        )


# ---- pull -----------------------------------------------------------------------------------------------------------


def pull(crm: Crm, store: Store, org: Org, orders: Orders, out: Outcome, tell: Tell) -> None:
    """Pull and save, a page a transaction; the watermark of a stream moves with its last page."""
    since = {} if orders.full else store.watermarks(org.id)
    odd: Counter[str] = Counter()
    for page in ahead(crm.pull(since, store.zones(org.id))):
        changed = store.save(org.id, page.kind, page.rows, page.stream, page.watermark)
        out.rows[page.stream] = out.rows.get(page.stream, 0) + len(page.rows)
        out.changed[page.stream] = out.changed.get(page.stream, 0) + changed
        odd.update(page.odd)
        tell.rows(page.stream, out.rows[page.stream], crm.calls)
    store.record_owners(org.id, out.day * DAY)
    out.odd = dict(odd) | store.orphans(org.id)


def _reconcile_due(store: Store, org: Org, check: Check) -> bool:
    """Weekly; the first pull has just listed everything."""
    last = store.reconciled_at(org.id)
    if last is None:
        store.note_reconciled(org.id, check.now)
        return False
    return check.now - last >= RECONCILE_DAYS * DAY


def reconcile(crm: Crm, store: Store, org: Org, check: Check, out: Outcome) -> None:
    """Find what was deleted for good."""
    for kind in KINDS:
        if store.count(org.id, kind) and (gone := store.reconcile(org.id, kind, crm.ids(kind))):
            out.gone[kind] = gone
    store.note_reconciled(org.id, check.now)


def settle(crm: Crm, store: Store, org: Org, ledger: Ledger) -> None:
    """Learn what became of rows that an earlier run sent and did not hear back about; the CRM's values decide."""
    ledger.forget_planned()
    now = int(time.time())
    for token in sorted({e.token for e in ledger.open() if e.token}):
        results = list(crm.settle(token))
        for run_id in sorted({e.run for e in ledger.open() if e.token == token}):
            ledger.settle(run_id, results, now)
    held = store.ours(org.id)
    open_rows = ledger.open()
    arrived = [e for e in open_rows if publish.holds(held.get(e.account_id, {}), e.new)]
    for entry in arrived:
        ledger.settle(entry.run, [WriteResult(entry.account_id, ok=True)], now)
    ledger.drop([e.id for e in open_rows if e not in arrived])


# ---- score ----------------------------------------------------------------------------------------------------------


def judge_nights(store: Store, org: Org, orders: Orders, out: Outcome) -> list[Score]:
    """Judge this night, and before it the nights that were missed or that a first run needs to settle its states."""
    stored = store.last_night(org.id)
    keep = stored is None or stored <= out.day
    previous: dict[str, NightRow] = {}
    rows: list[NightRow] = []
    for day in nights_to_judge(stored, out.day, orders.replay_nights):
        if not previous:
            previous = _rows_before(store, org, stored, day)
        judgement = judged(store, org, day, orders.rules)
        rows = advance(previous, judgement, orders.rules)
        out.nights += 1
        if keep:
            store.save_nights(org.id, day, rows)
        previous = {row.account_id: row for row in rows}
    verdicts = scores(judgement, rows, orders.rules)
    out.states = dict(sorted(Counter(s.state for s in verdicts).items()))
    if keep:
        store.save_verdicts(org.id, verdicts)
    else:
        out.notes.append("as of a date before the last stored night: judged, not stored")
    return verdicts


def nights_to_judge(stored: int | None, day: int, replay: int) -> range:
    """The nights from after the last stored one to `day`, at most `replay` before it; always `day` itself."""
    first = day - replay if stored is None else max(stored + 1, day - replay)
    return range(min(first, day), day + 1)


def _rows_before(store: Store, org: Org, stored: int | None, day: int) -> dict[str, NightRow]:
    if stored is None:
        return {}
    return {r[0]: NightRow(*r) for r in store.nights(org.id, min(stored, day - 1))}


def judged(store: Store, org: Org, day: int, rules: Rules) -> Judgement:
    """The judgement of one night from the database alone."""
    facts = {name: store.columns(query) for name, query in queries(tables, org.id, day, rules).items()}
    return judge(facts, day, org.currency, rules)


# ---- publish --------------------------------------------------------------------------------------------------------


def plan(store: Store, org: Org, verdicts: Sequence[Score], orders: Orders) -> publish.Plan:
    """What would be written now."""
    money = publish.Money(org.currency, store.rates(org.id), store.currencies(org.id))
    return publish.plan(verdicts, store.ours(org.id), money, orders.bands, orders.only)


def write(made: publish.Plan, crm: Crm, ledger: Ledger, out: Outcome) -> None:
    """Write the plan, each row's fate committed to the ledger around each call."""
    now = int(time.time())
    updates: Sequence[FieldUpdate] = made.updates
    ledger.plan(out.run, updates, now)
    counts = publish.apply(
        made,
        crm,
        lambda ids, token: ledger.sending(out.run, ids, token, int(time.time())),
        lambda results: ledger.settle(out.run, results, int(time.time())),
    )
    out.acked, out.rejected = counts["acked"], counts["rejected"]


def _facts(check: Check) -> dict[str, Any]:
    return {"external_id": check.org_id, "name": check.org_name, "sandbox": check.sandbox, "currency": check.currency}


def _timed(out: Outcome, tell: Tell, name: str, work: Any) -> Any:
    tell.step(name)
    with _clock(out, name):
        return work()


@contextmanager
def _clock(out: Outcome, name: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        out.seconds[name] = time.perf_counter() - start
