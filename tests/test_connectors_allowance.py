"""Our share of the day's calls: over several runs, with calls under way, and after a run that was killed."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from connectors.daily_calls import BLOCK, Allowance
from connectors.errors import QuotaExhausted
from db.api_calls import Calls

NOW = 1_790_000_000


def run(engine: Engine, calls: int, at: int = NOW, *, killed: bool = False, daily: int = 1000) -> int:
    """One run of our share, 10 % of the day's calls; returns the calls it could make."""
    a = Allowance(0.1, 0.8, "salesforce", "org")
    a.meter, a.clock = Calls(engine, "salesforce"), lambda: float(at)
    made = 0
    try:
        for _ in range(calls):
            a.take()
            made += 1
            a.learn(made, daily, at)
    except QuotaExhausted:
        pass
    if not killed:
        a.close()
    return made


def test_several_runs_of_a_day_share_one_allowance_and_the_next_day_has_its_own(engine: Engine) -> None:
    assert run(engine, 70) == 70
    assert run(engine, 70, NOW + 3600) == 30
    assert run(engine, 70, NOW + 7200) == 0  # not even the call that would ask
    assert run(engine, 70, NOW + 26 * 3600) == 70


def test_a_killed_run_counts_what_it_had_reserved(engine: Engine) -> None:
    """The share is not exceeded because a run could not say how many calls it made."""
    run(engine, 42, killed=True)
    assert 42 <= Calls(engine, "salesforce").spent(NOW)[0] < 42 + BLOCK
    assert 58 - BLOCK < run(engine, 100) <= 58


def test_what_was_reserved_and_not_used_is_given_back(engine: Engine) -> None:
    run(engine, 42)
    assert Calls(engine, "salesforce").spent(NOW) == (42, 1000)


def test_calls_under_way_count_against_everybody_s_limit() -> None:
    """Four at once must not become three too many."""
    a = Allowance(1.0, 0.8, "hubspot", "portal")
    a.take()
    a.learn(795, 1000)
    for _ in range(5):
        a.take()
    with pytest.raises(QuotaExhausted, match="795 of the portal's 1000"):
        a.take()
    a.learn(796, 1000)
    with pytest.raises(QuotaExhausted):
        a.take()


@pytest.mark.parametrize("share", [0.07, 0.1, 0.29, 0.57])
def test_a_share_is_not_one_call_more_because_of_how_machines_multiply(share: float) -> None:
    a = Allowance(share, 1.0, "salesforce", "org")
    a.learn(0, 100_000)
    a.ours = round(share * 100_000)
    with pytest.raises(QuotaExhausted):
        a.take()
    a.ours -= 1
    a.take()


def test_threads_do_not_exceed_the_share_together() -> None:
    a = Allowance(0.1, 0.8, "hubspot", "portal")
    a.learn(0, 1000)

    def work(_: int) -> bool:
        try:
            a.take()
        except QuotaExhausted:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(400))) == 100


def test_a_connection_that_lives_for_several_runs_counts_each_of_them_once(engine: Engine) -> None:
    a = Allowance(0.1, 0.8, "salesforce", "org")
    a.meter = Calls(engine, "salesforce")
    for night in range(3):
        for n in range(60):
            a.take()
            a.learn(n, 1000, NOW + night * 30 * 3600)
        a.close()
        assert a.meter.spent(NOW + night * 30 * 3600) == (60, 1000)
