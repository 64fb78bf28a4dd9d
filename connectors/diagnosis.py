"""What a doctor asks of a CRM, step by step; each step may fail with a `CrmError` that says the way out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

#: what a doctor checks of each CRM, in this order; a vendor's guide has a heading for each
CHECKS = ("secrets", "clock", "login", "org", "permissions", "records", "fields", "quota", "coverage")
#: the kinds of activity in which selling time is logged
KINDS = ("meetings", "calls", "e-mails", "tasks")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not as it should be; a `grave` one stops a night or spoils it."""

    what: str
    fix: str
    grave: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)  #: for machines


@dataclass(frozen=True, slots=True)
class Observation:
    """Something that is as it should be, and worth saying."""

    what: str
    facts: Mapping[str, Any] = field(default_factory=dict)  #: for machines


@dataclass(frozen=True, slots=True)
class Identity:
    """Which org answers, and as whom."""

    org_id: str
    name: str
    sandbox: bool
    user: str


@dataclass(frozen=True, slots=True)
class Quota:
    """API calls of the day: by everybody, allowed, and what a night is expected to take."""

    used: int | None
    allowed: int | None
    first_night: int
    later_night: int


class Diagnosis(Protocol):
    """One CRM, looked at with the nightly user's login. Read-only; in this order."""

    name: str
    guide: str  #: the page that explains the set-up

    def clock(self) -> int | None:
        """Return seconds by which this machine's clock is ahead of the login server's; None where nothing depends on it."""
        ...

    def login(self) -> None: ...

    def identity(self) -> Identity: ...

    def permissions(self) -> Sequence[Trouble]:
        """Return objects, fields and scopes that this login should see and does not."""
        ...

    def records(self) -> Sequence[Trouble]:
        """Return records that sharing keeps from this login."""
        ...

    def scope(self) -> Mapping[str, str]:
        """Map criterion of [scope] -> why this CRM cannot tell; after `permissions`."""
        ...

    def fields(self) -> Sequence[Trouble]:
        """Return our fields: absent, of another type, without a value that we write, or read-only."""
        ...

    def quota(self) -> Quota: ...

    def coverage(self, days: int) -> Mapping[str, int]:
        """Kind of activity (`KINDS`) -> how many were logged in the last `days`; absent where nothing tells."""
        ...

    def close(self) -> None: ...
