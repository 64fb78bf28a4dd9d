"""Fields and permission sets in an org: made, completed, shown, exported, removed; by an admin, over real HTTP.

And the promise about the nightly user: with exactly our permission set a night succeeds, and with one right less it fails
clearly before anything is written.
"""

import csv
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import inprocess
import pytest
from conftest import write_org
from shared import migrated
from sqlalchemy import select

from assay.commands import export
from assay.night.options import RunOptions
from assay.night.outcome import Outcome
from assay.night.progress import Quiet
from assay.nightly import run
from assay.settings import ConfigError
from connectors.errors import CrmError
from connectors.salesforce import SalesforceConfig, open_admin, open_org
from connectors.salesforce.permissions import OBJECTS, OPEN, OPTIONAL, SECURED, Grant, integration, viewer
from connectors.salesforce.schema import NAMES
from connectors.salesforce.streams import STREAMS
from db import lease
from db.store import Store
from db.tables import account
from sandbox.salesforce.sight import PARENTS
from sandbox.salesforce.sight import SECURED as ENFORCED
from scoring.rules import Rules

ACME = "001Wk0000000001IAA"
NIGHTLY, ADMIN = "assay@sandbox.example", "admin@sandbox.example"


@contextmanager
def served(folder: Path) -> Iterator[inprocess.Crm]:
    """The small org with one meeting in it, and with everything that an org may have."""
    write_org(folder)
    for name in OPTIONAL:
        (folder / "salesforce" / f"{name}.csv").write_text("Id\n")
    (folder / "salesforce" / "Event.csv").write_text(
        "Id,WhatId,OwnerId,AccountId,Subject,StartDateTime,DurationInMinutes,ActivityDate,IsChild,CreatedDate,SystemModstamp,IsDeleted\n"
        f"00UWk0000000001IAA,{ACME},005Wk0000000001IAA,{ACME},Visit,2026-05-04T09:00:00.000Z,60,2026-05-04,false,"
        "2026-05-01T00:00:00.000Z,2026-05-01T00:00:00.000Z,false\n"
    )
    with inprocess.salesforce(folder, folder) as org:
        yield org


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[inprocess.Crm]:
    with served(tmp_path_factory.mktemp("org")) as one:
        yield one


@pytest.fixture
def fresh(org: inprocess.Crm) -> inprocess.Crm:
    """The org as it was loaded, its integration user without any right of its own."""
    org.reset()
    org.edit(op="profile", level="minimum")
    return org


def config(org: inprocess.Crm, *, admin: bool = True, **changes: Any) -> SalesforceConfig:
    line = org.line
    values = {"login_url": line["url"], "client_id": line["client_id"], "username": NIGHTLY, "subject_salt": b"k" * 32,
              "private_key": Path(line["private_key_file"]).read_text(), "allow_hosts": (org.host,),
              "access_token": line["admin_access_token"] if admin else None}  # fmt: skip
    return SalesforceConfig(**(values | changes))


def ask(org: inprocess.Crm, what: str, **changes: Any) -> dict[str, str]:
    with closing(open_admin(config(org, **changes))) as admin:
        return dict(getattr(admin, what)())


# ---- schema ---------------------------------------------------------------------------------------------------------


def test_an_admin_makes_fields_permission_sets_and_assignments_once(fresh: inprocess.Crm) -> None:
    assert list(ask(fresh, "show").values()).count("create") == 13
    assert not [h for h in fresh.heard() if h.method in ("POST", "PATCH", "DELETE")], "show is dry"
    done = ask(fresh, "apply")
    assert list(done.values()).count("created") == 13
    assert done["Assay_Integration for users"] == f"assigned to {NIGHTLY}"
    assert done["Assay_Viewer for users"] == f"assigned to {ADMIN}", "the admin wants to see what she made"
    fresh.forget()
    shown = ask(fresh, "apply")
    assert set(shown.values()) == {"exists"}
    assert not [h for h in fresh.heard() if h.method in ("POST", "PATCH")], "again is harmless"


def test_a_permission_that_was_taken_away_is_put_back_and_one_too_many_is_told(fresh: inprocess.Crm) -> None:
    ask(fresh, "apply")
    revoke(fresh, Grant("Account.Industry", "Read", ""))
    revoke(fresh, Grant("", "ActivitiesAccess", ""))
    grant(fresh, "ObjectPermissions", "Account", "PermissionsDelete")
    shown = ask(fresh, "show")["permission set Assay_Integration"]
    assert shown == "grant Access Activities, Account.Industry: read"
    assert ask(fresh, "apply")["permission set Assay_Integration"].startswith("granted Access Activities")
    assert ask(fresh, "show")["permission set Assay_Integration"] == "exists, and grants more than it needs: Account: Delete"


def test_a_field_of_another_type_or_with_fewer_values_differs(fresh: inprocess.Crm) -> None:
    ask(fresh, "apply")
    fresh.edit(op="field", field="Account.Assay_Hours__c", type="string")
    table = fresh.app.org.tables["Account"]
    table.fields["Assay_Grade__c"] = replace(table.fields["Assay_Grade__c"], picklist=("A", "B"))
    shown = ask(fresh, "show")
    assert shown["Account.Assay_Hours__c"] == "differs: is string, not double"
    assert shown["Account.Assay_Grade__c"] == "differs: lacks the value C, ?"


def test_a_field_that_has_no_security_in_this_org_is_not_asked_for(fresh: inprocess.Crm) -> None:
    fields = fresh.app.org.tables["Task"].fields
    fields["CallType"] = replace(fields["CallType"], flags=fields["CallType"].flags - {"permissionable"})
    assert ask(fresh, "show")["permission set Assay_Integration"] == "set up: 76 rights"
    assert ask(fresh, "apply")["permission set Assay_Integration"] == "set up: 76 rights"
    assert ask(fresh, "show")["permission set Assay_Integration"] == "exists"


def test_the_nightly_user_cannot_set_up_anything(fresh: inprocess.Crm) -> None:
    ask(fresh, "apply")
    with pytest.raises(CrmError, match="Assay_Integration"):
        ask(fresh, "show", admin=False)


def test_a_wrong_user_name_is_named(fresh: inprocess.Crm) -> None:
    with pytest.raises(CrmError, match=r"there is no user o'brien@x\.example.*correct \[salesforce\] username"):
        ask(fresh, "show", username="o'brien@x.example")


def test_remove_says_first_what_is_in_use_and_leaves_what_the_org_still_needs(fresh: inprocess.Crm) -> None:
    ask(fresh, "apply")
    fresh.edit(op="update", object="Account", id=ACME, values={"Assay_State__c": "Balanced"})
    definitions = fresh.app.org.tables["CustomField"]
    grade = next(r for r in definitions.rows if definitions.get(r, "DeveloperName") == "Assay_Grade")
    flow = {"MetadataComponentName": "Route_A", "MetadataComponentType": "Flow"}
    fresh.edit(op="create", object="MetadataComponentDependency",
               values=flow | {"RefMetadataComponentId": definitions.get(grade, "Id")})  # fmt: skip
    view = {"Name": "My comfort zones", "DeveloperName": "Assay_My_Comfort_Zones", "SobjectType": "Account"}
    fresh.edit(op="create", object="ListView", values=view)
    used = ask(fresh, "in_use")
    assert used["Account.Assay_State__c"] == "1 accounts hold a value"
    assert used["Account.Assay_Grade__c"] == "0 accounts hold a value; used by Flow Route_A"
    assert used["permission set Assay_Integration"] == "assigned to 1 user"
    assert "list view My comfort zones" in used
    assert (
        len(definitions.rows) - len([r for r in definitions.rows if "Assay" not in str(definitions.get(r, "DeveloperName"))])
        == 13
    )
    done = ask(fresh, "remove")
    left = {path: state for path, state in done.items() if state != "removed"}
    assert set(left) == {"Account.Assay_Grade__c", "list view My comfort zones"}
    assert "referenced elsewhere" in left["Account.Assay_Grade__c"]
    assert "Flow Route_A" in left["Account.Assay_Grade__c"]
    assert not fresh.app.org.tables["PermissionSet"].rows


# ---- the table of permissions ---------------------------------------------------------------------------------------


def test_the_table_covers_every_object_and_field_that_is_read_and_has_security_of_its_own() -> None:
    """Against describes of real orgs: nothing that is read is forgotten, nothing else is granted. What an object's own
    permission does not open comes with another object's (docs/admin-review.md)."""
    with (Path(__file__).parent.parent / "sandbox/salesforce/fields.csv").open() as file:
        guarded = {(r["object"], r["field"]) for r in csv.DictReader(file) if "permissionable" in r["flags"].split("|")}
    read = {_end(s.entity, f) for s in STREAMS for f in (*s.required, *s.optional)}
    assert {(o, f) for o, fields in SECURED.items() for f in fields} == {p for p in read & guarded if p[0] not in OPEN}
    entities = {entity for entity, _ in read} - set(OPEN)
    assert entities == set(OBJECTS) | {e for e in entities if PARENTS.get(e) in (*OBJECTS, "Activity")}
    assert set(ENFORCED) == set(OBJECTS) | set(SECURED), "the sandbox enforces all of it"


def _end(entity: str, name: str) -> tuple[str, str]:
    """A field behind a dot is its parent's."""
    head, dot, rest = name.partition(".")
    return (head, rest) if dot else (entity, head)


def test_what_an_org_does_not_have_is_not_asked_for(fresh: inprocess.Crm) -> None:
    """Quotes are off, there are no account teams: the permission set is made without them, and the night goes on."""
    gone = {name: fresh.app.org.tables.pop(name) for name in ("Quote", "QuoteLineItem", "AccountTeamMember")}
    try:
        assert ask(fresh, "apply")["permission set Assay_Integration"].startswith("set up: ")
        assert ask(fresh, "show")["permission set Assay_Integration"] == "exists"
        paths = {g.path.partition(".")[0] for g in integration().grants}
        held = {p for p in paths if p and any(p == r.split(".")[0] for r in granted(fresh))}
        assert paths - held - {""} == set(gone)
        with closing(open_org(config(fresh, access_token=None))) as crm:
            assert "Quote is not there: quotes sent do not count as asks" in crm.check().notes
    finally:
        fresh.app.org.tables |= gone
    assert ask(fresh, "show")["permission set Assay_Integration"].startswith("grant Quote: read"), "switched on later"


def granted(org: inprocess.Crm) -> list[str]:
    """Objects and fields of all permission sets."""
    found = [
        (org.app.org.tables[n], key) for n, key in (("ObjectPermissions", "SobjectType"), ("FieldPermissions", "Field"))
    ]
    return [str(table.get(row, key)) for table, key in found for row in table.rows]


def test_the_viewer_edits_the_four_answers_and_nothing_else() -> None:
    edits = {g.path for g in viewer().grants if g.right == "Edit"}
    assert edits == {f"Account.{NAMES[m]}" for m in ("potential_override", "snooze_until", "answer", "answer_noted")}
    assert all(g.path.startswith("Account.Assay_") for g in viewer().grants)


def test_the_integration_edits_nine_fields_of_ours_and_creates_and_deletes_nothing() -> None:
    rights = {g.right for g in integration().grants}
    assert rights == {"Read", "Edit", "ViewAllRecords", "ApiEnabled", "ActivitiesAccess"}
    edits = {g.path for g in integration().grants if g.right == "Edit"} - {"Account"}
    assert len(edits) == 9
    assert all(path.startswith("Account.Assay_") for path in edits)


# ---- a night with exactly this user, and with one right less --------------------------------------------------------


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[inprocess.Crm, Store]]:
    """A private org where the nightly user with exactly our permission set has written one night."""
    folder = tmp_path_factory.mktemp("private")
    engine = migrated(f"sqlite:///{folder}/assay.db")
    store = Store(engine)
    (folder / "org").mkdir()
    with served(folder / "org") as org:
        org.edit(op="profile", level="minimum")
        for name in ("Account", "Contact", "Opportunity"):
            org.edit(op="access", object=name, level="own")
        ask(org, "apply")
        for n in range(1, 5):  # a sharing rule that opens the accounts of one region for editing
            org.edit(op="share", id=f"001Wk00000{n:05d}IAA", level="Edit")
        first = night(org, store)
        assert (first.outcome, first.acked) == ("done", 4), first.message
        assert first.lacking == []
        yield org, store
    engine.dispose()


def night(org: inprocess.Crm, store: Store, *allow: str) -> Outcome:
    orders = RunOptions(rules=Rules(), write=True, force=True, replay_nights=1, allow=allow)
    with closing(open_org(config(org), sleep=lambda _: None)) as crm, lease.held(store.engine, "night") as held:
        [outcome] = run([crm], store, held, orders, Quiet())
    return outcome


def rights() -> list[Grant]:
    """Each right once; reading one of our fields goes with editing it."""
    edited = {g.path for g in integration().grants if g.right == "Edit" and "." in g.path}
    return [g for g in integration().grants if not (g.right == "Read" and g.path in edited)]


def revoke(org: inprocess.Crm, gone: Grant) -> None:
    """Take one right out of the permission set, as an admin would in Set-up."""
    table, row = permission(org, gone)
    table.set(row, {f"Permissions{gone.right}": "false"})
    org.app.org.sights.clear()


def restore(org: inprocess.Crm, back: Grant) -> None:
    table, row = permission(org, back)
    table.set(row, {f"Permissions{back.right}": "true"})
    org.app.org.sights.clear()


def permission(org: inprocess.Crm, one: Grant) -> tuple[Any, Any]:
    tables = org.app.org.tables
    sets = tables["PermissionSet"]
    own = next(r for r in sets.rows if sets.get(r, "Name") == "Assay_Integration")
    if not one.path:
        return sets, own
    name, key = ("FieldPermissions", "Field") if "." in one.path else ("ObjectPermissions", "SobjectType")
    table = tables[name]
    return table, next(
        r for r in table.rows if table.get(r, key) == one.path and table.get(r, "ParentId") == sets.get(own, "Id")
    )


def grant(org: inprocess.Crm, name: str, path: str, flag: str) -> None:
    table, row = permission(org, Grant(path, "Read", ""))
    assert table.name == name
    table.set(row, {flag: "true"})
    org.app.org.sights.clear()


#: what the one line must name, where it is not the path itself
WORDS = {"API Enabled": "API_DISABLED_FOR_ORG", "Access Activities": "Task", "Account: edit": "not writable"}


@pytest.mark.parametrize("gone", rights(), ids=str)
def test_with_one_right_less_the_night_fails_before_anything_is_written(
    settled: tuple[inprocess.Crm, Store], gone: Grant
) -> None:
    org, store = settled
    if str(gone) == "Account: view all records":  # without it, only what is shared is seen
        for n in (2, 3, 4):
            org.app.org.shared.pop(f"001Wk00000{n:05d}IAA")
    # a person changes a value of ours, so that there is something to write
    org.edit(op="update", object="Account", id=ACME, values={"Assay_State__c": "Balanced"})
    revoke(org, gone)
    org.forget()
    try:
        done = night(org, store)
    finally:
        restore(org, gone)
        for n in (2, 3, 4):
            org.edit(op="share", id=f"001Wk00000{n:05d}IAA", level="Edit")
    assert done.outcome in ("failed", "stopped"), gone
    if gone.right == "Edit" and "." in gone.path:
        named = next(m for m, n in NAMES.items() if gone.path.endswith(f".{n}"))
    else:
        named = WORDS.get(str(gone)) or gone.path.replace("BillingAddress", "BillingCountry").rpartition(".")[2]
    assert named in done.message
    assert "Fix:" in done.message
    assert not org.heard("PATCH")
    assert not org.heard("", "jobs/ingest")


def test_with_all_rights_back_the_next_night_writes(settled: tuple[inprocess.Crm, Store]) -> None:
    org, store = settled
    org.edit(op="update", object="Account", id=ACME, values={"Assay_State__c": "Balanced"})
    done = night(org, store)
    assert (done.outcome, done.acked) == ("done", 1), done.message


def test_a_loss_that_an_admin_means_is_allowed_once_and_then_known(settled: tuple[inprocess.Crm, Store]) -> None:
    org, store = settled
    gone = Grant("Account.Industry", "Read", "")
    revoke(org, gone)
    try:
        assert night(org, store).outcome == "stopped"
        org.edit(op="update", object="Account", id=ACME, values={"NumberOfEmployees": "11"})
        org.app.org.clock.advance(3_600)
        assert night(org, store, "access-lost").outcome == "done"
        assert night(org, store).outcome == "done"
        assert industry(store, ACME) is None
    finally:
        restore(org, gone)
        assert night(org, store).outcome == "done"
    assert industry(store, ACME) == "Energy"  # read again, although nobody has changed the account since


def industry(store: Store, account_id: str) -> str | None:
    with store.reading() as c:
        found: str | None = c.execute(select(account.c.industry).where(account.c.id == account_id)).scalar_one()
    return found


def test_accounts_that_are_read_only_by_sharing_are_noticed_and_a_share_or_modify_all_opens_them(
    settled: tuple[inprocess.Crm, Store],
) -> None:
    """Two ways to reach records: a share of them, or Modify All on Account (docs/facts/salesforce.md, "Record access")."""
    org, _ = settled
    shares = dict(org.app.org.shared)
    org.app.org.shared.clear()
    try:
        with closing(open_org(config(org))) as crm:
            assert "Account: edit of any record" in crm.check().lacking
        org.edit(op="share", id=ACME, level="Edit")
        with closing(open_org(config(org))) as crm:
            assert any("3 of 4 sampled accounts are not this user's to edit" in n for n in crm.check().notes)
        modify = Grant("Account", "ModifyAllRecords", "")
        restore(org, modify)
        with closing(open_org(config(org))) as crm:
            found = crm.check()
            assert found.lacking == ()
            assert not any("sampled" in n for n in found.notes)
        revoke(org, modify)
    finally:
        org.app.org.shared.update(shares)


def test_private_activities_need_view_all_data(settled: tuple[inprocess.Crm, Store]) -> None:
    org, _ = settled
    view_all = Grant("", "ViewAllData", "")
    shares = dict(org.app.org.shared)
    org.app.org.shared.clear()  # an activity is as open as its account
    for name in ("Task", "Event"):
        org.edit(op="access", object=name, level="own")
    try:
        with closing(open_org(config(org))) as crm:
            assert [x for x in crm.check().lacking if "View All Data" in x] == [
                f"{name}: not one record (View All Data, where activities are private)" for name in ("Task", "Event")]  # fmt: skip
        restore(org, view_all)
        with closing(open_org(config(org))) as crm:
            assert crm.check().lacking == ("Account: edit of any record",)
    finally:
        revoke(org, view_all)
        org.app.org.shared.update(shares)
        for name in ("Task", "Event"):
            org.edit(op="access", object=name, level="all")


# ---- export ---------------------------------------------------------------------------------------------------------

SPACE = "{http://soap.sforce.com/2006/04/metadata}"


def test_the_export_holds_what_the_org_is_to_have(tmp_path: Path) -> None:
    """That the official CLI converts it is judged by conformance/exported.py."""
    export.write(tmp_path / "out")
    root = tmp_path / "out" / "force-app/main/default"
    assert json.loads((tmp_path / "out" / "sfdx-project.json").read_text())["packageDirectories"][0]["path"] == "force-app"
    assert len(list((root / "objects/Account/fields").glob("*.xml"))) == 14
    assert len(list((root / "reports/Assay").glob("*.xml"))) == 3
    parsed = {path.name: ET.parse(path).getroot() for path in root.rglob("*.xml")}  # noqa: S314 our own files
    sets = parsed["Assay_Integration.permissionset-meta.xml"]
    objects = {o.findtext(f"{SPACE}object"): o for o in sets.findall(f"{SPACE}objectPermissions")}
    assert set(objects) == {"Account", "Contact", "Opportunity", "Product2"}
    fields = {f.findtext(f"{SPACE}field", "").partition(".")[0] for f in sets.findall(f"{SPACE}fieldPermissions")}
    assert not {*objects, *fields} & set(OPTIONAL), "an org that lacks one would refuse the set"
    assert {
        o.findtext(f"{SPACE}{n}") for o in objects.values() for n in ("allowCreate", "allowDelete", "modifyAllRecords")
    } == {"false"}
    signal = parsed["Assay_Signal__c.field-meta.xml"].findtext(f"{SPACE}formula") or ""
    assert 'IMAGE("/img/samples/light_red.gif", "red light: ' in signal
    assert "TEXT(Assay_State__c)" in signal, "never colour alone"
    view = parsed["Assay_My_Comfort_Zones.listView-meta.xml"]
    assert (view.findtext(f"{SPACE}label"), view.findtext(f"{SPACE}filterScope")) == ("My comfort zones", "Mine")
    properties = json.loads((tmp_path / "out" / "hubspot/properties.json").read_text())["properties"]
    assert [p["name"] for p in properties][:2] == ["assay_state", "assay_state_since"]


def test_an_export_is_repeatable_and_keeps_off_a_folder_of_others(tmp_path: Path) -> None:
    assert export.write(tmp_path / "out") == export.write(tmp_path / "out")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not an exported project"):
        export.write(tmp_path / "other")
