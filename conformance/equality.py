"""Second readers: the official CLI, Airbyte and our own database hold the same of one org (docs/facts/running.md, "Second readers").

Compared are the fields that we store, after normalising times to seconds, numbers to our units and empty to None.
"""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Row = tuple[Any, ...]
Reading = Callable[[Any], Any]


def text(value: Any) -> str | None:
    return None if value in ("", None) else str(value)


def cents(value: Any) -> int | None:
    return None if value in ("", None) else round(float(value) * 100)


def number(value: Any) -> int | None:
    return None if value in ("", None) else round(float(value))


def whole_number(value: Any) -> str | None:
    """An id that a reader took for a number."""
    return None if value in ("", None) else str(round(float(value)))


def moment(value: Any) -> int | None:
    """Seconds since 1970, of any of the vendors' spellings."""
    if value in ("", None):
        return None
    if str(value).isdigit():
        return int(value) // 1000
    timestamp = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return int((timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)).timestamp())


def day(value: Any) -> int | None:
    """Days since 1970."""
    seconds = moment(value)
    return None if seconds is None else seconds // 86_400


def flag(value: Any) -> int:
    return int(str(value).lower() in ("true", "1"))


#: the reader's object -> our statement, and per column: the reader's field and how it is read
SALESFORCE: Mapping[str, tuple[str, tuple[tuple[str, Reading], ...]]] = {
    "Account": ("SELECT id, name, owner_id, parent_id, industry, employees, annual_revenue_cents, created_at, merged_into, "
                "deleted FROM account",
                (("Id", text), ("Name", text), ("OwnerId", text), ("ParentId", text), ("Industry", text),
                 ("NumberOfEmployees", number), ("AnnualRevenue", cents), ("CreatedDate", moment), ("MasterRecordId", text),
                 ("IsDeleted", flag))),
    "Contact": ("SELECT id, account_id, department, created_at, deleted FROM contact",
                (("Id", text), ("AccountId", text), ("Department", text), ("CreatedDate", moment), ("IsDeleted", flag))),
    "Opportunity": ("SELECT id, account_id, owner_id, name, stage, amount_cents, probability, close_day, category, created_at, "
                    "closed, won, deleted FROM opportunity",
                    (("Id", text), ("AccountId", text), ("OwnerId", text), ("Name", text), ("StageName", text),
                     ("Amount", cents), ("Probability", number), ("CloseDate", day), ("Type", text), ("CreatedDate", moment),
                     ("IsClosed", flag), ("IsWon", flag), ("IsDeleted", flag))),
    "OpportunityHistory": ("SELECT id, opportunity_id, changed_at, stage, amount_cents, close_day, probability "
                           "FROM opportunity_change",
                           (("Id", text), ("OpportunityId", text), ("CreatedDate", moment), ("StageName", text),
                            ("Amount", cents), ("CloseDate", day), ("Probability", number))),
    "OpportunityLineItem": ("SELECT id, opportunity_id, product_id, amount_cents, created_at, deleted FROM line_item",
                            (("Id", text), ("OpportunityId", text), ("Product2Id", text), ("TotalPrice", cents),
                             ("CreatedDate", moment), ("IsDeleted", flag))),
    "OpportunityContactRole": ("SELECT id, opportunity_id, contact_id, role, created_at, deleted FROM contact_role",
                               (("Id", text), ("OpportunityId", text), ("ContactId", text), ("Role", text),
                                ("CreatedDate", moment), ("IsDeleted", flag))),
    "Event": ("SELECT id, owner_id, starts_at, seconds / 60, created_at, child, deleted "
              "FROM activity WHERE id LIKE '00U%'",
              (("Id", text), ("OwnerId", text), ("StartDateTime", moment), ("DurationInMinutes", number),
               ("CreatedDate", moment), ("IsChild", flag), ("IsDeleted", flag))),
    "Task": ("SELECT id, owner_id, seconds, created_at, deleted FROM activity WHERE id LIKE '00T%'",
             (("Id", text), ("OwnerId", text), ("CallDurationInSeconds", number), ("CreatedDate", moment),
              ("IsDeleted", flag))),
}  # fmt: skip
HUBSPOT: Mapping[str, tuple[str, tuple[tuple[str, Reading], ...]]] = {
    "companies": ("SELECT id, name, owner_id, industry, employees, created_at FROM account",
                  (("id", text), ("name", text), ("hubspot_owner_id", text), ("industry", text), ("numberofemployees", number),
                   ("createdate", moment))),
    "contacts": ("SELECT id, created_at FROM contact", (("id", text), ("createdate", moment))),
    "deals": ("SELECT id, name, amount_cents, stage, close_day, owner_id, created_at FROM opportunity",
              (("id", text), ("dealname", text), ("amount", cents), ("dealstage", text), ("closedate", day),
               ("hubspot_owner_id", text), ("createdate", moment))),
    "line_items": ("SELECT id, product_id, amount_cents, created_at FROM line_item",
                   (("id", text), ("hs_product_id", whole_number), ("amount", cents), ("createdate", moment))),
    "engagements_calls": ("SELECT substr(id, 6), starts_at, seconds, owner_id FROM activity WHERE id LIKE 'call:%'",
                          (("id", text), ("hs_timestamp", moment), ("hs_call_duration", lambda v: v and int(float(v)) // 1000),
                           ("hubspot_owner_id", text))),
    "engagements_emails": ("SELECT substr(id, 7), starts_at, owner_id FROM activity WHERE id LIKE 'email:%'",
                           (("id", text), ("hs_timestamp", moment), ("hubspot_owner_id", text))),
    "engagements_meetings": ("SELECT substr(id, 9), starts_at, starts_at + seconds, owner_id FROM activity "
                             "WHERE id LIKE 'meeting:%'",
                             (("id", text), ("hs_meeting_start_time", moment), ("hs_meeting_end_time", moment),
                              ("hubspot_owner_id", text))),
}  # fmt: skip


def assay_database(line: Mapping[str, Any], crm: str, folder: Path) -> sqlite3.Connection:
    """Our database after one dry night of one CRM."""
    _assay(_config(line, crm, folder), "run")
    return sqlite3.connect(folder / f"{crm}.db")


def statements(line: Mapping[str, Any], folder: Path) -> list[str]:
    """Every SOQL statement that the sandbox heard while Assay set up the org, ran, wrote, and ran in full again."""
    config = _config(line, "salesforce", folder, write=True)
    for words in (("schema", "apply", "--yes"), ("schema", "show"), ("run", "--force"), ("run",), ("run", "--full")):
        _assay(config, *words)
    with urllib.request.urlopen(line["salesforce"]["log_url"]) as log:
        statements_sent = [json.loads(text)["soql"] for text in log.read().decode().splitlines()]
    return sorted({soql for soql in statements_sent if soql})


def _config(line: Mapping[str, Any], crm: str, folder: Path, *, write: bool = False) -> Path:
    at = line[crm]
    login = (
        f'[salesforce]\nlogin_url = "{at["url"]}"\nclient_id = "{at["client_id"]}"\nusername = "{at["username"]}"\n'
        f'private_key_file = "{at["private_key_file"]}"\n'
        if crm == "salesforce"
        else f'[hubspot]\nbase_url = "{at["url"]}"\ntoken = "{at["token"]}"\n'
    )
    host = at["url"].removeprefix("http://")
    path = folder / f"{crm}.toml"
    database = f'[database]\nurl = "sqlite:///{folder}/{crm}.db"\n'
    path.write_text(f'allow_hosts = ["{host}"]\n{database}{login}[write]\nenabled = {str(write).lower()}\n')
    return path


def _assay(config: Path, *words: str) -> None:
    program = Path(sys.executable).with_name("assay")
    process = subprocess.run([str(program), "--config", str(config), *words], capture_output=True, text=True)
    if process.returncode:
        raise RuntimeError(f"assay {words[0]}: exit {process.returncode}: {process.stderr[-400:]}")


def reader_rows(
    reader: str, interpreter: Path, where: tuple[Path, Path, Path], variables: Mapping[str, str]
) -> dict[str, Any]:
    """The rows that a second reader holds."""
    file, environment, folder = where
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "rows.json"
        script = Path(__file__).parent / "clients" / "second_readers.py"
        call = [str(interpreter), str(script), str(file), str(environment), str(folder), reader, str(out)]
        process = subprocess.run(call, capture_output=True, text=True, timeout=900, env=os.environ | dict(variables))
        if process.returncode:
            raise RuntimeError(f"{reader}: {process.stderr[-600:]}")
        rows: dict[str, Any] = json.loads(out.read_text())
        return rows


def compare(
    database: sqlite3.Connection,
    rows: Mapping[str, Iterable[Mapping[str, Any]]],
    table: Mapping[str, tuple[str, tuple[tuple[str, Reading], ...]]],
) -> list[dict[str, Any]]:
    """One check an object: the same rows with the same values."""
    checks = []
    for name, (statement, columns) in table.items():
        own_rows = {r[0]: r for r in database.execute(statement)}
        other_rows: dict[Any, Row] = {}
        for r in rows[name]:
            values = tuple(how(r[field]) for field, how in columns)
            other_rows[values[0]] = values
        differing = [i for i in own_rows.keys() & other_rows.keys() if own_rows[i] != other_rows[i]]
        lacking, surplus = other_rows.keys() - own_rows.keys(), own_rows.keys() - other_rows.keys()
        detail = f"{len(own_rows)} rows, {len(lacking)} missing, {len(surplus)} too many, {len(differing)} differ"
        if differing:
            detail += f"; {own_rows[differing[0]]} and {other_rows[differing[0]]}"
        checks.append(
            {"check": f"same {name}", "ok": bool(own_rows) and not (differing or lacking or surplus), "detail": detail}
        )
    return checks
