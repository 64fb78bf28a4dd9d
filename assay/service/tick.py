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

import structlog
from structlog.contextvars import bound_contextvars

from assay import logs, start, wiring
from assay.night.interrupt import StopOnRequest, stop_signals
from assay.night.options import Interrupted, options_of
from assay.night.outcome import worst
from assay.night.ping import Ping
from assay.night.progress import Logged
from assay.service.schedule import HELD, OPEN, SETTLED
from assay.settings import ConfigError, Settings, load, secret_values
from connectors.errors import CrmError
from db.engine import DatabaseError
from db.lease import NIGHT, Lease, LeaseHeld, LeaseLost
from db.store import Store
from db.ticks import ATTEMPTS, Ticks

log = structlog.get_logger("assay.schedule")


def main() -> None:
    """Entry point of the process."""
    settings = load().settings
    logs.configure(settings.log, secret_values(settings))
    with stop_signals() as stop:
        threading.Thread(target=_watch_parent, args=(stop,), daemon=True).start()
        sys.exit(Tick(settings, int(sys.argv[1]), stop).run())


def _watch_parent(stop: threading.Event) -> None:
    """Stdin is a pipe that only the parent holds: when it ends, so has the parent."""
    with suppress(OSError):
        os.read(0, 1)
    stop.set()


class Tick:
    """A time of the schedule that is to be run here, if nobody else has."""

    def __init__(self, settings: Settings, at: int, stop: threading.Event) -> None:
        self.settings, self.at, self.stop = settings, at, stop

    def run(self) -> int:
        with bound_contextvars(tick=self.at):
            try:
                store = wiring.open_store(self.settings)
                with start.night_lease(self.settings, store.engine) as mine:
                    return self._claimed(store, mine)
            except LeaseHeld:
                return HELD
            except (DatabaseError, LeaseLost) as error:
                log.error("tick not run", reason=str(error))
                return OPEN

    def _claimed(self, store: Store, mine: Lease) -> int:
        ticks = Ticks(store.engine, NIGHT)
        attempt = ticks.claim(self.at, mine.fence, int(time.time()))
        if attempt == 0:
            return SETTLED
        outcome = "failed"
        if attempt > ATTEMPTS:
            log.error("tick given up", attempts=ATTEMPTS)
            Ping(self.settings).failure()
        else:
            try:
                outcome = self._night(store, mine, attempt)
            except Interrupted as error:
                ticks.give_back(self.at, mine.fence)
                log.info("night interrupted", reason=str(error))
                return OPEN
        ticks.end(self.at, mine.fence, outcome, int(time.time()))
        return SETTLED

    def _night(self, store: Store, mine: Lease, attempt: int) -> str:
        """Run it; what the CRM, the configuration or a bug does is an outcome, not the end of the schedule."""
        log.info("night begins", attempt=attempt)
        progress = Logged()
        try:
            options = options_of(self.settings)
            outcomes = start.run_night(self.settings, store, mine, options, StopOnRequest(progress, self.stop))
        except (CrmError, ConfigError, DatabaseError, LeaseLost) as error:
            log.error("night failed", reason=str(error))
            return "failed"
        except Interrupted:
            raise
        except Exception:
            log.exception("night failed")
            return "failed"
        return worst(o.outcome for o in outcomes)


if __name__ == "__main__":
    main()
