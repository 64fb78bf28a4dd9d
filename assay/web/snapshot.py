"""What all pages show of the last night, computed once after it and then only read.

Adding up 50,000 verdicts takes a second or two, and nothing changes them but a night. So a thread makes the snapshot when
a run has begun or ended; until it is ready the pages show the one before (docs/adr/0023).
"""

import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

import orjson
import structlog
from sqlalchemy import Engine

from assay.night.options import RunOptions, options_of
from assay.night.plan import of_stored
from assay.report import Report, render_html
from assay.report.gather import firm_report
from assay.report.page import facts, listed
from assay.report.record import summary
from assay.settings import Settings
from assay.text.plan import changes
from assay.text.words import finite
from assay.web.accounts import Accounts, short
from db.account_records import create_lookup_indexes
from db.runs import Runs, Stamp
from db.store import Store
from scoring.records import WRITTEN, FieldUpdate, Score

#: flagged accounts of each kind that have a mark of their own among tiles, and a row beside the picture
NOTABLE = 80
#: accounts and refused rows that a summary names
NAMED = 1000
#: accounts on one page of the plan, and of the hours that could move
PLANNED, MOVED = 50, 200
#: moves that a summary names, the largest first
TOP = 20

log = structlog.get_logger()
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Pages:
    """Rows that are seldom asked for, packed page by page."""

    pages: Sequence[bytes] = ()

    def page(self, number: int) -> list[dict[str, Any]]:
        """Rows of one page, from 1; raises IndexError."""
        if not self.pages and number == 1:
            return []
        if number < 1:
            raise IndexError(number)
        rows: list[dict[str, Any]] = orjson.loads(zlib.decompress(self.pages[number - 1]))
        return rows


@dataclass(frozen=True, slots=True)
class Plan(Pages):
    """What the next write would change: a page holds the rows of PLANNED accounts."""

    accounts: int = 0
    fields: Mapping[str, int] = field(default_factory=dict)  #: meaning -> accounts


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One night as the pages show it."""

    stamp: Stamp
    facts: Mapping[str, Any]  #: what the report's sections need
    summary: Mapping[str, Any]  #: the same for machines, without the accounts
    moves: Pages  #: hours that could move, the most first: a page holds MOVED accounts
    accounts: Accounts
    owners: Mapping[str, str]  #: owner id -> name; empty where owners are hidden
    plan: Plan
    report: bytes  #: the report file, zlib-packed

    @property
    def empty(self) -> bool:
        return not len(self.accounts)


def address(crm: str, account_id: str) -> str:
    """An account's own page."""
    return f"/accounts/{quote(crm, safe='')}/{quote(account_id, safe='')}"


def take(store: Store, settings: Settings, stamp: Stamp) -> Snapshot:
    """Read every verdict and add it all up."""
    planned = plan(store, options_of(settings))  # first, so that its verdicts are gone before the report's are read
    report = firm_report(store, settings) if store.orgs() else Report("", "", 0, "", ())
    homes = store.homes()

    def link(s: Score) -> str:
        return address(homes[s.account_id][1], s.account_id)

    sums = summary(report)
    return Snapshot(
        stamp=stamp,
        facts=facts(report) | listed(report, NOTABLE, link),
        summary=_trimmed(sums),
        moves=Pages([_dense(part) for part in _parts(_moves(sums["reallocation"]), MOVED)]),
        accounts=Accounts(short(*homes[s.account_id], s) for s in report.scores),
        owners={} if report.hide_owners else report.owners,
        plan=planned,
        report=zlib.compress(render_html(report).encode()),
    )


def _trimmed(told: dict[str, Any]) -> dict[str, Any]:
    """Lists that grow with the firm are cut; they have pages of their own."""
    run = told["run"] | {"rejected": told["run"]["rejected"][:NAMED]}
    hours = told["reallocation"]
    sides = {side: _moves({side: hours[side]})[:TOP] for side in ("taken", "given")}
    return told | {"changed": told["changed"][:NAMED], "run": run, "reallocation": hours | sides}


def _moves(hours: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of both sides, the largest first."""
    moves = [move for side in ("taken", "given") for move in hours.get(side, ())]
    return sorted(moves, key=lambda m: (-abs(m["hours"] or 0), m["account_id"]))


def plan(store: Store, options: RunOptions) -> Plan:
    """What the next write would change, all orgs, accounts in the order of the plan."""
    pages: list[bytes] = []
    fields: Counter[str] = Counter()
    accounts = 0
    for org_plan in of_stored(store, options):
        updates = org_plan.plan.updates
        accounts += len(updates)
        fields.update(meaning for u in updates for meaning in u.values)
        pages += [_packed(org_plan.org.crm, part, org_plan.names) for part in _parts(updates, PLANNED)]
    return Plan(pages, accounts, {name: fields[name] for name in WRITTEN if fields[name]})


def _parts(rows: Sequence[Row], count: int) -> Iterator[Sequence[Row]]:
    yield from (rows[i : i + count] for i in range(0, len(rows), count))


def _dense(rows: Any) -> bytes:
    return zlib.compress(orjson.dumps(rows), 1)


def _packed(crm: str, updates: Sequence[FieldUpdate], names: Mapping[str, str]) -> bytes:
    rows = [
        {
            "crm": crm,
            "account_id": c.account_id,
            "name": c.name,
            "field": c.field,
            "old": finite(c.old),
            "new": finite(c.new),
            "why": c.why,
        }
        for c in changes(updates, names)
    ]
    return _dense(rows)


class Snapshots:
    """The newest snapshot, made anew in the background when a run has begun or ended."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._store, self._settings, self._runs = Store(engine, settings.scope.chosen()), settings, Runs(engine)
        self._held: Snapshot | None = None
        self._making = threading.Lock()
        self._thread: threading.Thread | None = None

    def current(self) -> Snapshot:
        """The snapshot to show; only the first one is waited for. Raises what the database raises."""
        stamp = self._runs.stamp()
        shown = self._held
        if shown is None:
            with self._making:
                return self._held or self._make(stamp)
        if shown.stamp != stamp and self._making.acquire(blocking=False):
            self._begin(self._remake, stamp)
        return shown

    def warm(self) -> None:
        """Make the first snapshot without waiting for it."""
        self._begin(self._first)

    def wait(self) -> None:
        """Until no snapshot is being made."""
        if self._thread is not None:
            self._thread.join()

    def _begin(self, work: Callable[..., None], *given: Any) -> None:
        self._thread = threading.Thread(target=work, args=given, name="snapshot", daemon=True)
        self._thread.start()

    def _first(self) -> None:
        try:
            self.current()
        except Exception as error:  # the first request tries again and says so
            log.warning("no snapshot at the start", error=type(error).__name__)

    def _remake(self, stamp: Stamp) -> None:
        try:
            self._make(stamp)
        except Exception:
            log.exception("snapshot failed; the pages show the one before")
        finally:
            self._making.release()

    def _make(self, stamp: Stamp) -> Snapshot:
        start = time.perf_counter()
        if stamp.ended:
            create_lookup_indexes(self._store.engine)
        snapshot = self._held = take(self._store, self._settings, stamp)
        log.info("snapshot", accounts=len(snapshot.accounts), seconds=round(time.perf_counter() - start, 2))
        return snapshot
