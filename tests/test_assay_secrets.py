"""Canaries: the secrets of every secret setting, in use, appear in no line, metric, page, report, database or backup."""

import gzip
import json
import subprocess
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog
import warm
from pydantic import SecretStr
from sqlalchemy import Engine
from test_assay_serve import replica, ticks, until
from test_assay_stopping import listening

from assay import logs
from assay.settings import MASK, Log, load, secret_values, sections
from assay.text.redaction import Redactor
from db import tables as t
from db.engine import open_database
from db.migrate import upgrade
from sandbox import process, world


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("world")
    world.generate(folder, seed=5, accounts=20, reps=2, crms=("salesforce", "hubspot"))
    with process.running(folder) as line:
        yield line


def planted(home: Path, ready: dict[str, Any], database_url: str, ping: str, **changed: str) -> Path:
    """A configuration with every secret there is."""
    s, h = ready["salesforce"], ready["hubspot"]
    hosts = [x.removeprefix("http://").partition("/")[0] for x in (s["url"], h["url"], ping)]
    values = {"client_secret": s["client_secret"], "access_token": s["access_token"], "token": h["token"],
              "key": s["private_key_file"]} | changed  # fmt: skip
    path = home / "assay.toml"
    path.write_text(
        f'allow_hosts = {json.dumps(hosts)}\n[database]\nurl = "{database_url}"\n[salesforce]\nlogin_url = "{s["url"]}"\n'
        f'client_id = "{s["client_id"]}"\nusername = "{s["username"]}"\nprivate_key_file = "{values["key"]}"\n'
        f'client_secret = "{values["client_secret"]}"\naccess_token = "{values["access_token"]}"\ninstance_url = "{s["url"]}"\n'
        f'[hubspot]\nbase_url = "{h["url"]}"\ntoken = "{values["token"]}"\n[write]\nenabled = true\n'
        f'[scoring]\nreplay_nights = 1\n[log]\nlevel = "debug"\n[web]\ntoken = "CANARY-page-token"\n'
        f'[schedule]\nping_url = "{ping}/CANARY-ping-uuid"\nlease_seconds = 3\n'
    )
    return path


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_secret_in_use_appears_anywhere(tmp_path: Path, ready: dict[str, Any], database_url: str) -> None:
    url = database_url.replace("postgres:@", "postgres:CANARY-database@")
    engine = open_database(url)
    upgrade(engine)
    said: dict[str, str] = {}
    with listening() as (ping, heard):
        config = planted(tmp_path, ready, url, ping.removesuffix("/uuid"))
        settings = load(config).settings
        unset = [f"{name}.{key}" for name in sections() for key, value in getattr(settings, name) if value is None
                 and SecretStr in getattr(type(getattr(settings, name)).model_fields[key].annotation, "__args__", ())]  # fmt: skip
        assert unset == [], "a new secret setting: plant it above"
        for words in (["run", "--force"], ["status"], ["config", "show"],
                      ["report", "--out", str(tmp_path / "report.html")], ["db", "backup", str(tmp_path / "backup.gz")]):  # fmt: skip
            done = _assay(config, *words)
            said[" ".join(words)] = done.stdout + done.stderr
        _miss_a_night(engine)
        with replica(config, tmp_path / "serve.log") as service:
            until(service.ready)
            until(lambda: ticks(engine, "done") or ticks(engine, "rejected"))
            for path in ("/", "/metrics", "/readyz", "/nowhere", "/openapi.json", "/api/status"):
                answer = service.get(path, "CANARY-page-token")
                said[path] = "" if answer is None else answer.text + str(answer.headers)
            service.end()
        assert any(path.startswith("/CANARY") for path in heard)
    said["serve.log"] = (tmp_path / "serve.log").read_text()
    said["report"] = (tmp_path / "report.html").read_text()
    said["database"] = gzip.decompress((tmp_path / "backup.gz").read_bytes()).decode()
    secrets = secret_values(settings)
    assert len(secrets) > 7
    for where, text in said.items():
        assert [s for s in secrets if s in text] == [], where
        assert "CANARY" not in text, where
    engine.dispose()


def _assay(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = warm.run("--config", str(config), *words)
    assert "Traceback" not in done.stderr
    return done


def _miss_a_night(engine: Engine) -> None:
    """Empty the record of runs' times, as if the service had been down since long."""
    with engine.begin() as c:
        c.execute(t.run.update().values(started_at=1))
        c.execute(t.tick.insert().values(name="night", at=int(time.time()) - 9 * 86_400, attempts=0, fence=0, started_at=1,
                                         ended_at=1, outcome="skipped"))  # fmt: skip


def test_no_wrong_secret_is_repeated_by_the_error_it_causes(tmp_path: Path, ready: dict[str, Any]) -> None:
    key = tmp_path / "CANARY.key"
    key.write_text("-----BEGIN PRIVATE KEY-----\nCANARYkeyline0123456789\n-----END PRIVATE KEY-----\n")
    wrong = {
        "token": "pat-na1-CANARY00-1111-2222-3333-444444444444",
        "client_secret": "CANARY-client",
        "access_token": "00DCANARY!x",
    }
    config = planted(tmp_path, ready, f"sqlite:///{tmp_path}/assay.db", "http://127.0.0.1:9", **wrong, key=str(key))
    done = _assay(config, "run")
    assert done.returncode == 1
    text = (done.stdout + done.stderr).replace("CANARY.key", "")  # the path of a key is no secret
    assert "CANARY" not in text
    bad = "postgresql://u:CANARY-pw@127.0.0.1:1/x"
    refused = warm.run("--config", str(config), "status", environment={"ASSAY_DATABASE__URL": bad})
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "CANARY" not in refused.stderr


# ---- the last processor ---------------------------------------------------------------------------------------------

SHAPED = {
    "bearer": "Authorization: Bearer abc.def-123",
    "basic": "Basic dXNlcjpwYXNzd29yZA==",
    "hubspot": "pat-eu1-01234567-89ab-cdef-0123-456789abcdef",
    "salesforce": "00D5g000004abcdEAA!AQ4AQPx.y_z",
    "jwt": "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl",
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    "url": "postgresql://assay:hunter2@db/assay",
}


@pytest.mark.parametrize("shape", SHAPED)
def test_what_looks_like_a_secret_is_replaced_in_every_place_of_a_line(shape: str) -> None:
    secret = SHAPED[shape]
    for form in ("text", "json"):
        out = StringIO()
        logs.configure(Log(format=form), stream=out)
        try:
            raise ValueError(secret)
        except ValueError:
            structlog.get_logger("assay").exception("it says " + secret, fact=secret, nested={"a": [secret]}, token="x1")
        assert MASK in out.getvalue()
        for part in ("abc.def", "dXNlcjpw", "01234567", "AQ4AQPx", "c2lnbmF0", "MIIEow", "hunter2", "x1"):
            assert part not in out.getvalue(), (form, part)


@pytest.mark.parametrize("secret", ['qu"ote\\slash', "line\nbreak", "Ünïcode-é", "dollar$[x](y)*"])
def test_a_known_secret_is_replaced_however_json_writes_it(secret: str) -> None:
    for form in ("text", "json"):
        out = StringIO()
        logs.configure(Log(format=form), [secret], stream=out)
        structlog.get_logger("assay").warning("said", fact=f"before {secret} after", nested=[secret])
        assert secret not in out.getvalue()
        assert json.dumps(secret)[1:-1] not in out.getvalue()
        assert "before" in out.getvalue()


def test_ordinary_words_stay() -> None:
    text = "salesforce: 40 accounts written, https://x.my.salesforce.com/a, see docs"
    assert Redactor(["abc", ""])(text) == text
