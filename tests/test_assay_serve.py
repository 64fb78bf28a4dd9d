"""`assay serve` as it is run: real processes on real databases against a real sandbox over HTTP."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import warm
from sqlalchemy import Engine, select

from assay.service import serve
from assay.settings import Settings
from db import tables as t
from db.engine import open_database
from db.migrate import newest
from db.runs import Runs
from sandbox import process, world

Line = dict[str, Any]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("world")
    world.generate(folder, seed=5, accounts=20, reps=2)
    with process.running(folder) as ready:
        yield ready["salesforce"]


def configure(home: Path, line: Line, database_url: str, cron: str = "0 2 * * *", more: str = "") -> Path:
    path = home / "assay.toml"
    path.write_text(
        f'allow_hosts = ["{line["url"].removeprefix("http://")}", "127.0.0.1:9"]\n[database]\nurl = "{database_url}"\n'
        f'[salesforce]\nlogin_url = "{line["url"]}"\nclient_id = "{line["client_id"]}"\nusername = "{line["username"]}"\n'
        f'private_key_file = "{line["private_key_file"]}"\n[scoring]\nreplay_nights = 1\n[schedule]\ncron = "{cron}"\n'
        f"lease_seconds = 3\n{more}"
    )
    return path


def free_port() -> int:
    with closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Replica:
    """A service of its own process group, so that it can be killed with the night it runs."""

    def __init__(self, config: Path, log: Path, **environment: str) -> None:
        self.port, self.log = free_port(), log
        command = ("--config", str(config), "serve", "--port", str(self.port))
        with log.open("w") as words, open(os.devnull, "w") as nowhere:
            self.process = warm.Program(*command, environment=environment, out=nowhere, err=words, session=True)

    def get(self, path: str, token: str = "") -> httpx.Response | None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=20, headers=headers)
        except httpx.TransportError:
            return None

    def ready(self) -> bool:
        answer = self.get("/readyz")
        return answer is not None and answer.status_code == 200

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=120)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(x) for x in self.log.read_text().splitlines()]


@contextmanager
def replica(config: Path, log: Path, **environment: str) -> Iterator[Replica]:
    started = Replica(config, log, **environment)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.kill()


def until(true: Callable[[], Any], seconds: float = 240) -> None:
    end, pause = time.monotonic() + seconds, threading.Event()
    while not true():
        assert time.monotonic() < end, "waited in vain"
        pause.wait(0.05)


def ticks(engine: Engine, outcome: str | None = None) -> list[Any]:
    with engine.connect() as c:
        rows = c.execute(select(t.tick).where(t.tick.c.outcome != "skipped").order_by(t.tick.c.at)).all()
    return [row for row in rows if outcome in (None, row.outcome)]


def test_what_waits_all_day_carries_neither_the_maths_nor_the_vendors_clients() -> None:
    program = (
        "import assay.service.serve, assay.web, assay.commands.show, sys; print(*{m.partition('.')[0] for m in sys.modules})"
    )
    seen = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"numpy", "scipy", "simple_salesforce"} & set(seen.stdout.split())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_missed_night_is_caught_up_at_the_start_and_the_service_ends_cleanly(
    tmp_path: Path, line: Line, database_url: str, engine: Engine
) -> None:
    config = configure(tmp_path, line, database_url)
    now = int(time.time())
    with engine.begin() as c:  # a service that was here before, and was down when the last night came
        c.execute(t.tick.insert().values(name="night", at=now - 9 * 86_400, attempts=0, fence=0, started_at=1, ended_at=1,
                                         outcome="skipped"))  # fmt: skip
    with replica(config, tmp_path / "log") as one:
        until(one.ready)
        assert "assay_night_stale 1.0" in one.get("/metrics").text  # type: ignore[union-attr]
        until(lambda: ticks(engine, "done"))
        assert "assay_night_stale 0.0" in one.get("/metrics").text  # type: ignore[union-attr]
        check = [sys.executable, "-m", "assay", "--config", str(config), "serve", "--check", "--port", str(one.port)]
        assert subprocess.run(check, capture_output=True, text=True, check=False).returncode == 0
        assert one.end() == 0
    assert len(Runs(engine).list()) == 1
    lines = one.lines()
    night = [x for x in lines if "tick" in x]
    assert {x["tick"] for x in night} == {ticks(engine)[0].at}
    assert [x["outcome"] for x in night if x["event"] == "night ended"] == ["done"]
    assert all("run" in x for x in night if x["event"] in ("pull", "rows", "plan", "night ended"))
    with replica(config, tmp_path / "log2") as again:  # nothing is missed now
        until(again.ready)
        assert again.end() == 0
    assert len(Runs(engine).list()) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_replicas_run_each_tick_once_and_one_takes_over_where_the_other_is_killed(
    tmp_path: Path, line: Line, database_url: str, engine: Engine
) -> None:
    config = configure(tmp_path, line, database_url, cron="*/4 * * * * *")
    with replica(config, tmp_path / "a") as a, replica(config, tmp_path / "b") as b:
        until(lambda: len(ticks(engine, "done")) >= 2)
        victim, survivor, tick = caught(a, b, engine)
        victim.kill()
        until(lambda: [x for x in ticks(engine, "done") if x.at == tick])
        until(lambda: [x for x in ticks(engine, "done") if x.at > tick])
        assert survivor.end() == 0
    settled = ticks(engine, "done")
    begun = [(x["tick"], x["attempt"]) for r in (a, b) for x in r.lines() if x["event"] == "night begins"]
    assert len(begun) == len(set(begun))
    assert {at for at, _ in begun} >= {x.at for x in settled}
    assert {x.at for x in settled if x.attempts > 1} == {tick}
    ended = [x["tick"] for r in (a, b) for x in r.lines() if x["event"] == "night ended"]
    assert sorted(ended) == [x.at for x in settled]


def caught(a: Replica, b: Replica, engine: Engine) -> tuple[Replica, Replica, int]:
    """Who runs a night at this moment, the other one, and the tick."""
    while True:
        until(lambda: ticks(engine, "running"))
        for at in [x.at for x in ticks(engine, "running")]:
            for one, other in ((a, b), (b, a)):
                if f'"tick": {at}' in one.log.read_text() and [x for x in ticks(engine, "running") if x.at == at]:
                    return one, other, at


def test_the_page_refuses_to_be_open_to_all_without_a_token(tmp_path: Path, line: Line) -> None:
    config = configure(tmp_path, line, f"sqlite:///{tmp_path}/assay.db")
    done = _serve(config, "--host", "0.0.0.0")  # noqa: S104 refused
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "token" in done.stderr
    assert "Fix:" in done.stderr


def test_a_port_that_is_taken_and_a_schedule_that_means_nothing_are_one_line(tmp_path: Path, line: Line) -> None:
    config = configure(tmp_path, line, f"sqlite:///{tmp_path}/assay.db")
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = _serve(config, "--port", str(taken.getsockname()[1]))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--port" in done.stderr
    done = _serve(configure(tmp_path, line, f"sqlite:///{tmp_path}/assay.db", cron="99 2 * * *"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "99" in done.stderr
    done = _serve(
        configure(tmp_path, line, f"sqlite:///{tmp_path}/assay.db", more='ping_url = "https://hc.example/uuid-1"\n')
    )
    assert 'allow_hosts = ["hc.example"]' in done.stderr
    assert "uuid-1" not in done.stderr


def _serve(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return warm.run("--config", str(config), "serve", *arguments, timeout=60)


def test_a_run_by_hand_ends_between_two_batches_when_it_is_asked_to(tmp_path: Path, line: Line) -> None:
    url = f"sqlite:///{tmp_path}/assay.db"
    config = configure(tmp_path, line, url)
    command = [sys.executable, "-m", "assay", "--config", str(config), "run"]
    with httpx.Client(base_url=line["url"]) as hands:
        hands.request("DELETE", "/_sandbox/log")
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        until(lambda: "jobs/query" in hands.get("/_sandbox/log").text)
    run.terminate()
    _, words = run.communicate(timeout=120)
    assert run.returncode == 1
    assert [x for x in words.splitlines() if x.startswith("assay: ")][-1].startswith("assay: ended on request")
    engine = open_database(url)
    assert serve.lease.is_free(engine, "night")
    assert Runs(engine).list()[0].message.startswith("ended on request")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    engine.dispose()


def test_readiness_names_what_is_wrong(engine: Engine, tmp_path: Path) -> None:
    settings = Settings()
    stop = threading.Event()
    service = serve.Service(engine, settings, settings.schedule.clock(), stop)
    assert service.problems() == ["the scheduler does not run"]
    with service:
        assert service.problems() == []
        assert service.next_run() is not None
        with engine.begin() as c:
            c.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
        assert service.problems() == [f"database schema is 0002, not {newest()}"]
        gone = open_database(f"sqlite:///{tmp_path}/empty.db")
        service.engine, kept = gone, service.engine
        assert service.problems()[0].startswith("database schema is None")
        service.engine = kept
    assert "ending" in service.problems()
