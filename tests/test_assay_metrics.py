"""The metrics against the database they are read from."""

import json
import time
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine
from test_assay_stopping import NOW, crm_of
from test_db_retention import night

from assay.commands import show
from assay.service.metrics import exposition
from assay.service.schedule import LATE, schedule_facts
from db import tables as t
from db.engine import open_database
from db.runs import Runs
from db.store import Store
from db.telemetry import Telemetry
from scheduler import Cron


def read(telemetry: Telemetry, clock: Cron | None = None) -> dict[tuple[str, ...], float]:
    """(name, label values except the CRM's ...) -> value."""
    body, kind = exposition(telemetry, clock, lambda: 1234)()
    assert kind.startswith("text/plain")
    found = {}
    for family in text_string_to_metric_families(body.decode()):
        for s in family.samples:
            found[s.name, *(v for k, v in sorted(s.labels.items()) if k != "crm")] = s.value
    return found


def test_sums_and_last_values_are_those_of_the_runs(engine: Engine) -> None:
    crm, store, telemetry = crm_of(6), Store(engine), Telemetry(engine)
    crm.refuses = {"A0003": "NO"}
    first = night(crm, store)
    before = read(telemetry)
    assert before["assay_runs_total", "rejected"] == 1
    assert before["assay_rows_pulled_total", "account"] == first.rows["account"] == 6
    assert (before["assay_writes_total", "acked"], before["assay_writes_total", "rejected"]) == (5, 1)
    assert before[("assay_rejects_open",)] == 1
    assert sum(v for k, v in before.items() if k[0] == "assay_accounts_flagged") == 6
    assert abs(before["assay_watermark_lag_seconds", "account"] - (time.time() - NOW)) < 60
    crm.refuses = {}
    second = night(crm, store)
    after = read(telemetry)
    assert after["assay_runs_total", "rejected"] + after["assay_runs_total", "done"] == 2
    assert after["assay_rows_pulled_total", "account"] == first.rows["account"] + second.rows["account"]
    assert after["assay_writes_total", "acked"] == 6
    assert after[("assay_rejects_open",)] == 0
    assert after == read(Telemetry(engine)) | _moving(after)  # a restart forgets nothing
    assert after[("assay_next_run_timestamp_seconds",)] == 1234


def test_what_is_refused_and_open_is_the_same_for_the_metric_and_the_command(engine: Engine) -> None:
    crm, store, telemetry = crm_of(6), Store(engine), Telemetry(engine)
    crm.refuses = {"A0003": "NO"}
    night(crm, store)
    runs = Runs(engine)
    runs.end(runs.start(1, 1, "write"), 2, "failed", detail={"rejected": 0})  # the last run heard of no refusal
    assert read(telemetry)[("assay_rejects_open",)] == len(json.loads(show.rejects(store, True))) == 1
    crm.refuses = {}
    night(crm, store)
    assert read(telemetry)[("assay_rejects_open",)] == len(json.loads(show.rejects(store, True))) == 0


@pytest.mark.parametrize(("mode", "detail"), [("undo", {}), ("dry", {"whole": False})])
def test_only_a_whole_night_moves_the_last_success(engine: Engine, mode: str, detail: dict[str, Any]) -> None:
    """An undo, or a run that somebody cut short by hand, would hide that the nights of the schedule fail."""
    telemetry, runs = Telemetry(engine), Runs(engine)
    night(crm_of(3), Store(engine))
    [last] = runs.good(1, 9)
    runs.end(runs.start(1, 2 * last.started_at, mode), 2 * last.started_at, "done", detail=detail)
    assert read(telemetry)[("assay_last_success_timestamp_seconds",)] == last.ended_at
    assert telemetry.orgs()[0].good_from == last.started_at
    assert [run.id for run in runs.good(1, 9)] == [last.id]
    runs.end(runs.start(1, 3 * last.started_at, "dry"), 3 * last.started_at, "done", detail={"whole": True})
    assert read(telemetry)[("assay_last_success_timestamp_seconds",)] == 3 * last.started_at


def _moving(values: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    return {k: v for k, v in values.items() if k[0].startswith("process_") or k[0] == "assay_watermark_lag_seconds"}


def test_a_night_is_stale_when_the_one_that_was_due_has_not_come(engine: Engine) -> None:
    clock, telemetry = Cron("* * * * *", "UTC"), Telemetry(engine)
    assert read(telemetry, clock)[("assay_night_stale",)] == 0  # nothing was promised yet
    _promise(engine, int(time.time()) - LATE - 86_400)
    assert read(telemetry, clock)[("assay_night_stale",)] == 1
    assert "should have come" in show.status(Store(engine), False, schedule_facts(engine, clock, time.time()))
    night(crm_of(3), Store(engine))
    assert read(telemetry, clock)[("assay_night_stale",)] == 0
    told = show.status(Store(engine), False, schedule_facts(engine, clock, time.time()))
    assert ("should have come" in told, "next night 20" in told) == (False, True)
    with engine.begin() as c:
        c.execute(t.run.update().values(started_at=int(time.time()) - LATE - 3600))
    assert read(Telemetry(engine), clock)[("assay_night_stale",)] == 1


def _promise(engine: Engine, at: int) -> None:
    row: dict[str, Any] = {"attempts": 0, "fence": 0, "started_at": at, "ended_at": at, "outcome": "skipped"}
    with engine.begin() as c:
        c.execute(t.tick.insert().values(name="night", at=at, **row))


def test_a_database_that_is_away_is_a_metric_not_an_error() -> None:
    away = open_database("postgresql://u:p@127.0.0.1:1/x")
    found = read(Telemetry(away), Cron("* * * * *", "UTC"))
    assert found[("assay_database_up",)] == 0
    assert not [k for k in found if k[0].startswith("assay_run")]
    away.dispose()
