"""One question, one answer: each question is asked through two doors, and both say the same."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, insert
from test_assay_scope import EMEA, firm, night
from typer.testing import CliRunner

from assay.commands import show
from assay.commands.cli import app
from assay.commands.doctor import home
from assay.night.options import Bands, RunOptions, options_of
from assay.night.outcome import EXIT_CODES, worst
from assay.night.stops import Limits
from assay.service.metrics import exposition
from assay.service.schedule import schedule_facts
from assay.settings import Scoring, Settings, Write
from assay.web.snapshot import Snapshots
from db import lease
from db import tables as t
from db.engine import open_database
from db.migrate import upgrade
from db.refusals import refusals
from db.runs import Runs
from db.store import Store
from db.telemetry import Telemetry
from scoring.rules import Rules


def test_what_would_be_written_is_the_same_for_the_command_and_the_page_after_the_scope_was_narrowed(engine: Engine) -> None:
    night(firm(), Store(engine), write=False)
    settings = Settings(scope={"include": {"Region__c": ["emea"]}, "exclude": {"type": ["partner"]}})
    told = json.loads(show.plan(Store(engine, settings.scope.chosen()), options_of(settings), "json"))
    page = Snapshots(engine, settings).current().plan
    assert {row["account_id"] for row in told} == {row["account_id"] for row in page.page(1)} == {"A00", "A01", "A04", "A06"}
    assert page.accounts == 4


@pytest.mark.parametrize("cron", ["0 2 * * 0", "0 2 * * 7", "0 2 * * *", "30 1 * * 1-5"])
def test_the_next_night_is_the_same_for_status_and_doctor(engine: Engine, cron: str) -> None:
    settings = Settings(schedule={"cron": cron, "timezone": "Europe/Berlin"})
    clock = settings.schedule.clock()
    assert clock is not None
    upcoming = schedule_facts(engine, clock, time.time())["next"]
    assert upcoming is not None
    [finding] = home.schedule(settings)
    assert finding.status == "ok"
    assert f"{datetime.fromtimestamp(upcoming, UTC).astimezone(clock.zone):%Y-%m-%d %H:%M}" in finding.cause


def test_a_schedule_that_never_comes_is_a_failure_for_doctor() -> None:
    [finding] = home.schedule(Settings(schedule={"cron": "0 2 30 2 *"}))
    assert (finding.status, "never comes" in finding.cause) == ("failure", True)


def test_how_a_run_of_two_crms_ended_is_told_worst_first_by_severity_not_by_number() -> None:
    assert worst(["failed", "rejected"]) == "failed"
    assert EXIT_CODES[worst(["failed", "rejected"])] == 1
    assert EXIT_CODES[worst(["quota", "stopped"])] == 5
    assert EXIT_CODES[worst(["rejected", "quota"])] == 4
    assert EXIT_CODES[worst(["done", "rejected"])] == 3
    assert sorted(EXIT_CODES) == sorted({"done", "rejected", "quota", "stopped", "failed"})


def test_a_run_that_many_newer_ones_follow_is_still_there(tmp_path: Path) -> None:
    config = tmp_path / "assay.toml"
    config.write_text(f'[database]\nurl = "sqlite:///{tmp_path}/assay.db"\n')
    engine = open_database(f"sqlite:///{tmp_path}/assay.db")
    upgrade(engine)
    org = Store(engine).pin_org("memory", {"external_id": "1", "name": "Acme", "sandbox": True, "currency": "EUR"})
    row = {"org": org.id, "started_at": 1, "ended_at": 2, "mode": "dry", "outcome": "done", "message": "", "calls": 0}
    with engine.begin() as c:
        c.execute(insert(t.run), [{**row, "detail": "{}"}] * 250)
    engine.dispose()
    result = CliRunner().invoke(app, ["--config", str(config), "runs", "1"])
    assert (result.exit_code, json.loads(result.stdout)["id"]) == (0, 1)


def metric(engine: Engine, name: str) -> float | None:
    body, _ = exposition(Telemetry(engine), None, lambda: None)()
    samples = [s for family in text_string_to_metric_families(body.decode()) for s in family.samples if s.name == name]
    return samples[0].value if samples else None


def test_what_is_refused_and_open_is_the_same_for_the_command_and_the_metric(engine: Engine) -> None:
    crm, store = firm(), Store(engine)
    crm.refuses = {"A03": "NO"}
    night(crm, store)
    assert (len(json.loads(show.rejects(store, True))), metric(engine, "assay_rejects_open")) == (1, 1)
    night(crm, store, write=False)  # a dry run refuses nothing, and what is refused stays refused
    assert (len(json.loads(show.rejects(store, True))), metric(engine, "assay_rejects_open")) == (1, 1)
    assert [r.account_id for r in refusals(engine, 10)] == ["A03"], "the page and the API list the same"
    crm.refuses = {}
    night(crm, store)
    assert (len(json.loads(show.rejects(store, True))), metric(engine, "assay_rejects_open")) == (0, 0)
    assert refusals(engine, 10) == []


@pytest.mark.parametrize(("mode", "detail"), [("undo", {"whole": False}), ("dry", {"whole": False})])
def test_neither_an_undo_nor_a_rehearsal_is_the_last_good_night(engine: Engine, mode: str, detail: dict[str, Any]) -> None:
    night(firm(), store := Store(engine))
    [org] = store.orgs()
    good = metric(engine, "assay_last_success_timestamp_seconds")
    assert good is not None
    runs = Runs(engine)
    later = runs.start(org.id, int(good) + 500, mode)
    runs.end(later, int(good) + 1000, "done", detail={"rows": {}, "seconds": {}, "states": {}} | detail)
    assert metric(engine, "assay_last_success_timestamp_seconds") == good
    assert [run.id for run in runs.good(org.id, 5)] == [later - 1]


def test_a_default_stands_in_one_place() -> None:
    options, settings = RunOptions(Rules()), Settings()
    assert (options.replay_nights, options.max_flag_change) == (Scoring().replay_nights, Write().max_flag_change)
    assert options_of(settings) == RunOptions(settings.scoring.rules())
    assert Bands() == options_of(settings).bands
    assert Limits().flag_change == settings.write.max_flag_change
    assert settings.schedule.lease_seconds == lease.SECONDS


def test_the_scope_that_the_tests_narrow_is_a_real_one() -> None:
    assert EMEA.criteria
