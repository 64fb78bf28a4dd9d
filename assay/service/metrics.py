"""Prometheus metrics of the nights (docs/facts/running.md, "Metrics"). Read from the database when asked for."""

import time
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from assay import __version__
from assay.service.schedule import is_stale
from db import lease
from db.telemetry import OfOrg, Telemetry
from scheduler import Cron

COUNTERS = {
    "assay_runs": "Runs that ended, by outcome.",
    "assay_rows_pulled": "Rows read from the CRM.",
    "assay_writes": "Accounts written, by what the CRM said.",
    "assay_api_calls": "API calls made.",
}
GAUGES = {
    "assay_last_success_timestamp_seconds": "When the last good night ended.",
    "assay_last_run_timestamp_seconds": "When the last run began.",
    "assay_run_duration_seconds": "How long the last run took.",
    "assay_run_step_seconds": "How long each step of the last run took.",
    "assay_rejects_open": "Accounts that the CRM refused and has not taken since, as `assay rejects` lists them.",
    "assay_api_calls_used": "API calls of the last run.",
    "assay_api_quota_remaining": "Daily API calls the org had left when the last run began.",
    "assay_accounts_flagged": "Accounts by state.",
    "assay_watermark_lag_seconds": "Age of what has been read, by stream.",
}
LABELS = {
    "assay_runs": "outcome",
    "assay_rows_pulled": "object",
    "assay_writes": "result",
    "assay_run_step_seconds": "step",
    "assay_accounts_flagged": "state",
    "assay_watermark_lag_seconds": "object",
}


class Nights(Collector):
    """All metrics of a database; `next_run` is the scheduler's, None where this process has none."""

    def __init__(self, telemetry: Telemetry, clock: Cron | None, next_run: Callable[[], int | None]) -> None:
        self.telemetry, self.clock, self.next_run = telemetry, clock, next_run

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("assay", "This version.", {"version": __version__})
        next_run = self.next_run()
        if next_run is not None:
            yield GaugeMetricFamily("assay_next_run_timestamp_seconds", "When the next night is due.", next_run)
        try:
            metrics = list(self._from_database(time.time()))
        except SQLAlchemyError:
            metrics = []
        yield GaugeMetricFamily("assay_database_up", "1 if the database answers.", float(bool(metrics)))
        yield from metrics

    def _from_database(self, now: float) -> Iterator[Metric]:
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {
            name: CounterMetricFamily(name, words, labels=_labels(name)) for name, words in COUNTERS.items()
        }
        families |= {name: GaugeMetricFamily(name, words, labels=_labels(name)) for name, words in GAUGES.items()}
        for of in self.telemetry.orgs():
            for name, label, value in _of_org(of):
                families[name].add_metric([of.crm, label] if name in LABELS else [of.crm], value)
        for (crm, stream), until in self.telemetry.watermarks().items():
            families["assay_watermark_lag_seconds"].add_metric([crm, stream], now - until)
        yield from families.values()
        stale, busy = is_stale(self.telemetry, self.clock, now), not lease.is_free(self.telemetry.engine, lease.NIGHT)
        yield GaugeMetricFamily("assay_night_stale", "1 if a night that should have come has not.", float(stale))
        yield GaugeMetricFamily("assay_night_running", "1 while somebody runs a night.", float(busy))


def _labels(name: str) -> list[str]:
    return ["crm", LABELS[name]] if name in LABELS else ["crm"]


def _of_org(of: OfOrg) -> Iterator[tuple[str, str, float]]:
    """(metric, its second label, value) of one org's runs."""
    yield from (("assay_runs", outcome, count) for outcome, count in of.outcomes.items())
    yield from (("assay_rows_pulled", stream, rows) for stream, rows in of.rows.items())
    yield from (("assay_writes", result, count) for result, count in of.writes.items())
    yield from (("assay_accounts_flagged", state, count) for state, count in of.states.items())
    yield "assay_api_calls", "", of.calls
    yield "assay_rejects_open", "", of.refused
    if of.good_at is not None:
        yield "assay_last_success_timestamp_seconds", "", of.good_at
    if of.last:
        detail = of.last["detail"]
        yield "assay_last_run_timestamp_seconds", "", of.last["started_at"]
        if of.last["ended_at"] is not None:
            yield "assay_run_duration_seconds", "", of.last["ended_at"] - of.last["started_at"]
        yield from (("assay_run_step_seconds", step, seconds) for step, seconds in detail.get("seconds", {}).items())
        yield "assay_api_calls_used", "", of.last["calls"]
        if detail.get("calls_left") is not None:
            yield "assay_api_quota_remaining", "", detail["calls_left"]


def exposition(
    telemetry: Telemetry, clock: Cron | None, next_run: Callable[[], int | None]
) -> Callable[[], tuple[bytes, str]]:
    """What /metrics answers: body and content type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Nights(telemetry, clock, next_run))
    ProcessCollector(registry=registry)
    return lambda: (generate_latest(registry), CONTENT_TYPE_LATEST)
