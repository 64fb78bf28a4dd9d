"""What a Salesforce connection needs."""

from dataclasses import dataclass, field
from pathlib import Path

from connectors.vendor import QUOTA_STOP

#: the vendor's own (docs/facts/running.md, "Hosts")
HOSTS = (".salesforce.com", ".my.salesforce.com")


@dataclass(frozen=True, slots=True)
class SalesforceConfig:
    """Secrets are PEM text or plain text and never shown."""

    login_url: str
    client_id: str = ""
    username: str = ""
    private_key: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)  #: an admin's session, instead of a login
    instance_url: str = ""
    api_version: str = "68.0"
    objects: tuple[str, ...] | None = None  #: only these objects
    traits: tuple[str, ...] = ()  #: criteria of [scope] to be read besides
    quota_share: float = 0.10  #: of the org's daily calls, for one run
    quota_stop: float = QUOTA_STOP  #: of the org's daily calls, used by everybody
    allow_hosts: tuple[str, ...] = ()
    ca_file: Path | None = None
    subject_salt: bytes = field(default=b"", repr=False)
