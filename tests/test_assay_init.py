"""`assay init`: files that work as they are, secrets that nobody else reads, nothing overwritten."""

import stat
from collections.abc import Iterator
from pathlib import Path

import inprocess
import pytest
from conftest import write_org
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from typer.testing import CliRunner, Result

from assay.commands.cli import app
from assay.commands.doctor.checks import examine
from assay.settings import ConfigError, load

FLAGS = (
    "--crm",
    "both",
    "--login-url",
    "https://acme.my.salesforce.com",
    "--username",
    "assay@acme.example",
    "--client-id",
    "3MVG9x",
)


def init(folder: Path, *flags: str) -> Result:
    return CliRunner().invoke(app, ["init", "--out", str(folder / "assay.toml"), *flags])


def test_what_it_writes_is_a_valid_configuration_that_writes_nothing_yet(tmp_path: Path) -> None:
    done = init(tmp_path, *FLAGS)
    assert done.exit_code == 0, done.output
    settings = load(tmp_path / "assay.toml").settings
    assert settings.salesforce is not None
    assert (settings.salesforce.login_url, settings.salesforce.client_id) == ("https://acme.my.salesforce.com", "3MVG9x")
    assert settings.hubspot is not None
    assert settings.write.enabled is False
    comments = [line for line in (tmp_path / "assay.toml").read_text().splitlines() if line.startswith("#")]
    assert len(comments) >= 8


def test_key_and_certificate_belong_together_and_only_the_owner_reads_the_key(tmp_path: Path) -> None:
    init(tmp_path, *FLAGS)
    key = tmp_path / "salesforce.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "assay.toml").stat().st_mode) == 0o600
    held = load_pem_private_key(key.read_bytes(), None)
    made = x509.load_pem_x509_certificate((tmp_path / "salesforce.crt").read_bytes())
    assert made.public_key() == held.public_key()
    assert 700 < (made.not_valid_after_utc - made.not_valid_before_utc).days < 800


def test_it_tells_the_admin_what_to_click(tmp_path: Path) -> None:
    told = init(tmp_path, *FLAGS).stdout
    for word in ("External Client App Manager", "assay@acme.example", "salesforce.crt", "Assay_Integration", "Service keys",
                 "schema apply --yes", "assay doctor"):  # fmt: skip
        assert word in told
    assert "PRIVATE KEY" not in told


@pytest.mark.parametrize("there", ["assay.toml", "salesforce.key", "salesforce.crt"])
def test_it_never_overwrites_and_then_writes_nothing_at_all(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    done = init(tmp_path, *FLAGS)
    assert isinstance(done.exception, ConfigError)
    assert f"{there} exists and is not overwritten. Fix:" in str(done.exception)
    assert [p.name for p in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ((), "--crm is missing"),
        (("--crm", "dynamics"), "--crm dynamics: unknown. Fix: one of salesforce, hubspot, both"),
        (("--crm", "salesforce"), "--login-url is missing"),
        (("--crm", "salesforce", "--login-url", "acme.my.salesforce.com", "--username", "a@b"), "not an https address"),
        (("--crm", "salesforce", "--login-url", "https://x", "--username", 'a"\n[write]'), "holds a quote"),
    ],
)
def test_without_a_person_to_ask_every_missing_answer_is_named(tmp_path: Path, flags: tuple[str, ...], word: str) -> None:
    done = init(tmp_path, *flags)
    assert isinstance(done.exception, ConfigError)
    assert word in str(done.exception)
    assert "Fix:" in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_a_person_is_asked_for_what_no_flag_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.commands.init.asking", lambda: True)
    said = "salesforce\nhttps://acme.my.salesforce.com\nassay@acme.example\n"
    CliRunner().invoke(app, ["init", "--out", str(tmp_path / "assay.toml")], input=said)
    settings = load(tmp_path / "assay.toml").settings
    assert settings.salesforce is not None
    assert settings.salesforce.username == "assay@acme.example"
    assert settings.hubspot is None


@pytest.fixture
def org(tmp_path: Path) -> Iterator[inprocess.Crm]:
    (tmp_path / "org").mkdir()
    write_org(tmp_path / "org")
    with inprocess.salesforce(tmp_path / "org", tmp_path / "org") as served:
        yield served


def test_the_login_works_when_the_certificate_is_uploaded(
    tmp_path: Path, org: inprocess.Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """End to end: what init made is what the org's JWT flow takes; before the upload the doctor says what is missing."""
    monkeypatch.setenv("ASSAY_ALLOW_HOSTS", f'["{org.host}"]')
    monkeypatch.setenv("ASSAY_DATABASE__URL", f"sqlite:///{tmp_path}/assay.db")
    line, home = org.line, tmp_path / "home"
    done = init(
        home,
        "--crm",
        "salesforce",
        "--login-url",
        line["url"],
        "--username",
        line["username"],
        "--client-id",
        line["client_id"],
    )
    assert done.exit_code == 0, done.output
    before = {f.check: f for f in examine(home / "assay.toml")}
    assert (before["salesforce secrets"].status, before["salesforce login"].status) == ("ok", "failure")
    assert "private_key_file matches the app's certificate" in before["salesforce login"].fix
    org.app.state.client_app.key = load_pem_private_key(
        (home / "salesforce.key").read_bytes(), None
    )  # the admin uploads the certificate
    after = {f.check: f.status for f in examine(home / "assay.toml")}
    assert after["salesforce login"] == "ok"
