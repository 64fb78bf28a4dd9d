"""The [hubspot] section of assay.toml, and what it opens."""

from typing import TYPE_CHECKING

from pydantic import Field, SecretStr

from connectors import hubspot
from connectors.diagnosis import Trouble
from connectors.errors import BadConfig
from connectors.hubspot.config import HubSpotConfig
from connectors.section import Section, Shared

if TYPE_CHECKING:
    from connectors.hubspot.admin import HubSpotAdmin
    from connectors.hubspot.client import HubSpotCrm
    from connectors.hubspot.diagnosis import HubSpotDiagnosis


class HubSpotSection(Section):
    token: SecretStr | None = Field(default=None, description="service key, or the token of an existing private app")
    base_url: str = Field(default="https://api.hubapi.com", description="HubSpot's API")
    api_date: str = Field(default="2026-09", pattern=r"^20\d\d-(03|09)$", description="HubSpot's API release")
    quota_share: float = Field(default=0.10, gt=0, le=1, description="share of the portal's daily calls a night may use")

    def open_org(self, shared: Shared) -> "HubSpotCrm":
        return hubspot.open_org(self.connection(shared))

    def open_admin(self, shared: Shared) -> "HubSpotAdmin":
        return hubspot.open_admin(self.connection(shared))

    def open_diagnosis(self, shared: Shared) -> "HubSpotDiagnosis":
        return hubspot.open_diagnosis(self.connection(shared))

    def connection(self, shared: Shared) -> HubSpotConfig:
        """Tell what the client needs; raises `BadConfig` for a key that is missing."""
        if self.token is None:
            fix = "set it, or ASSAY_HUBSPOT__TOKEN_FILE to a file that holds it"
            raise BadConfig([f"[hubspot] token is empty. Fix: {fix}"])
        return HubSpotConfig(
            token=self.token.get_secret_value(),
            base_url=self.base_url,
            api_date=self.api_date,
            quota_share=self.quota_share,
            traits=shared.traits,
            allow_hosts=shared.allow_hosts,
            ca_file=shared.ca_file,
            subject_salt=shared.subject_salt,
        )

    def credential(self) -> str:
        return "" if self.token is None else self.token.get_secret_value()

    def missing_secret(self) -> Trouble | None:
        if self.token is not None:
            return None
        return Trouble("[hubspot] token is empty", "set ASSAY_HUBSPOT__TOKEN_FILE to a file that holds it")
