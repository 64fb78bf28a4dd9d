"""The one assembly of a night: whoever starts one, a person, the schedule or the demo, starts it here (docs/adr/0026)."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from sqlalchemy import Engine

from assay import nightly, wiring
from assay.night.options import Progress, RunOptions
from assay.night.outcome import Outcome
from assay.night.ping import ping_around
from assay.settings import Settings
from connectors.port import Crm
from db import lease
from db.lease import NIGHT, Lease
from db.retention import Keep, purge
from db.runs import GOOD
from db.store import Store

log = structlog.get_logger("assay.night")


@contextmanager
def night_lease(settings: Settings, engine: Engine, *, wait: bool = False) -> Iterator[Lease]:
    """The lease under which nights and undos run; raises `LeaseHeld`, or waits for the other run to end."""
    while wait and not lease.is_free(engine, NIGHT):
        time.sleep(1)
    with lease.held(engine, NIGHT, settings.schedule.lease_seconds) as mine:
        yield mine


def run_night(
    settings: Settings,
    store: Store,
    mine: Lease,
    options: RunOptions,
    progress: Progress,
    crms: Sequence[Crm] = (),
) -> list[Outcome]:
    """One night under the lease: counts its calls, reports to the watcher, shows how it ended, forgets what is old.

    `crms` are opened already, or opened here. The watcher hears of whole nights of all CRMs only.
    """
    with ping_around(settings, whole=options.whole and options.crm is None) as night:
        opened = crms or wiring.open_crms(settings, options.crm)
        with wiring.metered(opened, store):
            outcomes = night.outcomes = nightly.run(opened, store, mine, options, progress)
    progress.ended([o.summary() for o in outcomes])
    if options.whole and all(o.outcome in GOOD for o in outcomes):
        forget(settings, store)
    return outcomes


def forget(settings: Settings, store: Store) -> dict[str, int]:
    """Drop what is older than [retention] allows; what -> rows."""
    dropped = purge(store.engine, Keep(**settings.retention.model_dump()), int(time.time()))
    if any(dropped.values()):
        log.info("old records forgotten", **{what: rows for what, rows in dropped.items() if rows})
    return dropped
