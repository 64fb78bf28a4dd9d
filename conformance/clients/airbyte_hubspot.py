"""airbyte-source-hubspot: check, discover, read."""

from airbyte import Airbyte
from report import check, connections, rows, say

token = {"credentials_title": "Private App Credentials", "access_token": connections()["hubspot"]["token"]}
source = Airbyte("source-hubspot", {"start_date": "2015-01-01T00:00:00Z", "credentials": token})
STREAMS = {"companies": "companies", "contacts": "contacts", "deals": "deals", "engagements_calls": "calls",
           "engagements_emails": "emails", "engagements_meetings": "meetings", "line_items": "line_items",
           "products": "products", "owners": "owners"}  # fmt: skip
check("check", source.check)
catalog = source.discover()
check("discover", lambda: set(STREAMS) <= catalog.keys())
records, _ = source.read(catalog, (*STREAMS, "deal_pipelines", "deals_property_history"))
for stream, file in STREAMS.items():
    have = len(records.get(stream, ()))
    say(f"read {stream}", have == rows("hubspot", file), f"{have} rows")
say("read deal_pipelines", len(records.get("deal_pipelines", ())) == 1)
say("read deals_property_history", len(records.get("deals_property_history", ())) > 0)
