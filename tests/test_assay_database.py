"""`assay db` as a person runs it."""

import subprocess
from pathlib import Path

import warm
from shared import migrated
from test_db_backup import content, fill

from db import tables as t


def assay(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return warm.run("db", *words, environment={"ASSAY_DATABASE__URL": url})


def test_backup_restore_and_purge_from_the_command_line(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/assay.db"
    engine = migrated(url)
    fill(engine)
    with engine.begin() as c:
        c.execute(t.account.update().where(t.account.c.id == "odd").values(deleted=True))
    before = content(engine)
    file = str(tmp_path / "b.gz")
    assert assay(url, "backup", file).returncode == 0
    refused = assay(url, "restore", file)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "--yes" in refused.stderr
    purged = assay(url, "purge")
    assert (purged.returncode, "deleted records" in purged.stdout) == (0, True)
    assert content(engine) != before
    assert assay(url, "restore", file, "--yes").returncode == 0
    assert content(engine) == before
    engine.dispose()
