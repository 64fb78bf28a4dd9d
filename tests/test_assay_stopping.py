"""A night that is asked to end does so between two batches, and the next one finishes its work; who watches is told."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from assay.night.interrupt import StopOnRequest, stop_signals
from assay.night.options import Interrupted, RunOptions
from assay.night.ping import Ping, ping_around
from assay.night.progress import Quiet
from assay.nightly import run
from assay.settings import Settings
from connectors.memory import MemoryCrm
from db import lease
from db import tables as t
from db.runs import Runs
from db.store import Store
from scoring.rules import Rules

DAY = 86_400
NOW = 20_600 * DAY


class AskedInTheWrite(Quiet):
    """Asks for the end while the second batch is on its way."""

    def __init__(self, asked: threading.Event) -> None:
        self.asked = asked

    def rows(self, stream: str, rows: int, calls: int) -> None:
        if stream == "rows written" and rows > 0:
            self.asked.set()


def crm_of(accounts: int) -> MemoryCrm:
    crm = MemoryCrm(NOW)
    crm.put("owner", id="U", name="Ann", active=True, started_at=NOW - 2000 * DAY)
    for n in range(accounts):
        crm.put("account", id=f"A{n:04}", name=f"A{n}", owner_id="U", created_at=NOW - 900 * DAY)
    return crm


def night(crm: MemoryCrm, store: Store, tell: Any) -> Any:
    with lease.held(store.engine, "night") as held:
        return run([crm], store, held, RunOptions(rules=Rules(), replay_nights=0, write=True, force=True), tell)


def test_a_write_that_is_stop_signals_settles_what_it_sent_and_the_next_run_sends_the_rest(engine: Engine) -> None:
    crm, store, asked = crm_of(700), Store(engine), threading.Event()
    with pytest.raises(Interrupted, match="between two batches"):
        night(crm, store, StopOnRequest(AskedInTheWrite(asked), asked))
    assert lease.is_free(engine, "night")
    [stopped] = Runs(engine).list()
    assert (stopped.outcome, "on request" in stopped.message) == ("failed", True)
    assert _ledger(engine) == {"acked": 200, "planned": 500}
    written = [i for i, a in crm.records["account"].items() if a["ours"] != "{}"]
    assert written == sorted(crm.records["account"])[:200]
    [outcome] = night(crm, store, Quiet())
    assert (outcome.outcome, outcome.acked) == ("done", 500)
    assert _ledger(engine) == {"acked": 700}


def _ledger(engine: Engine) -> dict[str, int]:
    with engine.connect() as c:
        rows = c.execute(select(t.ledger.c.status, func.count()).group_by(t.ledger.c.status))
        return {status: count for status, count in rows}  # noqa: C416 rows are not pairs to mypy


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_the_second_ends(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_signals() as asked:
        os.kill(os.getpid(), number)
        assert asked.wait(5)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


# ---- the watcher ----------------------------------------------------------------------------------------------------


@contextmanager
def listening(status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """A watcher on this machine: its URL and the paths it heard."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/uuid", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def pinging(url: str) -> Settings:
    return Settings(schedule={"ping_url": url})


@pytest.mark.parametrize(("refused", "last"), [("", "/uuid"), ("A0003", "/uuid")])
def test_a_watcher_hears_start_and_success(engine: Engine, refused: str, last: str) -> None:
    crm = crm_of(5)
    crm.refuses = {refused: "NO"} if refused else {}
    with listening() as (url, heard), ping_around(pinging(url), whole=True) as watched:
        assert heard == ["/uuid/start"]
        watched.outcomes = night(crm, Store(engine), Quiet())
    assert heard == ["/uuid/start", last]


def test_a_watcher_hears_of_a_failure_not_of_an_interruption_nor_of_part_of_a_night() -> None:
    for error, words in ((ValueError, ["/uuid/start", "/uuid/fail"]), (Interrupted, ["/uuid/start"])):
        with listening() as (url, heard):
            with pytest.raises(error), ping_around(pinging(url), whole=True):
                raise error
            assert heard == words
    with listening() as (url, heard):
        with ping_around(pinging(url), whole=False):
            pass
        assert heard == []


def test_a_watcher_that_is_away_or_refuses_fails_no_night(capsys: pytest.CaptureFixture[str]) -> None:
    Ping(pinging("http://127.0.0.1:9/uuid-secret")).start()
    with listening(status=500) as (url, heard):
        Ping(pinging(url)).success()
        assert heard == ["/uuid"]
    Ping(Settings()).failure()
    assert "uuid" not in json.dumps(capsys.readouterr())
