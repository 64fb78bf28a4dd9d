"""Minutes by hand-computed cases, on both engines; the explanation adds up to the aggregate."""

from typing import Any

import pytest
from sqlalchemy import Engine

from db import tables
from db.firm import firm
from db.store import Store
from scoring.features import queries, treatment
from scoring.records import columns
from scoring.rules import Rules

DAY = 20_000
NOON = (DAY - 10) * 86_400 + 12 * 3600
ORG = 1


@pytest.fixture
def store(engine: Engine) -> Store:
    made = Store(engine)
    made.pin_org("salesforce", {"external_id": "1", "name": "x", "sandbox": True, "currency": "EUR"})
    put(made, "account", id="A", name="A", owner_id="U", ours="{}")
    return made


def put(store: Store, kind: str, /, **values: Any) -> None:
    store.save(
        ORG,
        kind,
        [tuple((dict.fromkeys(columns(kind)) | {"deleted": False} | values)[c] for c in columns(kind))],
        kind,
        None,
    )


def act(store: Store, number: int, **values: Any) -> None:
    base = {"id": f"E{number:03}", "kind": "meeting", "status": "held", "account_id": "A", "owner_id": "U", "starts_at": NOON,
            "seconds": 3600, "owner_day": DAY - 10, "all_day": False, "child": False, "created_at": NOON}  # fmt: skip
    put(store, "activity", **(base | values))


def counted(store: Store, account: str = "A") -> tuple[int, dict[str, str]]:
    """Seconds of the aggregate, and what happened to each record; the two must agree."""
    with firm(store.engine, [ORG]) as one:
        found = one.columns(queries(one.tables, ORG, DAY, Rules())["minutes"])
    total = sum(s for a, s in zip(found["account_id"], found["seconds"], strict=True) if a == account)
    rows = store.rows(treatment(tables, ORG, DAY, Rules(), account))
    assert sum(r["counted"] for r in rows) == total
    return total, {r["id"]: r["code"] for r in rows}


@pytest.mark.parametrize(
    ("values", "seconds", "code"),
    [
        ({"seconds": 3600}, 3600, "counted"),
        ({"seconds": 60}, 300, "clipped"),  # nobody meets for a minute
        ({"seconds": 7 * 3600}, 4 * 3600, "clipped"),
        ({"seconds": 131 * 3600}, 45 * 60, "default"),  # a length of five days is no length
        ({"seconds": 3600, "all_day": True}, 45 * 60, "default"),
        ({"seconds": None}, 45 * 60, "default"),
        ({"kind": "call", "seconds": 80}, 80, "counted"),
        ({"kind": "call", "seconds": None}, 7 * 60, "default"),
        ({"kind": "email", "seconds": None, "direction": "out"}, 4 * 60, "default"),
        ({"kind": "email", "seconds": None, "direction": "in"}, 60, "default"),
        ({"kind": "task", "seconds": None}, 5 * 60, "default"),
        ({"kind": "note", "seconds": None}, 2 * 60, "default"),
        ({"status": "no_show"}, 5 * 60, "no_show"),
        ({"status": "planned"}, 3600, "counted"),  # its time has come and nobody said otherwise
        ({"status": "cancelled"}, 0, "cancelled"),
        ({"status": "private"}, 0, "private"),
        ({"status": "free"}, 0, "free"),
        ({"status": "template"}, 0, "template"),
        ({"status": "draft", "kind": "email"}, 0, "draft"),
    ],
)
def test_one_record_counts_by_its_kind_status_and_length(
    store: Store, values: dict[str, Any], seconds: int, code: str
) -> None:
    act(store, 1, **values)
    assert counted(store) == (seconds, {"E001": code})


@pytest.mark.parametrize(
    "values",
    [
        {"deleted": True},
        {"starts_at": DAY * 86_400},
        {"starts_at": (DAY - 181) * 86_400},
        {"created_at": DAY * 86_400},
        {"starts_at": None},
    ],
)
def test_what_is_deleted_outside_the_window_or_not_yet_known_is_not_there(store: Store, values: dict[str, Any]) -> None:
    """As of a past day nobody may know what was entered later: the commonest leak of a backtest."""
    act(store, 1, **values)
    assert counted(store) == (0, {})


def test_the_window_includes_its_first_second_and_excludes_its_last(store: Store) -> None:
    act(store, 1, starts_at=(DAY - 180) * 86_400)
    act(store, 2, starts_at=DAY * 86_400 - 1)
    assert counted(store)[0] == 7200


def test_an_activity_s_account_is_its_own_else_its_opportunity_s_else_its_contact_s(store: Store) -> None:
    put(store, "opportunity", id="O", account_id="A", name="o", closed=False, won=False)
    put(store, "contact", id="C", account_id="A")
    act(store, 1, account_id=None, opportunity_id="O")
    act(store, 2, account_id=None, contact_id="C", starts_at=NOON + 7200)
    act(store, 3, account_id=None, starts_at=NOON + 14400)
    assert counted(store)[0] == 7200


def test_a_meeting_logged_twice_within_five_minutes_counts_once_at_its_best(store: Store) -> None:
    """A meeting task and the synced event are the common pair: the measured one stays."""
    act(store, 1, seconds=None)
    act(store, 2, starts_at=NOON + 290)
    assert counted(store) == (3600, {"E001": "duplicate", "E002": "counted"})


def test_meetings_more_than_five_minutes_apart_are_two(store: Store) -> None:
    act(store, 1, seconds=600)
    act(store, 2, seconds=600, starts_at=NOON + 301)
    assert counted(store)[0] == 1200


def test_a_meeting_without_a_time_repeats_the_timed_one_of_that_day(store: Store) -> None:
    act(store, 1, seconds=None, starts_at=(DAY - 10) * 86_400)
    act(store, 2)
    assert counted(store) == (3600, {"E001": "duplicate", "E002": "counted"})


def test_every_invited_colleague_gives_minutes_once(store: Store) -> None:
    """The child record and the invitation tell of the same person; the declined and the customer's people give none."""
    act(store, 1)
    act(store, 2, owner_id="V", child=True)
    for n, (side, person, declined) in enumerate(
        (("ours", "V", False), ("ours", "W", False), ("ours", "X", True), ("theirs", "C", False))
    ):
        put(store, "participant", id=f"P{n}", activity_id="E001", side=side, person_id=person, declined=declined)
    assert counted(store)[0] == 3 * 3600


def test_a_mail_and_its_task_count_once(store: Store) -> None:
    act(store, 1, kind="email", seconds=None, direction="out")
    act(store, 2, kind="email", seconds=None, direction="out", twin_id="E001")
    assert counted(store) == (240, {"E001": "default", "E002": "twin"})


def test_mails_of_one_subject_are_damped_after_five_a_day(store: Store) -> None:
    for n in range(8):
        act(store, n, kind="email", seconds=None, subject_key=7, starts_at=NOON + n * 1000)
    total, codes = counted(store)
    assert (total, list(codes.values()).count("damped")) == (5 * 240, 3)


def test_one_subject_to_many_accounts_in_a_day_is_a_bulk_mail(store: Store) -> None:
    for n in range(12):
        put(store, "account", id=f"B{n}", name="b", owner_id="U", ours="{}")
        act(store, n, kind="email", seconds=None, subject_key=7, account_id=f"B{n}", starts_at=NOON + n * 10)
    assert counted(store, "B3") == (18, {"E003": "bulk"})


def test_a_person_s_day_holds_ten_hours_shared_in_proportion(store: Store) -> None:
    put(store, "account", id="B", name="b", owner_id="U", ours="{}")
    for n in range(6):
        act(store, n, seconds=4 * 3600, starts_at=NOON + n * 4 * 3600, account_id="A" if n < 4 else "B")
    assert counted(store, "A")[0] + counted(store, "B")[0] == 600 * 60
    assert counted(store, "A")[0] == 2 * counted(store, "B")[0]


def test_the_order_of_arrival_changes_nothing(store: Store) -> None:
    for n in (5, 3, 1, 4, 2):
        act(store, n, seconds=n * 600, starts_at=NOON + n * 200)
    once = counted(store)
    for n in (1, 2, 3, 4, 5):
        act(store, n, seconds=n * 600, starts_at=NOON + n * 200)
    assert counted(store) == once
