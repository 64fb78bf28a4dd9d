"""What `make check` runs for a change."""

import pytest
from changed import TESTS, imported, selected, starts


@pytest.mark.parametrize(
    ("path", "name", "reason"),
    [
        ("tests/test_db_store.py", "test_db_store.py", "changed"),
        ("db/store.py", "test_db_store.py", "named for db/store.py"),
        ("db/store.py", "test_scoring_seconds.py", "imports db/store.py"),
        ("scheduler.py", "test_scheduler.py", "named for scheduler.py"),
        ("tests/facts.py", "test_scoring_backtest.py", "imports tests/facts.py"),
        ("migrations/versions/0001.py", "test_db_upgrade.py", "migrations"),
    ],
)
def test_a_test_file_is_chosen_by_itself_by_its_name_or_by_what_it_imports(path: str, name: str, reason: str) -> None:
    assert selected([path])[name] == reason


def test_the_nearest_comes_first_and_pages_choose_nothing() -> None:
    assert next(iter(selected(["db/store.py", "tests/test_web.py"]))) == "test_web.py"
    assert selected(["docs/testing.md", "Makefile", "tests/browser/test_x.py"]) == {}


def test_what_a_test_file_imports_is_read_without_running_it() -> None:
    assert {"changed", "changed.selected", "pytest"} <= imported(TESTS / "test_changed.py")


def test_what_starts_a_process_is_known_also_through_a_helper() -> None:
    import test_assay_cli
    import test_scoring_potential

    assert starts(test_assay_cli.test_wrong_login_data_is_named)
    assert not any(starts(f) for name, f in vars(test_scoring_potential).items() if name.startswith("test_"))
