"""Many activities and little else, for benchmarks of the pull."""

import random
from datetime import datetime
from pathlib import Path

from sandbox.salesforce.schema import PREFIXES, new_id
from sandbox.world.plan import PROFILES, reps
from sandbox.world.salesforce import SUBJECTS, Writer, _user


def write(folder: Path, rng: random.Random, now: datetime, activities: int, accounts: int) -> None:
    """`activities` rows, half tasks, half events, spread over two years and all accounts."""
    out = Writer(folder / "salesforce", now)
    users = [_user(out, rng, rep) for rep in reps(rng, 50, PROFILES["clean"])]
    ids = []
    for n in range(accounts):
        made = out.stamp(900)
        ids.append(out.add("Account", {"Name": f"Account {n}", "OwnerId": users[n % 50], "CreatedDate": made,
                                       "LastModifiedDate": made, "SystemModstamp": made}))  # fmt: skip
    stamps = [out.stamp(ago / 100) for ago in range(100, 73_000)]
    for name in ("Event", "Task"):
        prefix, rows = PREFIXES[name], out.rows[name]
        for n in range(activities // 2):
            at, account, owner = stamps[rng.randrange(len(stamps))], ids[n % accounts], users[n % 50]
            base = {"Id": new_id(prefix, n + 1, "Wd0"), "AccountId": account, "WhatId": account, "OwnerId": owner,
                    "Subject": SUBJECTS[n % 6], "ActivityDate": at[:10], "CreatedDate": at, "SystemModstamp": at,
                    "IsDeleted": "false", "IsArchived": "false"}  # fmt: skip
            base |= EVENT | {"StartDateTime": at, "EndDateTime": at} if name == "Event" else TASK | {"CompletedDateTime": at}
            rows.writerow([base.get(c, "") for c in out.columns[name]])
    out.close()


EVENT = {"DurationInMinutes": "45", "IsAllDayEvent": "false", "IsChild": "false", "IsGroupEvent": "false",
         "IsPrivate": "false", "IsRecurrence": "false", "ShowAs": "Busy"}  # fmt: skip
TASK = {"Status": "Completed", "IsClosed": "true", "TaskSubtype": "Call", "CallDurationInSeconds": "420",
        "CallType": "Outbound"}  # fmt: skip
