"""Reads the same org by the official CLI (Bulk) and by Airbyte, and leaves their rows as JSON for the comparison.

Run by `equality.py` with the environment of each reader: `second_readers.py LINE ENVIRONMENT FOLDER READER OUT`.
"""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from report import ENVIRONMENT, connections

FIELDS = {
    "Account": "Id,Name,OwnerId,ParentId,Industry,NumberOfEmployees,AnnualRevenue,CreatedDate,MasterRecordId,IsDeleted",
    "Contact": "Id,AccountId,Department,CreatedDate,IsDeleted",
    "Opportunity": "Id,AccountId,OwnerId,Name,StageName,Amount,Probability,CloseDate,Type,CreatedDate,IsClosed,IsWon,IsDeleted",
    "OpportunityHistory": "Id,OpportunityId,CreatedDate,StageName,Amount,CloseDate,Probability",
    "OpportunityLineItem": "Id,OpportunityId,Product2Id,TotalPrice,CreatedDate,IsDeleted",
    "OpportunityContactRole": "Id,OpportunityId,ContactId,Role,CreatedDate,IsDeleted",
    "Event": "Id,OwnerId,StartDateTime,DurationInMinutes,CreatedDate,IsChild,IsDeleted",
    "Task": "Id,OwnerId,CallDurationInSeconds,CreatedDate,IsDeleted",
}  # fmt: skip
STREAMS = {
    "companies": "name,hubspot_owner_id,industry,numberofemployees,createdate", "contacts": "createdate",
    "deals": "dealname,amount,dealstage,closedate,hubspot_owner_id,createdate",
    "line_items": "hs_product_id,amount,createdate",
    "engagements_calls": "hs_timestamp,hs_call_duration,hubspot_owner_id", "engagements_emails": "hs_timestamp,hubspot_owner_id",
    "engagements_meetings": "hs_meeting_start_time,hs_meeting_end_time,hubspot_owner_id",
}  # fmt: skip
Rows = dict[str, list[dict[str, Any]]]


def by_cli() -> Rows:
    """`sf data export bulk`, deleted rows included."""
    line, home = connections()["salesforce"], ENVIRONMENT / "home"
    home.mkdir(exist_ok=True)
    quiet = {
        "SF_DISABLE_TELEMETRY": "true",
        "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
        "SF_AUTOUPDATE_DISABLE": "true",
        "SF_SKIP_NEW_VERSION_CHECK": "true",
        "SF_ACCESS_TOKEN": line["access_token"],
        "HOME": str(home),
    }

    def sf(*words: str) -> None:
        node = ENVIRONMENT.parent / "node/node_modules/node/bin/node"
        call = [str(node), str(ENVIRONMENT / "node_modules/@salesforce/cli/bin/run.js"), *words]
        subprocess.run(call, check=True, capture_output=True, env=os.environ | quiet, cwd=home, timeout=120)

    sf("org", "login", "access-token", "--instance-url", line["url"], "--no-prompt", "--alias", "box")
    tables: Rows = {}
    for name, fields in FIELDS.items():
        out = home / f"{name}.csv"
        sf(
            "data",
            "export",
            "bulk",
            "--target-org",
            "box",
            "--query",
            f"SELECT {fields} FROM {name}",
            "--output-file",
            str(out),
            "--result-format",
            "csv",
            "--all-rows",
            "--wait",
            "5",
        )
        with out.open(newline="") as file:
            tables[name] = list(csv.DictReader(file))
    return tables


def by_airbyte_salesforce() -> Rows:
    from airbyte import Airbyte

    line = connections()["salesforce"]
    config = {k: line[k] for k in ("client_id", "client_secret", "refresh_token")}
    more = {"start_date": "2010-01-01T00:00:00Z", "stream_slice_step": "P3650D", "auth_type": "Client"}
    source = Airbyte("source-salesforce", config | more)
    records, _ = source.read(source.discover(), FIELDS)
    return {n: _narrow(records.get(n, ()), FIELDS[n].split(",")) for n in FIELDS}


def by_airbyte_hubspot() -> Rows:
    from airbyte import Airbyte

    token = {"credentials_title": "Private App Credentials", "access_token": connections()["hubspot"]["token"]}
    source = Airbyte("source-hubspot", {"start_date": "2010-01-01T00:00:00Z", "credentials": token})
    records, _ = source.read(source.discover(), STREAMS)
    return {
        n: [{"id": r["id"], **{p: r["properties"].get(p) for p in STREAMS[n].split(",")}} for r in records.get(n, ())]
        for n in STREAMS
    }


def _narrow(records: Iterable[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    return [{n: r.get(n) for n in names} for r in records]


READERS = {"sf": by_cli, "airbyte-source-salesforce": by_airbyte_salesforce, "airbyte-source-hubspot": by_airbyte_hubspot}
Path(sys.argv[5]).write_text(json.dumps(READERS[sys.argv[4]]()))
