"""One account's view of the firm shows exactly the records that the whole firm shows of it, and what they count."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from builders import DAY, record
from shared import sample
from sqlalchemy import Engine, event, insert

from db.account_records import create_lookup_indexes, one_account
from db.store import Store
from db.tables import link
from scoring.facts.features import treatment
from scoring.facts.minutes.chain import minutes
from scoring.rules import Rules

RULES = Rules(
    day_minutes=120, mails_a_day=1, bulk_mails=1, same_start_seconds=20_000
)  # small, so that few records meet every rule
ACCOUNTS, OWNERS = 9, 4
DAY_SECONDS = 86_400


def filled(engine: Engine, crms: int) -> Store:
    """Firms whose people, days and subjects overlap as much as they can."""
    chance, store = random.Random(crms), Store(engine)
    for crm in ("salesforce", "hubspot")[:crms]:
        org = store.pin_org(crm, {"external_id": crm, "name": crm, "sandbox": True, "currency": "EUR"}).id
        p = crm[0]
        accounts, people = [f"{p}a{n}" for n in range(ACCOUNTS)], [f"{p}u{n}" for n in range(OWNERS)]
        contacts = [record("contact", id=f"{p}c{n}", account_id=chance.choice(accounts)) for n in range(20)]
        deals = [record("opportunity", id=f"{p}o{n}", account_id=chance.choice(accounts), name=f"d{n}") for n in range(20)]
        rows = {
            "owner": [record("owner", id=u, name=u) for u in people],
            "account": [record("account", id=a, name=a, owner_id=chance.choice(people)) for a in accounts],
            "contact": contacts,
            "opportunity": deals,
            "opportunity_change": [
                record("opportunity_change", id=f"{p}h{n}", opportunity_id=f"{p}o{n % 20}", changed_at=n) for n in range(40)
            ],
            "line_item": [record("line_item", id=f"{p}l{n}", opportunity_id=f"{p}o{n % 20}") for n in range(25)],
            "activity": [_activity(chance, p, n, accounts, people) for n in range(600)] + _to_many(p, accounts, people),
            "participant": [
                record(
                    "participant", id=f"{p}p{n}", activity_id=f"{p}v{chance.randrange(600)}", person_id=chance.choice(people)
                )
                for n in range(150)
            ]
            + [
                record("participant", id=f"{p}q{n}", activity_id=f"{p}v{chance.randrange(600)}", side=side,
                       person_id=chance.choice(accounts) if side == "about" else f"{p}c{chance.randrange(22)}")
                for n in range(60) for side in (chance.choice(("about", "theirs")),)
            ],
        }  # fmt: skip
        for kind, part in rows.items():
            store.save(org, kind, part, kind, 1)
    if crms == 2:
        same = [{"org": 2, "kind": "account", "id": f"ha{n}", "to_id": f"sa{n // 2}", "why": "id"} for n in range(6)]
        same += [{"org": 2, "kind": "owner", "id": f"hu{n}", "to_id": f"su{n}", "why": "person"} for n in range(3)]
        same += [{"org": 2, "kind": "contact", "id": f"hc{n}", "to_id": f"sc{n}", "why": "id"} for n in range(5)]
        with engine.begin() as c:
            c.execute(insert(link), same)
    return store


def _to_many(p: str, accounts: list[str], people: list[str]) -> list[tuple[Any, ...]]:
    """One mail to several, a minute apart, on a day that nothing else fills."""
    return [
        record("activity", id=f"{p}b{n}", kind="email", status="held", account_id=accounts[n], contact_id=f"{p}c{n}",
               owner_id=people[0], starts_at=(DAY - 100) * DAY_SECONDS + n * 60, owner_day=DAY - 100, subject_key=9, created_at=1)
        for n in range(4)
    ]  # fmt: skip


def _activity(chance: random.Random, p: str, n: int, accounts: list[str], people: list[str]) -> tuple[Any, ...]:
    kind = chance.choice(("meeting", "call", "email", "task"))
    day = DAY - 1 - chance.randrange(7) - (200 if n % 40 == 0 else 0)  # some before the window
    own = chance.random() < 0.6
    within = chance.choice((3_600, DAY_SECONDS)) if kind == "email" else DAY_SECONDS
    return record(
        "activity", id=f"{p}v{n}", kind=kind, status=chance.choice(("held", "held", "held", "planned", "cancelled")),
        account_id=chance.choice(accounts) if own else None,
        opportunity_id=None if own and n % 2 else f"{p}o{chance.randrange(22)}", contact_id=f"{p}c{chance.randrange(22)}",
        owner_id=chance.choice([*people, None]), starts_at=day * 86_400 + chance.randrange(within),
        seconds=chance.choice((None, 600, 3_600)), owner_day=day + chance.choice((-1, 0, 0, 0, 1)),
        subject_key=chance.choice((None, 1, 2)) if kind == "email" else None,
        twin_id=f"{p}v{chance.randrange(600)}" if n % 17 == 0 else None, created_at=1, deleted=n % 29 == 0,
    )  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize("crms", [1, 2])
def test_one_account_sees_what_the_firm_sees_of_it(engine: Engine, crms: int) -> None:
    store = filled(engine, crms)
    if crms == 2:
        create_lookup_indexes(engine)
    ids = [f"sa{n}" for n in range(ACCOUNTS)] + ([f"ha{n}" for n in range(6, ACCOUNTS)] if crms == 2 else [])
    orgs, since = [o.id for o in store.orgs()], (DAY - RULES.window_days) * 86_400
    codes: set[str] = set()
    for account_id in sample(ids, 3):
        with store.firm() as whole:
            wanted = whole.rows(treatment(whole.tables, whole.org, DAY, RULES, account_id))
            sums = whole.rows(minutes(whole.tables, whole.org, DAY, RULES))[0]
            records = whole.records_of(account_id)
        with one_account(engine, orgs, account_id, since) as seen:
            usual = {kind: length for kind in ("meeting", "call") if (length := sums[f"usual_{kind}"])}
            assert usual  # enough are measured for the firm's own lengths to hold
            found = seen.rows(treatment(seen.tables, seen.org, DAY, RULES, account_id, usual))
            assert sorted(map(str, found)) == sorted(map(str, wanted))
            for kind, rows in seen.records_of(account_id).items():
                assert sorted(map(str, rows)) == sorted(map(str, records[kind]))
        codes |= {row["code"] for row in wanted}
    assert codes >= {"counted", "default", "duplicate", "damped", "bulk", "capped", "twin", "cancelled"}


@pytest.fixture
def plans(engine: Engine) -> Iterator[list[str]]:
    """How SQLite answers each query."""
    found: list[str] = []

    def asked(c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT") and "WITH" not in statement:
            found.extend(
                str(row[3]) for row in c.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            )

    event.listen(engine, "before_cursor_execute", asked)
    yield found
    event.remove(engine, "before_cursor_execute", asked)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_of_an_account_is_found_by_reading_all_records(engine: Engine, plans: list[str]) -> None:
    store = filled(engine, 1)
    create_lookup_indexes(engine)
    create_lookup_indexes(engine)
    with one_account(engine, [o.id for o in store.orgs()], "sa1", 0):
        pass
    assert len(plans) > 8
    whole = [p for p in plans if p.startswith("SCAN") or p.endswith("PRIMARY KEY (org=?)")]
    assert not [p for p in whole if not any(word in p for word in (" owner", " org", "sqlite_master"))]
