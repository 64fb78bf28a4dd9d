"""Organisations with planted truth, expressed only through CRM records; the truth is written beside them."""

import csv
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sandbox.world import bulk as _bulk
from sandbox.world import names, plan
from sandbox.world.dossier import Dossier, dossier
from sandbox.world.hubspot import Elsewhere, HubSpot
from sandbox.world.places import alone, place
from sandbox.world.plan import PROFILES
from sandbox.world.salesforce import Salesforce

__all__ = ["PROFILES", "bulk", "bulk_portal", "generate"]
#: the org's today when nobody says otherwise: worlds must not change with the day they are made on
TODAY = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)


def generate(
    out: Path,
    *,
    seed: int,
    accounts: int,
    reps: int | None = None,
    profile: str = "demo",
    now: datetime | None = None,
    crms: Sequence[str] = ("salesforce",),
) -> None:
    """Write a firm of `accounts` accounts as an org folder, and truth.csv beside it; the same arguments, the same bytes."""
    shape, moment = PROFILES[profile], now or TODAY
    key = f"{seed}/{accounts}/{reps}/{profile}"
    rng = random.Random(key)
    team = plan.reps(rng, reps or max(2, round(accounts / shape.reps_per_accounts)), shape)
    firm = plan.books(rng, team, accounts, shape)
    out.mkdir(parents=True, exist_ok=True)
    first = Salesforce(out, moment, shape) if "salesforce" in crms else None
    second = HubSpot(out, moment, shape) if "hubspot" in crms else None
    writers = [w for w in (first, second) if w is not None]
    for rep in team:
        first_name, last_name = names.person(rng)
        for writer in writers:
            writer.user(rep, first_name, last_name)
    for writer in writers:
        writer.lookups()
    numbers = [rep.number for rep in team]
    ids = {a.number: _account(key, dossier(rng, a, numbers, shape), first, second) for a in firm}
    if first is not None and second is not None:
        _doubtful(first, second)
    for writer in writers:
        writer.close()
    _facts(out, f"Generated firm ({profile}, seed {seed})", moment, crms)
    _truth(out, firm, ids, two=len(crms) > 1)


def _account(key: str, d: Dossier, first: Salesforce | None, second: HubSpot | None) -> tuple[str, str]:
    """Record an account in the CRMs that know it; returns its ids there, "" where it is not known."""
    where = place(key, d) if first is not None and second is not None else alone(d, first=first is not None)
    number = d.account.number
    mine = first.account(d, where.first_entries) if first is not None and where.first else ""
    if second is None or not where.second:
        return mine, ""
    other = Elsewhere()
    if first is not None and mine:
        by_id = mine if where.by_id else ""
        contacts = {n: first.contacts[number, n] for n in range(len(d.contacts))} if where.by_id else {}
        deals = {n: i for n in where.second_deals if (i := first.opportunities.get((number, n)))} if where.by_id else {}
        other = Elsewhere(by_id, contacts, deals)
    deal_numbers = where.second_deals if not mine or where.by_id else ()
    return mine, str(second.account(d, where.second_entries, other, deal_numbers))


def _doubtful(first: Salesforce, second: HubSpot) -> None:
    """Record what looks alike and must not be linked: a domain of two companies, and a mail provider's."""
    for name, domain in (("Twin North", "twin.example"), ("Corner Shop", "gmail.com")):
        first.shop(name, domain)
        second.shop(name, domain)
    second.shop("Twin South", "twin.example")


def _truth(out: Path, firm: Sequence[plan.Account], ids: Mapping[int, tuple[str, str]], *, two: bool) -> None:
    with (out / "truth.csv").open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        heads = ("kind", "state", "potential", "minutes_180d", "rep")
        rows.writerow(("account_id", *(("hubspot_id",) if two else ()), *heads))
        for a in firm:
            mine, theirs = ids[a.number]
            facts = (a.kind, a.state, round(a.potential), round(a.minutes), a.rep.number)
            rows.writerow((mine or theirs, *((theirs,) if two else ()), *facts))


def bulk(out: Path, *, seed: int, activities: int, accounts: int = 20_000) -> None:
    """Write a folder with about `activities` tasks and events, for benchmarks of the pull."""
    out.mkdir(parents=True, exist_ok=True)
    _bulk.write(out, random.Random(seed), TODAY, activities, accounts)
    _facts(out, f"Bulk world ({activities} activities, seed {seed})", TODAY, ("salesforce",))


def bulk_portal(out: Path, *, seed: int, records: int) -> None:
    """Write a HubSpot folder with about `records` records and their links, for benchmarks of the pull."""
    out.mkdir(parents=True, exist_ok=True)
    _bulk.write_portal(out, random.Random(seed), TODAY, records)
    _facts(out, f"Bulk portal ({records} records, seed {seed})", TODAY, ("hubspot",))


def _facts(out: Path, name: str, now: datetime, crms: Sequence[str]) -> None:
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    listed = ", ".join(f'"{crm}"' for crm in crms)
    (out / "org.toml").write_text(f'name = "{name}"\nnow = "{stamp}"\ncurrency = "EUR"\ncrm = [{listed}]\n')
