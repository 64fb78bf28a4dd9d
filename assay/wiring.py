"""Builds from settings what a night works with; the only place that knows all rooms."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from assay.settings import ConfigError, Settings
from connectors.daily_calls import Limited
from connectors.diagnosis import Diagnosis
from connectors.errors import BadConfig
from connectors.port import Crm, SchemaAdmin
from connectors.vendor import Section, Shared
from connectors.vendors import VENDORS
from db.api_calls import Calls
from db.engine import open_database
from db.migrate import upgrade
from db.store import Store

T = TypeVar("T")


def open_store(settings: Settings) -> Store:
    """The database, brought to this version's schema."""
    engine = open_database(settings.database.url)
    upgrade(engine)
    return Store(engine, settings.scope.chosen())


def open_crms(settings: Settings, only: str | None = None) -> list[Crm]:
    """Every CRM that is configured, or one of them; the first names what several know."""
    opened = _each(settings, lambda section, shared: section.open_org(shared))
    crms = [crm for crm in opened if only in (None, crm.name)]
    if not crms:
        raise ConfigError([f"--crm {only}: not configured. Fix: add a [{only}] section"])
    return crms


def open_admins(settings: Settings) -> list[SchemaAdmin]:
    """Each CRM's schema, with whatever login is configured."""
    return _each(settings, lambda section, shared: section.open_admin(shared))


def open_diagnosis(settings: Settings, name: str) -> Diagnosis:
    """One configured CRM, to be looked at by the doctor with the nightly user's login."""
    with _as_config_error():
        return settings.crms()[name].open_diagnosis(_shared(settings))


@contextmanager
def metered(crms: Sequence[Crm], store: Store) -> Iterator[None]:
    """Counts the calls of these CRMs in the database, so that all runs of a day share one allowance."""
    budgets = [crm.budget for crm in crms if isinstance(crm, Limited)]
    for budget in budgets:
        budget.meter = Calls(store.engine, budget.crm)
    try:
        yield
    finally:
        for budget in budgets:
            budget.close()


def write_calls(crm: str, rows: int) -> int:
    """API calls that writing so many accounts takes."""
    return VENDORS[crm].write_calls(rows)


def _each(settings: Settings, open_: Callable[[Section, Shared], T]) -> list[T]:
    with _as_config_error():
        crms = settings.required_crms()
        shared = _shared(settings)
        return [open_(section, shared) for section in crms.values()]


@contextmanager
def _as_config_error() -> Iterator[None]:
    """A vendor does not know the product's errors."""
    try:
        yield
    except BadConfig as error:
        raise ConfigError(error.problems) from None


def _shared(settings: Settings) -> Shared:
    return Shared(settings.scope.chosen().asked, settings.allow_hosts, settings.ca_file, _subject_key(settings))


def _subject_key(settings: Settings) -> bytes:
    """The key of all keyed hashes: from the first CRM's credential, which the database never holds (docs/adr/0006)."""
    credential = next((section.credential() for section in settings.crms().values()), "")
    return hashlib.blake2b(credential.encode(), person=b"assay-subject", digest_size=32).digest()
