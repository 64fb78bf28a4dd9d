"""What can be wrong on this machine: secrets, database, schedule."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from assay.commands.doctor.finding import Finding
from assay.night import scope as scopes
from assay.settings import Settings
from connectors.diagnosis import Observation, Trouble
from connectors.section import Section
from db.engine import open_database
from db.migrate import revisions, unusable
from db.store import Store

GOOD = "present, and readable only by this user (mode 600)"
#: free bytes below which a night may not fit, and below which it cannot
TIGHT, FULL = 2_000_000_000, 200_000_000


def secrets(check: str, name: str, section: Section, config: Path | None) -> Iterator[Finding]:
    """The secret of a login: whether it is there, what it should be, for how long, and who may read it."""
    if missing := section.missing_secret():
        yield _finding(check, missing)
        return
    files = section.secret_files() or _where(name.upper(), config)
    findings = [*_modes(check, files), *(_finding(check, seen) for seen in section.check_secrets())]
    yield from findings or [Finding(check, "ok", GOOD)]


def _finding(check: str, seen: Trouble | Observation) -> Finding:
    if isinstance(seen, Observation):
        return Finding(check, "ok", seen.what, facts=seen.facts)
    return Finding(check, "failure" if seen.grave else "warning", seen.what, seen.fix, facts=seen.facts)


def _where(section: str, config: Path | None) -> list[Path]:
    """The files a section's secret may come from: those the environment names, else the configuration itself."""
    named = [Path(v) for n, v in os.environ.items() if n.startswith(f"ASSAY_{section}__") and n.endswith("_FILE")]
    in_environment = any(n.startswith(f"ASSAY_{section}__") for n in os.environ)
    return named or ([config] if config and not in_environment else [])


def _modes(check: str, paths: Sequence[Path]) -> list[Finding]:
    """A file that is absent is told by who needs it."""
    return [
        Finding(check, "warning", f"{p} holds a secret and can be read by other users", f"chmod 600 {p}")
        for p in paths
        if p.exists() and p.stat().st_mode & 0o077
    ]


def database(settings: Settings) -> Iterator[Finding]:
    """Reachable, writable, of a schema this version knows, with room to grow. Changes nothing."""
    engine = open_database(settings.database.url)
    try:
        current, newest = looked_at(engine)
    finally:
        engine.dispose()
    url = engine.url.render_as_string(hide_password=True)
    state = (
        "empty, made by the first run"
        if current is None
        else "of this version"
        if current == newest
        else f"upgraded from {current} by the next run"
    )
    yield Finding("database", "ok", f"{url}: writable; schema {state}", facts={"schema": current, "newest": newest})
    if engine.url.get_backend_name() == "sqlite" and engine.url.database:
        yield from _room(Path(engine.url.database).resolve().parent)


def looked_at(engine: Engine) -> tuple[str | None, str]:
    try:
        with engine.connect() as connection:  # on SQLite this takes the write lock, and gives it back
            return revisions(connection)
    except DBAPIError as error:
        raise unusable(engine, error) from error


def _room(folder: Path) -> list[Finding]:
    free = shutil.disk_usage(folder).free
    if free > TIGHT:
        return []
    status = "failure" if free < FULL else "warning"
    return [
        Finding(
            "database",
            "failure" if status == "failure" else "warning",
            f"{free / 1e9:.1f} GB are free in {folder}",
            "make room, or move [database] url to a larger disk",
        )
    ]


def schedule(settings: Settings) -> Sequence[Finding]:
    """When nights run by themselves, by the clock that runs them."""
    clock = settings.schedule.clock()
    if clock is None:
        return [Finding("schedule", "ok", "no schedule: nights run when `assay run` is called")]
    upcoming = clock.upcoming(time.time())
    if upcoming is None:
        fix = "five fields such as 0 2 * * *"
        return [Finding("schedule", "failure", f"[schedule] cron {settings.schedule.cron!r} never comes", fix)]
    return [Finding("schedule", "ok", f"next night {datetime.fromtimestamp(upcoming, clock.zone):%Y-%m-%d %H:%M %Z}")]


def scope(settings: Settings) -> Iterator[Finding]:
    """Who is in scope by what is stored: values that nobody has, and whether anybody is left."""
    chosen = settings.scope.chosen()
    if not chosen:
        yield Finding("scope", "ok", "every account is in scope")
        return
    engine = open_database(settings.database.url)
    try:
        current, newest = looked_at(engine)
        store = Store(engine, chosen)
        census = store.census() if current == newest and store.orgs() else None
    finally:
        engine.dispose()
    if census is None or not census.places:
        yield Finding("scope", "ok", "nothing has been read yet: the first night counts who is in scope")
        return
    empty = scopes.empty_scope(census, chosen)
    fix = "correct [scope]; `assay status` shows what each criterion leaves out"
    yield from (Finding("scope", "warning", said, fix) for said in scopes.unknown_values(census, chosen))
    if empty is not None:
        yield Finding("scope", "failure", empty.said, fix)
    else:
        yield Finding("scope", "ok", scopes.words(scopes.firm(census))[0], facts=scopes.firm(census))


def writing(settings: Settings) -> Iterator[Finding]:
    """Whether verdicts reach the CRM: the setting, and holds."""
    engine = open_database(settings.database.url)
    try:
        store = Store(engine)
        current, newest = looked_at(engine)
        orgs = store.orgs() if current == newest else []
    finally:
        engine.dispose()
    for org in orgs:
        if org.hold:
            fix = "look at what was undone, then `assay run --allow undo-hold`"
            yield Finding("writing", "warning", f"{org.crm}: publishing is on hold: {org.hold}", fix)
    if not settings.write.enabled:
        yield Finding("writing", "ok", "[write] enabled is false: nights are judged, nothing is written")
    elif not any(org.hold for org in orgs):
        yield Finding("writing", "ok", "verdicts are written" + ("" if orgs else ", after a first dry run"))
