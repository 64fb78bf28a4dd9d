"""Loading an org folder: typed columns, guessed custom fields, counted oddities (docs/facts/running.md, "Org folders")."""

import gc
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

from sandbox.clock import OrgClock
from sandbox.org_folder import BadFolder, header, read_columns, read_facts
from sandbox.salesforce import schema
from sandbox.salesforce.schema import Field
from sandbox.salesforce.store import Org
from sandbox.salesforce.table import TOOLING, Table


def load(folder: Path, clock: OrgClock | None = None) -> Org:
    """Load a folder; raises `BadFolder`, and loads nothing, if a value is bad."""
    facts = read_facts(folder)
    org = Org(facts, clock or OrgClock(facts.now))
    gc.disable()  # millions of new lists and no garbage among them: looking for some takes most of the time
    try:
        _fill_tables(org, folder)
    finally:
        gc.enable()
        gc.freeze()
    _bootstrap(org)
    return org


def _fill_tables(org: Org, folder: Path) -> None:
    files = {p.stem: p for p in sorted((folder / "salesforce").glob("*.csv"))}
    # first, because it decides whether the others have a currency code
    for name in sorted(dict.fromkeys((*schema.ALWAYS, *files)), key="CurrencyType".__ne__):
        org.tables[name] = _table(org, name, files.get(name))
    for table in org.tables.values():
        _own_currency(org, table)
        _warn_of_links(org, table)
        _warn_of_sizes(org, table)
    _tooling(org)


def _tooling(org: Org) -> None:
    """Record the definitions of objects and custom fields."""
    data = list(org.tables.values())
    for name, fields in TOOLING.items():
        org.tables[name] = Table(name, {n: Field(n, n, "id" if n == "Id" else "string", 80) for n in fields})
    for table in data:
        prefix = schema.PREFIXES.get(table.name)
        values = {"DurableId": table.name, "QualifiedApiName": table.name, "Label": table.name, "KeyPrefix": prefix}
        org.tables["EntityDefinition"].add(values | {"Id": org.new_id("EntityDefinition")})
        for field in table.fields.values():
            if field.custom:
                org.define(table, field)


def _table(org: Org, name: str, path: Path | None) -> Table:
    fields = dict(schema.standard().get(name, {"Id": Field("Id", "Id", "id", 18, nillable=False, updateable=False)}))
    columns = header(path) if path else []
    unknown = [c for c in columns if c not in fields]
    for column, samples in zip(unknown, _samples(path, columns, unknown), strict=True) if path else ():
        fields[column] = schema.guess(column, samples)
    if (org.multi_currency or "CurrencyIsoCode" in columns) and name in CURRENCY_OBJECTS:
        fields["CurrencyIsoCode"] = schema.currency_field()
    table = Table(name, fields, fields if name == "UserRecordAccess" else columns)
    if path:
        _fill(org, table, path, columns)
    return table


CURRENCY_OBJECTS = (
    "Account",
    "Contact",
    "Opportunity",
    "OpportunityLineItem",
    "OpportunityHistory",
    "User",
    "Quote",
    "QuoteLineItem",
    "Product2",
    "PricebookEntry",
    "Task",
    "Event",
)


def _samples(path: Path | None, columns: list[str], names: list[str], limit: int = 20_000) -> Iterator[list[str]]:
    """Yield the first values of each column whose type is to be guessed."""
    if path is None or not names:
        return
    empty: list[list[str | None]] = [[] for _ in columns]
    block = next(read_columns(path, [""] * len(columns), columns), empty)
    for name in names:
        yield [v for v in block[columns.index(name)][:limit] if v is not None]


def _fill(org: Org, table: Table, path: Path, columns: list[str]) -> None:
    """Store rows in the order of the table's cells."""
    types = [table.fields[c].type for c in columns]
    order = sorted(range(len(columns)), key=lambda i: table.at[columns[i]])
    flags = {c for c in columns if table.fields[c].type == "boolean"}
    if "Id" not in columns:
        raise BadFolder(f"{path}:1: no column Id. Fix: every record needs its id")
    for block in read_columns(path, types, columns):
        cells = [[v or "false" for v in block[i]] if columns[i] in flags else block[i] for i in order]
        table.rows.extend(map(list, zip(repeat(None), repeat("false"), *cells)))
    at = table.at["Id"]
    table.by_id = {row[at]: row for row in table.rows}
    table.by_id.pop(None, None)  # type: ignore[call-overload]
    if len(table.by_id) != len(table.rows):
        org.warnings[f"{table.name}: id missing or twice"] += len(table.rows) - len(table.by_id)
        table.rows = list(table.by_id.values())


def _own_currency(org: Org, table: Table) -> None:
    """Give every record a currency in a multi-currency org: the org's own, where the file has none."""
    if "CurrencyIsoCode" in table.fields and table.rows:
        at = table.place("CurrencyIsoCode")
        for row in table.rows:
            row[at] = row[at] or org.facts.currency


def _warn_of_links(org: Org, table: Table) -> None:
    """Count foreign and dangling ids, which load all the same."""
    for name, field in table.fields.items():
        targets = [org.tables[t] for t in field.refers_to if t in org.tables]
        if not table.holds(name) or not targets:
            continue
        at = table.at[name]
        named = {row[at] for row in table.rows} - {None}
        dangling = named.difference(*(t.by_id for t in targets))
        dangling_rows = sum(1 for row in table.rows if row[at] in dangling) if dangling else 0
        if dangling_rows:
            org.warnings[f"{table.name}.{name}: points to no record"] += dangling_rows


def _warn_of_sizes(org: Org, table: Table) -> None:
    """Count over-long texts and numbers out of range, which load all the same."""
    for name, field in table.fields.items():
        if not table.holds(name) or name == "Id":
            continue
        at = table.at[name]
        if field.type in ("double", "currency", "percent") and field.precision:
            limit = 10.0 ** (field.precision - field.scale)
            odd = sum(1 for r in table.rows if r[at] and abs(float(r[at])) >= limit)
        else:
            odd = sum(1 for r in table.rows if r[at] and len(r[at]) > field.length) if field.length else 0
        if odd:
            org.warnings[f"{table.name}.{name}: too long or out of range"] += odd


def _bootstrap(org: Org) -> None:
    """Create what every org has: an organization row and the users who log in."""
    if not org.tables["Organization"].rows:
        facts = org.facts
        values = {"Name": facts.name, "IsSandbox": "true", "OrganizationType": "Enterprise Edition"}
        values |= {"DefaultLocaleSidKey": "en_US", "InstanceName": "SBX1", "Id": schema.new_id("00D", 1)}
        table = org.tables["Organization"]
        if org.multi_currency and "CurrencyIsoCode" not in table.fields:
            table.add_field(schema.currency_field())
            values["CurrencyIsoCode"] = facts.currency
        org.insert("Organization", values)
    for username, name in PEOPLE.items():
        user_id = org.insert("User", STAFF | {"Username": username, "Email": username, "Name": name})
        org.tables["User"].rows.pop()  # who logs in here is not part of the folder's data
        org.people[username] = user_id


#: who logs in here: the integration user first
PEOPLE = {"assay@sandbox.example": "Integration User", "admin@sandbox.example": "Admin User"}
STAFF = {"LastName": "User", "IsActive": "true", "UserType": "Standard", "TimeZoneSidKey": "UTC"}
