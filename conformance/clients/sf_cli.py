"""The official CLI: login by access token, data query, export bulk, update bulk, describe, limits."""

import csv
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from report import ENVIRONMENT, check, connections, rows

line = connections()["salesforce"]
home = ENVIRONMENT / "home"
home.mkdir(exist_ok=True)
NODE = ENVIRONMENT.parent / "node/node_modules/node/bin/node"
quiet = {"SF_DISABLE_TELEMETRY": "true", "SF_USE_GENERIC_UNIX_KEYCHAIN": "true", "SF_AUTOUPDATE_DISABLE": "true",
         "SF_SKIP_NEW_VERSION_CHECK": "true", "SF_ACCESS_TOKEN": line["access_token"], "HOME": str(home)}  # fmt: skip


def sf(*words: str) -> Any:
    """One command; what it says as JSON."""
    call = [str(NODE), str(ENVIRONMENT / "node_modules/@salesforce/cli/bin/run.js"), *words, "--json"]
    process = subprocess.run(call, capture_output=True, text=True, env=os.environ | quiet, cwd=home, timeout=120)
    answer = json.loads(process.stdout)
    if process.returncode:
        raise RuntimeError(answer.get("message") or process.stderr)
    return answer["result"]


check(
    "login by access token",
    lambda: sf("org", "login", "access-token", "--instance-url", line["url"], "--no-prompt", "--alias", "box")["orgId"],
)
at = ("--target-org", "box")
count = rows("salesforce", "Account")
check("data query", lambda: sf("data", "query", *at, "--query", "SELECT Id, Name FROM Account")["totalSize"] == count)
out = Path(home) / "out.csv"
query = "SELECT Id, Subject, SystemModstamp FROM Task"
sf("data", "export", "bulk", *at, "--query", query, "--output-file", str(out), "--result-format", "csv", "--wait", "5")
check("data export bulk", lambda: sum(1 for _ in csv.DictReader(out.open(newline=""))) == rows("salesforce", "Task"))
first = sf("data", "query", *at, "--query", "SELECT Id FROM Account LIMIT 20")["records"]
(home / "in.csv").write_text("Id,Industry\n" + "".join(f"{r['Id']},Energy\n" for r in first))
update = ("data", "update", "bulk", *at, "--sobject", "Account", "--file", str(home / "in.csv"), "--wait", "5")
check("data update bulk", lambda: sf(*update)["failedRecords"] == 0)
check("sobject describe", lambda: len(sf("sobject", "describe", *at, "--sobject", "Account")["fields"]))
check("org list limits", lambda: {r["name"] for r in sf("org", "list", "limits", *at)} >= {"DailyApiRequests"})
