"""Builds from settings what a night works with; the only place that knows all rooms."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from assay.settings import ConfigError, HubSpot, Salesforce, Settings
from connectors import hubspot, salesforce
from connectors.diagnosis import Diagnosis
from connectors.port import Crm, SchemaAdmin
from db.api_calls import Calls
from db.engine import open_database
from db.migrate import upgrade
from db.store import Store


def open_store(settings: Settings) -> Store:
    """The database, brought to this version's schema."""
    engine = open_database(settings.database.url)
    upgrade(engine)
    return Store(engine, settings.scope.chosen())


NO_CRM = "no CRM is configured. Fix: add a [salesforce] or a [hubspot] section to assay.toml"


def open_crms(settings: Settings, only: str | None = None) -> list[Crm]:
    """Every CRM that is configured, or one of them; the first names what several know."""
    opened: list[Crm] = _each(settings, salesforce.open_org, hubspot.open_org)
    crms = [crm for crm in opened if only in (None, crm.name)]
    if not crms:
        raise ConfigError([f"--crm {only}: not configured. Fix: add a [{only}] section"])
    return crms


@contextmanager
def metered(crms: Sequence[Crm], store: Store) -> Iterator[None]:
    """Counts the calls of these CRMs in the database, so that all runs of a day share one allowance."""
    budgets = [crm.budget for crm in crms if isinstance(crm, hubspot.HubSpotCrm | salesforce.SalesforceCrm)]
    for budget in budgets:
        budget.meter = Calls(store.engine, budget.crm)
    try:
        yield
    finally:
        for budget in budgets:
            budget.close()


def write_calls(crm: str, rows: int) -> int:
    """API calls that writing so many accounts takes."""
    return {"salesforce": salesforce.write_calls, "hubspot": hubspot.write_calls}[crm](rows)


def open_admins(settings: Settings) -> list[SchemaAdmin]:
    """Each CRM's schema, with whatever login is configured."""
    return _each(settings, salesforce.open_admin, hubspot.open_admin)


def open_diagnosis(settings: Settings, name: str) -> Diagnosis:
    """One configured CRM, to be looked at by the doctor with the nightly user's login."""
    if name == "salesforce" and settings.salesforce is not None:
        return salesforce.open_diagnosis(_salesforce(settings, settings.salesforce))
    if name == "hubspot" and settings.hubspot is not None:
        return hubspot.open_diagnosis(_hubspot(settings, settings.hubspot))
    raise ConfigError([NO_CRM])


T = TypeVar("T")


def _each(
    settings: Settings,
    of_salesforce: Callable[[salesforce.SalesforceConfig], T],
    of_hubspot: Callable[[hubspot.HubSpotConfig], T],
) -> list[T]:
    found: list[T] = []
    if settings.salesforce is not None:
        found.append(of_salesforce(_salesforce(settings, settings.salesforce)))
    if settings.hubspot is not None:
        found.append(of_hubspot(_hubspot(settings, settings.hubspot)))
    if not found:
        raise ConfigError([NO_CRM])
    return found


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
        traits=settings.scope.chosen().asked,
        allow_hosts=settings.allow_hosts,
        ca_file=settings.ca_file,
        subject_salt=_subject_key(settings),
    )


def _hubspot(settings: Settings, h: HubSpot) -> hubspot.HubSpotConfig:
    if h.token is None:
        raise ConfigError(["[hubspot] token is empty. Fix: set it, or ASSAY_HUBSPOT__TOKEN_FILE to a file that holds it"])
    return hubspot.HubSpotConfig(
        token=h.token.get_secret_value(),
        base_url=h.base_url,
        api_date=h.api_date,
        quota_share=h.quota_share,
        traits=settings.scope.chosen().asked,
        allow_hosts=settings.allow_hosts,
        ca_file=settings.ca_file,
        subject_salt=_subject_key(settings),
    )


def _read_key(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise ConfigError(
            [f"[salesforce] private_key_file {path}: {error.strerror}. Fix: check the path and its mode"]
        ) from None


def _subject_key(settings: Settings) -> bytes:
    """The key of all keyed hashes: from the first CRM's credential, which the database never holds (docs/adr/0006)."""
    return hashlib.blake2b(_credential(settings).encode(), person=b"assay-subject", digest_size=32).digest()


def _credential(settings: Settings) -> str:
    s, h = settings.salesforce, settings.hubspot
    if s is not None:
        secrets = [x.get_secret_value() for x in (s.client_secret, s.access_token) if x]
        return _read_key(s.private_key_file) if s.private_key_file else next(iter(secrets), "")
    return h.token.get_secret_value() if h is not None and h.token is not None else ""
