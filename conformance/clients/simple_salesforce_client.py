"""simple-salesforce: JWT, client credentials, query, bulk2 query and update, describe, limits."""

import csv
import io
from pathlib import Path

from report import check, connections, rows
from simple_salesforce import Salesforce

line = connections()["salesforce"]
key = Path(line["private_key_file"]).read_text()
# it insists on https and on salesforce.com for its logins: the driver's tunnel leads both to the sandbox
jwt = check("JWT", lambda: Salesforce(username=line["username"], consumer_key=line["client_id"], privatekey=key))
pair = {"consumer_key": line["client_id"], "consumer_secret": line["client_secret"], "domain": "acme.my"}
check("client credentials", lambda: Salesforce(**pair).query("SELECT COUNT() FROM Account")["totalSize"])
sf = jwt or Salesforce(session_id=line["access_token"], instance_url=line["tls_url"], version="68.0")
accounts = rows("salesforce", "Account")
check("query", lambda: sf.query("SELECT COUNT() FROM Account")["totalSize"] == accounts)
check("query_all", lambda: len(list(sf.query_all_iter("SELECT Id, Subject FROM Task"))) == rows("salesforce", "Task"))
pages = sf.bulk2.Event.query("SELECT Id, Subject, OwnerId FROM Event", max_records=300)
events = [r for page in pages for r in csv.DictReader(io.StringIO(page, newline=""))]
check("bulk2 query in pages", lambda: len({r["Id"] for r in events}) == rows("salesforce", "Event"))
ids = [r["Id"] for r in sf.query("SELECT Id FROM Account LIMIT 50")["records"]]
results = sf.bulk2.Account.update(records=[{"Id": i, "Industry": "Energy"} for i in ids])
check(
    "bulk2 update",
    lambda: sum(int(r["numberRecordsProcessed"]) - int(r["numberRecordsFailed"]) for r in results) == len(ids),
)
check("read back", lambda: sf.Account.get(ids[0])["Industry"] == "Energy")
check("describe", lambda: {"Industry", "OwnerId"} < {f["name"] for f in sf.Account.describe()["fields"]})
check("global describe", lambda: "Opportunity" in [o["name"] for o in sf.describe()["sobjects"]])
check("limits", lambda: sf.limits()["DailyApiRequests"]["Max"])
check("usage header", lambda: sf.api_usage["api-usage"].total)
check("create and delete", lambda: sf.Account.delete(sf.Account.create({"Name": "New"})["id"]) == 204)
check(
    "composite",
    lambda: (
        sf.restful(
            "composite",
            method="POST",
            json={
                "compositeRequest": [
                    {"method": "GET", "url": f"/services/data/v68.0/sobjects/Account/{ids[0]}", "referenceId": "one"},
                    {
                        "method": "PATCH",
                        "url": f"/services/data/v68.0/sobjects/Account/{ids[1]}",
                        "referenceId": "two",
                        "body": {"Industry": "@{one.Industry}"},
                    },
                ]
            },
        )["compositeResponse"][1]["httpStatusCode"]
        == 204
    ),
)
