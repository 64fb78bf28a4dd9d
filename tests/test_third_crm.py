"""A CRM more is a folder more and an entry in the registry: a third one, in memory, through the real command line."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field, SecretStr
from typer.testing import CliRunner, Result

from assay.commands.cli import app
from assay.settings import MASK, ConfigError, load
from assay.text.redaction import Redactor
from connectors import vendors
from connectors.diagnosis import CHECKS, Identity, Quota, Trouble
from connectors.errors import BadConfig
from connectors.fields import FIELDS
from connectors.memory import MemoryCrm
from connectors.port import Crm, SchemaAdmin
from connectors.section import Section, Shared
from connectors.vendor import SetUp, Vendor

NOW = 1_795_000_000
DAY = 86_400

# ---- the third vendor's folder --------------------------------------------------------------------------------------


class MemoryAdmin:
    """Our fields: made or not; see `connectors.port.SchemaAdmin`."""

    def __init__(self, made: set[str]) -> None:
        self.made = made

    def show(self) -> list[tuple[str, str]]:
        return [(f"account.{f.meaning}", "exists" if f.meaning in self.made else "create") for f in FIELDS]

    def apply(self) -> list[tuple[str, str]]:
        done = [(path, state.replace("create", "created")) for path, state in self.show()]
        self.made.update(f.meaning for f in FIELDS)
        return done

    def in_use(self) -> list[tuple[str, str]]:
        return [(f"account.{meaning}", "exists") for meaning in sorted(self.made)]

    def remove(self) -> list[tuple[str, str]]:
        gone = [(path, "removed") for path, _ in self.in_use()]
        self.made.clear()
        return gone

    def close(self) -> None:
        pass


class MemoryDiagnosis:
    """A healthy org, once our fields are there; see `connectors.diagnosis.Diagnosis`."""

    name, guide = "memory", "docs/memory.md"

    def __init__(self, crm: MemoryCrm, made: set[str]) -> None:
        self.crm, self.made = crm, made

    def clock(self) -> int | None:
        return None

    def login(self) -> None:
        self.crm.check()

    def identity(self) -> Identity:
        check = self.crm.check()
        return Identity(check.org_id, check.org_name, check.sandbox, "nobody")

    def permissions(self) -> Sequence[Trouble]:
        return ()

    def records(self) -> Sequence[Trouble]:
        return ()

    def scope(self) -> Mapping[str, str]:
        return {}

    def fields(self) -> Sequence[Trouble]:
        absent = [f.meaning for f in FIELDS if f.meaning not in self.made]
        return [Trouble(f"absent: {', '.join(absent)}", "run `assay schema apply --yes`")] if absent else []

    def quota(self) -> Quota:
        return Quota(None, None, 30, 20)

    def coverage(self, days: int) -> Mapping[str, int]:
        return dict.fromkeys(("meetings", "calls", "e-mails", "tasks"), 7)

    def close(self) -> None:
        pass


class MemorySection(Section):
    """The org lives in the test, so that each command of it meets the same one."""

    crm: ClassVar[MemoryCrm]
    made: ClassVar[set[str]]
    token: SecretStr | None = Field(default=None, description="what opens it")
    quota_share: float = Field(default=0.10, gt=0, le=1, description="share of the daily calls a night may use")

    def open_org(self, shared: Shared) -> Crm:
        if self.token is None:
            raise BadConfig(["[memory] token is empty. Fix: set it"])
        return self.crm

    def open_admin(self, shared: Shared) -> SchemaAdmin:
        return MemoryAdmin(self.made)

    def open_diagnosis(self, shared: Shared) -> MemoryDiagnosis:
        return MemoryDiagnosis(self.crm, self.made)

    def credential(self) -> str:
        return self.token.get_secret_value() if self.token else ""

    def missing_secret(self) -> Trouble | None:
        return None if self.token else Trouble("[memory] token is empty", "set it")


class MemoryVendor(Vendor):
    name, section, guide = "memory", MemorySection, "docs/memory.md"
    anchors: ClassVar[Mapping[str, str]] = dict.fromkeys(CHECKS, "set-up")
    secret_shapes = (r"\bmem-[0-9a-f]{8,}",)

    def write_calls(self, rows: int) -> int:
        return -(-rows // 200)

    def set_up(self, answers: Mapping[str, str], folder: Path) -> SetUp:
        return SetUp("[memory]\nquota_share = 0.10\n", "Nothing to click.\n")


# ---- the entry in the registry, and nothing else --------------------------------------------------------------------


@pytest.fixture
def crm(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryCrm]:
    """Forty accounts of two owners, each with a won deal, most with meetings."""
    crm = MemorySection.crm = MemoryCrm(now=NOW)
    MemorySection.made = set()
    for person in ("U1", "U2"):
        crm.put("owner", id=person, name=f"Owner {person}", active=True, started_at=1)
    for n in range(40):
        account, owner = f"A{n:02d}", f"U{1 + n % 2}"
        crm.put("account", id=account, name=f"Account {n}", owner_id=owner, created_at=NOW - 900 * DAY)
        crm.put("opportunity", id=f"O{n}", account_id=account, owner_id=owner, name="Deal", stage="Won", amount_cents=1_000_000 * (n + 1),
                close_day=(NOW // DAY) - 30 - n, closed=True, won=True, created_at=NOW - 200 * DAY)  # fmt: skip
        for k in range(n % 5):
            crm.put("activity", id=f"E{n}-{k}", kind="meeting", status="held", account_id=account, owner_id=owner, all_day=False,
                    child=False, starts_at=NOW - (5 + k) * DAY, seconds=3600, owner_day=(NOW // DAY) - 5 - k)  # fmt: skip
    crm.now += DAY
    monkeypatch.setitem(vendors.VENDORS, "memory", MemoryVendor())
    yield crm
    del MemorySection.crm, MemorySection.made


@pytest.fixture
def config(tmp_path: Path, crm: MemoryCrm) -> Path:
    path = tmp_path / "assay.toml"
    path.touch(mode=0o600)
    path.write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/assay.db"\n[memory]\ntoken = "mem-0123456789"\nquota_share = 0.5\n'
        "[write]\nenabled = true\n[scoring]\nreplay_nights = 1\n"
    )
    return path


def assay(config: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--config", str(config), *words])


def test_a_night_reads_judges_and_writes(config: Path, crm: MemoryCrm) -> None:
    done = assay(config, "run", "--force", "--json")
    assert done.exit_code == 0, done.output
    [outcome] = json.loads(done.stdout)
    assert (outcome["crm"], outcome["outcome"]) == ("memory", "done")
    verdicts = [json.loads(account["ours"]) for account in crm.records["account"].values()]
    assert len([v for v in verdicts if v.get("state")]) == 40


def test_plan_and_status_know_it(config: Path, crm: MemoryCrm) -> None:
    assert assay(config, "run").exit_code == 0, "a first run is dry"
    plan = assay(config, "plan", "--format", "json")
    assert len({change["account_id"] for change in json.loads(plan.stdout)}) == 40
    assert "memory: writing 40 accounts takes 1 API calls" in plan.stderr
    status = assay(config, "status")
    assert status.exit_code == 0
    assert "memory" in status.stdout


def test_the_doctor_asks_it_step_by_step(config: Path, crm: MemoryCrm) -> None:
    assay(config, "schema", "apply", "--yes")
    done = assay(config, "doctor", "--json")
    checks = {c["check"]: c for c in json.loads(done.stdout)["checks"]}
    assert done.exit_code == 0, [c for c in checks.values() if c["status"] != "ok"]
    assert {f"memory {word}" for word in CHECKS} <= checks.keys()
    assert checks["memory secrets"]["link"] == "docs/memory.md#set-up"


def test_its_schema_is_shown_made_and_taken_away(config: Path, crm: MemoryCrm) -> None:
    assert json.loads(assay(config, "schema", "show", "--json").stdout)["account.state"] == "create"
    assert json.loads(assay(config, "schema", "apply", "--yes", "--json").stdout)["account.state"] == "created"
    assert json.loads(assay(config, "schema", "show", "--json").stdout)["account.state"] == "exists"
    assert json.loads(assay(config, "schema", "remove", "--yes", "--json").stdout)["account.state"] == "removed"


def test_its_section_is_a_section_like_any_other(config: Path, crm: MemoryCrm, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = assay(config, "config", "show")
    assert "memory.quota_share" in shown.stdout
    assert "mem-0123456789" not in shown.stdout
    monkeypatch.setenv("ASSAY_MEMORY__QUOTA_SHARE", "0.25")
    (secret := config.parent / "token").write_text("from a file")
    monkeypatch.setenv("ASSAY_MEMORY__TOKEN_FILE", str(secret))
    section = load(config).settings.crms()["memory"]
    assert (section.quota_share, section.credential()) == (0.25, "from a file")
    config.write_text("[memory]\ntokn = 1\nquota_share = 2\n")
    with pytest.raises(ConfigError) as error:
        load(config)
    assert "unknown key memory.tokn. Fix: did you mean token?" in str(error.value)


def test_its_own_complaint_is_a_fault_of_the_configuration(config: Path, crm: MemoryCrm) -> None:
    config.write_text(config.read_text().replace('token = "mem-0123456789"\n', ""))
    done = assay(config, "run")
    assert isinstance(done.exception, ConfigError)
    assert done.exception.problems == ["[memory] token is empty. Fix: set it"]


def test_init_writes_its_section(tmp_path: Path, crm: MemoryCrm) -> None:
    done = CliRunner().invoke(app, ["init", "--crm", "memory", "--out", str(tmp_path / "assay.toml")])
    assert done.exit_code == 0, done.output
    assert "Nothing to click." in done.stdout
    assert list(load(tmp_path / "assay.toml").settings.crms()) == ["memory"]
    wrong = CliRunner().invoke(app, ["init", "--crm", "both"])
    assert "one of salesforce, hubspot, memory, all" in str(wrong.exception)


def test_no_log_line_shows_its_secrets(crm: MemoryCrm) -> None:
    assert Redactor()("it said mem-0123456789") == f"it said {MASK}"


def test_the_registry_brings_no_client_and_no_maths() -> None:
    """Settings and wiring are loaded by every command, and by a service that waits all day."""
    script = "import assay.wiring, assay.logs, sys; print(*{m.partition('.')[0] for m in sys.modules}, *sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "connectors.salesforce.vendor" in loaded
    heavy = {"simple_salesforce", "hubspot", "requests", "httpx", "numpy", "scipy", "cryptography"}
    assert not loaded & {*heavy, "connectors.transport", "connectors.salesforce.client", "connectors.hubspot.client"}
