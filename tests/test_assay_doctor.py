"""The doctor against broken set-ups: each is made on a live sandbox, and is to be named with its cause and its fix."""

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import inprocess
import pytest
from builders import portal, record
from conftest import write_org
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from shared import migrated
from typer.testing import CliRunner

from assay.commands.cli import app
from assay.commands.doctor import machine
from assay.commands.doctor.checks import examine
from assay.commands.doctor.finding import Finding
from assay.settings import Settings
from connectors.hubspot import HubSpotConfig
from connectors.hubspot import open_admin as open_portal_admin
from connectors.salesforce import SalesforceConfig, open_admin
from connectors.salesforce.keys import certificate, new_key, pem
from db.store import Store

ACME = "001Wk0000000001IAA"


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[inprocess.Crm]:
    """An org in which meetings, calls and e-mails are logged."""
    folder = tmp_path_factory.mktemp("org")
    write_org(folder)
    stamps = "2026-05-01T00:00:00.000Z,2026-05-01T00:00:00.000Z,false\n"
    (folder / "salesforce" / "Event.csv").write_text(
        "Id,WhatId,OwnerId,AccountId,Subject,StartDateTime,DurationInMinutes,ActivityDate,IsChild,CreatedDate,SystemModstamp,IsDeleted\n"
        f"00UWk0000000001IAA,{ACME},005Wk0000000001IAA,{ACME},Visit,2026-05-04T09:00:00.000Z,60,2026-05-04,false,{stamps}"
    )
    (folder / "salesforce" / "EmailMessage.csv").write_text(
        "Id,RelatedToId,Incoming,Status,MessageDate,CreatedDate,SystemModstamp,IsDeleted\n"
        f"02sWk0000000001IAA,{ACME},false,3,2026-05-04T09:00:00.000Z,{stamps}"
    )
    with inprocess.salesforce(folder, tmp_path_factory.mktemp("keys")) as served:
        yield served


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[inprocess.Crm]:
    with inprocess.hubspot(portal(tmp_path_factory.mktemp("portal"), companies=12)) as served:
        yield served


@dataclass
class Scene:
    """A good set-up, about to be broken; `salesforce` and `hubspot` are the sections of the configuration."""

    home: Path
    org: inprocess.Crm
    hub: inprocess.Crm
    patch: pytest.MonkeyPatch
    salesforce: dict[str, Any] = field(default_factory=dict)
    hubspot: dict[str, Any] = field(default_factory=dict)
    extra: str = ""

    def path(self) -> Path:
        hosts = [self.org.host, self.hub.host, "127.0.0.1:9"]
        sections = [
            ("database", {"url": f"sqlite:///{self.home}/assay.db"}),
            ("salesforce", self.salesforce),
            ("hubspot", self.hubspot),
        ]
        lines = [f"allow_hosts = {json.dumps(hosts)}"]
        for name, values in sections:
            lines += [f"[{name}]", *(f"{k} = {json.dumps(v)}" for k, v in values.items())] if values else []
        path = self.home / "assay.toml"
        path.write_text("\n".join([*lines, self.extra, ""]))
        path.chmod(0o600)
        return path

    def key(self) -> Path:
        """A copy of the key that this test may spoil."""
        path = self.home / "salesforce.key"
        path.touch(mode=0o600)
        path.write_bytes(Path(self.org.line["private_key_file"]).read_bytes())
        self.salesforce["private_key_file"] = str(path)
        return path

    def store(self, **facts: Any) -> Store:
        """The database after nights of this org, or of one that differs in `facts`."""
        engine = migrated(f"sqlite:///{self.home}/assay.db")
        store = Store(engine)
        own = {"external_id": self.org.app.state.org_id(), "name": "Small", "sandbox": True, "currency": "EUR"}
        store.pin_org("salesforce", own | facts)
        return store

    def table(self, name: str) -> Any:
        return self.org.app.org.tables[name]

    def change(self, name: str, key: str, value: str, flag: str, new: str = "false") -> None:
        """One flag of a permission record, as an admin would set it."""
        table = self.table(name)
        row = next(r for r in table.rows if table.get(r, key) == value)
        table.set(row, {flag: new})
        self.org.app.org.sights.clear()


@pytest.fixture
def scene(tmp_path: Path, org: inprocess.Crm, hub: inprocess.Crm, monkeypatch: pytest.MonkeyPatch) -> Scene:
    org.reset()
    hub.reset()
    line = org.line
    values = {"login_url": line["url"], "client_id": line["client_id"], "username": line["username"]}
    own = SalesforceConfig(**values, access_token=line["admin_access_token"], allow_hosts=(org.host,))
    with closing(open_admin(own)) as admin:
        admin.apply()
    org.edit(op="profile", level="minimum")
    org.forget()
    org.app.state.quota = 100_000
    return Scene(tmp_path, org, hub, monkeypatch, values | {"private_key_file": line["private_key_file"]})


def with_portal(scene: Scene) -> None:
    """Only HubSpot, its properties made."""
    line = scene.hub.line
    with closing(
        open_portal_admin(HubSpotConfig(token=line["token"], base_url=line["url"], allow_hosts=(scene.hub.host,)))
    ) as admin:
        admin.apply()
    scene.salesforce, scene.hubspot = {}, {"base_url": line["url"], "token": line["token"]}


def test_a_good_set_up_is_ok_from_top_to_bottom(scene: Scene) -> None:
    found = examine(scene.path())
    assert {f.status for f in found} == {"ok"}, [f for f in found if f.status != "ok"]
    checks = ["config", "salesforce secrets", "database", *(f"salesforce {w}" for w in (
        "clock", "login", "org", "permissions", "records", "fields", "quota", "coverage")), "schedule", "scope", "writing"]  # fmt: skip
    assert [f.check for f in found] == checks
    assert not scene.org.heard("PATCH"), "a doctor changes nothing"
    assert not (scene.home / "assay.db-journal").exists()


def test_a_good_portal_is_ok_too(scene: Scene) -> None:
    with_portal(scene)
    found = examine(scene.path())
    assert {f.status for f in found} == {"ok"}, [f for f in found if f.status != "ok"]


# ---- the broken set-ups; docs/salesforce.md lists them --------------------------------------------------------------

Break = Callable[[Scene], None]
CASES: dict[str, tuple[Break, str, str, str, str]] = {}


def case(check: str, status: str, cause: str, fix: str) -> Callable[[Break], Break]:
    """A set-up that is broken by the function, and what the doctor is to say of it."""

    def keep(function: Break) -> Break:
        CASES[function.__name__.replace("_", " ")] = (function, check, status, cause, fix)
        return function

    return keep


@case("config", "failure", "unknown key write.enabeld", "did you mean enabled?")
def a_misspelt_key(scene: Scene) -> None:
    scene.extra = "[write]\nenabeld = true"


@case("config", "failure", "no CRM is configured", "add a [salesforce] or a [hubspot] section")
def no_crm_at_all(scene: Scene) -> None:
    scene.salesforce = {}


@case("salesforce secrets", "failure", "No such file", "assay init")
def a_key_file_that_is_not_there(scene: Scene) -> None:
    scene.salesforce["private_key_file"] = str(scene.home / "gone.key")


@case("salesforce secrets", "warning", "can be read by other users", "chmod 600")
def a_key_that_everybody_may_read(scene: Scene) -> None:
    scene.key().chmod(0o644)


@case("salesforce secrets", "failure", "is no private key", "not the certificate")
def the_certificate_in_place_of_the_key(scene: Scene) -> None:
    key = new_key()
    scene.key().write_bytes(certificate(key, "assay", datetime.now(UTC), days=90))


@case("salesforce secrets", "failure", "expired 5 days ago", "upload the certificate")
def a_certificate_that_has_expired(scene: Scene) -> None:
    path = scene.key()
    key: Any = load_pem_private_key(path.read_bytes(), None)
    path.with_suffix(".crt").write_bytes(
        certificate(key, "assay", datetime.now(UTC) - timedelta(days=94, hours=12), days=90)
    )


@case("salesforce secrets", "failure", "belongs to another key", "make a new pair")
def a_certificate_of_another_key(scene: Scene) -> None:
    scene.key().with_suffix(".crt").write_bytes(certificate(new_key(), "assay", datetime.now(UTC), days=90))


@case("database", "failure", "/proc/nowhere/assay.db cannot be made", "choose a folder")
def a_database_folder_that_cannot_be_made(scene: Scene) -> None:
    scene.patch.setenv("ASSAY_DATABASE__URL", "sqlite:////proc/nowhere/assay.db")


@case("database", "failure", "schema 9999 is newer than this version", "run the newer version")
def a_database_of_a_newer_version(scene: Scene) -> None:
    with closing(sqlite3.connect(scene.home / "assay.db")) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
        connection.commit()


@case("database", "failure", "0.1 GB are free", "make room")
def a_disk_that_is_full(scene: Scene) -> None:
    scene.patch.setattr(machine.shutil, "disk_usage", lambda _: SimpleNamespace(free=100_000_000))


@case("salesforce clock", "failure", " s ahead of the login server's", "NTP")
def a_clock_that_is_ten_minutes_wrong(scene: Scene) -> None:
    now = time.time
    scene.patch.setattr("connectors.salesforce.diagnosis.time.time", lambda: now() + 600)


@case("salesforce login", "failure", "invalid_client_id", "[salesforce] client_id")
def the_consumer_key_of_another_app(scene: Scene) -> None:
    scene.salesforce["client_id"] = "3MVG9wrong"


@case("salesforce login", "failure", "user hasn't approved this consumer", "pre-authorised")
def a_user_who_is_not_pre_authorised(scene: Scene) -> None:
    scene.salesforce["username"] = "somebody@sandbox.example"


@case("salesforce clock", "failure", "127.0.0.1:9 cannot be reached", "check the address")
def a_login_address_where_nobody_answers(scene: Scene) -> None:
    scene.salesforce["login_url"] = "http://127.0.0.1:9"


@case("salesforce org", "failure", "but the database holds data of 00DAnother", "another [database] url")
def the_login_of_another_org(scene: Scene) -> None:
    scene.store(external_id="00DAnother").engine.dispose()


@case("salesforce org", "failure", "says that it is a test org, it was production", "another [database] url")
def a_sandbox_copy_of_production(scene: Scene) -> None:
    scene.store(sandbox=False).engine.dispose()


@case("salesforce org", "failure", "API_DISABLED_FOR_ORG", "API access")
def a_user_without_the_api(scene: Scene) -> None:
    scene.change("PermissionSet", "Name", "Assay_Integration", "PermissionsApiEnabled")


@case("salesforce permissions", "failure", "object Opportunity is not visible", "Assay_Integration")
def an_object_that_is_not_granted(scene: Scene) -> None:
    scene.change("ObjectPermissions", "SobjectType", "Opportunity", "PermissionsRead")


@case("salesforce permissions", "failure", "Opportunity: field AccountId is not visible", "Assay_Integration")
def a_field_that_a_night_cannot_do_without(scene: Scene) -> None:
    scene.change("FieldPermissions", "Field", "Opportunity.AccountId", "PermissionsRead")


@case("salesforce permissions", "warning", "Account.Industry is not visible", "Assay_Integration")
def a_field_that_makes_the_score_better(scene: Scene) -> None:
    scene.change("FieldPermissions", "Field", "Account.Industry", "PermissionsRead")


@case("salesforce fields", "failure", "absent or hidden: Assay_State__c", "assay schema apply --yes")
def fields_that_nobody_has_made(scene: Scene) -> None:
    definitions = scene.table("CustomField")
    for row in list(definitions.rows):
        name = f"{definitions.get(row, 'DeveloperName')}__c"
        if name.startswith("Assay_"):
            scene.table("Account").drop_field(name)
            scene.org.app.org.granted_only.discard(f"Account.{name}")


@case("salesforce fields", "failure", "Assay_Grade__c is read-only", "Assay_Integration")
def a_field_of_ours_that_is_read_only(scene: Scene) -> None:
    for one in ("Assay_Integration",):
        sets = scene.table("PermissionSet")
        own = next(sets.get(r, "Id") for r in sets.rows if sets.get(r, "Name") == one)
        table = scene.table("FieldPermissions")
        row = next(
            r for r in table.rows if (table.get(r, "ParentId"), table.get(r, "Field")) == (own, "Account.Assay_Grade__c")
        )
        table.set(row, {"PermissionsEdit": "false"})
    scene.org.app.org.sights.clear()


@case("salesforce fields", "failure", "Assay_Hours__c is string, not double", "assay schema export")
def a_field_of_ours_of_another_type(scene: Scene) -> None:
    scene.org.edit(op="field", field="Account.Assay_Hours__c", type="string")


@case("salesforce fields", "failure", "Assay_State__c lacks the value Comfort zone", "assay schema export")
def a_picklist_value_that_was_removed(scene: Scene) -> None:
    fields = scene.table("Account").fields
    held = fields["Assay_State__c"]
    fields["Assay_State__c"] = replace(held, picklist=held.picklist[1:])


@case("salesforce records", "failure", "edit of any record", "Modify All on Account")
def accounts_that_may_be_read_only(scene: Scene) -> None:
    scene.org.edit(op="access", object="Account", level="read")


@case("salesforce records", "warning", "Task: not one record", "View All Data")
def private_activities(scene: Scene) -> None:
    for name in ("Task", "Event"):
        scene.org.edit(op="access", object=name, level="own")


@case("salesforce quota", "failure", "of 100000 daily calls are used by everybody", "who else uses the API")
def an_org_whose_calls_are_nearly_used_up(scene: Scene) -> None:
    scene.org.app.state.used = 85_000


@case("salesforce quota", "failure", "Assay's share of 10 is less", "raise quota_share")
def a_share_that_no_night_fits_into(scene: Scene) -> None:
    scene.org.app.state.quota, scene.salesforce["quota_share"] = 1_000, 0.01


@case("salesforce coverage", "warning", "no e-mails: unknown, not zero", "let that tool log its activities in the CRM")
def mails_that_are_captured_outside_the_crm(scene: Scene) -> None:
    scene.table("EmailMessage").rows.clear()


@case("salesforce coverage", "failure", "no activity in 180 days", "be logged in the CRM first")
def an_org_where_nobody_logs_anything(scene: Scene) -> None:
    for name in ("Task", "Event", "EmailMessage"):
        scene.table(name).rows.clear()


@case("writing", "warning", "publishing is on hold: run 7 was undone", "--allow undo-hold")
def a_hold_after_an_undo(scene: Scene) -> None:
    store = scene.store()
    store.engine.dispose()
    with closing(sqlite3.connect(scene.home / "assay.db")) as connection:
        connection.execute("UPDATE org SET hold = 'run 7 was undone'")
        connection.commit()


@case(
    "salesforce scope",
    "failure",
    "Account has no field Regoin__c that this user sees; nearest: Region__c",
    "correct the name",
)
def a_scope_that_names_no_field(scene: Scene) -> None:
    scene.extra = '[scope.include]\nRegoin__c = ["North"]'
    scene.org.edit(op="profile", level="full")


@case("hubspot scope", "failure", "[scope] regoin: companies has no field regoin", "correct the name")
def a_scope_that_names_a_property_that_is_not_there(scene: Scene) -> None:
    with_portal(scene)
    scene.extra = '[scope.exclude]\nregoin = ["north"]'


@case("scope", "warning", "[scope] type: no account has 'Custmer'; known are Customer", "assay status")
def a_scope_with_a_value_that_nobody_has(scene: Scene) -> None:
    with_accounts(scene)
    scene.extra = '[scope.include]\ntype = ["Customer", "Custmer"]'


@case("scope", "failure", "none of 1 accounts is in scope (1 by type = Customer)", "assay status")
def a_scope_that_leaves_nobody(scene: Scene) -> None:
    with_accounts(scene)
    scene.extra = '[scope.exclude]\ntype = ["Customer"]'


def with_accounts(scene: Scene) -> None:
    store = scene.store()
    store.save(store.orgs()[0].id, "account", [record("account", id=ACME, name="Acme", category="Customer")], "Account", 1)
    store.engine.dispose()


@case("hubspot login", "failure", "the token was refused", "Service keys")
def a_key_that_was_rotated_away(scene: Scene) -> None:
    with_portal(scene)
    scene.hubspot["token"] = "pat-old"


@case("hubspot permissions", "failure", "the key lacks the scope crm.objects.deals.read", "add it to the service key")
def a_key_without_deals(scene: Scene) -> None:
    with_portal(scene)
    scopes = [s for s in scene.hub.app.keys[scene.hub.line["token"]] if s != "crm.objects.deals.read"]
    scene.hub.edit(op="key", token=scene.hub.line["token"], scopes=scopes)


@case("hubspot permissions", "warning", "lacks the scope crm.objects.companies.write", "edit the service key")
def a_key_that_may_only_read(scene: Scene) -> None:
    with_portal(scene)
    scopes = [s for s in scene.hub.app.keys[scene.hub.line["token"]] if s != "crm.objects.companies.write"]
    scene.hub.edit(op="key", token=scene.hub.line["token"], scopes=scopes)


@case("hubspot fields", "failure", "absent or archived: assay_state", "assay schema apply --yes")
def a_property_that_was_archived(scene: Scene) -> None:
    with_portal(scene)
    scene.hub.edit(op="property", object="companies", name="assay_state", archived=True)


@case("hubspot fields", "failure", "assay_grade lacks the option C", "assay schema apply --yes")
def a_property_that_lost_an_option(scene: Scene) -> None:
    with_portal(scene)
    scene.hub.edit(op="property", object="companies", name="assay_grade", remove_option="C")


@pytest.mark.parametrize("name", CASES)
def test_a_broken_set_up_is_named_with_its_cause_and_its_fix(scene: Scene, name: str) -> None:
    spoil, check, status, cause, fix = CASES[name]
    spoil(scene)
    found = examine(scene.path())
    told = [f for f in found if f.status in ("warning", "failure")]
    mine = [f for f in told if f.check == check]
    assert [f.status for f in mine if cause in f.cause and fix in f.fix] == [status], told
    assert all(f.fix and f.link for f in told), "never a complaint without a way out"
    others = {f.check for f in told if f.status == "failure"} - {check}
    assert not others, f"one cause, told once: {others}"


def test_there_are_more_than_twenty_of_them_and_the_guide_lists_each() -> None:
    guide = (Path(__file__).parent.parent / "docs/doctor.md").read_text()
    assert len(CASES) > 20
    assert [name for name in CASES if name not in guide] == []


# ---- what rests on what ---------------------------------------------------------------------------------------------


def test_what_rests_on_a_failed_check_is_skipped_not_failed(scene: Scene) -> None:
    scene.salesforce["client_id"] = "3MVG9wrong"
    found = {f.check: f for f in examine(scene.path())}
    assert found["salesforce login"].status == "failure"
    assert (found["salesforce quota"].status, found["salesforce quota"].cause) == ("skipped", "needs salesforce permissions")
    assert found["schedule"].status == "ok", "what does not rest on it is looked at"


def test_all_problems_of_a_configuration_come_before_anything_else(scene: Scene) -> None:
    scene.extra = "[write]\nenabeld = true\nmax_flag_change = 7"
    found = examine(scene.path())
    assert [f.status for f in found] == ["failure", "failure", "skipped"]
    assert not scene.org.heard()


@pytest.mark.parametrize(
    ("cron", "status", "word"),
    [("0 2 * * *", "ok", "next night"), ("", "ok", "no schedule"), ("0 2 30 2 *", "failure", "never comes")],
)
def test_the_schedule_says_when_the_next_night_is(cron: str, status: str, word: str) -> None:
    [found] = machine.schedule(Settings(schedule={"cron": cron, "timezone": "Europe/Berlin"}))
    assert (found.status, word in found.cause) == (status, True)


@pytest.mark.parametrize("plan", ['cron = "at two"', 'timezone = "Mars/Olympus"'])
def test_a_schedule_that_means_nothing_is_named(tmp_path: Path, plan: str) -> None:
    config = tmp_path / "assay.toml"
    config.write_text(f"[schedule]\n{plan}\n")
    problems = [f for f in examine(config) if f.status == "failure"]
    assert [(f.check, f.cause.partition(":")[0], bool(f.fix)) for f in problems] == [("config", "[schedule]", True)]


def test_the_command_tells_people_and_machines_and_exits_by_the_worst(scene: Scene) -> None:
    scene.table("EmailMessage").rows.clear()
    path = str(scene.path())
    told = CliRunner().invoke(app, ["--config", path, "doctor"], env={"NO_COLOR": "1"})
    assert told.exit_code == 1
    assert "salesforce coverage" in told.output
    assert "WARNING" in told.output
    machine = CliRunner().invoke(app, ["--config", path, "doctor", "--json"])
    answer = json.loads(machine.stdout)
    assert (machine.exit_code, answer["status"]) == (1, "warning")
    assert set(answer["checks"][0]) == set(Finding.__dataclass_fields__)
    os.chmod(scene.path(), 0o600)
    scene.salesforce["client_id"] = "3MVG9wrong"
    assert CliRunner().invoke(app, ["--config", str(scene.path()), "doctor"]).exit_code == 2


def test_no_secret_is_told(scene: Scene) -> None:
    with_portal(scene)
    scene.hubspot["token"] = "pat-na1-very-secret"
    text = repr(examine(scene.path()))
    assert "very-secret" not in text
    assert pem(new_key()).decode()[:27] not in text
