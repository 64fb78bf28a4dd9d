"""What the quick commands may import: help, version, status and the container's health check start without the rest."""

import subprocess
import sys
from pathlib import Path

import pytest

#: what waits for a command that needs it
HEAVY = {
    "alembic", "apscheduler", "cryptography", "fastapi", "httpx", "hubspot", "jinja2", "numpy", "prometheus_client", "pydantic",
    "requests", "scipy", "simple_salesforce", "sqlalchemy", "stamina", "starlette", "structlog", "uvicorn",
}  # fmt: skip
#: rooms of ours that `assay --help` reads; whoever adds one pays for it at every start
HELP = {
    "assay", "assay.__main__", "assay.commands", "assay.commands.cli", "assay.commands.configuration", "assay.commands.database",
    "assay.commands.demo", "assay.commands.doctor", "assay.commands.init", "assay.commands.schema", "assay.commands.serve",
    "connectors", "connectors.hubspot", "connectors.hubspot.config", "connectors.hubspot.vendor", "connectors.salesforce",
    "connectors.salesforce.config", "connectors.salesforce.vendor", "connectors.vendor", "connectors.vendors",
    "sandbox", "sandbox.cli",
}  # fmt: skip


def imported(*arguments: str) -> set[str]:
    """Names of all modules that `assay` with these arguments has imported when it ends."""
    program = (
        "import sys, atexit; from assay.__main__ import main; sys.argv = ['assay', *sys.argv[1:]];"
        "atexit.register(lambda: print('\\nMODULES', *sys.modules)); main()"
    )
    command = [sys.executable, "-c", program, *arguments]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return set(output.rpartition("MODULES ")[2].split())


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("run", "--help"), ("sandbox", "--help")])
def test_help_and_version_read_the_doors_only(arguments: tuple[str, ...]) -> None:
    modules = imported(*arguments)
    ours = {
        name
        for name in modules
        if name.partition(".")[0] in ("assay", "connectors", "db", "sandbox", "scoring", "scheduler")
    }
    assert ours <= HELP
    assert packages(modules) & HEAVY <= {"pydantic"}  # Typer's own, for flags that take a path


def test_status_reads_neither_the_vendors_nor_the_maths_nor_the_pages(tmp_path: Path) -> None:
    config = tmp_path / "assay.toml"
    config.write_text(f'[database]\nurl = "sqlite:///{tmp_path}/assay.db"\n')
    imported("--config", str(config), "status")  # makes the database
    heavy = packages(imported("--config", str(config), "status")) & HEAVY
    assert heavy == {"pydantic", "sqlalchemy"} | heavy & {"apscheduler", "structlog", "stamina"}


def test_the_health_check_reads_the_settings_only(tmp_path: Path) -> None:
    config = tmp_path / "assay.toml"
    config.write_text("[web]\nport = 9\n")
    assert packages(imported("--config", str(config), "serve", "--check")) & HEAVY == {"pydantic", "apscheduler"}
