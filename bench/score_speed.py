"""Time and memory of one judged night of a large firm: features, maths, reasons and states on SQLite.

The database is filled directly, two years of records; a quarter of the activities lie in the window.
"""

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from sqlalchemy import insert

from db import tables as t
from db.engine import open_database
from db.migrate import upgrade
from db.store import Store

DAY = 86_400
TODAY = 20_600
ACTIVITIES, DEALS, CONTACTS = 40, 4, 4  #: an account
BOOK = 40


def main(sizes: str) -> None:
    for size in sizes.split(","):
        with tempfile.TemporaryDirectory(prefix="assay-speed-") as folder:
            path = Path(folder) / "assay.db"
            fill(path, int(size))
            # a process of its own, so that filling costs it no memory
            subprocess.run([sys.executable, __file__, str(path)], check=True)


def fill(path: Path, accounts: int) -> None:
    engine = open_database(f"sqlite:///{path}")
    upgrade(engine)
    rng = random.Random(accounts)
    with engine.begin() as c:
        c.execute(insert(t.org).values(id=1, crm="salesforce", external_id="S", name="Speed", sandbox=True, currency="EUR"))
        for name, rows in (
            ("owner", _owners(accounts)),
            ("stage", _stages()),
            ("account", _accounts(rng, accounts)),
            ("contact", _contacts(rng, accounts)),
            ("opportunity", _deals(rng, accounts)),
            ("activity", _activities(rng, accounts)),
        ):
            _insert(c, name, rows)
        for name, rows in (("opportunity_change", _changes(c)), ("line_item", _items(c)), ("participant", _participants(c))):
            _insert(c, name, rows)
    Store(engine).record_owners(1, TODAY * DAY)
    engine.dispose()


def _insert(c: Any, name: str, rows: Iterator[dict[str, Any]]) -> None:
    """Many rows by the driver; columns that a row does not name take their default or nothing."""
    first = next(rows)
    names = [*first, "org", "deleted"] if "deleted" in t.metadata.tables[name].c else [*first, "org"]
    marks = ", ".join("?" * len(names))
    tail = (1, 0) if "deleted" in names else (1,)
    cursor = c.connection.cursor()
    sql = f"INSERT INTO {name} ({', '.join(names)}) VALUES ({marks})"
    cursor.execute(sql, (*first.values(), *tail))
    cursor.executemany(sql, ((*row.values(), *tail) for row in rows))


def _owners(accounts: int) -> Iterator[dict[str, Any]]:
    for n in range(max(1, accounts // BOOK)):
        yield {"id": f"U{n:06}", "name": f"Rep {n}", "active": 1, "started_at": (TODAY - 2000) * DAY}


def _stages() -> Iterator[dict[str, Any]]:
    for stage, odds, closed, won in (("Proposal", 60, 0, 0), ("Won", 100, 1, 1), ("Lost", 0, 1, 0)):
        yield {"id": stage, "label": stage, "probability": odds, "closed": closed, "won": won}


def _accounts(rng: random.Random, accounts: int) -> Iterator[dict[str, Any]]:
    for n in range(accounts):
        yield {
            "id": f"A{n:07}",
            "name": f"Account {n}",
            "owner_id": f"U{n // BOOK % max(1, accounts // BOOK):06}",
            "industry": f"Industry {n % 8}",
            "employees": rng.randrange(5, 5000),
            "created_at": (TODAY - 1500) * DAY,
            "ours": "{}",
        }


def _contacts(rng: random.Random, accounts: int) -> Iterator[dict[str, Any]]:
    for n in range(accounts * CONTACTS):
        yield {
            "id": f"C{n:08}",
            "account_id": f"A{n // CONTACTS:07}",
            "level": rng.choice(("chief", "director", "manager", "staff")),
            "department": f"Department {n % 5}",
            "created_at": (TODAY - 1000) * DAY,
        }


def _deals(rng: random.Random, accounts: int) -> Iterator[dict[str, Any]]:
    for n in range(accounts * DEALS):
        day = TODAY - rng.randrange(2, 700)
        stage = rng.choice(("Won", "Won", "Lost", "Proposal"))
        yield {
            "id": f"O{n:08}",
            "account_id": f"A{n // DEALS:07}",
            "name": f"Offer {n}",
            "stage": stage,
            "amount_cents": rng.randrange(10_000, 10_000_000),
            "close_day": day,
            "probability": 60,
            "closed": stage != "Proposal",
            "won": stage == "Won",
            "created_at": (day - 60) * DAY,
        }


def _activities(rng: random.Random, accounts: int) -> Iterator[dict[str, Any]]:
    for n in range(accounts * ACTIVITIES):
        account, day = n % accounts, TODAY - 1 - rng.randrange(730)
        kind = ("meeting", "call", "email", "meeting")[rng.randrange(4)]
        at = day * DAY + rng.randrange(28_000, 64_000)
        yield {
            "id": f"E{n:08}",
            "kind": kind,
            "status": "held",
            "account_id": f"A{account:07}",
            "contact_id": f"C{account * CONTACTS + n % CONTACTS:08}",
            "owner_id": f"U{account // BOOK:06}",
            "starts_at": at,
            "seconds": rng.randrange(600, 7200),
            "owner_day": day,
            "all_day": 0,
            "child": 0,
            "direction": "out",
            "subject_key": n,
            "created_at": at,
        }


def _changes(c: Any) -> Iterator[dict[str, Any]]:
    query = "SELECT id, stage, amount_cents, close_day, closed FROM opportunity ORDER BY id"
    for deal, stage, cents, day, closed in c.exec_driver_sql(query).fetchall():
        for n, step in enumerate(("Proposal", "Proposal", stage)):
            end = n == 2 and closed
            yield {
                "id": f"{deal}-{n}",
                "opportunity_id": deal,
                "changed_at": (day - 50 + 25 * n) * DAY,
                "stage": step,
                "amount_cents": cents,
                "close_day": day - (0 if end else 20 - 10 * n),
                "probability": 60,
            }


def _items(c: Any) -> Iterator[dict[str, Any]]:
    for deal, cents, day in c.exec_driver_sql("SELECT id, amount_cents, close_day FROM opportunity ORDER BY id").fetchall():
        yield {
            "id": f"L{deal}",
            "opportunity_id": deal,
            "family": f"Family {int(deal[1:]) % 5}",
            "amount_cents": cents,
            "created_at": (day - 50) * DAY,
        }


def _participants(c: Any) -> Iterator[dict[str, Any]]:
    query = "SELECT id, contact_id FROM activity WHERE kind = 'meeting' ORDER BY id"
    for activity, contact in c.exec_driver_sql(query):
        yield {"id": f"P{activity}", "activity_id": activity, "side": "theirs", "person_id": contact, "declined": 0}


# ---- the night ------------------------------------------------------------------------------------------------------


def judged_night(path: Path) -> None:
    from assay.judging import judged
    from scoring.explain import scores
    from scoring.rules import Rules
    from scoring.state import advance

    store, rules = Store(open_database(f"sqlite:///{path}")), Rules()
    [org] = store.orgs()
    wall, cpu = time.perf_counter(), time.process_time()
    with store.firm() as firm:
        j = judged(firm, org, TODAY, rules)
        facts = time.process_time()
        rows = advance({}, j, rules)
        verdicts = scores(j, rows, rules)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    store.engine.dispose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{len(verdicts):,} accounts, {len(verdicts) * ACTIVITIES:,} activities: {seconds:.1f} s ({cpu_seconds:.1f} s of CPU, "
        f"{facts - cpu:.1f} s of them features and maths), peak {peak:.0f} MB"
    )


if __name__ == "__main__":
    judged_night(Path(sys.argv[1]))
