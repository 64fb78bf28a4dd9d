"""kill -9 at every numbered step of the write protocol, and answers lost after the CRM has done what was asked.

After one more run every ledger row is settled, no write is lost, and none is repeated where the value was already there:
the CRM has taken each account's values exactly once.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from builders import portal
from dying import WRITES, Case, live
from shared import SOAK, migrated, sample
from sqlalchemy import create_engine, select

from connectors import hubspot, salesforce
from connectors.hubspot import schema as hubspot_schema
from connectors.lost_answers import has_values
from connectors.salesforce import schema as salesforce_schema
from db import tables
from db.engine import open_database
from sandbox import process, world

ACCOUNTS = 12
#: requests with which the CRM saves what it was given
WRITING = re.compile(r"/composite/sobjects$|/batch/update$|/jobs/ingest/[^/]+$")


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("world")
    world.generate(folder, seed=7, accounts=ACCOUNTS, reps=2)
    with process.running(folder) as org, process.running(portal(tmp_path_factory.mktemp("p"), ACCOUNTS)) as other:
        yield {"salesforce": org["salesforce"], "hubspot": other["hubspot"]}


WAYS = {"collections": ("salesforce", False), "bulk": ("salesforce", True), "batches": ("hubspot", False)}


@pytest.fixture(params=WAYS)
def case(request: pytest.FixtureRequest, lines: dict[str, Any], tmp_path: Path) -> Iterator[Case]:
    crm, bulk = WAYS[request.param]
    made = Case(crm, lines[crm], f"sqlite:///{tmp_path}/assay.db", bulk)
    with looking(made):
        yield made


#: what looks at the CRM while nights are killed
EYES: dict[str, Any] = {}

pytestmark = pytest.mark.sampled


@contextmanager
def looking(case: Case) -> Iterator[None]:
    """An org with our fields, and a connection that sees them."""
    with httpx.Client(base_url=case.line["url"]) as hands:
        hands.post("/_sandbox/reset").raise_for_status()
        admin = (hubspot.HubSpotAdmin if case.crm == "hubspot" else salesforce.SalesforceAdmin)(case.open())
        admin.apply()
        eyes = case.open()
        eyes.check()
        EYES.update(hands=hands, crm=eyes)
        yield
        admin.close()
        eyes.close()


def fresh(case: Case) -> None:
    """Nothing in our fields, and an empty database."""
    crm = EYES["crm"]
    ids = sorted(x for batch in crm.ids("account") for x in batch)
    names = (hubspot_schema if case.crm == "hubspot" else salesforce_schema).NAMES.values()
    empty: dict[str, Any] = dict.fromkeys(names, "" if case.crm == "hubspot" else None)
    kind = "companies" if case.crm == "hubspot" else "Account"
    edits = [{"op": "update", "object": kind, "id": i, "values": empty} for i in ids]
    EYES["hands"].post("/_sandbox/edit", json=edits).raise_for_status()
    EYES["hands"].post("/_sandbox/faults", json=[]).raise_for_status()
    EYES["hands"].request("DELETE", "/_sandbox/log")
    if case.database.startswith("sqlite"):
        for file in Path(case.database.removeprefix("sqlite:///")).parent.glob("assay.db*"):
            file.unlink()
    else:
        admin = create_engine(case.database, isolation_level="AUTOCOMMIT")
        with admin.connect() as c:
            c.exec_driver_sql("DROP SCHEMA public CASCADE")
            c.exec_driver_sql("CREATE SCHEMA public")
        admin.dispose()
    migrated(case.database).dispose()


def taken(case: Case) -> int:
    """Rows of accounts that the CRM has been made to save by our calls."""
    heard = [json.loads(x) for x in EYES["hands"].get("/_sandbox/log").text.splitlines()]
    return sum(
        h["rows"] for h in heard if h["status"] < 300 and h["method"] in ("PATCH", "POST") and WRITING.search(h["path"])
    )


def held(case: Case) -> dict[str, Any]:
    """Our fields in the CRM, account by account."""
    crm = EYES["crm"]
    return {i: json.loads(ours) for i, ours in crm.reread(sorted(x for batch in crm.ids("account") for x in batch))}


def settled(case: Case, now: dict[str, Any]) -> Counter[str]:
    """Status -> rows of the ledger; what is acked is what the CRM holds."""
    engine = open_database(case.database)
    with engine.connect() as c:
        rows = c.execute(select(tables.ledger.c.account_id, tables.ledger.c.status, tables.ledger.c.new)).all()
    engine.dispose()
    assert all(has_values(now[r.account_id], json.loads(r.new)) for r in rows if r.status == "acked")
    return Counter(r.status for r in rows)


def quiet_end(case: Case, tmp_path: Path) -> tuple[list[str], dict[str, Any]]:
    """The steps of a night that is left alone, and what the CRM holds after it."""
    fresh(case)
    steps = live(case, tmp_path / "said")
    assert steps[-1].startswith(f"outcome done {ACCOUNTS} 0"), steps[-1]
    assert taken(case) == ACCOUNTS
    return steps[:-1], held(case)


def ends_well(case: Case, end: dict[str, Any], said: str, why: object) -> None:
    """Every row settled, no write lost, none made twice."""
    assert said.startswith("outcome done"), (why, said)
    now = held(case)
    assert now == end, why
    assert settled(case, now) == {"acked": ACCOUNTS}, why
    assert taken(case) == ACCOUNTS, why


def test_kill_9_at_every_step_leaves_nothing_lost_open_or_repeated(case: Case, tmp_path: Path) -> None:
    steps, end = quiet_end(case, tmp_path)
    assert len(steps) >= 14
    fatal = sample(range(1, len(steps) + 1), 5, 1)  # a call takes six: each time another kind of step
    for n in fatal:
        fresh(case)
        assert live(case, tmp_path / "said", n)[-1] in steps  # a bulk job may be asked once more or less how far it is
        ends_well(case, end, live(case, tmp_path / "said")[-1], steps[n - 1])
    print(f"{case.crm}, bulk {case.bulk}: killed at {len(fatal)} of {len(steps)} steps")  # noqa: T201 `pytest -s` shows it


@pytest.mark.parametrize("action", ["lose", "truncate", "cut"] if SOAK else ["lose"])
def test_an_answer_that_is_lost_after_the_crm_did_it_is_looked_up_not_repeated(
    case: Case, action: str, tmp_path: Path
) -> None:
    """The run itself finds out; also for each of a bulk job's own calls."""
    steps, end = quiet_end(case, tmp_path)
    calls = sum(s.split()[:2][-1].isupper() and s.startswith("before") for s in steps)
    for nth in range(1, calls + 1) if SOAK else sorted({1, calls}):
        fresh(case)
        fault = {"path": WRITES.pattern, "nth": nth, "action": action}
        EYES["hands"].post("/_sandbox/faults", json=[fault]).raise_for_status()
        ends_well(case, end, live(case, tmp_path / "said")[-1], nth)
    print(f"{case.crm}, bulk {case.bulk}: {action} at {calls} calls")  # noqa: T201


@pytest.mark.parametrize("way", WAYS if SOAK else ["collections"])
def test_kill_9_on_postgresql(lines: dict[str, Any], postgres_url: str, tmp_path: Path, way: str) -> None:
    crm, bulk = WAYS[way]
    case = Case(crm, lines[crm], postgres_url, bulk)
    with looking(case):
        steps, end = quiet_end(case, tmp_path)
        fatal = range(1, len(steps) + 1) if SOAK else (4, 7)
        for n in fatal:
            fresh(case)
            live(case, tmp_path / "said", n)
            ends_well(case, end, live(case, tmp_path / "said")[-1], steps[n - 1])
    print(f"{crm}, bulk {bulk}, PostgreSQL: killed at {len(fatal)} of {len(steps)} steps")  # noqa: T201
