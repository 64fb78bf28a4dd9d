"""Generated firms: deterministic, whole, and with the truth they claim to have."""

import csv
import filecmp
from collections import Counter
from pathlib import Path

import pytest

from sandbox import world
from sandbox.salesforce.loading import load


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "salesforce" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("firm")
    world.generate(made, seed=7, accounts=200, profile="demo")
    return made


def truth(folder: Path) -> list[dict[str, str]]:
    with (folder / "truth.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_firm(firm: Path, tmp_path: Path) -> None:
    for name, seed in (("same", 7), ("other", 8)):
        world.generate(tmp_path / name, seed=seed, accounts=200, profile="demo")
    names = [f"salesforce/{p.name}" for p in (firm / "salesforce").iterdir()] + ["truth.csv", "org.toml"]
    assert filecmp.cmpfiles(firm, tmp_path / "same", names, shallow=False)[0] == names
    assert "salesforce/Event.csv" in filecmp.cmpfiles(firm, tmp_path / "other", names, shallow=False)[1]


def test_the_sandbox_loads_it_and_no_id_points_nowhere(firm: Path) -> None:
    assert load(firm).warnings == {}


def test_all_six_states_are_planted(firm: Path) -> None:
    assert {r["state"] for r in truth(firm)} == {
        "Comfort zone", "Earning its time", "Under-worked", "Balanced", "Not enough evidence", "Logging too thin"}  # fmt: skip


def test_comfort_accounts_get_more_time_than_their_potential_and_little_is_opened(firm: Path) -> None:
    """Against ordinary accounts of the same firm: minutes for each unit of potential^0.6, and stage changes lately."""
    by_kind: dict[str, list[float]] = {}
    stage: dict[str, str] = {}
    decided: Counter[str] = Counter()
    for r in sorted(rows(firm, "OpportunityHistory"), key=lambda r: r["CreatedDate"]):
        # pushes of the date and orders entered as won decide nothing
        moved = stage.get(r["OpportunityId"], r["StageName"]) != r["StageName"]
        stage[r["OpportunityId"]] = r["StageName"]
        decided[r["OpportunityId"]] += moved and r["CreatedDate"] > "2026-05-05"
    owner = {r["Id"]: r["AccountId"] for r in rows(firm, "Opportunity")}
    moves = Counter(owner[o] for o in decided.elements())
    ordinary_moves, comfort_moves = [], []
    for r in truth(firm):
        by_kind.setdefault(r["kind"], []).append(float(r["minutes_180d"]) / float(r["potential"]) ** 0.6)
        if r["kind"] in ("ordinary", "comfort"):
            (ordinary_moves if r["kind"] == "ordinary" else comfort_moves).append(moves[r["account_id"]])
    mean = {k: sum(v) / len(v) for k, v in by_kind.items()}
    assert mean["comfort"] > 2.5 * mean["ordinary"]
    assert mean["neglected"] < 0.4 * mean["ordinary"]
    assert sum(comfort_moves) / len(comfort_moves) < 0.5 * sum(ordinary_moves) / len(ordinary_moves)


def test_an_opportunity_is_what_its_last_history_row_says(firm: Path) -> None:
    last: dict[str, dict[str, str]] = {}
    for r in rows(firm, "OpportunityHistory"):
        if r["OpportunityId"] not in last or r["CreatedDate"] >= last[r["OpportunityId"]]["CreatedDate"]:
            last[r["OpportunityId"]] = r
    for o in rows(firm, "Opportunity"):
        assert all(o[f] == last[o["Id"]][f] for f in ("StageName", "Amount", "CloseDate", "Probability"))
        assert (o["IsWon"] == "true") == (o["StageName"] == "Closed Won")


def test_every_mail_has_its_task_and_every_colleague_s_copy_its_meeting(firm: Path) -> None:
    tasks = {r["Id"] for r in rows(firm, "Task") if r["TaskSubtype"] == "Email"}
    assert {r["ActivityId"] for r in rows(firm, "EmailMessage")} == tasks
    meetings = {(r["AccountId"], r["StartDateTime"]) for r in rows(firm, "Event") if r["IsChild"] == "false"}
    assert {(r["AccountId"], r["StartDateTime"]) for r in rows(firm, "Event") if r["IsChild"] == "true"} <= meetings


@pytest.mark.parametrize("profile", world.PROFILES)
def test_every_profile_makes_a_firm(profile: str, tmp_path: Path) -> None:
    world.generate(tmp_path, seed=1, accounts=30, profile=profile)
    assert len(truth(tmp_path)) == 30
    families = {r["Family"] for r in rows(tmp_path, "Product2")}
    assert len(families) == (1 if profile == "single_product" else 5)


def test_bulk_makes_the_activities_it_was_asked_for(tmp_path: Path) -> None:
    world.bulk(tmp_path, seed=1, activities=400, accounts=10)
    assert (len(rows(tmp_path, "Task")), len(rows(tmp_path, "Event")), len(rows(tmp_path, "Account"))) == (200, 200, 10)
    assert load(tmp_path).warnings == {}
