"""The one HTTP client on the wire: what each answer means, what is tried again, where it may speak to."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import respx
import stamina

from connectors.errors import CrmError, FieldMissing, Forbidden, QuotaExhausted, Refused, Unauthorized, Unavailable
from connectors.salesforce.budget import Budget
from connectors.salesforce.config import HOSTS
from connectors.salesforce.errors import SessionEnded, explain
from connectors.transport import Transport

URL = "https://acme.my.salesforce.com/services/data/v68.0/limits"
SAMPLES = Path(__file__).parent / "samples" / "salesforce"


def sample(case: str) -> httpx.Response:
    head = next((SAMPLES / case).glob("*.json"))
    return httpx.Response(
        int(head.stem), headers=json.loads(head.read_text()), content=(SAMPLES / case / "body").read_bytes()
    )


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def transport() -> Iterator[Transport]:
    made = Transport("salesforce", explain, hosts=HOSTS)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("case", "error", "words", "calls"),
    [
        ("session_expired", SessionEnded, "INVALID_SESSION_ID", 1),
        ("request_limit", QuotaExhausted, "TotalRequests", 1),
        ("concurrent_limit", Unavailable, "ConcurrentRequests", 3),  # the same code, but this one passes
        ("invalid_field", FieldMissing, "No such column 'Foo'", 1),
        ("api_disabled", Forbidden, "API_DISABLED_FOR_ORG", 1),
        ("query_timeout", Unavailable, "QUERY_TIMEOUT", 3),
        ("edge_setting_up", Unavailable, "web page instead of data", 3),
        ("not_acceptable", Unavailable, "HTTP 406", 3),
        ("server_unavailable", Unavailable, "HTTP 503", 3),
        ("maintenance_page", Unavailable, "web page instead of data", 3),
        ("invalid_client", Unauthorized, "consumer key", 1),
        ("invalid_grant", Unauthorized, "pre-authorised", 1),
        ("redirected", CrmError, "My Domain", 1),
        ("retired_version", Refused, "UNSUPPORTED_API_VERSION", 1),
    ],
)
@respx.mock
def test_an_answer_means_one_error_and_only_passing_ones_are_tried_again(
    transport: Transport, case: str, error: type[CrmError], words: str, calls: int
) -> None:
    route = respx.get(URL).mock(return_value=sample(case))
    with pytest.raises(error) as caught:
        transport.request("GET", URL, headers={"Authorization": "Bearer 00Dxx!geheim"})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "geheim" not in repr(caught.value)
    assert route.call_count == transport.calls == calls


@respx.mock
def test_trouble_that_passes_is_not_noticed(transport: Transport) -> None:
    respx.get(URL).mock(
        side_effect=[sample("server_unavailable"), httpx.ConnectError("reset"), httpx.Response(200, json={})]
    )
    assert transport.request("GET", URL).status_code == 200


def test_the_crm_s_own_wish_to_wait_is_kept() -> None:
    found = explain(sample("server_unavailable"))
    assert found is not None
    assert found.retry_after == 7.0


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.my.salesforce.com/x",
        "https://salesforce.com.evil.example/x",
        "https://evilsalesforce.com/x",
        "https://169.254.169.254/latest",
        "http://127.0.0.1:8081/x",
    ],
)
def test_nobody_but_the_vendor_is_spoken_to(transport: Transport, url: str) -> None:
    """Also not where a CRM's answer points to: instance_url and next pages go through the same door."""
    with pytest.raises(CrmError, match=r"not one of the vendor's hosts.*allow_hosts"):
        transport.request("GET", url)
    assert transport.calls == 0


def test_the_budget_stops_before_the_call_that_would_exceed_it() -> None:
    budget = Budget(share=0.10, stop=0.80)
    budget.after_response(
        httpx.Response(200, headers={"Sforce-Limit-Info": "api-usage=18/50; per-app-api-usage=17/250(appName=x)"})
    )
    for _ in range(5):
        budget.before_call("")
    with pytest.raises(QuotaExhausted, match="5 of 10% of 50"):
        budget.before_call("")


def test_the_budget_stops_when_everybody_together_has_used_most_of_the_day() -> None:
    budget = Budget(share=1.0, stop=0.80)
    budget.after_response(httpx.Response(200, headers={"Sforce-Limit-Info": "api-usage=80/100"}))
    with pytest.raises(QuotaExhausted, match="80 of the org's 100"):
        budget.before_call("")
