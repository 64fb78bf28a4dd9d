"""The org's records, in memory: one list of values a record, texts in canonical form (dates sort as text)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from sandbox.clock import OrgClock
from sandbox.org_folder import OrgFacts, header, read_facts, read_rows
from sandbox.salesforce import schema
from sandbox.salesforce.schema import Field

Row = list[Any]


class Table:
    """The records of one object; `fields` keeps the order of columns."""

    def __init__(self, name: str, fields: dict[str, Field]) -> None:
        self.name, self.fields = name, fields
        self.at = {f: i for i, f in enumerate(fields)}
        self.lower = {f.lower(): f for f in fields}
        self.rows: list[Row] = []
        self.by_id: dict[str, Row] = {}
        self.present: set[str] = set()  #: columns that hold data

    def add(self, row: Row) -> None:
        self.rows.append(row)
        self.by_id[row[self.at["Id"]]] = row

    def add_field(self, field: Field) -> None:
        """A new column, empty in every record."""
        self.at[field.name] = len(self.fields)
        self.fields[field.name] = field
        self.lower[field.name.lower()] = field.name
        for row in self.rows:
            row.append(None)

    def get(self, row: Row, field: str) -> Any:
        return row[self.at[field]] if field in self.at else None

    def find(self, record_id: str) -> Row | None:
        """By the 18-character id, or its first 15 characters."""
        return self.by_id.get(record_id) or (self.by_id.get(schema.id18(record_id)) if len(record_id) == 15 else None)

    def remove(self, record_id: str) -> None:
        self.rows.remove(self.by_id.pop(record_id))


class Org:
    """One Salesforce org: its objects, its clock, and what its users may see."""

    def __init__(self, facts: OrgFacts, clock: OrgClock) -> None:
        self.facts, self.clock = facts, clock
        self.tables: dict[str, Table] = {}
        self.warnings: Counter[str] = Counter()
        self.hidden: set[str] = set(facts.extra.get("hidden", ()))  #: "Account.AnnualRevenue": no access for the user
        self.read_only: set[str] = set()  #: readable, not writable for the user
        self.granted_only: set[str] = set()  #: custom fields that are invisible until a permission set grants them
        self.rules: list[dict[str, str]] = []
        self.user = ""  #: id of the running user
        self.counter = 1_000_000

    @property
    def multi_currency(self) -> bool:
        return bool(self.tables.get("CurrencyType")) or bool(self.facts.extra.get("multi_currency"))

    def table(self, name: str) -> Table | None:
        for known, table in self.tables.items():
            if known.lower() == name.lower():
                return table
        return None

    def visible(self, table: Table) -> dict[str, Field]:
        """The fields the running user sees: hidden ones are absent (field-level security)."""
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
        filled = base | values
        for field in table.fields.values():
            if field.type == "boolean":
                filled.setdefault(field.name, "false")
        table.add([filled.get(f) for f in table.fields])
        return str(filled["Id"])

    def touch(self, table: Table, row: Row) -> None:
        """What every save does to the stamps."""
        for field in ("SystemModstamp", "LastModifiedDate"):
            if field in table.at:
                row[table.at[field]] = self.clock.stamp()


def load(folder: Path, clock: OrgClock | None = None) -> Org:
    """The org of a folder; raises `BadFolder` and loads nothing if a value is bad."""
    facts = read_facts(folder)
    org = Org(facts, clock or OrgClock(facts.now))
    files = {p.stem: p for p in sorted((folder / "salesforce").glob("*.csv"))}
    for name in [*dict.fromkeys((*schema.ALWAYS, *files))]:
        org.tables[name] = _table(org, name, files.get(name))
    for name in ("Account", "Contact", "Opportunity", "Task", "Event"):
        _warn(org, org.tables[name])
    org.tables["CustomField"] = Table("CustomField", {n: Field(n, n, "string", 80) for n in TOOLING})
    _bootstrap(org)
    return org


TOOLING = ("Id", "DeveloperName", "TableEnumOrId")


def _table(org: Org, name: str, path: Path | None) -> Table:
    fields = dict(schema.standard().get(name, {"Id": Field("Id", "Id", "id", 18, nillable=False, updateable=False)}))
    columns = header(path) if path else []
    unknown = [c for c in columns if c not in fields]
    for column, samples in zip(unknown, _samples(path, columns, unknown), strict=True) if path else ():
        fields[column] = schema.guess(column, samples)
    if (org.facts.extra.get("multi_currency") or "CurrencyIsoCode" in columns) and name in CURRENCY_OBJECTS:
        fields["CurrencyIsoCode"] = schema.currency_field()
    table = Table(name, fields)
    table.present = set(columns)
    if path:
        _fill(org, table, path, columns)
    return table


CURRENCY_OBJECTS = ("Account", "Opportunity", "OpportunityLineItem", "OpportunityHistory", "User", "Quote")


def _samples(path: Path | None, columns: list[str], wanted: list[str], limit: int = 2000) -> Iterator[list[str]]:
    if path is None or not wanted:
        return
    at = [columns.index(w) for w in wanted]
    found: list[list[str]] = [[] for _ in wanted]
    for row in islice(read_rows(path, [""] * len(columns), columns), limit):
        for values, i in zip(found, at, strict=True):
            if row[i] is not None:
                values.append(row[i] or "")
    yield from found


def _fill(org: Org, table: Table, path: Path, columns: list[str]) -> None:
    types = [table.fields[c].type for c in columns]
    blank: Row = [None] * len(table.fields)
    for i, field in enumerate(table.fields.values()):
        if field.type == "boolean":
            blank[i] = "false"
    places = [table.at[c] for c in columns]
    straight = places == list(range(len(places))) and len(places) == len(blank)
    for values in read_rows(path, types, columns):
        row = values
        if not straight:
            row = blank.copy()
            for place, value in zip(places, values, strict=True):
                if value is not None:
                    row[place] = value
        table.add(row)
    if len(table.by_id) != len(table.rows):
        org.warnings[f"{table.name}: id occurs twice"] += len(table.rows) - len(table.by_id)


def _warn(org: Org, table: Table) -> None:
    """Foreign and dangling ids load, and are counted (rulings 12)."""
    for name, field in table.fields.items():
        targets = [org.tables[t] for t in field.refers_to if t in org.tables]
        if name not in table.present or not targets:
            continue
        at = table.at[name]
        lost = sum(1 for r in table.rows if r[at] and not any(r[at] in t.by_id for t in targets))
        if lost:
            org.warnings[f"{table.name}.{name}: points to no record"] += lost


def _bootstrap(org: Org) -> None:
    """What every org has: an organization row, a running user and its permission set."""
    if not org.tables["Organization"].rows:
        facts = org.facts
        values = {"Name": facts.name, "IsSandbox": "true", "OrganizationType": "Enterprise Edition"}
        values |= {"DefaultLocaleSidKey": "en_US", "InstanceName": "SBX1", "Id": schema.new_id("00D", 1)}
        table = org.tables["Organization"]
        if org.multi_currency and "CurrencyIsoCode" not in table.fields:
            table.add_field(schema.currency_field())
            values["CurrencyIsoCode"] = facts.currency
        org.insert("Organization", values)
    org.user = org.insert("User", INTEGRATION | {"Username": "assay@sandbox.example"})
    # the running user is not part of the folder's data
    user = org.tables["User"]
    hidden = user.by_id[org.user]
    user.rows.remove(hidden)


INTEGRATION = {"Name": "Integration User", "LastName": "User", "IsActive": "true", "UserType": "Standard",
               "TimeZoneSidKey": "UTC", "Email": "assay@sandbox.example"}  # fmt: skip


def custom(field: Field) -> Field:
    return replace(field, custom=True)
