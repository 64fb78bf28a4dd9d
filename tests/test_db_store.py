"""The store keeps its promises on both engines."""

import json

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from db import tables as t
from db.engine import DatabaseError, open_database
from db.migrate import upgrade
from db.store import Store
from scoring.records import KINDS, Account, Reason, Score, columns

FACTS = {"external_id": "00D000000000001EAA", "name": "Acme Sales", "sandbox": True, "currency": "EUR"}


def account(number: int, **changes: object) -> tuple[object, ...]:
    values: dict[str, object] = dict.fromkeys(columns("account"))
    values |= {"id": f"001{number:012d}AAA", "name": f"Account {number}", "ours": "{}", "traits": "{}", "deleted": False}
    return tuple((values | changes)[c] for c in columns("account"))


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(engine)


@pytest.fixture
def org(store: Store) -> int:
    return store.pin_org("salesforce", FACTS).id


def test_tables_hold_exactly_the_fields_of_the_records() -> None:
    """A field that is added to a record without a column would be lost silently."""
    for kind in KINDS:
        assert {"org", *columns(kind)} == set(t.metadata.tables[kind].c.keys())


def test_saving_a_page_twice_changes_nothing_the_second_time(store: Store, org: int) -> None:
    """Idempotence is what makes an overlap of watermarks free."""
    rows = [account(n) for n in range(50)]
    assert store.save(org, "account", rows, "Account", None) == 50
    assert store.save(org, "account", rows, "Account", None) == 0


def test_only_the_row_that_differs_counts_as_changed(store: Store, org: int) -> None:
    rows = [account(n) for n in range(50)]
    store.save(org, "account", rows, "Account", None)
    rows[7] = account(7, employees=12)
    assert store.save(org, "account", rows, "Account", None) == 1


def test_null_and_value_are_told_apart(store: Store, org: int) -> None:
    """`<>` would call NULL against a value unknown and keep the old value."""
    store.save(org, "account", [account(1, employees=5)], "Account", None)
    assert store.save(org, "account", [account(1, employees=None)], "Account", None) == 1
    assert store.save(org, "account", [account(1, employees=None)], "Account", None) == 0


def test_a_record_that_comes_twice_in_a_page_is_saved_as_it_came_last(store: Store, org: int) -> None:
    store.save(org, "account", [account(1, name="old"), account(1, name="new")], "Account", None)
    assert store.rows(select(t.account.c.name)) == [{"name": "new"}]


def test_the_watermark_moves_with_the_page_or_not_at_all(store: Store, org: int) -> None:
    """A page that cannot be saved must not move its stream's watermark."""
    with pytest.raises(DBAPIError):
        store.save(org, "account", [account(1, name=None)], "Account", 1000)
    assert store.watermarks(org) == {}
    store.save(org, "account", [account(1)], "Account", 1000)
    assert store.watermarks(org) == {"Account": 1000}


def test_text_with_tabs_newlines_and_backslashes_survives(store: Store, org: int) -> None:
    name = "a\tb\nc\\N \\. ünï 😀"
    store.save(org, "account", [account(1, name=name)], "Account", None)
    assert [{"name": name}] == store.rows(select(t.account.c.name))


def test_another_org_is_refused(store: Store, org: int) -> None:
    """A sandbox copy keeps the record ids of production; mixing the two would go unnoticed."""
    assert org == store.pin_org("salesforce", FACTS).id
    with pytest.raises(DatabaseError, match="holds data of 00D000000000001EAA"):
        store.pin_org("salesforce", FACTS | {"external_id": "00D000000000002EAA"})
    with pytest.raises(DatabaseError, match="sandbox flag"):
        store.pin_org("salesforce", FACTS | {"sandbox": False})


def test_records_that_the_crm_no_longer_lists_become_deleted(store: Store, org: int) -> None:
    store.save(org, "account", [account(n) for n in range(1200)], "Account", None)
    listed = [[str(account(n)[0]) for n in range(1200) if n not in (3, 999)]]
    assert store.reconcile(org, "account", listed) == 2
    assert store.count(org, "account") == 1198
    assert store.reconcile(org, "account", listed) == 0


def test_an_owner_is_assumed_for_the_past_and_dated_from_the_first_change_on(store: Store, org: int) -> None:
    store.save(org, "account", [account(1, owner_id="U1"), account(2, owner_id="U1")], "Account", None)
    assert store.record_owners(org, 500) == 2
    assert store.record_owners(org, 600) == 0
    store.save(org, "account", [account(1, owner_id="U2")], "Account", None)
    assert store.record_owners(org, 700) == 1
    o = t.account_owner
    rows = store.rows(select(o.c.from_at, o.c.owner_id).where(o.c.account_id == account(1)[0]).order_by(o.c.from_at))
    assert rows == [{"from_at": 0, "owner_id": "U1"}, {"from_at": 700, "owner_id": "U2"}]


def night(number: int, day: int, state: str = "Balanced") -> tuple[object, ...]:
    return (f"A{number}", day, 0.5, 0.1, 0.2, "", "B", state, state, day, 0)


def test_running_a_night_again_replaces_its_rows(store: Store, org: int) -> None:
    """Also those of accounts that have gone since."""
    assert store.save_nights(org, 20000, [night(1, 20000), night(2, 20000), night(3, 20000)]) == 3
    store.save_nights(org, 19999, [night(3, 19999)])
    assert store.save_nights(org, 20000, [night(1, 20000), night(2, 20000), night(3, 20000)]) == 0
    assert store.save_nights(org, 20000, [night(1, 20000, "Comfort zone"), night(2, 20000)]) == 2
    assert [night(1, 20000, "Comfort zone"), night(2, 20000)] == sorted(store.nights(org, 20000))
    assert [night(3, 19999)] == store.nights(org, 19999)
    assert store.last_night(org) == 20000


def score(number: int, **changes: object) -> Score:
    values: dict[str, object] = dict.fromkeys(Score.__dataclass_fields__, 1.5)
    values |= {"account_id": f"A{number}", "name": "Ünï", "owner_id": None, "state": "Balanced", "state_since": 20000}
    values |= {"reasons": (Reason("T1", "14.5 h"),), "coverage": {"book": 0.4}, "evidence": {"n": 3}, "as_of": 20001}
    values |= {"next_step": "", "currency": "EUR", "grade": "A", "confidence": 70, "model_version": "1"}
    return Score(**(values | changes))  # type: ignore[arg-type]


def test_a_verdict_comes_back_as_it_was_saved(store: Store, org: int) -> None:
    assert store.save_verdicts(org, [score(1), score(2)]) == 2
    assert [score(1), score(2)] == store.verdicts(org)
    assert store.save_verdicts(org, [score(1), score(2)]) == 0
    assert store.save_verdicts(org, [score(2)]) == 1
    assert [score(2)] == store.verdicts(org)


def test_our_fields_come_back_by_account_without_deleted_ones(store: Store, org: int) -> None:
    ours = json.dumps({"grade": "A"}, separators=(",", ":"))
    store.save(org, "account", [account(1, ours=ours), account(2, deleted=True)], "Account", None)
    assert {account(1)[0]: {"grade": "A"}} == store.ours(org)


def test_migrating_twice_is_harmless_and_matches_the_tables(engine: Engine) -> None:
    """What the migrations build is what the code expects."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    assert upgrade(engine)[0] == upgrade(engine)[1]
    with engine.connect() as c:
        assert compare_metadata(MigrationContext.configure(c), t.metadata) == []


def test_a_newer_schema_is_refused(engine: Engine) -> None:
    with engine.begin() as c:
        c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match=r"schema 9999 is newer .* Fix: run the newer version"):
        upgrade(engine)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "is no database URL"),
        ("mysql://a/b", "not supported"),
        ("postgresql://nobody:secret@127.0.0.1:1/x", "cannot be used"),
        ("sqlite:////proc/assay.db", "cannot be"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_clear_line(url: str, words: str) -> None:
    with pytest.raises(DatabaseError, match=words) as caught:
        upgrade(open_database(url))
    assert "\n" not in str(caught.value)
    assert "Fix:" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_account_record_and_row_have_the_same_order() -> None:
    assert Account(*account(1)).name == "Account 1"  # type: ignore[arg-type]
