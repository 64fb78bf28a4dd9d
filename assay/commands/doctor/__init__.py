"""`assay doctor`: ordered checks, each with cause, fix and link. Reads only; exit 0 ok, 1 warnings, 2 failures.

A check that rests on a failed one is skipped, so that one cause is told once.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from assay import wiring
from assay.commands import show
from assay.commands.doctor import home
from assay.commands.doctor.crms import Patient
from assay.commands.doctor.finding import Check, Finding, carry_out, worst
from assay.settings import ConfigError, Settings, config_path, load
from connectors.diagnosis import Diagnosis
from connectors.vendor import Section
from connectors.vendors import VENDORS
from db.engine import DatabaseError, open_database
from db.store import Org, Store

CONFIGURATION = "docs/nightly-run.md"
SIGNS = {"ok": "ok", "warning": "WARNING", "failure": "FAILURE", "skipped": "skipped"}


def examine(config: Path | None) -> list[Finding]:
    """Everything that can be looked at, in order."""
    try:
        settings = load(config).settings
    except ConfigError as error:
        lines = [line.partition(" Fix: ") for line in error.problems]
        found = [Finding("config", "failure", cause, fix, CONFIGURATION) for cause, _, fix in lines]
        return [*found, Finding("everything else", "skipped", "needs config")]
    with ExitStack() as stack:
        return carry_out(_checks(settings, config_path(config), stack))


def _checks(settings: Settings, path: Path | None, stack: ExitStack) -> list[Check]:
    checks = [
        Check("config", CONFIGURATION, lambda: _config(settings, path)),
        *(_secrets(name, section, path) for name, section in settings.crms().items()),
        Check("database", CONFIGURATION, lambda: home.database(settings), ("config",)),
    ]
    for name, section in settings.crms().items():
        patient = Patient(
            VENDORS[name], _opener(settings, name), _pinned(settings, name), section.quota_share,
            scoped=bool(settings.scope.chosen().criteria), alone=len(settings.crms()) == 1,
        )  # fmt: skip
        stack.callback(patient.close)
        checks += patient.checks()
    return [
        *checks,
        Check("schedule", CONFIGURATION, lambda: home.schedule(settings), ("config",)),
        Check("scope", "docs/scope.md", lambda: home.scope(settings), ("database",)),
        Check("writing", "docs/admin-review.md", lambda: home.writing(settings), ("database",)),
    ]


def _secrets(name: str, section: Section, path: Path | None) -> Check:
    vendor, check = VENDORS[name], f"{name} secrets"
    link = f"{vendor.guide}#{vendor.anchors['secrets']}"
    return Check(check, link, lambda: home.secrets(check, name, section, path), ("config",))


def _config(settings: Settings, path: Path | None) -> list[Finding]:
    return [Finding("config", "ok", f"{path or 'environment and defaults'}: {', '.join(settings.required_crms())}")]


def _opener(settings: Settings, name: str) -> Callable[[], Diagnosis]:
    return lambda: wiring.open_diagnosis(settings, name)


def _pinned(settings: Settings, name: str) -> Callable[[], Org | None]:
    """The org that the database holds data of; None where there is no usable database."""

    def look() -> Org | None:
        try:
            engine = open_database(settings.database.url)
        except DatabaseError:
            return None
        try:
            held, head = home.looked_at(engine)
            return next((o for o in Store(engine).orgs() if o.crm == name), None) if held == head else None
        except DatabaseError:
            return None
        finally:
            engine.dispose()

    return look


def command(config: Callable[[], Path | None]) -> Callable[..., None]:
    """The command, which asks for the configuration's path when it runs."""

    def doctor(as_json: Annotated[bool, typer.Option("--json", help="Machine output, alone, on stdout.")] = False) -> None:
        """Look at configuration, secrets, database and CRMs; name what is wrong, why, and how to mend it."""
        findings = examine(config())
        typer.echo(_json(findings) if as_json else show.findings([(f.check, SIGNS[f.status], _told(f)) for f in findings]))
        raise typer.Exit(worst(findings))

    return doctor


def _json(findings: Sequence[Finding]) -> str:
    status = ("ok", "warning", "failure")[worst(findings)]
    return json.dumps({"status": status, "checks": [asdict(f) for f in findings]}, ensure_ascii=False)


def _told(f: Finding) -> str:
    return f"{f.cause}. Fix: {f.fix}. See {f.link}" if f.status in ("warning", "failure") else f.cause
