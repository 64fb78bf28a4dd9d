"""What every route works with."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Engine

from assay.report.account_records import Records, records
from assay.settings import Settings
from assay.web.snapshot import Snapshot, Snapshots
from db.runs import Runs
from db.store import Org, Store
from scoring.records import Score

Metrics = Callable[[], tuple[bytes, str]]  #: body and content type


class Health(Protocol):
    """What the service knows of itself."""

    def problems(self) -> list[str]:
        """Empty = ready: database, migrations, scheduler."""
        ...

    def next_run(self) -> int | None:
        """When the next night begins, in seconds, UTC; None = never by itself."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """The database, the settings, and the last night."""

    engine: Engine
    settings: Settings
    health: Health
    snapshots: Snapshots

    @property
    def runs(self) -> Runs:
        return Runs(self.engine)

    @property
    def store(self) -> Store:
        return Store(self.engine, self.settings.scope.chosen())

    @property
    def snapshot(self) -> Snapshot:
        return self.snapshots.current()

    @property
    def hides_owners(self) -> bool:
        return self.settings.report.hide_owners

    @property
    def now(self) -> int:
        return int(time.time())

    def account(self, crm: str, account_id: str) -> tuple[Org, Score] | None:
        """An account's verdict under an id of this CRM."""
        org = next((o for o in self.store.orgs() if o.crm == crm), None)
        if org is None or "\x00" in account_id:  # PostgreSQL has no text with a null in it
            return None
        verdicts = self.store.verdicts_of([(org.id, account_id)])
        return (org, verdicts[org.id, account_id]) if verdicts else None

    def records(self, org: Org, score: Score) -> Records:
        return records(self.store, self.settings.scoring.rules(), org, score)

    def owner(self, org: Org, score: Score) -> str:
        """The owner's name; empty where owners are hidden or there is none."""
        if self.hides_owners or score.owner_id is None:
            return ""
        return self.store.owner_name(org.id, score.owner_id) or score.owner_id
