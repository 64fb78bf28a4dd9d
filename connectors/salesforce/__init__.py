"""Salesforce."""

import time
from collections.abc import Callable
from dataclasses import replace

from connectors.salesforce.admin import SalesforceAdmin
from connectors.salesforce.client import SalesforceCrm
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.diagnosis import SalesforceDiagnosis
from connectors.salesforce.write import calls as write_calls

__all__ = [
    "SalesforceAdmin", "SalesforceConfig", "SalesforceCrm", "SalesforceDiagnosis", "open_admin", "open_diagnosis", "open_org",
    "write_calls",
]  # fmt: skip


def open_org(config: SalesforceConfig, sleep: Callable[[float], None] = time.sleep) -> SalesforceCrm:
    """One org; nothing is sent before `check`. An admin's session is not for the night, where there is a login."""
    login = config.private_key or config.client_secret
    return SalesforceCrm(replace(config, access_token=None) if login else config, sleep)


def open_admin(config: SalesforceConfig) -> SalesforceAdmin:
    """The same org for an admin, by her own session where it is given."""
    return SalesforceAdmin(SalesforceCrm(config))


def open_diagnosis(config: SalesforceConfig) -> SalesforceDiagnosis:
    """The same org for a doctor, with the nightly user's login."""
    return SalesforceDiagnosis(open_org(config))
