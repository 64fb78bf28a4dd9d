"""The registry of vendors. A CRM more is a folder more and an entry here: docs/adding-a-crm.md.

Everything that is asked of "the CRMs" goes through `VENDORS`: settings, wiring, every command, the doctor, the pages of docs/.
"""

from collections.abc import Sequence

from connectors.hubspot.vendor import HubSpotVendor
from connectors.salesforce.vendor import SalesforceVendor
from connectors.vendor import Vendor

#: in this order wherever they stand side by side; the first one configured names what several know
VENDORS: dict[str, Vendor] = {"salesforce": SalesforceVendor(), "hubspot": HubSpotVendor()}


def choices(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Tell what a flag `--crm` takes: each of these vendors, and all of them together."""
    together = {"both" if len(names) == 2 else "all": tuple(names)} if len(names) > 1 else {}
    return {name: (name,) for name in names} | together
