"""Salesforce over HTTP: large writes, crashes, trouble on the wire, and errors as one line with the way out."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import stamina
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connectors.errors import CrmError, FieldMissing, QuotaExhausted, Unauthorized, Unavailable
from connectors.memory import EmptyDatabase
from connectors.port import Sending
from connectors.salesforce import SalesforceConfig, open_org
from connectors.salesforce import write as writing
from connectors.salesforce.admin import SalesforceAdmin
from connectors.salesforce.client import SalesforceCrm
from sandbox import process, world
from scoring.records import WRITTEN, FieldUpdate, WriteResult

Line = dict[str, Any]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("world")
    world.generate(folder, seed=4, accounts=60, reps=3)
    with process.running(folder) as ready:
        yield ready["salesforce"]


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield
    while OPEN:
        OPEN.pop().close()


#: connections of the running test
OPEN: list[SalesforceCrm] = []


@pytest.fixture
def hands(line: Line) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=line["url"], timeout=20) as client:
        client.post("/_sandbox/reset").raise_for_status()
        client.post("/_sandbox/faults", json=[]).raise_for_status()
        yield client


def connect(line: Line, **changes: Any) -> SalesforceCrm:
    values: dict[str, Any] = {
        "login_url": line["url"], "client_id": line["client_id"], "username": line["username"],
        "private_key": Path(line["private_key_file"]).read_text(), "subject_salt": b"k" * 32,
        "allow_hosts": (line["url"].removeprefix("http://"),),
    }  # fmt: skip
    OPEN.append(open_org(SalesforceConfig(**(values | changes)), sleep=lambda _: None))
    return OPEN[-1]


def admin(line: Line) -> SalesforceAdmin:
    return SalesforceAdmin(connect(line))


def ready(line: Line, hands: httpx.Client) -> SalesforceCrm:
    admin(line).apply()
    crm = connect(line)
    crm.check()
    return crm


def live_accounts(crm: SalesforceCrm) -> list[str]:
    rows = [r for p in crm.pull({}, EmptyDatabase()) if p.kind == "account" for r in p.rows]
    return sorted(r[0] for r in rows if not r[-1])


def test_both_logins_work_and_the_session_is_for_this_org(line: Line, hands: httpx.Client) -> None:
    secret = connect(line, private_key=None, client_secret=line["client_secret"]).check()
    assert secret.org_id == connect(line).check().org_id


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"private_key": "not a key"}, Unauthorized, "private_key_file"),
        ({"client_id": "3MVG9wrong"}, Unauthorized, "client_id"),
        ({"username": "somebody@else.example"}, Unauthorized, "pre-authorised"),
        ({"private_key": None, "client_secret": "wrong"}, Unauthorized, "client_secret"),
        ({"allow_hosts": ()}, CrmError, "allow_hosts"),
    ],
)
def test_a_wrong_login_is_one_line_that_names_the_setting(
    line: Line, hands: httpx.Client, changes: dict[str, Any], error: type[CrmError], words: str
) -> None:
    with pytest.raises(error) as caught:
        connect(line, **changes).check()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert line["client_secret"] not in str(caught.value)


def test_another_firm_s_key_is_refused(line: Line, hands: httpx.Client) -> None:
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(Unauthorized, match=r"invalid_grant.*Fix: check that private_key_file"):
        connect(line, private_key=pem.decode()).check()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"action": "html"}, "web page instead of data"),
        ({"action": "status", "status": 503}, "HTTP 503"),
        ({"action": "cut"}, "cannot be reached"),
    ],
)
def test_an_org_that_does_not_answer_as_it_should_is_one_line(
    line: Line, hands: httpx.Client, fault: dict[str, Any], words: str
) -> None:
    hands.post("/_sandbox/faults", json=[{"path": "services/data", "times": 1000, **fault}])
    with pytest.raises(Unavailable, match=words):
        connect(line).check()


@pytest.mark.parametrize("fault", [{"action": "html"}, {"status": 503}, {"status": 420}, {"action": "cut"}])
def test_passing_trouble_is_waited_out(line: Line, hands: httpx.Client, fault: dict[str, Any]) -> None:
    """Once at every kind of call; the rows are all there."""
    whole = sum(len(p.rows) for p in ready(line, hands).pull({}, EmptyDatabase()))
    paths = ("resultPages", "results", "jobs/query$", "queryAll")
    hands.post("/_sandbox/faults", json=[{"path": p, "nth": 2, "times": 1, **fault} for p in paths])
    crm = connect(line)
    crm.check()
    assert sum(len(p.rows) for p in crm.pull({}, EmptyDatabase())) == whole


def test_a_session_that_ends_in_the_middle_of_a_download_is_renewed(line: Line, hands: httpx.Client) -> None:
    whole = sum(len(p.rows) for p in ready(line, hands).pull({}, EmptyDatabase()))
    hands.post("/_sandbox/faults", json=[{"path": "results", "nth": 3, "times": 1, "action": "expire"}])
    crm = connect(line)
    crm.check()
    assert sum(len(p.rows) for p in crm.pull({}, EmptyDatabase())) == whole


def test_a_required_field_that_is_hidden_is_named_and_an_optional_one_degrades(line: Line, hands: httpx.Client) -> None:
    hands.post("/_sandbox/edit", json={"op": "hide", "field": "Account.NumberOfEmployees"})
    assert any(
        "Account.NumberOfEmployees is not visible: look-alikes without size" in n for n in connect(line).check().notes
    )
    hands.post("/_sandbox/edit", json={"op": "hide", "field": "Opportunity.StageName"})
    with pytest.raises(FieldMissing, match=r"Opportunity: field StageName is not visible.*Assay_Integration"):
        connect(line).check()


def test_our_share_of_the_calls_is_never_exceeded_by_one(line: Line, hands: httpx.Client) -> None:
    """The sandbox allows 100,000 calls a day; 40 of them are 0.04 %."""
    crm = connect(line, quota_share=0.0004)
    crm.check()
    with pytest.raises(QuotaExhausted, match="quota_share"):
        list(crm.pull({}, EmptyDatabase()))
    assert crm.calls <= 41


def updates(ids: list[str], **more: Any) -> list[FieldUpdate]:
    return [FieldUpdate(i, {"state": "Balanced", "hours": 1.5, "since": "2026-01-01"} | more) for i in ids]


def results(said: Iterator[Sending | WriteResult]) -> dict[str, WriteResult]:
    return {r.account_id: r for r in said if isinstance(r, WriteResult)}


def test_large_plans_go_by_bulk_and_say_the_job_before_the_upload(
    line: Line, hands: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SMALL", 10)  # the size at which Bulk begins is a matter of cost, not of behaviour
    crm = ready(line, hands)
    ids = live_accounts(crm)
    monkeypatch.setattr(writing, "CALL", 3)
    said = list(crm.write([*updates(ids), *updates(["001Zz0000000000AAA"])]))
    sent = [s for s in said if isinstance(s, Sending)]
    assert [(len(s.account_ids), s.token[:3]) for s in sent] == [(3, ""), (len(ids) - 2, "750")]
    found = results(iter(said))
    assert {i for i, r in found.items() if r.ok} == set(ids)
    assert found["001Zz0000000000AAA"].code == "INVALID_CROSS_REFERENCE_KEY"
    now = dict(crm.reread([*ids, "001Zz0000000000AAA"], sent[1].token))
    assert set(now) == set(ids)
    assert {json.loads(ours)["state"] for ours in now.values()} == {"Balanced"}


@pytest.mark.parametrize("path", ["/batches$", "/successfulResults$", "/failedResults$"])
@pytest.mark.parametrize("fault", [{"action": "truncate"}, {"action": "lose"}, {"action": "expire"},
                                   {"action": "status", "status": 503}], ids=lambda f: f["action"])  # fmt: skip
def test_a_job_s_upload_and_results_may_break_off_and_each_row_is_told_once(
    line: Line, hands: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str, fault: dict[str, Any]
) -> None:
    """Both go in pieces, so that a job of any size takes no memory."""
    monkeypatch.setattr(writing, "SMALL", 10)
    monkeypatch.setattr(writing, "CALL", 3)
    monkeypatch.setattr(writing, "ROWS_AT_ONCE", 5)
    crm = ready(line, hands)
    ids = live_accounts(crm)
    refused = ids[20]
    edit = {"op": "rule", "object": "Account", "id": refused, "message": 'Not, on\n"Fridays"'}
    hands.post("/_sandbox/edit", json=edit).raise_for_status()
    hands.post("/_sandbox/faults", json=[{"path": path, "nth": 1, **fault}]).raise_for_status()
    said = [r for r in crm.write(updates(ids)) if isinstance(r, WriteResult)]
    hands.post("/_sandbox/faults", json=[]).raise_for_status()
    assert sorted(r.account_id for r in said) == ids
    assert [(r.account_id, r.message) for r in said if not r.ok] == [(refused, 'Not, on\n"Fridays"')]
    assert {json.loads(ours)["state"] for i, ours in crm.reread(ids) if i != refused} == {"Balanced"}


def test_a_run_that_died_before_the_upload_has_changed_nothing(
    line: Line, hands: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SMALL", 10)
    crm = ready(line, hands)
    monkeypatch.setattr(writing, "CALL", 1)
    first, *ids = live_accounts(crm)
    said = crm.write(updates([first, *ids]))
    job = next(s.token for s in said if isinstance(s, Sending) and s.token)
    said.close()  # type: ignore[attr-defined]
    for _ in range(2):  # ending a job that has ended is no error
        assert {ours for _, ours in connect_again(line).reread(ids, job)} == {"{}"}


def connect_again(line: Line) -> SalesforceCrm:
    crm = connect(line)
    crm.check()
    return crm


def test_a_locked_row_is_tried_again_and_a_rule_s_refusal_is_told_in_its_words(line: Line, hands: httpx.Client) -> None:
    crm = ready(line, hands)
    ids = live_accounts(crm)[:5]
    hands.post("/_sandbox/edit", json=[
        {"op": "rule", "object": "Account", "id": ids[0], "code": "UNABLE_TO_LOCK_ROW", "message": "busy", "times": 1},
        {"op": "rule", "object": "Account", "id": ids[1], "message": "Not on Fridays"},
    ]).raise_for_status()  # fmt: skip
    found = results(crm.write(updates(ids)))
    assert [found[i].ok for i in ids] == [True, False, True, True, True]
    assert (found[ids[1]].code, found[ids[1]].message) == ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Not on Fridays")


def test_rows_that_a_job_found_locked_are_announced_anew_and_tried_by_themselves(
    line: Line, hands: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash meanwhile is then settled by what the records hold, not by what the job said of them."""
    monkeypatch.setattr(writing, "SMALL", 10)
    monkeypatch.setattr(writing, "CALL", 3)
    crm = ready(line, hands)
    ids = live_accounts(crm)
    locked, refused = ids[10:15], ids[20]
    hands.post("/_sandbox/edit", json=[
        *({"op": "rule", "object": "Account", "id": i, "code": "UNABLE_TO_LOCK_ROW", "message": "busy", "times": 2} for i in locked),
        {"op": "rule", "object": "Account", "id": refused, "message": "Not on Fridays"},
    ]).raise_for_status()  # fmt: skip
    said = list(crm.write(updates(ids)))
    sent = [s for s in said if isinstance(s, Sending)]
    assert [bool(s.token) for s in sent] == [False, True, False, False]
    assert sent[2].account_ids + sent[3].account_ids == tuple(locked)
    found = results(iter(said))
    assert {i for i, r in found.items() if not r.ok} == {refused}
    assert len(found) == len(ids) == len([s for s in said if isinstance(s, WriteResult)])


def test_the_login_tells_how_wrong_this_machine_s_clock_is(line: Line, hands: httpx.Client) -> None:
    """The org's own clock is another one and says nothing about ours (docs/facts/running.md, "Clocks")."""
    hands.post("/_sandbox/clock", json={"advance": 86_400}).raise_for_status()
    crm = connect(line)
    skew = crm.check().skew
    assert skew is not None
    assert abs(skew) <= 5
    past = format_datetime(datetime.now(UTC) - timedelta(seconds=100), usegmt=True)
    request = httpx.Request("POST", f"{line['url']}/services/oauth2/token")
    crm._after_response(httpx.Response(200, headers={"Date": past}, request=request))
    assert crm.skew in (99, 100, 101)


def test_how_our_fields_are_defined_is_told(line: Line, hands: httpx.Client) -> None:
    crm = ready(line, hands)
    before = crm.check().fields
    assert set(before) == set(WRITTEN)
    assert before["state"].startswith("picklist")
    assert "Comfort zone" in before["state"]
    hands.post(
        "/_sandbox/edit", json={"op": "field", "field": "Account.Assay_Hours__c", "type": "string"}
    ).raise_for_status()
    after = connect(line).check().fields
    assert {m for m in before if before[m] != after[m]} == {"hours"}


def test_applying_the_schema_twice_changes_nothing_the_second_time(line: Line, hands: httpx.Client) -> None:
    assert {done for path, done in admin(line).apply() if path.startswith("Account.")} == {"created"}
    assert {todo for _, todo in admin(line).apply()} == {"exists"}


def test_no_secret_reaches_a_log_line(line: Line, hands: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        crm = ready(line, hands)
        list(crm.pull({}, EmptyDatabase()))
    text = caplog.text
    assert line["client_secret"] not in text
    assert "Bearer" not in text
    assert crm.session._token not in text


def test_the_request_log_shows_no_subject_or_name_of_a_contact_asked_for(line: Line, hands: httpx.Client) -> None:
    """Personal data that the score does not need is not even read."""
    crm = ready(line, hands)
    hands.request("DELETE", "/_sandbox/log")
    list(crm.pull({}, EmptyDatabase()))
    asked = [json.loads(entry)["soql"] for entry in hands.get("/_sandbox/log").text.splitlines()]
    contact = next(q for q in asked if "FROM Contact" in q)
    assert not {"Name", "Email", "Phone", "LastName"} & set(contact.replace(",", "").split())
    assert not any(word in q for q in asked for word in ("TextBody", "HtmlBody", "Description", "FromAddress", "ToAddress"))
