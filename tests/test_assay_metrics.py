"""The metrics against the database they are read from."""

import time
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine
from test_assay_stopping import NOW, crm_of
from test_db_retention import night

from assay.commands import show
from assay.service.metrics import exposition
from assay.service.schedule import LATE, schedule_facts
from db import tables as t
from db.engine import open_database
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
