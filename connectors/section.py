"""A vendor's section of assay.toml: its keys, and what they open."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from connectors.diagnosis import Diagnosis, Observation, Trouble
from connectors.port import Crm, SchemaAdmin


@dataclass(frozen=True, slots=True)
class Shared:
    """What an installation says to all of its CRMs."""

    traits: tuple[str, ...] = ()  #: criteria of [scope] to be read besides
    allow_hosts: tuple[str, ...] = ()
    ca_file: Path | None = None
    subject_salt: bytes = field(default=b"", repr=False)  #: the key of all keyed hashes (docs/adr/0006)


class Section(BaseModel, ABC):
    """A vendor's section of assay.toml: the keys, and the ways in. What opens something raises `BadConfig` for a wrong key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    if TYPE_CHECKING:  # each vendor declares it as the last of its keys; a field of this class would be the first of all
        quota_share: float

    @abstractmethod
    def open_org(self, shared: Shared) -> Crm:
        """Open the org as the night works with it; nothing is sent before `check`."""

    @abstractmethod
    def open_admin(self, shared: Shared) -> SchemaAdmin:
        """Open our fields there, with whatever login is configured."""

    @abstractmethod
    def open_diagnosis(self, shared: Shared) -> Diagnosis:
        """Open the org as the doctor looks at it, with the nightly user's login."""

    @abstractmethod
    def credential(self) -> str:
        """The secret that the database never holds, from which the key of all keyed hashes is made; empty if none is set."""

    @abstractmethod
    def missing_secret(self) -> Trouble | None:
        """Tell why nobody can log in with these keys, if so."""

    def secret_files(self) -> Sequence[Path]:
        """Return files that hold a secret and are named by a key of this section."""
        return ()

    def check_secrets(self) -> Sequence[Trouble | Observation]:
        """Tell what can be said of the secrets without sending anything: their form, how long they are good."""
        return ()

    def admin_note(self) -> str:
        """Tell what an admin should know before she changes the schema with this login; empty for nothing."""
        return ""
