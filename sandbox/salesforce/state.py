"""State of a served org besides its records: sessions, jobs, cursors and the calls used. All handlers work on it."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sandbox.salesforce import auth, evaluate
from sandbox.salesforce.bulk_query import QueryJobs
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.ingest import IngestJobs
from sandbox.salesforce.store import Org
from sandbox.salesforce.table import Row, Table


@dataclass(frozen=True, slots=True)
class Cursor:
    """Rest of a result, as it was when the query ran."""

    entity: str
    columns: list[evaluate.Column]
    rows: list[Row]
    size: int


class OrgState:
    """State of one org. Imports no handler, so that every handler may import it."""

    def __init__(self, org: Org, quota: int) -> None:
        self.agreed = quota  #: the quota before a control call changed it
        self.client_app = auth.ClientApp("assay@sandbox.example")
        self.load(org)

    def load(self, org: Org) -> None:
        """Start with an org and no calls used; sessions stay open."""
        self.org = org
        self.quota, self.used = self.agreed, 0
        self.day: date = org.clock.now().date()  #: the day the calls were used on
        self.queries, self.ingests = QueryJobs(org), IngestJobs(org)
        self.cursors: dict[str, Cursor] = {}

    def set_limits(self, change: dict[str, Any]) -> None:
        """Set what the edit `limits` names."""
        self.quota, self.used = int(change.get("daily", self.quota)), int(change.get("used", self.used))
        self.queries.started = int(change.get("query_jobs_used", self.queries.started))

    def admit(self, token: str) -> str:
        """Check the session and count the call; returns the user's id."""
        now = self.org.clock.now()
        if not self.client_app.admits(token, now, self.org.switches):
            raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if now.date() != self.day:
            self.day, self.used = now.date(), 0
        if self.used >= self.quota:
            raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.used += 1
        return self.org.people[self.client_app.sessions[token].username]

    def org_id(self) -> str:
        return str(next(iter(self.org.tables["Organization"].by_id)))

    def identity(self, base: str) -> str:
        """Return the address of the running user's identity."""
        return f"{base}/id/{self.org_id()}/{self.org.user}"

    def table(self, name: str) -> Table:
        """Return an object that the running user may know of; raises NOT_FOUND."""
        table = self.org.table(name)
        if table is None:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return table
