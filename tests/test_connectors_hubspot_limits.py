"""What HubSpot's refusals mean, and how calls are paced; no portal."""

import httpx
import pytest

from connectors.errors import Forbidden, QuotaExhausted, Refused, Unauthorized, Unavailable
from connectors.hubspot.budget import Budget
from connectors.hubspot.errors import Locked, explain
from connectors.hubspot.write import readable

OBJECTS = "https://api.hubapi.com/crm/objects/2026-09/companies"


def answer(status: int, **body: object) -> httpx.Response:
    return httpx.Response(status, json=body)


@pytest.mark.parametrize(
    ("body", "wait"),
    [
        ({"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING", "message": "You have reached your ten_secondly limit."}, 10.0),
        ({"category": "RATE_LIMITS", "message": "You have reached your secondly limit."}, 1.0),
        ({"message": "exceeded ten_secondly_rolling limit"}, 10.0),
        ({}, 10.0),
    ],
)  # fmt: skip
def test_a_burst_is_waited_out(body: dict[str, object], wait: float) -> None:
    error = explain(answer(429, **body))
    assert isinstance(error, Unavailable)
    assert error.retry_after == wait


@pytest.mark.parametrize(
    "body", [{"policyName": "DAILY"}, {"message": "You have reached your daily limit.", "errorType": "RATE_LIMIT"}]
)
def test_the_end_of_the_day_is_not(body: dict[str, object]) -> None:
    assert isinstance(explain(answer(429, **body)), QuotaExhausted)


def test_the_vendor_s_own_wish_to_wait_is_heard() -> None:
    response = httpx.Response(477, headers={"retry-after": "60"}, json={})
    error = explain(response)
    assert isinstance(error, Unavailable)
    assert error.retry_after == 60.0


def test_a_missing_scope_is_named() -> None:
    body = {"category": "MISSING_SCOPES", "message": "...",
            "errors": [{"message": "x", "context": {"requiredGranularScopes": ["crm.objects.deals.read"]}}]}  # fmt: skip
    error = explain(answer(403, **body))
    assert isinstance(error, Forbidden)
    assert "crm.objects.deals.read" in str(error)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Unauthorized), (530, Unauthorized), (423, Locked), (502, Unavailable), (521, Unavailable),
                         (400, Refused), (404, Refused), (409, Refused)]
)  # fmt: skip
def test_what_a_status_means(status: int, kind: type[Exception]) -> None:
    assert type(explain(answer(status, message="x", category="Y"))) is kind


def test_a_good_answer_is_none_also_with_errors_of_single_records() -> None:
    assert explain(answer(207, errors=[{}])) is None
    assert explain(httpx.Response(200, html="<html>")) is not None


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def budget(clock: Clock, share: float = 0.5, stop: float = 0.8) -> Budget:
    return Budget(share, stop, clock, clock.sleep)


def heard(**headers: object) -> httpx.Response:
    return httpx.Response(200, headers={f"X-HubSpot-RateLimit-{k.replace('_', '-')}": str(v) for k, v in headers.items()})


@pytest.mark.parametrize(("most", "calls"), [(100, 1000), (190, 1000)])
def test_no_window_of_ten_seconds_holds_more_calls_than_allowed(most: int, calls: int) -> None:
    clock = Clock()
    b = budget(clock)
    b.after_response(heard(Max=most, Interval_Milliseconds=10000))
    moments = []
    for _ in range(calls):
        b.before_call(OBJECTS)
        moments.append(clock.now)
    busiest = max(sum(1 for m in moments if start <= m < start + 10) for start in moments)
    assert most * 0.7 <= busiest <= most * 0.95


def test_search_has_a_slower_bucket_of_its_own() -> None:
    clock = Clock()
    b = budget(clock)
    moments = []
    for _ in range(40):
        b.before_call(OBJECTS + "/search")
        moments.append(clock.now)
    assert max(sum(1 for m in moments if start <= m < start + 1) for start in moments) <= 5


def test_the_share_is_never_exceeded_by_one_call() -> None:
    b = budget(Clock(), share=0.1)
    b.after_response(heard(Daily=100, Daily_Remaining=100))
    for _ in range(10):
        b.before_call(OBJECTS)
    with pytest.raises(QuotaExhausted, match="10 of 10% of 100"):
        b.before_call(OBJECTS)


def test_what_others_use_counts_too() -> None:
    b = budget(Clock())
    b.after_response(heard(Daily=100, Daily_Remaining=20))
    with pytest.raises(QuotaExhausted, match="80 of the portal's 100"):
        b.before_call(OBJECTS)


def test_answers_without_headers_change_nothing() -> None:
    b = budget(Clock())
    b.after_response(heard(Daily=100, Daily_Remaining=90))
    b.after_response(httpx.Response(200))
    assert (b.used, b.allowed) == (10, 100)


def test_the_words_inside_a_refusal_are_found() -> None:
    message = 'Property values were not valid: [{"isValid":false,"message":"Gold is not one of the options","name":"tier"}]'
    assert readable(message) == "Gold is not one of the options"
    assert readable("Plain words") == "Plain words"
