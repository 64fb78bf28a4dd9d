"""Builds from settings what a night works with; the only place that knows all rooms."""

import hashlib
from pathlib import Path

from assay import publish
from assay.nightly import Orders
from assay.settings import ConfigError, Salesforce, Settings
from connectors import salesforce
from connectors.port import Crm, SchemaAdmin
from db.engine import open_database
from db.migrate import upgrade
from db.store import Store


def open_store(settings: Settings) -> Store:
    """The database, brought to this version's schema."""
    engine = open_database(settings.database.url)
    upgrade(engine)
    return Store(engine)


def open_crms(settings: Settings) -> list[Crm]:
    """Every CRM that is configured."""
    if settings.salesforce is None:
        raise ConfigError(["no CRM is configured. Fix: add a [salesforce] section to assay.toml"])
    return [salesforce.open_org(_salesforce(settings, settings.salesforce))]


def open_admin(settings: Settings) -> SchemaAdmin:
    """The CRM's schema, with whatever login is configured."""
    if settings.salesforce is None:
        raise ConfigError(["no CRM is configured. Fix: add a [salesforce] section to assay.toml"])
    return salesforce.open_admin(_salesforce(settings, settings.salesforce))


def bands(settings: Settings) -> publish.Bands:
    w = settings.write
    return publish.Bands(w.band_hours, w.band_share, w.band_points)


def orders(
    settings: Settings,
    *,
    dry: bool = False,
    force: bool = False,
    full: bool = False,
    day: int | None = None,
    allow: tuple[str, ...] = (),
) -> Orders:
    """What a run with these settings and flags is asked to do."""
    return Orders(
        rules=settings.scoring.rules(),
        bands=bands(settings),
        write=settings.write.enabled and not dry,
        force=force,
        full=full,
        day=day,
        allow=allow,
        only=settings.write.only,
        max_flag_change=settings.write.max_flag_change,
        replay_nights=settings.scoring.replay_nights,
    )


def _salesforce(settings: Settings, s: Salesforce) -> salesforce.SalesforceConfig:
    secret = s.client_secret.get_secret_value() if s.client_secret else None
    token = s.access_token.get_secret_value() if s.access_token else None
    key = _read_key(s.private_key_file) if s.private_key_file else None
    if not (key or secret or token):
        raise ConfigError(["[salesforce]: no way to log in. Fix: set private_key_file (JWT) or client_secret"])
    missing = [k for k, v in (("client_id", s.client_id), ("username", s.username)) if not v]
    if key and missing:
        raise ConfigError([f"[salesforce]: {k} is empty, the JWT login needs it. Fix: set {k}" for k in missing])
    return salesforce.SalesforceConfig(
        login_url=s.login_url,
        client_id=s.client_id,
        username=s.username,
        private_key=key,
        client_secret=secret,
        access_token=token,
        instance_url=s.instance_url,
        api_version=s.api_version,
        objects=s.objects or None,
        quota_share=s.quota_share,
        allow_hosts=settings.allow_hosts,
        ca_file=settings.ca_file,
        subject_salt=_subject_key(key or secret or token or ""),
    )


def _read_key(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise ConfigError(
            [f"[salesforce] private_key_file {path}: {error.strerror}. Fix: check the path and its mode"]
        ) from None


def _subject_key(secret: str) -> bytes:
    """The key of subject hashes: from the credential, which the database never holds (docs/adr/0006)."""
    return hashlib.blake2b(secret.encode(), person=b"assay-subject", digest_size=32).digest()
