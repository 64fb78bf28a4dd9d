"""Salesforce. Its rooms are imported by who opens an org: the SDK and the maths cost half a second (`connectors.vendor`)."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.salesforce.config import SalesforceConfig

if TYPE_CHECKING:
    from connectors.salesforce.admin import SalesforceAdmin
    from connectors.salesforce.client import SalesforceCrm
    from connectors.salesforce.diagnosis import SalesforceDiagnosis

__all__ = ["SalesforceConfig", "open_admin", "open_diagnosis", "open_org"]


def open_org(config: SalesforceConfig, sleep: Callable[[float], None] = time.sleep) -> "SalesforceCrm":
    """One org; nothing is sent before `check`. An admin's session is not for the night, where there is a login."""
    from connectors.salesforce.client import SalesforceCrm

    login = config.private_key or config.client_secret
    return SalesforceCrm(replace(config, access_token=None) if login else config, sleep)


def open_admin(config: SalesforceConfig) -> "SalesforceAdmin":
    """Open the same org for an admin, by her own session where it is given."""
    from connectors.salesforce.admin import SalesforceAdmin
    from connectors.salesforce.client import SalesforceCrm

    return SalesforceAdmin(SalesforceCrm(config))


def open_diagnosis(config: SalesforceConfig) -> "SalesforceDiagnosis":
    """Open the same org for a doctor, with the nightly user's login."""
    from connectors.salesforce.diagnosis import SalesforceDiagnosis

    return SalesforceDiagnosis(open_org(config))
