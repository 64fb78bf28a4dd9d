"""`assay schema` as an admin runs it: dry unless --yes, with her own session, and honest about what it leaves."""

import json
from collections.abc import Iterator
from pathlib import Path

import inprocess
import pytest
from conftest import write_org
from typer.testing import CliRunner, Result

from assay.commands.cli import app


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[inprocess.Crm]:
    folder = tmp_path_factory.mktemp("org")
    write_org(folder)
    with inprocess.salesforce(folder, folder) as served:
        yield served


@pytest.fixture
def config(org: inprocess.Crm, tmp_path: Path) -> Path:
    """The nightly user's configuration, for a user with the least profile."""
    org.reset()
    org.edit(op="profile", level="minimum")
    line, path = org.line, tmp_path / "assay.toml"
    path.write_text(
        f'allow_hosts = ["{org.host}"]\n[salesforce]\nlogin_url = "{line["url"]}"\nclient_id = "{line["client_id"]}"\n'
        f'username = "{line["username"]}"\nprivate_key_file = "{line["private_key_file"]}"\n'
    )
    return path


def schema(config: Path, org: inprocess.Crm, *words: str, admin: bool = True) -> Result:
    session = {
        "ASSAY_SALESFORCE__ACCESS_TOKEN": org.line["admin_access_token"],
        "ASSAY_SALESFORCE__INSTANCE_URL": org.line["url"],
    }
    return CliRunner().invoke(app, ["--config", str(config), "schema", *words], env=session if admin else {})


def test_it_is_dry_unless_told_otherwise(config: Path, org: inprocess.Crm) -> None:
    dry = schema(config, org, "apply")
    assert dry.stdout.count("create") == 13
    assert "dry: nothing was created; add --yes" in dry.stderr
    assert not [h for h in org.heard() if h.method != "GET"]
    assert schema(config, org, "apply", "--yes").stdout.count("created") == 13
    shown = json.loads(schema(config, org, "show", "--json").stdout)
    assert shown["permission set Assay_Integration"] == "exists"
    org.forget()
    used = schema(config, org, "remove")
    assert "0 accounts hold a value" in used.stdout
    assert "nothing was removed" in used.stderr
    assert not [h for h in org.heard() if h.method != "GET"]


def test_what_was_left_ends_with_code_3_and_what_is_gone_is_gone(config: Path, org: inprocess.Crm) -> None:
    schema(config, org, "apply", "--yes")
    table = org.app.org.tables["CustomField"]
    used = next(table.get(r, "Id") for r in table.rows if table.get(r, "DeveloperName") == "Assay_State")
    org.edit(op="create", object="MetadataComponentDependency", values={
        "RefMetadataComponentId": used, "MetadataComponentName": "Tell_The_Rep", "MetadataComponentType": "Flow"})  # fmt: skip
    done = schema(config, org, "remove", "--yes")
    assert done.exit_code == 3
    assert "1 of ours are still used and were left. Fix:" in done.stderr
    assert "used by Flow Tell_The_Rep" in " ".join(done.stdout.split())
    org.app.org.tables["MetadataComponentDependency"].rows.clear()
    assert schema(config, org, "remove", "--yes").exit_code == 0
    assert not [f for f in org.app.org.tables["Account"].fields if f.startswith("Assay_")]


def test_without_an_admin_s_session_the_org_refuses_and_the_way_out_is_told(config: Path, org: inprocess.Crm) -> None:
    done = schema(config, org, "apply", "--yes", admin=False)
    assert done.exit_code == 1
    assert "this is the nightly user's login" in done.stderr
    assert "ASSAY" not in done.stdout
    assert not [f for f in org.app.org.tables["Account"].fields if f.startswith("Assay_")]


def test_export_needs_no_configuration(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["schema", "export", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "sfdx-project.json" in done.stdout
    assert (tmp_path / "out" / "hubspot" / "properties.json").exists()
