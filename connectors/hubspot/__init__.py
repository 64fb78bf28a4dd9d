"""HubSpot. Its rooms are imported by who opens a portal: the SDK and the maths cost half a second (`connectors.vendor`)."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from connectors.hubspot.config import HubSpotConfig

if TYPE_CHECKING:
    from connectors.hubspot.admin import HubSpotAdmin
    from connectors.hubspot.client import HubSpotCrm
    from connectors.hubspot.diagnosis import HubSpotDiagnosis

__all__ = ["HubSpotConfig", "open_admin", "open_diagnosis", "open_org"]


def open_org(config: HubSpotConfig, sleep: Callable[[float], None] = time.sleep) -> "HubSpotCrm":
    """One portal; nothing is sent before `check`."""
    from connectors.hubspot.client import HubSpotCrm

    return HubSpotCrm(config, sleep)


def open_admin(config: HubSpotConfig) -> "HubSpotAdmin":
    """Open the same portal for an admin."""
    from connectors.hubspot.admin import HubSpotAdmin

    return HubSpotAdmin(open_org(config))


def open_diagnosis(config: HubSpotConfig) -> "HubSpotDiagnosis":
    """Open the same portal for a doctor."""
    from connectors.hubspot.diagnosis import HubSpotDiagnosis

    return HubSpotDiagnosis(open_org(config))
