"""One night, as a straight line. Read this first.

    each CRM:   check; then pull pages -> save page + watermark -> reconcile ids -> settle yesterday's unknowns
    together:   link what two CRMs know -> who is in scope -> features(as of) -> judge
    each CRM:   plan -> safety stops -> write -> record each row's result

`run` receives everything it works with and builds nothing (`assay.start` does). A night may die anywhere and be run again.
"""

from collections.abc import Sequence

from assay.night.check import check
from assay.night.interrupt import StopOnLeaseLost
from assay.night.judge import judge
from assay.night.options import Interrupted, Progress, RunOptions
from assay.night.outcome import Night, Outcome, running
from assay.night.pull import pull
from assay.night.scope import apply_scope, require_fields
from assay.night.write import publish
from connectors.port import Crm
from db.lease import Lease, LeaseLost
from db.store import Store


def run(crms: Sequence[Crm], store: Store, lease: Lease, options: RunOptions, progress: Progress) -> list[Outcome]:
    """One night of one firm. What a CRM does wrong ends in its outcome and does not stop the others; anything unexpected is
    raised."""
    nights, progress = [Night(crm, Outcome(crm.name)) for crm in crms], StopOnLeaseLost(progress, lease)
    try:
        for night in nights:
            with night.fallible():
                check(night, store, options, progress)
        require_fields(running(nights), store)
        for night in running(nights):
            with night.fallible():
                pull(night, store, options, progress)
        if running(nights):
            apply_scope(running(nights), store, options)
        if ready := running(nights):
            verdicts = judge(nights, store, options, progress)
            for night in ready:
                with night.fallible():
                    publish(night, verdicts.of[night.known[0].id], store, lease, options, progress)
    except (Interrupted, LeaseLost) as error:
        for night in running(nights):
            night.out.message = str(error)
        raise
    finally:
        for night in nights:
            night.end(store)
    return [night.out for night in nights]
