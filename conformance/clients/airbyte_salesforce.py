"""airbyte-source-salesforce: check, discover, full read, incremental read of the objects we pull."""

import json

from airbyte import Airbyte
from report import check, connections, rows, say

line = connections()["salesforce"]
config = {"client_id": line["client_id"], "client_secret": line["client_secret"], "refresh_token": line["refresh_token"],
          "start_date": "2010-01-01T00:00:00Z", "stream_slice_step": "P3650D", "auth_type": "Client"}  # fmt: skip
source = Airbyte("source-salesforce", config)
OBJECTS = ("Account", "Contact", "User", "Opportunity", "OpportunityHistory", "OpportunityContactRole",
           "OpportunityLineItem", "Product2", "Task", "Event", "EventRelation", "EmailMessage")  # fmt: skip
check("check", source.check)
catalog = source.discover()
check("discover", lambda: set(OBJECTS) <= catalog.keys())
counts, state = source.read(catalog, OBJECTS)
for name in OBJECTS:
    have = sum(1 for _ in counts.get(name, ()))
    say(f"read {name}", have == rows("salesforce", name, deleted=True), f"{have} rows")
again, _ = source.read(catalog, ("Account", "Task"), state)
say(
    "incremental read",
    all(len(again.get(n, ())) <= rows("salesforce", n) // 10 for n in ("Account", "Task")),
    json.dumps({n: len(r) for n, r in again.items()}),
)
