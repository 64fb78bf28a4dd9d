"""HubSpot's face: what the rest of the product asks of it; see `connectors.vendor.Vendor`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from connectors.vendor import SetUp, Table, Vendor

if TYPE_CHECKING:
    from connectors.hubspot.section import HubSpotSection


class HubSpotVendor(Vendor):
    name, guide = "hubspot", "docs/hubspot.md"
    anchors: ClassVar[Mapping[str, str]] = {
        "secrets": "set-up",
        "clock": "set-up",
        "login": "set-up",
        "org": "set-up",
        "permissions": "set-up",
        "records": "set-up",
        "fields": "what-is-written",
        "quota": "what-it-costs",
        "coverage": "what-is-read",
    }
    secret_shapes = (r"\bpat-[a-z0-9]{2,4}-[0-9a-f-]{8,}",)  #: a service key
    export_makes = "a list of HubSpot properties"
    has_sandbox = True

    @property
    def section(self) -> "type[HubSpotSection]":
        from connectors.hubspot.section import HubSpotSection

        return HubSpotSection

    def write_calls(self, rows: int) -> int:
        from connectors.hubspot import write

        return write.calls(rows)

    def set_up(self, answers: Mapping[str, str], folder: Path) -> SetUp:
        from connectors.hubspot import set_up

        return set_up.set_up()

    def export(self) -> Mapping[str, str]:
        from connectors.hubspot import source

        return source.files()

    def account_fields(self) -> tuple[str, Mapping[str, str]]:
        from connectors.hubspot.schema import NAMES

        return "HubSpot company", NAMES

    def review(self) -> Mapping[str, Table]:
        from connectors.hubspot import review

        return review.tables()

    def sandbox_section(self, ready: Mapping[str, str]) -> str:
        return f'[hubspot]\nbase_url = "{ready["url"]}"\ntoken = "{ready["token"]}"\n'
