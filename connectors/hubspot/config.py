"""What a HubSpot connection needs."""

from dataclasses import dataclass, field
from pathlib import Path

from connectors.vendor import QUOTA_STOP

#: HubSpot's API release; supported for 18 months (docs/facts/hubspot.md, "Versions and paths"). v3 and v4 end in 2027.
API_DATE = "2026-09"
#: the vendor's own (docs/facts/running.md, "Hosts")
HOSTS = ("api.hubapi.com",)


@dataclass(frozen=True, slots=True)
class HubSpotConfig:
    """The token is a service key or the token of an existing private app, and never shown."""

    token: str = field(repr=False)
    base_url: str = "https://api.hubapi.com"
    api_date: str = API_DATE
    traits: tuple[str, ...] = ()  #: criteria of [scope] to be read besides
    quota_share: float = 0.10  #: of the portal's daily calls, for one run
    quota_stop: float = QUOTA_STOP  #: of the portal's daily calls, used by everybody
    allow_hosts: tuple[str, ...] = ()
    ca_file: Path | None = None
    subject_salt: bytes = field(default=b"", repr=False)
