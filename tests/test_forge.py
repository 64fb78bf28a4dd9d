"""What the forge reads: jobs, forms and hooks that call what is there."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
FORGE = ROOT / ".github"
JOBS: dict[str, Any] = yaml.safe_load((FORGE / "workflows" / "ci.yml").read_text())
TARGETS = set(re.findall(r"^([a-z][\w-]*):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def steps() -> list[dict[str, Any]]:
    return [step for job in JOBS["jobs"].values() for step in job["steps"]]


def test_jobs_only_read_and_keep_no_credentials() -> None:
    assert JOBS["permissions"] == {"contents": "read"}
    assert not [job for job in JOBS["jobs"].values() if "permissions" in job]
    checkouts = [s for s in steps() if s.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == len(JOBS["jobs"])
    assert all(s["with"] == {"persist-credentials": False} for s in checkouts)


def test_jobs_call_make_targets_that_are_there() -> None:
    lines = [s["run"] for s in steps() if "run" in s]
    called = {line.removeprefix("make ") for line in lines if line.startswith("make ")}
    assert [line for line in lines if not line.startswith("make ")] == ["apt-get update"]
    assert called <= TARGETS
    assert {"lint", "test", "browser", "conformance"} <= called


def test_actions_are_pinned_by_version() -> None:
    used = [s["uses"] for s in steps() if "uses" in s]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+(\.\d+)*", name) for name in used)


def test_jobs_run_the_pythons_that_are_promised() -> None:
    promised = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if c.startswith("Programming Language")]
    assert JOBS["jobs"]["check"]["strategy"]["matrix"]["python"] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"


def test_no_address_is_named() -> None:
    """Whoever runs a job chooses where packages and images come from."""
    for path in (*FORGE.rglob("*.yml"), ROOT / ".pre-commit-config.yaml"):
        assert "://" not in path.read_text(), path


@pytest.mark.parametrize("form", sorted((FORGE / "ISSUE_TEMPLATE").glob("[!c]*.yml")), ids=lambda p: p.stem)
def test_a_form_asks_each_thing_once(form: Path) -> None:
    made = yaml.safe_load(form.read_text())
    assert set(made) == {"name", "description", "labels", "body"}
    asked = [part for part in made["body"] if part["type"] != "markdown"]
    assert len({part["id"] for part in asked}) == len(asked) > 0
    assert all(part["type"] in {"input", "textarea", "dropdown"} and part["attributes"]["label"] for part in asked)


def test_owned_paths_are_there() -> None:
    lines = [x.split() for x in (FORGE / "CODEOWNERS").read_text().splitlines() if x and not x.startswith("#")]
    for path, *owners in lines:
        assert owners
        assert path == "*" or (ROOT / path.strip("/")).exists(), path


def test_updates_are_asked_for_by_known_names() -> None:
    made = yaml.safe_load((FORGE / "dependabot.yml").read_text())
    assert {u["package-ecosystem"] for u in made["updates"]} == {"pip", "github-actions", "docker"}
    assert all(u["cooldown"]["default-days"] >= 7 for u in made["updates"])


def test_hooks_are_the_tools_of_make_lint() -> None:
    [repo] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repo["repo"] == "local"
    assert all(h["language"] == "system" for h in repo["hooks"])
    lint = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    tools = [re.sub(r" --fix| --force-exclude", "", h["entry"]).removeprefix(".venv/bin/") for h in repo["hooks"]]
    assert all(f"$(BIN)/{tool}" in lint for tool in tools)


def test_every_target_says_in_make_help_what_it_is_for() -> None:
    told = set(re.findall(r"^([a-z][\w-]*):.*## \S", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert told == TARGETS
