"""Loading an org folder: what cannot be parsed stops it, what is merely odd loads and is counted (docs/facts/running.md, "Org folders")."""

import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import process
from sandbox.org_folder import BadFolder
from sandbox.salesforce.loading import load
from sandbox.salesforce.store import Org

V = "/services/data/v68.0"
ACME = "001Wk0000000001IAA"


def folder(path: Path, toml: str = "", **sheets: str) -> Path:
    """An org folder of a few lines; `\\n` ends them."""
    (path / "salesforce").mkdir(exist_ok=True)
    (path / "org.toml").write_text(
        f'name = "T"\nnow = "2026-06-01T00:00:00Z"\ncurrency = "EUR"\ncrm = ["salesforce"]\n{toml}'
    )
    for name, text in sheets.items():
        (path / "salesforce" / f"{name}.csv").write_text(text)
    return path


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("AnnualRevenue", "1,5", "number"),
        ("AnnualRevenue", "nan", "number"),
        ("AnnualRevenue", "1_000", "number"),
        ("NumberOfEmployees", "2.5", "whole number"),
        ("IsDeleted", "maybe", "boolean"),
        ("CreatedDate", "yesterday", "time"),
        ("CreatedDate", "2026-02-30T00:00:00.000Z", "time"),
        ("CreatedDate", "2026-01-01T25:00:00.000Z", "time"),
        ("LastActivityDate", "01/02/2026", "date"),
        ("LastActivityDate", "2026-W01-1", "date"),
    ],
)
def test_a_bad_value_is_named_with_file_line_column_and_value(tmp_path: Path, column: str, value: str, kind: str) -> None:
    rows = f'Id,Name,{column}\n{ACME},"two\nlines",\n001Wk0000000002IAA,B,"{value}"\n'
    with pytest.raises(BadFolder) as caught:
        load(folder(tmp_path, Account=rows))
    assert "Account.csv:4: " in str(caught.value)
    assert f"column {column}: {value!r} is no {kind}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Account.csv:1: no header"),
        ("Id,Name,Name\n", "Account.csv:1: no header, or a column name is empty or doubled ['Name']"),
        ("Id,Name\n001Wk0000000001IAA\n", "Account.csv:2: 1 values for 2 columns"),
        ("Name\nAcme\n", "Account.csv:1: no column Id"),
    ],
)
def test_a_file_out_of_shape_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadFolder) as caught:
        load(folder(tmp_path, Account=text))
    assert said in str(caught.value)


def test_text_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path)
    (path / "salesforce" / "Account.csv").write_bytes(b"Id,Name\n" + ACME.encode() + b",B\xf6rse\n")
    with pytest.raises(BadFolder, match="no UTF-8"):
        load(path)


@pytest.mark.parametrize("toml", ["now = 5", "", 'name = "T"\ncurrency = "EUR"'])
def test_a_wrong_org_toml_is_refused_by_name(tmp_path: Path, toml: str) -> None:
    (tmp_path / "org.toml").write_text(toml)
    with pytest.raises(BadFolder, match=r"org\.toml"):
        load(tmp_path)


def twice(path: Path) -> Path:
    return folder(path, Account=f"Id,Name\n{ACME},Once\n{ACME},Twice\n")


def test_a_record_that_stands_twice_is_loaded_once_and_counted(tmp_path: Path) -> None:
    org = load(twice(tmp_path))
    assert dict(org.warnings) == {"Account: id missing or twice": 1}
    assert [org.tables["Account"].get(r, "Name") for r in org.tables["Account"].rows] == ["Twice"]


def test_dangling_ids_and_values_out_of_range_are_counted_by_field(tmp_path: Path) -> None:
    rows = f"Id,Name,OwnerId,AnnualRevenue\n{ACME},{'x' * 300},005Wk0000000009IAA,1e20\n001Wk0000000002IAA,B,,5\n"
    org = load(folder(tmp_path, Account=rows))
    assert dict(org.warnings) == {
        "Account.OwnerId: points to no record": 1,
        "Account.Name: too long or out of range": 1,
        "Account.AnnualRevenue: too long or out of range": 1,
    }


def test_strict_refuses_what_would_be_counted(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Account: id missing or twice"), process.running(twice(tmp_path), "--strict"):
        pass


def kinds(org: Org, entity: str = "Account") -> dict[str, str]:
    return {n: f.type for n, f in org.tables[entity].fields.items()}


def test_unknown_columns_become_custom_fields_of_the_type_their_values_have(tmp_path: Path) -> None:
    rows = f"Id,A__c,B__c,C__c,D__c,E__c,F__c\n{ACME},true,2.5,2026-01-01,2026-01-01T00:00:00.000Z,text,{'x' * 400}\n"
    org = load(folder(tmp_path, Account=rows))
    found = {n: t for n, t in kinds(org).items() if n.endswith("__c")}
    assert found == {
        "A__c": "boolean", "B__c": "double", "C__c": "date", "D__c": "datetime", "E__c": "string", "F__c": "textarea",
    }  # fmt: skip


@pytest.mark.parametrize("how", ["file", "setting"])
def test_currency_codes_exist_in_multi_currency_orgs(tmp_path: Path, how: str) -> None:
    types = "Id,IsoCode,ConversionRate,IsCorporate,IsActive,DecimalPlaces\n01LWk0000000001IAA,EUR,1,true,true,2\n"
    path = folder(tmp_path, **({"CurrencyType": types} if how == "file" else {"toml": "multi_currency = true\n"}))
    (path / "salesforce" / "Account.csv").write_text(f"Id,Name\n{ACME},A\n")
    org = load(path)
    assert [org.tables["Account"].get(r, "CurrencyIsoCode") for r in org.tables["Account"].rows] == ["EUR"]
    assert "CurrencyIsoCode" in kinds(load(path), "Account")
    assert "CurrencyIsoCode" in kinds(load(path), "Organization")


def test_a_file_that_is_absent_is_an_empty_object(tmp_path: Path) -> None:
    org = load(folder(tmp_path))
    assert org.tables["Opportunity"].rows == []
    assert kinds(org, "Opportunity")["Amount"] == "currency"


def test_relations_of_shared_activities_exist_where_the_feature_is_on(tmp_path: Path) -> None:
    """Up to fifty contacts of one task; an org without the feature has no such object (docs/facts/salesforce.md, "Activities")."""
    tasks = "Id,WhoId,Subject\n00TWk0000000001IAA,003Wk0000000001IAA,Call\n"
    who = "Id,LastName\n" + "".join(f"003Wk000000000{n}IAA,P{n}\n" for n in (1, 2))
    links = "Id,TaskId,RelationId,IsWhat\n" + "".join(
        f"0RTWk000000000{n}IAA,00TWk0000000001IAA,003Wk000000000{n}IAA,false\n" for n in (1, 2)
    )
    org = load(folder(tmp_path, Task=tasks, Contact=who, TaskRelation=links))
    assert dict(org.warnings) == {}
    assert kinds(org, "TaskRelation")["RelationId"] == "reference"
    (path := tmp_path / "plain").mkdir()
    assert "TaskRelation" not in load(folder(path, Task=tasks)).tables


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"^sandbox: .*org\.toml: No such file.*Fix: [^\n]*$"):
        process.running(tmp_path / "nowhere").__enter__()


def test_headers_and_body_of_an_answer_arrive_in_one_piece(ready: dict[str, Any]) -> None:
    """Two segments cost a delayed acknowledgement of about 40 ms with some clients."""
    host, port = httpx.URL(ready["url"]).host, httpx.URL(ready["url"]).port or 0
    with socket.create_connection((host, port), timeout=10) as line:
        for _ in range(20):
            line.sendall(f"GET /services/data HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: identity\r\n\r\n".encode())
            first = line.recv(65_536)
            assert first.endswith(b"]"), "the body was not in the first segment"
