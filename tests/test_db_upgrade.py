"""Every released schema, with data in it, comes up to this version's (docs/facts/running.md, "Upgrades")."""

import json
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, func, insert, select

from db.engine import open_database
from db.migrate import alembic_config, known_revisions, newest, upgrade
from db.store import Store

SAMPLES = sorted((Path(__file__).parent / "samples" / "schema").glob("*.json"))
#: rows that an upgrade takes away on purpose: streams to be read in full once more
FORGOTTEN = {"0001": {"watermark": 2}, "0002": {"watermark": 1}, "0006": {"watermark": 1}}


def filled(engine: Engine, sample: Path) -> dict[str, int]:
    """A database of an old schema with the rows that its version left; table -> rows."""
    config = alembic_config()
    with engine.begin() as c:
        config.attributes["connection"] = c
        command.upgrade(config, sample.stem)
        old = MetaData()
        old.reflect(c)
        content = json.loads(sample.read_text())
        for table in old.sorted_tables:
            if content.get(table.name):
                c.execute(insert(table), content[table.name])
    return {name: len(rows) for name, rows in content.items()}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.stem)
def test_an_old_database_is_upgraded_with_everything_in_it(database_url: str, sample: Path) -> None:
    engine = open_database(database_url)
    before = filled(engine, sample)
    assert upgrade(engine)[0] == sample.stem
    now = MetaData()
    with engine.connect() as c:
        now.reflect(c)
        after = {name: c.execute(select(func.count()).select_from(now.tables[name])).scalar_one() for name in before}
    lost = {name: before[name] - after[name] for name in before if before[name] != after[name]}
    assert lost == FORGOTTEN.get(sample.stem, {})
    store = Store(engine)
    assert sum(len(store.verdicts(org.id)) for org in store.orgs()) == before["verdict"]
    assert all(store.ours(org.id) for org in store.orgs())
    engine.dispose()


def test_a_migration_s_file_is_named_for_its_revision() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    assert known_revisions() == {script.revision for script in scripts.walk_revisions()}
    assert newest() == scripts.get_current_head()
