"""A real Chromium before the real service: uvicorn over a database that a whole demo night has filled."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Connection, Engine, delete, insert, select, update

from assay.settings import Settings, load
from assay.web import create_app
from db import tables as t
from db.engine import open_database

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
#: headless and silent: nothing is fetched but what a page asks for
SWITCHES = (
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


class Well:
    def problems(self) -> list[str]:
        return []

    def next_run(self) -> int | None:
        return int(time.time()) // 86_400 * 86_400 + 86_400 + 7_200


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo: one night over both sandbox CRMs, and its report."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "assay", "demo", "--out", str(folder), "--accounts", "400"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture(scope="session")
def engine(demo: Path) -> Iterator[Engine]:
    """The demo's database; a year of nights stands before the demo's."""
    opened = open_database(load(demo / "demo" / "assay.toml").settings.database.url)
    with opened.begin() as c:
        _lived(c)
    yield opened
    opened.dispose()


@pytest.fixture(scope="session")
def site(demo: Path, engine: Engine) -> Iterator[str]:
    """The address of the service as it is on loopback."""
    with _served(engine, load(demo / "demo" / "assay.toml").settings) as address:
        yield address


@pytest.fixture(scope="session")
def locked(demo: Path, engine: Engine) -> Iterator[tuple[str, str]]:
    """The address of the service that asks for a token, and the token."""
    token = "0123456789abcdef0123"
    settings = load(demo / "demo" / "assay.toml", {"web": {"token": token}}).settings
    with _served(engine, settings) as address:
        yield address, token


@contextmanager
def _served(engine: Engine, settings: Settings) -> Iterator[str]:
    app = create_app(engine, settings, Well(), lambda: (b"assay_up 1\n", "text/plain; version=0.0.4"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def _lived(c: Connection) -> None:
    """Put a year of nights before the demo's runs, which get higher numbers for it."""
    for row in [dict(r) for r in c.execute(select(t.run)).mappings()]:
        c.execute(insert(t.run).values(row | {"id": 1000 + row["id"]}))
        c.execute(update(t.ledger).where(t.ledger.c.run == row["id"]).values(run=1000 + row["id"]))
        c.execute(delete(t.run).where(t.run.c.id == row["id"]))
    c.execute(insert(t.run), [_night(n) for n in range(1, 330) if n % 41])


def _night(n: int) -> dict[str, Any]:
    outcome = {7: "failed", 19: "rejected", 23: "quota", 31: "stopped"}.get(n % 60, "done")
    start = (int(time.time()) // 86_400 - n) * 86_400 + 7_200
    return {"id": 1_000 - n, "org": 1, "started_at": start, "ended_at": start + 180 + n * 37 % 90, "day": start // 86_400,
            "mode": "dry" if n > 310 else "write", "outcome": outcome, "message": "", "calls": 300 + n * 53 % 120,
            "detail": "{}"}  # fmt: skip


@pytest.fixture(scope="session")
def shots() -> Path:
    """Where pictures go to be looked at."""
    folder = Path(os.environ.get("ASSAY_SHOTS", "shots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        yield opened
        opened.close()
