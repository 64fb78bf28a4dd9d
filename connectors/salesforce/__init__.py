"""Salesforce."""

import time
from collections.abc import Callable

from connectors.salesforce.admin import SalesforceAdmin
from connectors.salesforce.client import SalesforceCrm
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.write import calls as write_calls

__all__ = ["SalesforceAdmin", "SalesforceConfig", "SalesforceCrm", "open_admin", "open_org", "write_calls"]


def open_org(config: SalesforceConfig, sleep: Callable[[float], None] = time.sleep) -> SalesforceCrm:
    """One org; nothing is sent before `check`."""
    return SalesforceCrm(config, sleep)


def open_admin(config: SalesforceConfig) -> SalesforceAdmin:
    """The same org for an admin."""
    return SalesforceAdmin(SalesforceCrm(config))
