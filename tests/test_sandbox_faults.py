"""Bad luck by script: what is done, what arrives, how often."""

import json
from typing import Any

import httpx
import pytest

from sandbox.faults import ACTIONS, NAMED, faults

V = "/services/data/v68.0"
ACME = "001Wk0000000001IAA"


def strike(client: httpx.Client, *rules: dict[str, Any]) -> None:
    client.post("/_sandbox/faults", json=list(rules)).raise_for_status()


def region(client: httpx.Client) -> Any:
    soql = f"SELECT Region__c FROM Account WHERE Id = '{ACME}'"  # noqa: S608
    return client.get(f"{V}/query", params={"q": soql}).json()["records"][0]["Region__c"]


@pytest.mark.parametrize(("action", "done"), [("cut", False), ("lose", True)])
def test_a_lost_answer_differs_from_a_cut_line_by_what_was_done(salesforce: httpx.Client, action: str, done: bool) -> None:
    strike(salesforce, {"path": f"/sobjects/Account/{ACME}$", "method": "PATCH", "action": action})
    with pytest.raises(httpx.RemoteProtocolError):
        salesforce.patch(f"{V}/sobjects/Account/{ACME}", json={"Region__c": "Moved"})
    assert (region(salesforce) == "Moved") is done


def test_an_error_can_hide_that_it_was_done(salesforce: httpx.Client) -> None:
    """A 502 with the write applied (docs/facts/hubspot.md, "What a sandbox must do"): only a client that looks knows."""
    rule = {"path": f"/sobjects/Account/{ACME}$", "method": "PATCH", "name": "bad_gateway"}
    for done, wanted in ((False, "North"), (True, "Moved")):
        strike(salesforce, rule | {"done": done})
        assert salesforce.patch(f"{V}/sobjects/Account/{ACME}", json={"Region__c": "Moved"}).status_code == 502
        assert region(salesforce) == wanted


def test_a_truncated_answer_breaks_off_in_its_body(salesforce: httpx.Client) -> None:
    strike(salesforce, {"path": "/sobjects$", "action": "truncate"})
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|peer closed"):
        salesforce.get(f"{V}/sobjects")
    assert salesforce.get(f"{V}/sobjects").json()["sobjects"]


def test_headers_can_be_stripped(salesforce: httpx.Client) -> None:
    strike(salesforce, {"path": "/limits$", "action": "strip", "strip": ["Sforce-Limit-Info", "Date"]})
    bare, whole = (salesforce.get(f"{V}/limits") for _ in range(2))
    assert bare.json() == whole.json() | {"DailyApiRequests": bare.json()["DailyApiRequests"]}
    assert {"sforce-limit-info", "date"} & bare.headers.keys() == set()
    assert {"sforce-limit-info", "date"} <= whole.headers.keys()


@pytest.mark.parametrize("name", sorted(NAMED))
def test_answers_that_connectors_have_met_have_names(salesforce: httpx.Client, name: str) -> None:
    strike(salesforce, {"path": "/limits$", "name": name})
    reply = salesforce.get(f"{V}/limits")
    status, body, headers = NAMED[name]
    assert (reply.status_code, reply.text) == (status, body)
    assert all(reply.headers[k] == v for k, v in headers.items())
    if headers.get("Content-Type", "").startswith("application/json"):
        json.loads(body)
    assert salesforce.get(f"{V}/limits").status_code == 200


def test_a_probability_is_drawn_with_its_seed_so_that_a_night_can_be_repeated() -> None:
    def struck(seed: int) -> list[bool]:
        (rule,) = faults([{"probability": 0.3, "seed": seed, "status": 503}])
        return [rule.strikes("GET", "/x") for _ in range(400)]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert 80 < sum(struck(1)) < 160


def test_a_probability_can_be_bounded_by_times() -> None:
    (rule,) = faults([{"probability": 1.0, "times": 2}])
    assert [rule.strikes("GET", "/x") for _ in range(4)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"action": "explode"}, ", ".join(ACTIONS)),
        ({"name": "no_such"}, "salesforce_daily"),
        ({"probabilty": 1}, "unknown key 'probabilty'"),
        ({"probability": 3}, "between 0 and 1"),
    ],
)
def test_a_rule_that_is_not_known_is_refused_with_what_is(rule: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        faults([rule])
