"""The [salesforce] section of assay.toml, and what it opens."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr

from connectors import salesforce
from connectors.diagnosis import Observation, Trouble
from connectors.errors import BadConfig
from connectors.salesforce.config import SalesforceConfig
from connectors.section import Section, Shared

if TYPE_CHECKING:
    from connectors.salesforce.admin import SalesforceAdmin
    from connectors.salesforce.client import SalesforceCrm
    from connectors.salesforce.diagnosis import SalesforceDiagnosis

NO_LOGIN = Trouble("[salesforce]: no way to log in", "set private_key_file (JWT) or client_secret")
NIGHTLY_USER = (
    "this is the nightly user's login, which should not be able to make fields; an admin's session is better: "
    "[salesforce] access_token and instance_url, see docs/salesforce.md"
)


class SalesforceSection(Section):
    login_url: str = Field(
        default="https://login.salesforce.com", description="My Domain URL, or login / test.salesforce.com"
    )
    client_id: str = Field(default="", description="consumer key of the External Client App")
    username: str = Field(default="", description="integration user, for the JWT login")
    private_key_file: Path | None = Field(default=None, description="RSA key of the JWT login")
    client_secret: SecretStr | None = Field(default=None, description="consumer secret, instead of a key")
    access_token: SecretStr | None = Field(default=None, description="an admin's session, for `assay schema apply` only")
    instance_url: str = Field(default="", description="the org's own URL, with access_token")
    api_version: str = Field(default="68.0", pattern=r"^\d\d\.0$", description="highest REST API version to speak")
    objects: tuple[str, ...] = Field(default=(), description="only these objects; empty = all that are used")
    quota_share: float = Field(default=0.10, gt=0, le=1, description="share of the org's daily API calls a night may use")

    def open_org(self, shared: Shared) -> "SalesforceCrm":
        return salesforce.open_org(self.connection(shared))

    def open_admin(self, shared: Shared) -> "SalesforceAdmin":
        return salesforce.open_admin(self.connection(shared))

    def open_diagnosis(self, shared: Shared) -> "SalesforceDiagnosis":
        return salesforce.open_diagnosis(self.connection(shared))

    def connection(self, shared: Shared) -> SalesforceConfig:
        """Tell what the client needs, secrets read; raises `BadConfig` for what is missing."""
        key = _read(self.private_key_file) if self.private_key_file else None
        secret, token = _plain(self.client_secret), _plain(self.access_token)
        if not (key or secret or token):
            raise BadConfig([f"{NO_LOGIN.what}. Fix: {NO_LOGIN.fix}"])
        missing = [k for k, v in (("client_id", self.client_id), ("username", self.username)) if not v]
        if key and missing:
            raise BadConfig([f"[salesforce]: {k} is empty, the JWT login needs it. Fix: set {k}" for k in missing])
        return SalesforceConfig(
            login_url=self.login_url,
            client_id=self.client_id,
            username=self.username,
            private_key=key,
            client_secret=secret,
            access_token=token,
            instance_url=self.instance_url,
            api_version=self.api_version,
            objects=self.objects or None,
            quota_share=self.quota_share,
            traits=shared.traits,
            allow_hosts=shared.allow_hosts,
            ca_file=shared.ca_file,
            subject_salt=shared.subject_salt,
        )

    def credential(self) -> str:
        if self.private_key_file:
            return _read(self.private_key_file)
        return _plain(self.client_secret) or _plain(self.access_token) or ""

    def missing_secret(self) -> Trouble | None:
        return None if self.private_key_file or self.client_secret or self.access_token else NO_LOGIN

    def secret_files(self) -> list[Path]:
        return [self.private_key_file] if self.private_key_file else []

    def check_secrets(self) -> list[Trouble | Observation]:
        return list(self._check_key())

    def _check_key(self) -> Iterator[Trouble | Observation]:
        from connectors.salesforce.keys import check_key

        if self.private_key_file:
            yield from check_key(self.private_key_file, datetime.now(UTC))

    def admin_note(self) -> str:
        return NIGHTLY_USER if self.access_token is None else ""


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        line = f"[salesforce] private_key_file {path}: {error.strerror}. Fix: check the path and its mode"
        raise BadConfig([line]) from None
