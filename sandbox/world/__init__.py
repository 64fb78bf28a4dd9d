"""Organisations with planted truth, expressed only through CRM records; the truth is written beside them."""

import csv
import random
from datetime import UTC, datetime
from pathlib import Path

from sandbox.world import bulk as _bulk
from sandbox.world import plan, salesforce
from sandbox.world.plan import PROFILES

__all__ = ["PROFILES", "bulk", "generate"]
#: the org's today when nobody says otherwise: worlds must not change with the day they are made on
TODAY = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)


def generate(
    out: Path, *, seed: int, accounts: int, reps: int | None = None, profile: str = "demo", now: datetime | None = None
) -> None:
    """Write a firm of `accounts` accounts as an org folder, and truth.csv beside it; the same arguments, the same bytes."""
    shape, moment = PROFILES[profile], now or TODAY
    rng = random.Random(f"{seed}/{accounts}/{reps}/{profile}")
    team = plan.reps(rng, reps or max(2, round(accounts / shape.reps_per_accounts)), shape)
    firm = plan.books(rng, team, accounts, shape)
    out.mkdir(parents=True, exist_ok=True)
    ids = salesforce.write(out, rng, moment, team, firm, shape)
    _facts(out, f"Generated firm ({profile}, seed {seed})", moment)
    with (out / "truth.csv").open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("account_id", "kind", "state", "potential", "minutes_180d", "rep"))
        for a in firm:
            rows.writerow((ids[a.number], a.kind, a.state, round(a.potential), round(a.minutes), a.rep.number))


def bulk(out: Path, *, seed: int, activities: int, accounts: int = 20_000) -> None:
    """Write a folder with about `activities` tasks and events, for benchmarks of the pull."""
    out.mkdir(parents=True, exist_ok=True)
    _bulk.write(out, random.Random(seed), TODAY, activities, accounts)
    _facts(out, f"Bulk world ({activities} activities, seed {seed})", TODAY)


def _facts(out: Path, name: str, now: datetime) -> None:
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    (out / "org.toml").write_text(f'name = "{name}"\nnow = "{stamp}"\ncurrency = "EUR"\ncrm = ["salesforce"]\n')
