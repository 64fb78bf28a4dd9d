"""Backups between both databases, of this schema and of every older one; what is damaged, newer or in the way is refused."""

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select

from db import lease
from db import tables as t
from db.backup import LEFT_OUT, backup, restore
from db.engine import DatabaseError, open_database
from db.lease import LeaseHeld
from db.migrate import upgrade
from db.runs import Runs

SAMPLE = Path(__file__).parent / "samples" / "schema" / "0001.json"


def content(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    with engine.connect() as c:
        return {
            table.name: [tuple(row) for row in c.execute(select(table).order_by(*table.primary_key))]
            for table in t.metadata.sorted_tables
            if table.name not in LEFT_OUT
        }


def fill(engine: Engine) -> None:
    """The rows of a real night, and some that try the format: every kind of text, empty values, large numbers."""
    rows = json.loads(SAMPLE.read_text())
    with engine.begin() as c:
        for table in t.metadata.sorted_tables:
            if rows.get(table.name):
                c.execute(insert(table), rows[table.name])
        odd = {
            "org": 1,
            "id": "odd",
            "name": 'a "b"\n\t\\ Ü 漢 🙂 \u2028',
            "created_at": 2**53,
            "ours": "{}",
            "traits": "{}",
            "deleted": False,
        }
        c.execute(insert(t.account).values(odd))
        c.execute(
            t.tick.insert().values(name="night", at=5, attempts=1, fence=1, started_at=5, ended_at=None, outcome="running")
        )


@pytest.fixture
def other(request: pytest.FixtureRequest, tmp_path: Path, engine: Engine) -> Iterator[Engine]:
    """An empty database of the other kind."""
    made = open_database(f"sqlite:///{tmp_path}/other.db")
    yield made
    made.dispose()


def test_a_backup_restored_elsewhere_is_the_same_row_for_row(engine: Engine, other: Engine, tmp_path: Path) -> None:
    """From each kind into SQLite, and back into the one it came from."""
    fill(engine)
    before = content(engine)
    rows = backup(engine, tmp_path / "one.gz")
    assert rows == sum(map(len, before.values()))
    assert (tmp_path / "one.gz").stat().st_mode & 0o077 == 0
    assert restore(other, tmp_path / "one.gz")[1] == rows
    assert content(other) == before
    with engine.begin() as c:
        c.execute(t.account.delete())
    backup(other, tmp_path / "two.gz")
    restore(engine, tmp_path / "two.gz", replace=True)
    assert content(engine) == before
    org = before["org"][0][0]
    assert Runs(engine).start(org, 1, "dry") > max(row[0] for row in before["run"])  # numbers go on


def test_a_backup_of_an_older_version_comes_up_to_this_one(engine: Engine, tmp_path: Path) -> None:
    old = json.loads(SAMPLE.read_text())
    lines: list[Any] = [{"format": "assay-backup-1", "schema": "0001", "made_at": ""}]
    for name in (table.name for table in t.metadata.sorted_tables):
        if (rows := old.get(name)) and name not in LEFT_OUT:
            lines += [{"table": name, "columns": list(rows[0])}, *(list(row.values()) for row in rows)]
    lines.append({"rows": sum(isinstance(x, list) for x in lines)})
    write(tmp_path / "old.gz", lines)
    assert restore(engine, tmp_path / "old.gz")[0] == "0001"
    with engine.connect() as c:
        assert c.execute(select(func.count()).select_from(t.verdict)).scalar_one() == len(old["verdict"])
    assert upgrade(engine)[0] == upgrade(engine)[1]


def write(path: Path, lines: list[Any]) -> None:
    with gzip.open(path, "wt") as out:
        out.writelines(json.dumps(x) + "\n" for x in lines)


def test_what_is_in_the_way_damaged_or_newer_is_refused_and_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    good = tmp_path / "good.gz"
    backup(engine, good)
    before = content(engine)
    with gzip.open(good, "rt") as f:
        lines = f.readlines()
    with gzip.open(tmp_path / "short.gz", "wt") as f:
        f.writelines(lines[:-5])
    (tmp_path / "cut.gz").write_bytes(good.read_bytes()[:-400])
    (tmp_path / "text.gz").write_text("hello")
    write(tmp_path / "alien.gz", [{"x": 1}, {"rows": 0}])
    write(tmp_path / "newer.gz", [{"format": "assay-backup-1", "schema": "9999"}, {"rows": 0}])
    row = json.loads(next(x for x in lines if x.startswith("[")))
    broken = [json.loads(lines[0]), {"table": "org", "columns": ["id"]}, row[:1], {"rows": 1}]
    write(tmp_path / "broken.gz", broken)
    for name, words in {"good": "not empty", "short": "too early", "cut": "cut short", "text": "no backup", "alien": "no backup",
                        "newer": "9999", "broken": "cannot be used", "absent": "No such file"}.items():  # fmt: skip
        with pytest.raises(DatabaseError, match="Fix: ") as caught:
            restore(engine, tmp_path / f"{name}.gz", replace=name != "good")
        assert words in str(caught.value), name
        assert content(engine) == before, name
    with pytest.raises(DatabaseError, match="exists and is not overwritten"):
        backup(engine, good)
    with pytest.raises(DatabaseError, match="cannot be written"):
        backup(engine, tmp_path / "nowhere" / "x.gz")


def test_nothing_is_restored_while_a_night_runs(engine: Engine, tmp_path: Path) -> None:
    backup(engine, tmp_path / "empty.gz")
    held = lease.acquire(engine, lease.NIGHT)
    with pytest.raises(LeaseHeld):
        restore(engine, tmp_path / "empty.gz", replace=True)
    held.release()
    restore(engine, tmp_path / "empty.gz", replace=True)


def test_a_sqlite_file_is_copied_before_its_schema_changes(tmp_path: Path) -> None:
    from test_db_upgrade import SAMPLES, filled

    path = tmp_path / "assay.db"
    engine = open_database(f"sqlite:///{path}")
    before = filled(engine, SAMPLES[0])
    upgrade(engine)
    [copy] = tmp_path.glob("*.bak")
    assert copy.stat().st_mode & 0o077 == 0
    upgrade(engine)  # nothing to do: no further copy
    assert len(list(tmp_path.glob("*.bak"))) == 1
    engine.dispose()
    shutil.copy(copy, tmp_path / "back.db")  # the way back: the old version finds its own schema
    old = open_database(f"sqlite:///{tmp_path}/back.db")
    with old.connect() as c:
        assert c.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == SAMPLES[0].stem
        assert c.exec_driver_sql("SELECT count(*) FROM verdict").scalar_one() == before["verdict"]
    old.dispose()


def test_an_upgrade_that_cannot_make_its_copy_changes_nothing(tmp_path: Path) -> None:
    from test_db_upgrade import SAMPLES, filled

    engine = open_database(f"sqlite:///{tmp_path}/assay.db")
    filled(engine, SAMPLES[0])
    (tmp_path / f"assay.db.schema-{SAMPLES[0].stem}.part").mkdir()
    with pytest.raises(DatabaseError, match=r"cannot be copied .* nothing was changed\. Fix:"):
        upgrade(engine)
    with engine.connect() as c:
        assert c.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == SAMPLES[0].stem
    engine.dispose()
