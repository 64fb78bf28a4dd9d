"""A Salesforce org: its tables, its clock, and what a control call has set."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sandbox.clock import OrgClock
from sandbox.org_folder import OrgFacts
from sandbox.salesforce import schema, sight
from sandbox.salesforce.schema import Field
from sandbox.salesforce.sight import Sight
from sandbox.salesforce.table import Row, Table


@dataclass(slots=True)
class Switches:
    """Traps that a test may set (`/_sandbox/edit` op option)."""

    session_seconds: float = 0.0  #: age on the org clock at which a session ends; 0 = never
    session_calls: int = 0  #: calls after which it ends
    rotate_refresh_token: bool = False  #: a refresh token is good for one use, the reply holds the next
    job_looks: int = 1  #: looks that find a bulk job in progress, however fast it was
    job_error: str = ""  #: why bulk jobs created from now on end as Failed
    job_rows: int = 0  #: rows of an ingest job that are saved before it fails; the rest is unprocessed


class Org:
    """Org: its objects, its clock, and what its users may see."""

    def __init__(self, facts: OrgFacts, clock: OrgClock) -> None:
        self.facts, self.clock = facts, clock
        self.tables: dict[str, Table] = {}
        self.warnings: Counter[str] = Counter()
        self.closed: set[str] = set(facts.extra.get("hidden", ()))  #: "Account.AnnualRevenue": not for the integration user
        self.granted_only: set[str] = set()  #: custom fields that are invisible until a permission set grants them
        self.rules: list[dict[str, str]] = []
        self.access: dict[str, str] = dict(facts.extra.get("access", {}))  #: object -> level (see access)
        self.shared: dict[str, str] = {}  #: record id -> Read or Edit, where the level alone would refuse
        self.people: dict[str, str] = {}  #: username -> id of the users who log in here; the first one is the integration
        self.minimum = False  #: the integration user has the profile Minimum Access: only what permission sets grant
        self.sights: dict[str, Sight] = {}  #: user's id -> what the user may see and do; emptied when that may have changed
        self.deletions: list[tuple[str, str, str]] = []  #: object, id, moment: what getDeleted knows
        self.oldest: str | None = None  #: start of the longest transaction that runs, if one does
        self.remembers = ""  #: before this moment getDeleted knows nothing
        self.automations: list[tuple[str, str, str]] = []  #: (saved object, object that is stamped, its field)
        self.switches = Switches()
        self.counter = 1_000_000

    @property
    def multi_currency(self) -> bool:
        return "CurrencyType" in self.tables or bool(self.facts.extra.get("multi_currency"))

    @property
    def user(self) -> str:
        """Return the id of the user whose request is answered, or of the integration user between requests."""
        return sight.RUNNING.get() or next(iter(self.people.values()), "")

    @property
    def sight(self) -> Sight:
        """Return what the running user may see and do."""
        user = self.user
        if user not in self.sights:
            self.sights[user] = self._sight_of(user)
        return self.sights[user]

    def _sight_of(self, user: str) -> Sight:
        sets = sight.assigned_sets(self.tables, user)
        if user != next(iter(self.people.values()), ""):
            return sight.of_admin(self.tables, sets, self.granted_only)
        closed = sight.of_integration(self.tables, sets, self.granted_only, self.closed)
        return sight.with_minimum_profile(closed, self.tables, sets) if self.minimum else closed

    @property
    def hidden(self) -> set[str]:
        """Return the fields the running user does not see."""
        return self.sight.hidden

    @property
    def read_only(self) -> set[str]:
        """Return the fields the running user sees and may not write."""
        return self.sight.read_only

    def table(self, name: str) -> Table | None:
        """Return an object by its name in any case of letters, if the running user may know of it."""
        for own_name, table in self.tables.items():
            if own_name.lower() == name.lower():
                return table if self.sight.knows(own_name) else None
        return None

    def visible(self, table: Table) -> dict[str, Field]:
        """Return the fields the running user sees: hidden ones are absent (field-level security)."""
        return {n: f for n, f in table.fields.items() if f"{table.name}.{n}" not in self.hidden}

    def new_id(self, name: str) -> str:
        self.counter += 1
        return schema.new_id(schema.PREFIXES.get(name, "a00"), self.counter)

    def insert(self, name: str, values: dict[str, Any]) -> str:
        """Add a record as the org itself would stamp it."""
        table = self.tables[name]
        stamp = self.clock.stamp()
        base = {"Id": self.new_id(name), "IsDeleted": "false"}
        base |= dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), stamp)
        base["CurrencyIsoCode"] = self.facts.currency
        filled = base | values
        table.add(filled)
        return str(filled["Id"])

    def define(self, table: Table, field: Field) -> str:
        """List a custom field in the Tooling API; returns the definition's id."""
        values = {"DeveloperName": field.name.removesuffix("__c"), "TableEnumOrId": table.name}
        return str(self.tables["CustomField"].add(values | {"Id": self.new_id("CustomField")})[2])

    def touch(self, table: Table, row: Row, stamp: str | None = None) -> None:
        """Set the stamps, as every save does; a transaction that ends late leaves the stamp of its start."""
        stamp = stamp or self.clock.stamp()
        table.set(row, {f: stamp for f in ("SystemModstamp", "LastModifiedDate") if f in table.fields})
