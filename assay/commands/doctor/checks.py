"""All checks in order: what can be wrong on this machine, then with each CRM. Reads only."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from assay import wiring
from assay.commands.doctor import machine
from assay.commands.doctor.crms import CrmChecks
from assay.commands.doctor.finding import Check, Finding, carry_out
from assay.settings import ConfigError, Settings, config_path, load
from connectors.diagnosis import Diagnosis
from connectors.section import Section
from connectors.vendors import VENDORS
from db.engine import DatabaseError, open_database
from db.store import Org, Store

CONFIGURATION = "docs/nightly-run.md"


def examine(config: Path | None) -> list[Finding]:
    """Everything that can be looked at, in order."""
    try:
        settings = load(config).settings
    except ConfigError as error:
        lines = [line.partition(" Fix: ") for line in error.problems]
        problems = [Finding("config", "failure", cause, fix, CONFIGURATION) for cause, _, fix in lines]
        return [*problems, Finding("everything else", "skipped", "needs config")]
    with ExitStack() as stack:
        return carry_out(_checks(settings, config_path(config), stack))


def _checks(settings: Settings, path: Path | None, stack: ExitStack) -> list[Check]:
    checks = [
        Check("config", CONFIGURATION, lambda: _config(settings, path)),
        *(_secrets(name, section, path) for name, section in settings.crms().items()),
        Check("database", CONFIGURATION, lambda: machine.database(settings), ("config",)),
    ]
    for name, section in settings.crms().items():
        crm_checks = CrmChecks(
            VENDORS[name],
            _opener(settings, name),
            _pinned(settings, name),
            section.quota_share,
            settings.scoring.rules().window_days,
            scoped=bool(settings.scope.chosen().criteria),
            alone=len(settings.crms()) == 1,
        )
        stack.callback(crm_checks.close)
        checks += crm_checks.checks()
    return [
        *checks,
        Check("schedule", CONFIGURATION, lambda: machine.schedule(settings), ("config",)),
        Check("scope", "docs/scope.md", lambda: machine.scope(settings), ("database",)),
        Check("writing", "docs/admin-review.md", lambda: machine.writing(settings), ("database",)),
    ]


def _secrets(name: str, section: Section, path: Path | None) -> Check:
    vendor, check = VENDORS[name], f"{name} secrets"
    link = f"{vendor.guide}#{vendor.anchors['secrets']}"
    return Check(check, link, lambda: machine.secrets(check, name, section, path), ("config",))


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
            schema, newest = machine.looked_at(engine)
            return next((o for o in Store(engine).orgs() if o.crm == name), None) if schema == newest else None
        except DatabaseError:
            return None
        finally:
            engine.dispose()

    return look
