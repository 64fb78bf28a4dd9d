"""What can be wrong on this machine: secrets, database, schedule."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from assay.commands.doctor.finding import Finding
from assay.night import scope as scopes
from assay.settings import Settings
from db.engine import open_database
from db.migrate import revisions, unusable
from db.store import Store

SALESFORCE, HUBSPOT = "salesforce secrets", "hubspot secrets"
GOOD = "present, and readable only by this user (mode 600)"
#: days before a certificate's end in which it is told
NOTICE_DAYS = 30
#: free bytes below which a night may not fit, and below which it cannot
TIGHT, FULL = 2_000_000_000, 200_000_000
#: bits of an RSA key below which it is refused by Salesforce
LEAST_BITS = 2048


def salesforce_secrets(settings: Settings, config: Path | None) -> Iterator[Finding]:
    """The key or secret of the login: whether it is there, what it should be, for how long, and who may read it."""
    s = settings.salesforce
    if s is None:
        return
    inline = s.client_secret or s.access_token
    if s.private_key_file is None and inline is None:
        yield Finding(SALESFORCE, "failure", "[salesforce]: no way to log in", "set private_key_file (JWT) or client_secret")
        return
    files = [s.private_key_file] if s.private_key_file else _where("SALESFORCE", config)
    found = [*_modes(SALESFORCE, files), *(_key(s.private_key_file) if s.private_key_file else ())]
    yield from found or [Finding(SALESFORCE, "ok", GOOD)]


def hubspot_secrets(settings: Settings, config: Path | None) -> Iterator[Finding]:
    """The service key: whether it is there, and who may read it."""
    h = settings.hubspot
    if h is not None and h.token is None:
        fix = "set ASSAY_HUBSPOT__TOKEN_FILE to a file that holds it"
        yield Finding(HUBSPOT, "failure", "[hubspot] token is empty", fix)
    elif h is not None:
        yield from _modes(HUBSPOT, _where("HUBSPOT", config)) or [Finding(HUBSPOT, "ok", GOOD)]


def _where(section: str, config: Path | None) -> list[Path]:
    """The files a section's secret may come from: those the environment names, else the configuration itself."""
    named = [Path(v) for n, v in os.environ.items() if n.startswith(f"ASSAY_{section}__") and n.endswith("_FILE")]
    in_environment = any(n.startswith(f"ASSAY_{section}__") for n in os.environ)
    return named or ([config] if config and not in_environment else [])


def _modes(check: str, paths: Sequence[Path]) -> list[Finding]:
    """A file that is absent is told by who needs it."""
    return [Finding(check, "warning", f"{p} holds a secret and can be read by other users", f"chmod 600 {p}")
            for p in paths if p.exists() and p.stat().st_mode & 0o077]  # fmt: skip


def _key(path: Path) -> list[Finding]:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        fix = "check the path, or run `assay init` to make a key"
        return [Finding(SALESFORCE, "failure", f"[salesforce] private_key_file {path}: {error.strerror}", fix)]
    except (ValueError, TypeError):
        return [Finding(SALESFORCE, "failure", f"{path} is no private key without a passphrase in PEM form",
                        "give the key that `assay init` made, not the certificate")]  # fmt: skip
    if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_BITS:
        return [
            Finding(SALESFORCE, "failure", f"{path} is no RSA key of {LEAST_BITS} bits", "make a new one with `assay init`")
        ]
    return _certificate(path.with_suffix(".crt"), key)


def _certificate(path: Path, key: RSAPrivateKey) -> list[Finding]:
    """The certificate lies beside its key, where `assay init` puts it."""
    if not path.exists():
        return []
    try:
        held = x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        return [
            Finding(
                SALESFORCE,
                "failure",
                f"{path} is no certificate in PEM form",
                "make a new pair with `assay init --out new/assay.toml`",
            )
        ]
    if held.public_key() != key.public_key():
        return [
            Finding(
                SALESFORCE,
                "failure",
                f"{path} belongs to another key",
                "upload the certificate of this key, or make a new pair",
            )
        ]
    days = (held.not_valid_after_utc - datetime.now(UTC)).days
    fix = "make a new pair with `assay init --out new/assay.toml`, upload the certificate to the External Client App, then exchange the key"
    if days < 0:
        return [Finding(SALESFORCE, "failure", f"the certificate {path} expired {-days} days ago", fix)]
    status = "warning" if days < NOTICE_DAYS else "ok"
    return [Finding(SALESFORCE, "warning" if status == "warning" else "ok", f"the certificate {path} is good for {days} days",
                    fix if status == "warning" else "", facts={"certificate_days": days})]  # fmt: skip


def database(settings: Settings) -> Iterator[Finding]:
    """Reachable, writable, of a schema this version knows, with room to grow. Changes nothing."""
    engine = open_database(settings.database.url)
    try:
        held, head = looked_at(engine)
    finally:
        engine.dispose()
    told = engine.url.render_as_string(hide_password=True)
    state = (
        "empty, made by the first run"
        if held is None
        else "of this version"
        if held == head
        else f"upgraded from {held} by the next run"
    )
    yield Finding("database", "ok", f"{told}: writable; schema {state}", facts={"schema": held, "newest": head})
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
    return [Finding("database", "failure" if status == "failure" else "warning", f"{free / 1e9:.1f} GB are free in {folder}",
                    "make room, or move [database] url to a larger disk")]  # fmt: skip


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
        held, head = looked_at(engine)
        store = Store(engine, chosen)
        census = store.census() if held == head and store.orgs() else None
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
        held, head = looked_at(engine)
        orgs = store.orgs() if held == head else []
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
