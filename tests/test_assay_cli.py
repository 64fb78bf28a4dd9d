"""The commands as a person runs them: own process, real sandbox; every mistake is one line with the way out."""

import json
import os
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import warm

from assay.settings import ConfigError, load, shown
from sandbox import process, world

Line = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("world")
    world.generate(made, seed=5, accounts=40, reps=3)
    return made


@pytest.fixture
def line(folder: Path) -> Iterator[Line]:
    with process.running(folder) as ready:
        yield ready["salesforce"]


def configure(home: Path, line: Line, **salesforce: Any) -> Path:
    values = {"login_url": line["url"], "client_id": line["client_id"], "username": line["username"],
              "private_key_file": line["private_key_file"]} | salesforce  # fmt: skip
    body = "\n".join(f"{k} = {json.dumps(v)}" for k, v in values.items())
    path = home / "assay.toml"
    path.write_text(
        f'allow_hosts = ["{line["url"].removeprefix("http://")}"]\n[database]\nurl = "sqlite:///{home}/assay.db"\n'
        f"[salesforce]\n{body}\n[write]\nenabled = true\n[scoring]\nreplay_nights = 1\n"
    )
    return path


def assay(config: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return warm.run("--config", str(config), *arguments, environment=environment)


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """Exit code, one line, its words, a way out; no traceback."""
    lines = [x for x in done.stderr.splitlines() if x.startswith("assay: ")] or done.stdout.splitlines()[:1]
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert len(lines) == 1
    assert "Fix:" in lines[0]
    for word in words:
        assert word in lines[0]


def test_a_night_from_the_command_line_to_the_fields_in_the_crm(tmp_path: Path, line: Line) -> None:
    config = configure(tmp_path, line)
    assert assay(config, "schema", "apply").stdout.count("create") == 13  # dry
    assert assay(config, "schema", "apply", "--yes").stdout.count("created") == 13
    done = assay(config, "run", "--force", "--json")
    assert done.returncode == 0, done.stderr
    out = json.loads(done.stdout)[0]
    assert out["acked"] == out["planned"] == sum(out["states"].values()) == 40
    verdicts = [json.loads(x) for x in assay(config, "scores", "--format", "jsonl").stdout.splitlines()]
    with httpx.Client(base_url=line["url"], headers={"Authorization": f"Bearer {line['access_token']}"}) as crm:
        query = "SELECT Id, Assay_State__c, Assay_Hours__c, Assay_Next_Step__c FROM Account WHERE IsDeleted = false"
        rows = crm.get("/services/data/v68.0/query", params={"q": query}).json()["records"]
    held = {r["Id"]: (r["Assay_State__c"], r["Assay_Hours__c"], r["Assay_Next_Step__c"] or "") for r in rows}
    assert held == {v["account_id"]: (v["state"], round(v["hours"], 1), v["next_step"]) for v in verdicts}

    again = json.loads(assay(config, "run", "--json").stdout)[0]
    assert (again["planned"], sum(again["changed"].values())) == (0, 0)

    one = json.loads(assay(config, "explain", verdicts[0]["account_id"], "--json").stdout)
    seconds = sum(r["counted"] for r in one["records"]["activities"])
    assert abs(seconds / 3600 - verdicts[0]["hours"]) < 0.01
    assert (
        assay(config, "plan", "--format", "json").stdout.strip() in ("[]", '{"updates": []}')
        or "0" in assay(config, "plan").stdout
    )
    report = assay(config, "report", "--out", str(tmp_path / "r.html"))
    assert report.returncode == 0
    assert "<svg" in (tmp_path / "r.html").read_text()
    for command in (
        ("status",),
        ("status", "--json"),
        ("runs",),
        ("runs", "1"),
        ("rejects",),
        ("config", "show"),
        ("db", "upgrade"),
    ):
        assert assay(config, *command).returncode == 0


def test_refusals_undo_and_cost_from_the_command_line(tmp_path: Path, line: Line) -> None:
    config = configure(tmp_path, line)
    assay(config, "schema", "apply", "--yes")
    refused(assay(config, "run", "--allow", "flag-chnage"), 2, "did you mean flag-change?")
    with httpx.Client(base_url=line["url"]) as hands:
        query = {"q": "SELECT Id FROM Account WHERE IsDeleted = false ORDER BY Id"}
        bearer = {"Authorization": f"Bearer {line['access_token']}"}
        ids = [r["Id"] for r in hands.get("/services/data/v68.0/query", params=query, headers=bearer).json()["records"]]
        hands.post("/_sandbox/edit", json={"op": "rule", "object": "Account", "id": ids[3], "message": "Not on Fridays"})
    done = assay(config, "run", "--force", "--json")
    assert done.returncode == 3
    run = json.loads(done.stdout)[0]
    listed = assay(config, "rejects").stdout
    assert listed.index("Not on Fridays") < listed.index(ids[3])
    assert "1 refused rows are due" in assay(config, "rejects", "retry").stdout
    planned = assay(config, "plan", "--format", "json")
    assert {r["account_id"] for r in json.loads(planned.stdout)} == {ids[3]}
    assert "salesforce: writing 1 accounts takes 1 API calls, a whole night about" in planned.stderr
    assert f"{run['calls']} of our 10,000 a day are used" in planned.stderr

    dry = assay(config, "undo", str(run["run"]))
    assert (dry.returncode, "would restore 39 accounts" in dry.stdout, "dry: nothing" in dry.stderr) == (0, True, True)
    back = json.loads(assay(config, "undo", str(run["run"]), "--yes", "--json").stdout)
    assert (back["acked"], back["left"]) == (39, [])
    assert {r["Assay_State__c"] for r in org(line)} == {None}
    refused(assay(config, "run"), 5, "rule undo-hold", "--allow undo-hold")
    assert "on hold: run 1 was undone" in assay(config, "status").stdout
    refused(assay(config, "undo", "99"), 2, "there is no run 99")


def test_wrong_login_data_is_named(tmp_path: Path, line: Line) -> None:
    (tmp_path / "other.key").write_text("-----BEGIN PRIVATE KEY-----\nno\n-----END PRIVATE KEY-----\n")
    refused(assay(configure(tmp_path, line, private_key_file=str(tmp_path / "other.key")), "run"), 1, "private_key_file")
    refused(assay(configure(tmp_path, line, private_key_file="/nowhere.key"), "run"), 2, "/nowhere.key", "No such file")
    refused(assay(configure(tmp_path, line, client_id="3MVG9wrong"), "run"), 1, "client_id")
    assert content(tmp_path / "assay.db")["org"] == []


def test_fields_that_are_missing_or_hidden_stop_the_write_before_it_begins(tmp_path: Path, line: Line) -> None:
    config = configure(tmp_path, line)
    refused(assay(config, "run", "--force"), 1, "assay schema apply --yes", "nothing was written")
    with httpx.Client(base_url=line["url"]) as hands:
        hands.post("/_sandbox/edit", json={"op": "hide", "field": "Opportunity.StageName"})
    refused(assay(config, "run", "--force"), 1, "Opportunity", "StageName", "Assay_Integration")


@pytest.mark.parametrize(("fault", "word"), [({"action": "html"}, "web page"), ({"status": 503}, "HTTP 503")])
def test_an_org_in_trouble_is_one_line(tmp_path: Path, line: Line, fault: dict[str, Any], word: str) -> None:
    with httpx.Client(base_url=line["url"]) as hands:
        hands.post("/_sandbox/faults", json=[{"path": "oauth2|services", "times": 99, **fault}])
    refused(assay(configure(tmp_path, line), "run"), 1, word)


def test_a_database_that_cannot_be_written_is_one_line(tmp_path: Path, line: Line) -> None:
    config = configure(tmp_path, line)
    refused(assay(config, "run", ASSAY_DATABASE__URL="sqlite:////proc/nowhere/assay.db"), 1, "/proc/nowhere", "Fix")
    refused(assay(config, "run", ASSAY_DATABASE__URL="postgresql://u:geheim@127.0.0.1:1/x"), 1, "cannot be used")


def test_an_org_folder_with_a_bad_value_names_file_line_column_and_value(tmp_path: Path) -> None:
    world.generate(tmp_path / "org", seed=1, accounts=20, reps=2)
    path = tmp_path / "org" / "salesforce" / "Opportunity.csv"
    lines = path.read_text().splitlines()
    lines[3] = lines[3].replace("true", "perhaps", 1).replace("false", "perhaps", 1)
    path.write_text("\n".join(lines) + "\n")
    config = tmp_path / "empty.toml"
    config.write_text("")
    done = assay(config, "sandbox", "serve", "--data", str(tmp_path / "org"))
    refused(done, 2, "Opportunity.csv", ":4", "perhaps")
    assert done.stdout == ""


MOMENTS = {
    "while the jobs are begun": "jobs/query",
    "while pages are read": "/results",
    "after the pull": "EventRelation",
    "in the first write": "composite/sobjects",
    "at login": "oauth2/token",
}
#: of these, what `make test` takes
USUAL = ("while pages are read", "in the first write")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> tuple[Any, Any]:
    return end_of_a_run(tmp_path_factory.mktemp("undisturbed"), folder)


@pytest.mark.parametrize("moment", [m if m in USUAL else pytest.param(m, marks=pytest.mark.soak) for m in MOMENTS])
def test_a_run_that_is_killed_and_run_again_ends_like_one_that_was_not(
    tmp_path: Path, folder: Path, undisturbed: tuple[Any, Any], moment: str
) -> None:
    """kill -9: the same database content (docs/facts/running.md, "Nights") and the same org."""
    assert end_of_a_run(tmp_path, folder, MOMENTS[moment]) == undisturbed


def end_of_a_run(home: Path, folder: Path, killed_at: str = "") -> tuple[Any, Any]:
    """What database and org hold after the first run that came to its end."""
    with process.running(folder) as ready:
        line = ready["salesforce"]
        config = configure(home, line)
        assert assay(config, "schema", "apply", "--yes").returncode == 0
        if killed_at:
            kill_at(config, line, killed_at)
        done = assay(config, "run", "--force", "--json")
        assert done.returncode == 0, done.stderr
        return content(home / "assay.db"), org(line)


def kill_at(config: Path, line: Line, path: str) -> None:
    """Start a run and kill it hard when the org has heard a request of this kind."""
    with httpx.Client(base_url=line["url"]) as hands:
        hands.request("DELETE", "/_sandbox/log")
        with open(os.devnull, "w") as nowhere:
            run = warm.Program("--config", str(config), "run", "--force", out=nowhere, err=nowhere)
        while path not in hands.get("/_sandbox/log").text and run.poll() is None:
            threading.Event().wait(0.005)
        run.kill()
        run.wait()


def content(database: Path) -> dict[str, list[str]]:
    """Every row but ids, times and attempts of runs and ledger, and hashes keyed by the login's secret."""
    with closing(sqlite3.connect(database)) as connection:
        return _rows(connection)


def _rows(connection: sqlite3.Connection) -> dict[str, list[str]]:
    found = {}
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if table in ("run", "lease", "watermark", "alembic_version", "api_calls"):
            continue
        names = [r[1] for r in connection.execute(f"PRAGMA table_info({table})")]
        left_out = {
            "ledger": {"id", "run", "at", "attempts", "token"},
            "activity": {"subject_key", "thread_key"},
            "owner": {"person_key"},
        }.get(table, set())
        wanted = ", ".join(f'"{n}"' for n in names if n not in left_out)
        found[table] = sorted(map(repr, connection.execute(f"SELECT {wanted} FROM {table}").fetchall()))  # noqa: S608 our own names
    return found


def org(line: Line) -> list[dict[str, Any]]:
    fields = ("Id", "Assay_State__c", "Assay_State_Since__c", "Assay_Potential__c", "Assay_Grade__c", "Assay_Hours__c",
              "Assay_Fair_Hours__c", "Assay_Confidence__c", "Assay_Reason__c", "Assay_Next_Step__c")  # fmt: skip
    with httpx.Client(base_url=line["url"], headers={"Authorization": f"Bearer {line['access_token']}"}) as crm:
        query = f"SELECT {', '.join(fields)} FROM Account ORDER BY Id"  # noqa: S608 our own names
        rows = crm.get("/services/data/v68.0/query", params={"q": query}).json()["records"]
    return [{f: r[f] for f in fields} for r in rows]


# ---- configuration --------------------------------------------------------------------------------------------------


def test_every_problem_of_a_configuration_is_told_at_once_with_the_nearest_key(tmp_path: Path) -> None:
    path = tmp_path / "assay.toml"
    path.write_text('[write]\nenabeld = true\nmax_flag_change = 7\n[salesfroce]\nusername = "x"\n[scoring]\nenter = 3.0\n')
    with pytest.raises(ConfigError) as caught:
        load(path)
    text = "\n".join(caught.value.problems)
    assert "write.enabeld. Fix: did you mean enabled?" in text
    assert "salesfroce. Fix: did you mean salesforce?" in text
    assert "write.max_flag_change" in text
    assert str(path) in text


def test_a_constant_of_the_score_is_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "assay.toml"
    path.write_text("[scoring]\nenter = 3.0\n")
    with pytest.raises(ConfigError, match=r"enter = 3\.0 must lie between 0 and 1"):
        load(path)


def test_flags_win_over_environment_over_file_and_each_value_says_where_it_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "assay.toml"
    path.write_text("[write]\nenabled = false\nband_hours = 2.0\nband_points = 7\n")
    monkeypatch.setenv("ASSAY_WRITE__ENABLED", "true")
    monkeypatch.setenv("ASSAY_WRITE__BAND_HOURS", "3")
    loaded = load(path, {"write": {"band_hours": 4.0}})
    write = loaded.settings.write
    assert (write.enabled, write.band_hours, write.band_points) == (True, 4.0, 7)
    origins = {k: o for k, _, o in shown(loaded)}
    assert (origins["write.enabled"], origins["write.band_hours"], origins["write.band_points"]) == (
        "environment",
        "flag",
        f"file {path}",
    )
    assert origins["write.max_flag_change"] == "default"


def test_a_secret_may_come_from_a_file_and_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("hunter2-secret\n")
    monkeypatch.setenv("ASSAY_SALESFORCE__CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("ASSAY_DATABASE__URL", "postgresql://u:hunter3@db/x")
    loaded = load(None)
    secret = loaded.settings.salesforce.client_secret if loaded.settings.salesforce else None
    assert secret is not None
    assert secret.get_secret_value() == "hunter2-secret"
    text = repr(shown(loaded)) + repr(loaded.settings)
    assert "hunter2" not in text
    assert "hunter3" not in repr(shown(loaded))


def test_an_unknown_section_in_the_environment_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_WRIET__ENABLED", "true")
    with pytest.raises(ConfigError, match=r"ASSAY_WRIET__ENABLED: there is no such section\. Fix: did you mean WRITE"):
        load(None)
