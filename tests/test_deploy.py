"""What is shipped around the code says what the code says: configuration page, manifests, image."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay import __version__
from assay.doc_pages import commands
from assay.doc_pages.configuration import markdown
from assay.settings import settings_model

ROOT = Path(__file__).parent.parent
MANIFESTS = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))


def documents() -> list[dict[str, Any]]:
    return [d for path in MANIFESTS for d in yaml.safe_load_all(path.read_text())]


def pods() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for d in documents():
        if d["kind"] == "Deployment":
            found.append((d["kind"], d["spec"]["template"]["spec"]))
        if d["kind"] == "CronJob":
            found.append((d["kind"], d["spec"]["jobTemplate"]["spec"]["template"]["spec"]))
    return found


def test_the_configuration_page_is_current() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text() == markdown(), "make docs"


def test_the_page_of_commands_is_current() -> None:
    assert (ROOT / "docs" / "commands.md").read_text() == commands.markdown(), "make docs"


def test_pods_keep_the_restricted_standard() -> None:
    assert [kind for kind, _ in pods()] == ["CronJob", "Deployment"]
    for kind, pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True, kind
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, kind
        assert pod["automountServiceAccountToken"] is False, kind
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
        mounts = {m["name"] for c in pod["containers"] for m in c["volumeMounts"]}
        assert mounts == {v["name"] for v in pod["volumes"]}, kind


def test_the_cron_job_never_runs_two_nights_at_once_nor_again_where_a_person_is_needed() -> None:
    [job] = [d for d in documents() if d["kind"] == "CronJob"]
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    [rule] = [r for r in job["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"] if r["action"] == "FailJob"]
    assert rule["onExitCodes"]["values"] == [2, 3, 4, 5]


def test_the_settings_in_manifests_are_settings() -> None:
    [config] = [d for d in documents() if d["kind"] == "ConfigMap"]
    model = settings_model()
    settings = model(**tomllib.loads(config["data"]["assay.toml"]))
    assert settings.schedule.clock() is not None
    texts = [p.read_text() for p in (*MANIFESTS, ROOT / "compose.yaml", ROOT / "compose.postgres.yaml", ROOT / "Dockerfile")]
    for name in sorted({n for text in texts for n in re.findall(r"ASSAY_([A-Z]+__[A-Z_]+)", text)}):
        section, _, key = name.lower().removesuffix("_file").partition("__")
        assert key in type(getattr(model(**{section: {}}), section)).model_fields, name


@pytest.mark.parametrize("name", ["compose.yaml", "compose.postgres.yaml"])
def test_compose_services_use_what_is_declared(name: str) -> None:
    base = yaml.safe_load((ROOT / "compose.yaml").read_text())
    made = yaml.safe_load((ROOT / name).read_text())
    for service in made["services"].values():
        for kind in ("secrets", "configs"):
            used = {x if isinstance(x, str) else x["source"] for x in service.get(kind, ())}
            assert used <= set(made.get(kind, {})) | set(base.get(kind, {}))
        volumes = {v.partition(":")[0] for v in service.get("volumes", ())}
        assert volumes <= set(made["volumes"]) | set(base["volumes"])
    assay = base["services"]["assay"]
    assert (assay["read_only"], assay["cap_drop"], assay["user"]) == (True, ["ALL"], "65532:65532")


def test_the_image_holds_every_root_that_the_wheel_does() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "only-include"
    ]
    text = (ROOT / "Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for root in wheel:
        assert re.search(rf"^COPY .*\b{re.escape(root)}\b", text, re.MULTILINE), root
        assert f"!{root}" in ignored
    assert text.count("--require-hashes") == 2
    assert re.search(r"^USER 65532", text, re.MULTILINE)


def test_the_version_is_that_of_the_newest_release_and_reaches_the_image() -> None:
    releases = re.findall(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert __version__ == releases[0]
    assert "--build-arg VERSION=$$(sed" in (ROOT / "Makefile").read_text()
    assert 'org.opencontainers.image.version="${VERSION}"' in (ROOT / "Dockerfile").read_text()
