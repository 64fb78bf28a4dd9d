"""`assay serve`: the schedule and the page in one small process that waits all day.

It imports neither the maths nor the vendors' clients; each night is a process of its own (`assay.service.tick`,
docs/adr/0021). Two replicas may share a database: see `db.ticks`.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import structlog
import uvicorn
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from assay import __version__
from assay.service.metrics import exposition
from assay.service.schedule import HELD, SETTLED
from assay.settings import ConfigError, Settings, config_path
from db import lease
from db.engine import open_database
from db.migrate import schema, upgrade
from db.telemetry import Telemetry
from db.ticks import Ticks
from scheduler import Cron, schedule

#: seconds given to requests under way when the service ends
DRAIN = 5

log = structlog.get_logger("assay.service.serve")


def serve(settings: Settings, config: Path | None = None) -> bool:
    """Stay up until asked to end; False if the page ended by itself. `config` is the file the nights read as well.

    Raises `ConfigError` and `DatabaseError` for what keeps it from starting.
    """
    settings.required_crms()
    engine = open_database(settings.database.url)
    before, after = upgrade(engine)
    page = _listen(settings)
    clock, stop = settings.schedule.clock(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with page:
        service = Service(engine, settings, clock, stop, config)
        server = _server(service, settings)
        host, port = page.getsockname()[:2]
        log.info(
            "service begins",
            version=__version__,
            schema=after,
            upgraded_from=before if before != after else None,
            page=f"http://{host}:{port}",
            cron=settings.schedule.cron,
            timezone=settings.schedule.timezone,
        )
        with service:
            asked = _serve_page(server, page, stop)
    log.info("service ended")
    engine.dispose()
    return asked


def _listen(settings: Settings) -> socket.socket:
    """The page's socket; a port that is taken is told before anything has begun."""
    from assay.web.access import raise_if_exposed

    web = settings.web
    raise_if_exposed(web.host, settings)
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    page = socket.socket(family, socket.SOCK_STREAM)
    page.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        page.bind((web.host, web.port))
    except OSError as error:
        page.close()
        raise ConfigError([f"[web] {web.host}:{web.port}: {error.strerror}. Fix: choose another --host or --port"]) from None
    return page


def _server(service: "Service", settings: Settings) -> uvicorn.Server:
    """The page over this service; raises `ConfigError`."""
    from assay.web import create_app  # the pages take a moment to load; what is wrong above is told at once

    metrics = exposition(Telemetry(service.engine), service.clock, service.next_run)
    app = create_app(service.engine, settings, service, metrics)
    return uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=DRAIN)
    )


def _serve_page(server: uvicorn.Server, page: socket.socket, stop: threading.Event) -> bool:
    """Serve until `stop`; False if the page ended by itself. Signals stay with the main thread: nights end with the page."""
    thread = threading.Thread(target=lambda: server.run(sockets=[page]), name="page")
    thread.start()
    while thread.is_alive() and not stop.wait(0.5):
        continue
    asked = stop.is_set()
    log.info("service is asked to end") if asked else log.error("the page has ended")
    stop.set()
    server.should_exit = True
    thread.join()
    return asked


class Service:
    """The schedule of this process: runs each tick that nobody else has run, one at a time."""

    def __init__(
        self, engine: Engine, settings: Settings, clock: Cron | None, stop: threading.Event, config: Path | None = None
    ) -> None:
        self.engine, self.clock, self.stop, self.config = engine, clock, stop, config
        self.poll = settings.schedule.lease_seconds / 12
        self.ticks = Ticks(engine, lease.NIGHT)
        self._scheduler = schedule(clock, self.catch_up) if clock else None
        self._night: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Service":
        now = time.time()
        if self.clock is not None and (due := self.clock.due(now)) is not None:
            self.ticks.begin(due, int(now))
        if self._scheduler is not None:
            self._scheduler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=True)

    # ---- what the page asks -----------------------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """Why this service is not ready; empty when it is."""
        problems = ["ending"] if self.stop.is_set() else []
        try:
            has, wants = schema(self.engine)
            problems += [f"database schema is {has}, not {wants}"] if has != wants else []
        except SQLAlchemyError:
            problems.append("the database does not answer")
        if self._scheduler is not None and not (self._scheduler.running and self._scheduler.get_job("tick")):
            problems.append("the scheduler does not run")
        return problems

    def next_run(self) -> int | None:
        return self.clock.upcoming(time.time()) if self.clock else None

    # ---- nights -----------------------------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Run what died half-way and the last time of the schedule that is open, until there is none."""
        while not self.stop.is_set():
            try:
                due = self._due()
                if due is None:
                    return
                if lease.is_free(self.engine, lease.NIGHT) and self._run(due) == SETTLED:
                    continue
            except SQLAlchemyError as error:
                log.warning("the database does not answer, trying again", error=type(error).__name__)
            self.stop.wait(self.poll)

    def _due(self) -> int | None:
        unfinished = self.ticks.unfinished()
        if unfinished is not None:
            return unfinished
        due = self.clock.due(time.time()) if self.clock else None
        return due if due is not None and self.ticks.open(due) else None

    def _run(self, at: int) -> int:
        """One night in a process of its own; when this service is to end, so is the night, between two batches."""
        environment = os.environ | ({"ASSAY_CONFIG": str(path)} if (path := config_path(self.config)) else {})
        command = [sys.executable, "-m", "assay.service.tick", str(at)]
        self._night = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)  # noqa: S603 our own program
        asked = False
        while (code := self._night.poll()) is None:
            if self.stop.wait(0.1) and not asked:
                self._night.terminate()
                asked = True
            elif asked:
                time.sleep(0.1)
        if code not in (SETTLED, HELD) and not asked:
            log.error("night died", tick=at, exit_code=code)
        return code
