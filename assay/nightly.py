"""One night, as a straight line. Read this first.

    each CRM:   check; then pull pages -> save page + watermark -> reconcile ids -> settle yesterday's unknowns
    together:   link what two CRMs know -> who is in scope -> features(as of) -> judge
    each CRM:   plan -> safety stops -> write -> record each row's result

`run` receives everything it works with and builds nothing. A night may die anywhere and be run again.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from structlog.contextvars import bind_contextvars, bound_contextvars

from assay.night import plan as publish
from assay.night import pull, scope, stops
from assay.night import write as writing
from assay.night.outcome import Outcome, timed
from assay.night.watched import Watched
from assay.night.write import plan as plan
from connectors.errors import CrmError, QuotaExhausted
from connectors.port import Check, Crm
from db.lease import NIGHT, Lease, LeaseLost
from db.ledger import Ledger
from db.runs import Runs
from db.store import Org, Store
from scoring.records import Score
from scoring.rules import Rules

if TYPE_CHECKING:  # the maths is loaded when a night judges: the page waits all day without it
    from assay.night.judge import Verdicts

DAY = 86_400
LEASE = NIGHT


class Interrupted(Exception):
    """Somebody asked this run to end; raised by a `Tell`, which hears of every batch before and after it."""


class Tell(Protocol):
    """Who hears how the night goes; may raise `Interrupted`."""

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


def run(crms: Sequence[Crm], store: Store, lease: Lease, orders: Orders, tell: Tell) -> list[Outcome]:
    """One night of one firm. What a CRM does wrong ends in its outcome and does not stop the others; anything unexpected is
    raised."""
    nights, tell = [Night(crm, Outcome(crm.name)) for crm in crms], Watched(tell, lease)
    try:
        for night in nights:
            with night.fallible(store):
                look(night, store, orders, tell)
        named(_running(nights), store)
        for night in _running(nights):
            with night.fallible(store):
                read(night, store, orders, tell)
        if _running(nights):
            within(_running(nights), store, orders)
        ready = _running(nights)
        if ready:
            verdicts = judge_all(nights, ready, store, orders, tell)
        for night in ready:
            with night.fallible(store):
                publish_one(night, verdicts.of[night.known[0].id], store, lease, orders, tell)
                night.out.outcome = "rejected" if night.out.rejected else "done"
    except (Interrupted, LeaseLost) as error:
        for night in nights:
            if night.out.outcome == "running":
                night.out.message = str(error)
        raise
    finally:
        for night in nights:
            night.end(store)
    return [night.out for night in nights]


@dataclass(slots=True)
class Night:
    """One CRM's part of the night."""

    crm: Crm
    out: Outcome
    org: Org | None = None
    check: Check | None = None
    anew: bool = False  #: the org has taken another one's place

    @property
    def known(self) -> tuple[Org, Check]:
        """The org and what it said; only after `read` has begun."""
        if self.org is None or self.check is None:
            raise RuntimeError(f"{self.crm.name} has not been checked")
        return self.org, self.check

    @contextmanager
    def fallible(self, store: Store) -> Iterator[None]:
        """What the CRM, or a safety rule, ends ends here; the outcome says how."""
        try:
            with bound_contextvars(crm=self.crm.name, run=self.out.run):
                yield
        except QuotaExhausted as error:
            self.out.outcome, self.out.message = "quota", str(error)
        except stops.Stopped as error:
            self.out.outcome, self.out.message = "stopped", str(error)
        except CrmError as error:
            self.out.outcome, self.out.message = "failed", str(error)

    def end(self, store: Store) -> None:
        """Keep what happened, whatever it was."""
        out = self.out
        out.calls = self.crm.calls
        if out.outcome == "running":
            out.outcome = "failed"
        if out.run:
            Runs(store.engine).end(
                out.run,
                int(time.time()),
                out.outcome,
                day=out.day,
                message=out.message,
                calls=out.calls,
                detail=out.detail(),
            )


def _running(nights: Sequence[Night]) -> list[Night]:
    return [night for night in nights if night.out.outcome == "running"]


def look(night: Night, store: Store, orders: Orders, tell: Tell) -> None:
    """Log in to one CRM and see whether it is the org we know, as this user saw it before."""
    crm, out, runs = night.crm, night.out, Runs(store.engine)
    night.check = check = timed(out, tell, "check", lambda: crm.check())
    out.day = check.now // DAY if orders.day is None else orders.day
    night.org = org = _same_org(night, store, check, orders)
    out.notes += check.notes
    out.lacking, out.visible = list(check.lacking), dict(check.visible)
    if check.calls_allowed is not None and check.calls_used is not None:
        out.calls_left = check.calls_allowed - check.calls_used
    first = (night.anew or runs.first(org.id)) and not orders.force and "first-run" not in orders.allow
    if first and orders.write:
        out.notes.append("rule first-run: the first run of an org writes nothing; read `assay plan`, then run again")
    out.mode = "write" if orders.write and not first else "dry"
    store.read_again(org.id, stops.seen_again(runs.lacking(org.id), check.lacking))
    out.run = out.run or runs.start(org.id, int(time.time()), out.mode, {"lacking": out.lacking})
    bind_contextvars(run=out.run)
    lost = stops.access_lost(
        next((r.detail for r in runs.good(org.id, 1)), {}), check.lacking, check.visible, stops.Limits()
    )
    out.notes += stops.raise_unless([lost] if lost else [], orders.allow)


def named(nights: Sequence[Night], store: Store) -> None:
    """End the night where [scope] names what no CRM has; tell where only one lacks it. Nothing has been read yet."""
    checks = {night.crm.name: night.known[1] for night in nights}
    whole = len(checks) == len(store.orgs())
    lost = scope.absent_everywhere(checks) if whole else {}
    for night in nights:
        with night.fallible(store):
            night.out.notes += scope.absent_here(night.known[1]) if night.crm.name not in lost else []
            if night.crm.name in lost:
                raise lost[night.crm.name]


def read(night: Night, store: Store, orders: Orders, tell: Tell) -> None:
    """Everything that changed in one CRM, and what became of what was written to it."""
    timed(night.out, tell, "pull", lambda: _pull(night, store, orders, tell))
    timed(night.out, tell, "settle", lambda: pull.settle(night.crm, store, night.known[0]))


def within(nights: Sequence[Night], store: Store, orders: Orders) -> None:
    """Count who is in scope, warn of values that nobody has, and stop where nobody is left to judge."""
    nights[0].out.notes += _links(store)
    if not store.scope:
        return
    census = store.census()
    finding = scope.nobody(census, store.scope)
    nights[0].out.notes += scope.strange(census, store.scope, [night.known[1].offered for night in nights])
    for night in nights:
        own = scope.counts(p for p in census.places if p.org == night.known[0].id)
        night.out.scope = own | {"firm": scope.firm(census)}
        with night.fallible(store):
            night.out.notes += stops.raise_unless([finding] if finding else [], orders.allow)


def _links(store: Store) -> list[str]:
    """What two CRMs know, found anew."""
    links = store.relink()
    told = [f"{len(links.to)} accounts are known in two CRMs and judged as one"] if links.to else []
    return told + [f"not linked: {doubt}" for doubt in links.doubtful]


def _same_org(night: Night, store: Store, check: Check, orders: Orders) -> Org:
    """The org as the database knows it; another one stops the night before a record is read (rule org-changed)."""
    facts, out = _facts(check), night.out
    known = next((org for org in store.orgs() if org.crm == night.crm.name), None)
    finding = stops.org_changed(asdict(known), facts) if known is not None else None
    if known is None or finding is None:
        return store.pin_org(night.crm.name, facts)
    if finding.rule not in orders.allow:
        out.run = Runs(store.engine).start(known.id, int(time.time()), "dry")
    out.notes += stops.raise_unless([finding], orders.allow)
    night.anew = True
    return store.pin_org(night.crm.name, facts, anew=True)


def _pull(night: Night, store: Store, orders: Orders, tell: Tell) -> None:
    (org, check), crm, out = night.known, night.crm, night.out
    tally = pull.Tally(out.rows, out.changed, out.gone)
    recent_from = (out.day - orders.rules.window_days) * DAY
    compared = pull.pull(crm, store, org, recent_from, tally, tell.rows, full=orders.full)
    store.record_owners(org.id, out.day * DAY)
    if orders.full or night.anew or pull.reconcile_due(store, org, check):
        tell.step("reconcile")
        out.gone |= pull.reconcile(crm, store, org, check, compared)
    out.gone = {kind: rows for kind, rows in out.gone.items() if rows}
    out.odd = dict(tally.odd) | store.orphans(org.id)


def judge_all(nights: Sequence[Night], ready: Sequence[Night], store: Store, orders: Orders, tell: Tell) -> "Verdicts":
    """The verdicts of all orgs; those that could not be read keep theirs."""
    from assay.night.judge import judge_nights

    ended = [night for night in nights if night not in ready]
    stale = {org.id for org in store.orgs() if any(org.crm == night.crm.name for night in ended)}
    first = ready[0].out
    day = min(night.out.day for night in ready)
    verdicts: Verdicts = timed(
        first, tell, "score", lambda: judge_nights(store, day, orders.rules, orders.replay_nights, stale)
    )
    for night in ready:
        told = verdicts.of[night.known[0].id]
        night.out.day, night.out.nights = day, verdicts.nights
        night.out.states = dict(sorted(Counter(s.state for s in told).items()))
        if not verdicts.stored:
            night.out.notes.append("as of a date before the last stored night: judged, not stored")
    first.notes += [f"{night.crm.name} was not read tonight: what it shares keeps its state" for night in ended if stale]
    return verdicts


def publish_one(night: Night, verdicts: Sequence[Score], store: Store, lease: Lease, orders: Orders, tell: Tell) -> None:
    """Write what changed to one CRM, unless a rule forbids it."""
    (org, check), crm, out = night.known, night.crm, night.out
    made: publish.Plan = timed(out, tell, "plan", lambda: plan(store, org, verdicts, orders, out.day))
    out.planned, out.within_band, out.waiting = len(made.updates), made.within_band, made.waiting
    out.facts |= writing.facts(store, org, check, orders.rules)
    found = writing.findings(store, org, check, made, orders, out.facts)
    if out.mode == "dry":
        out.notes += [f"a write would stop by rule {f.rule}: {f.said}" for f in found if orders.write]
        return
    if check.unwritable and made.updates:
        raise writing.FieldsUnwritable(check.unwritable, crm.name)
    out.notes += stops.raise_unless(found, orders.allow)
    out.facts["lifted"] = [f.rule for f in found]
    if org.hold:
        Runs(store.engine).hold(org.id, None)
    ledger = Ledger(store.engine, org.id)
    timed(out, tell, "write", lambda: writing.write(made, crm, ledger, lease, out, orders.allow, tell))


def _facts(check: Check) -> dict[str, Any]:
    return {"external_id": check.org_id, "name": check.org_name, "sandbox": check.sandbox, "currency": check.currency}
