"""When a schedule comes, over the nights on which a zone moves its clock; and that the scheduler keeps to itself."""

import ast
import sys
import threading
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import scheduler
from scheduler import Cron

BERLIN = ZoneInfo("Europe/Berlin")


def local(cron: Cron, start: datetime, count: int) -> list[str]:
    return [at.astimezone(cron.zone).strftime("%m-%d %H:%M%z") for at in islice(cron.times(start), count)]


def test_it_imports_nothing_of_ours() -> None:
    tree = ast.parse(Path(scheduler.__file__).read_text())
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module or "." for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    roots = {name.partition(".")[0] for name in names}
    assert roots - set(sys.stdlib_module_names) == {"apscheduler"}


def test_a_time_that_a_spring_night_leaves_out_comes_once_and_later() -> None:
    got = local(Cron("30 2 * * *", "Europe/Berlin"), datetime(2026, 3, 28, tzinfo=BERLIN), 3)
    assert got == ["03-28 02:30+0100", "03-29 03:30+0200", "03-30 02:30+0200"]


def test_a_time_that_an_autumn_night_has_twice_comes_once() -> None:
    got = local(Cron("30 2 * * *", "Europe/Berlin"), datetime(2026, 10, 24, tzinfo=BERLIN), 3)
    assert got == ["10-24 02:30+0200", "10-25 02:30+0200", "10-26 02:30+0100"]


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kolkata"]
)
def test_a_nightly_cron_comes_once_each_day_of_a_year_however_it_is_asked(zone: str) -> None:
    """Asked as APScheduler asks: anew from the last time, and from any moment in between."""
    cron = Cron("30 2 * * *", zone)
    start = datetime(2018, 1, 1, tzinfo=UTC)  # São Paulo moved its clock at midnight until 2019
    straight = list(islice(cron.times(start), 365))
    days = [at.astimezone(cron.zone).date() for at in straight]
    assert len(set(days)) == 365
    last, asked = None, []
    for _ in range(365):
        last = cron.get_next_fire_time(last, start if last is None else last + timedelta(minutes=20))
        assert last is not None
        asked.append(last)
    assert asked == straight
    for at, following in pairwise(straight[60:100]):
        for moment in (at, at + timedelta(minutes=15), at + timedelta(minutes=75), following - timedelta(seconds=1)):
            assert cron.due(moment.timestamp()) == at.timestamp()
            assert cron.upcoming(moment.timestamp()) == following.timestamp()


def test_due_and_upcoming_are_the_times_around_now() -> None:
    cron = Cron("0 2 * * 1-5", "UTC")
    saturday = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()
    assert cron.due(saturday) == datetime(2026, 11, 27, 2, tzinfo=UTC).timestamp()
    assert cron.upcoming(saturday) == datetime(2026, 11, 30, 2, tzinfo=UTC).timestamp()
    assert Cron("*/5 * * * * *", "UTC").due(1_000_000_003.5) == 1_000_000_000
    assert Cron("0 0 1 1 *", "UTC").due(saturday) == datetime(2026, 1, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("field", "days"),
    [("0", "Sun"), ("7", "Sun"), ("1-5", "Mon Tue Wed Thu Fri"), ("5-7", "Fri Sat Sun"), ("sat,sun", "Sat Sun"),
     ("fri-mon", "Fri Mon Sat Sun"), ("*/2", "Sat Sun Thu Tue"), ("1/3", "Mon Thu")],
)  # fmt: skip
def test_weekdays_are_crons_not_apschedulers(field: str, days: str) -> None:
    times = islice(Cron(f"0 2 * * {field}", "UTC").times(datetime(2026, 11, 1, tzinfo=UTC)), 14)
    assert {at.strftime("%a") for at in times} == set(days.split())


@pytest.mark.parametrize(
    ("expression", "zone", "words"),
    [("30 2 * *", "UTC", "4 fields"), ("61 2 * * *", "UTC", "61"), ("0 2 * * 8", "UTC", "'8' is no weekday"),
     ("x 2 * * *", "UTC", "'x 2"), ("0 2 1 * 1", "UTC", "leave one"), ("0 2 * * *", "Mars/Base", "Mars/Base"),
     ("0 2 * * *", "", "time zone ''"), ("0 2 * * 1/x", "UTC", "1/x")],
)  # fmt: skip
def test_what_means_nothing_is_refused_with_a_way_out(expression: str, zone: str, words: str) -> None:
    with pytest.raises(ValueError, match="Fix: ") as caught:
        Cron(expression, zone)
    assert words in str(caught.value)


def test_the_scheduler_calls_at_its_start_and_at_each_time_never_twice_at_once() -> None:
    calls, running, enough = [], threading.Lock(), threading.Event()

    def call() -> None:
        assert running.acquire(blocking=False)
        calls.append(datetime.now(UTC))
        running.release()
        if len(calls) == 2:
            enough.set()

    started = scheduler.schedule(Cron("* * * * * *", "UTC"), call)
    started.start()
    try:
        assert enough.wait(10)
        assert started.get_job("tick").next_run_time > calls[-1]
    finally:
        started.shutdown(wait=True)
