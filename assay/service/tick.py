"""One tick of the schedule, in a process of its own that `assay serve` starts: `python -m assay.service.tick AT`.

Claims the tick under the lease, runs the night, tells the watcher, records the outcome. A process of its own gives the
night's memory back when it ends, and what kills a night does not kill the page. Ends with 0 when the tick is settled, with
6 when another run holds the lease, with anything else when the tick is still open.
"""

import os
import sys
import threading
import time
from contextlib import suppress

import stamina
import structlog
from structlog.contextvars import bound_contextvars

from assay import logs, nightly, wiring
from assay.night.interrupt import Stoppable, asked_to_end
from assay.night.options import orders_of
from assay.night.ping import Ping, watched
from assay.night.progress import GOOD, Logged, log_outcomes
from assay.nightly import LEASE, Interrupted
from assay.settings import ConfigError, Settings, load, secret_values
from connectors.errors import CrmError
from db import lease
from db.engine import DatabaseError
from db.lease import Lease, LeaseHeld, LeaseLost
from db.retention import Keep, purge
from db.store import Store
from db.ticks import ATTEMPTS, Ticks

SETTLED, OPEN, HELD = 0, 1, 6
#: from best to worst: how a tick of several CRMs ended
OUTCOMES = ("done", "rejected", "quota", "stopped", "failed")

log = structlog.get_logger("assay.schedule")


def main() -> None:
    """Entry point of the process."""
    stamina.instrumentation.set_on_retry_hooks([])
    settings = load().settings
    logs.configure(settings.log, secret_values(settings))
    with asked_to_end() as asked:
        threading.Thread(target=_watch_parent, args=(asked,), daemon=True).start()
        sys.exit(Tick(settings, int(sys.argv[1]), asked).run())


def _watch_parent(asked: threading.Event) -> None:
    """Stdin is a pipe that only the parent holds: when it ends, so has the parent."""
    with suppress(OSError):
        os.read(0, 1)
    asked.set()


class Tick:
    """A time of the schedule that is to be run here, if nobody else has."""

    def __init__(self, settings: Settings, at: int, asked: threading.Event) -> None:
        self.settings, self.at, self.asked = settings, at, asked

    def run(self) -> int:
        with bound_contextvars(tick=self.at):
            try:
                store = wiring.open_store(self.settings)
                with lease.held(store.engine, LEASE, self.settings.schedule.lease_seconds) as held:
                    return self._claimed(store, held)
            except LeaseHeld:
                return HELD
            except (DatabaseError, LeaseLost) as error:
                log.error("tick not run", reason=str(error))
                return OPEN

    def _claimed(self, store: Store, held: Lease) -> int:
        ticks = Ticks(store.engine, LEASE)
        attempt = ticks.claim(self.at, held.fence, int(time.time()))
        if attempt == 0:
            return SETTLED
        outcome = "failed"
        if attempt > ATTEMPTS:
            log.error("tick given up", attempts=ATTEMPTS)
            Ping(self.settings).failure()
        else:
            try:
                outcome = self._night(store, held, attempt)
            except Interrupted as error:
                ticks.give_back(self.at, held.fence)
                log.info("night interrupted", reason=str(error))
                return OPEN
        ticks.end(self.at, held.fence, outcome, int(time.time()))
        if outcome in GOOD:
            forgotten = purge(store.engine, Keep(**self.settings.retention.model_dump()), int(time.time()))
            log.info("old records forgotten", **{k: v for k, v in forgotten.items() if v})
        return SETTLED

    def _night(self, store: Store, held: Lease, attempt: int) -> str:
        """Run it; what the CRM, the configuration or a bug does is an outcome, not the end of the schedule."""
        log.info("night begins", attempt=attempt)
        tell = Logged()
        try:
            with watched(self.settings, whole=True) as watcher:
                crms, orders = wiring.open_crms(self.settings), orders_of(self.settings)
                with wiring.metered(crms, store):
                    outcomes = watcher.saw(nightly.run(crms, store, held, orders, Stoppable(tell, self.asked)))
            tell.flush()
        except (CrmError, ConfigError, DatabaseError, LeaseLost) as error:
            log.error("night failed", reason=str(error))
            return "failed"
        except Interrupted:
            raise
        except Exception:
            log.exception("night failed")
            return "failed"
        log_outcomes(outcomes)
        return max((o.outcome for o in outcomes), key=OUTCOMES.index)


if __name__ == "__main__":
    main()
