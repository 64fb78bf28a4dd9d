"""HubSpot."""

import time
from collections.abc import Callable

from connectors.hubspot.admin import HubSpotAdmin
from connectors.hubspot.client import HubSpotCrm
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.diagnosis import HubSpotDiagnosis
from connectors.hubspot.write import calls as write_calls

__all__ = [
    "HubSpotAdmin", "HubSpotConfig", "HubSpotCrm", "HubSpotDiagnosis", "open_admin", "open_diagnosis", "open_org", "write_calls",
]  # fmt: skip


def open_org(config: HubSpotConfig, sleep: Callable[[float], None] = time.sleep) -> HubSpotCrm:
    """One portal; nothing is sent before `check`."""
    return HubSpotCrm(config, sleep)


def open_admin(config: HubSpotConfig) -> HubSpotAdmin:
    """The same portal for an admin."""
    return HubSpotAdmin(HubSpotCrm(config))


def open_diagnosis(config: HubSpotConfig) -> HubSpotDiagnosis:
    """The same portal for a doctor."""
    return HubSpotDiagnosis(HubSpotCrm(config))
