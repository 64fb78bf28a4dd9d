"""Many activities and little else, for benchmarks of the pull."""

import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sandbox.salesforce.schema import PREFIXES, new_id
from sandbox.world import names
from sandbox.world.dossier import SUBJECTS
from sandbox.world.hubspot import HubSpot
from sandbox.world.hubspot_sheets import Writer as PortalWriter
from sandbox.world.plan import PROFILES, reps
from sandbox.world.salesforce import add_user
from sandbox.world.salesforce_sheets import Writer


def write(folder: Path, rng: random.Random, now: datetime, activities: int, accounts: int) -> None:
    """Write `activities` rows, half tasks, half events, spread over two years and all accounts."""
    out = Writer(folder / "salesforce", now)
    users = [add_user(out, rep, *names.person(rng)) for rep in reps(rng, 50, PROFILES["clean"])]
    ids = []
    for n in range(accounts):
        created = out.stamp(900)
        ids.append(
            out.add(
                "Account",
                Name=f"Account {n}",
                OwnerId=users[n % 50],
                CreatedDate=created,
                LastModifiedDate=created,
                SystemModstamp=created,
            )
        )
    stamps = [out.stamp(ago / 100) for ago in range(100, 73_000)]
    for name in ("Event", "Task"):
        prefix, rows = PREFIXES[name], out.rows[name]
        for n in range(activities // 2):
            at, account, owner = stamps[rng.randrange(len(stamps))], ids[n % accounts], users[n % 50]
            base = {
                "Id": new_id(prefix, n + 1, "Wd0"),
                "AccountId": account,
                "WhatId": account,
                "OwnerId": owner,
                "Subject": SUBJECTS[n % 6],
                "ActivityDate": at[:10],
                "CreatedDate": at,
                "SystemModstamp": at,
                "IsDeleted": "false",
                "IsArchived": "false",
            }
            base |= EVENT | {"StartDateTime": at, "EndDateTime": at} if name == "Event" else TASK | {"CompletedDateTime": at}
            rows.writerow([base.get(c, "") for c in out.columns[name]])
    out.close()


EVENT = {
    "DurationInMinutes": "45",
    "IsAllDayEvent": "false",
    "IsChild": "false",
    "IsGroupEvent": "false",
    "IsPrivate": "false",
    "IsRecurrence": "false",
    "ShowAs": "Busy",
}
TASK = {
    "Status": "Completed",
    "IsClosed": "true",
    "TaskSubtype": "Call",
    "CallDurationInSeconds": "420",
    "CallType": "Outbound",
}


def write_portal(folder: Path, rng: random.Random, now: datetime, records: int) -> None:
    """Write `records` in all: 2 % companies, 6 % contacts, 4 % deals with history, the rest activities, each linked to a company
    and a contact."""
    portal = HubSpot(folder, now, PROFILES["clean"])
    for rep in reps(rng, 50, PROFILES["clean"]):
        portal.user(rep, *names.person(rng))
    portal.lookups()
    out, owners = portal.out, list(portal.owners.values())
    companies, people = _book(out, owners, records)
    stamps = [out.stamp(ago / 100) for ago in range(100, 73_000)]
    for n in range(round(records * 0.04)):
        _portal_deal(out, stamps[rng.randrange(len(stamps))], companies[n % len(companies)], owners[n % 50])
    for n in range(round(records * 0.88)):
        name = ("meetings", "calls", "emails")[n % 3]
        at = stamps[rng.randrange(len(stamps))]
        base = {"hs_timestamp": at, "hubspot_owner_id": owners[n % 50], "hs_createdate": at, "hs_lastmodifieddate": at}
        portal.log(name, base | LOOKS[name](at, n), companies[n % len(companies)], people[n % len(people)])
    portal.close()


def _book(out: PortalWriter, owners: list[int], records: int) -> tuple[list[int], list[int]]:
    created = out.stamp(900)
    companies = [
        out.add(
            "companies",
            name=f"Company {n}",
            domain=f"c{n}.example",
            hubspot_owner_id=owners[n % 50],
            industry="Machinery",
            createdate=created,
            hs_lastmodifieddate=created,
        )
        for n in range(max(1, round(records * 0.02)))
    ]
    people = []
    for n in range(max(1, round(records * 0.06))):
        people.append(
            out.add(
                "contacts",
                firstname="P",
                lastname=n,
                email=f"p{n}@c.example",
                jobtitle="Buyer",
                createdate=created,
                lastmodifieddate=created,
            )
        )
        out.link("contacts", people[-1], "companies", companies[n % len(companies)], 1)
    return companies, people


def _portal_deal(out: PortalWriter, at: str, company: int, owner: int) -> None:
    deal = out.add(
        "deals",
        dealname="Offer",
        pipeline="default",
        dealstage="proposal",
        amount=1000,
        closedate=at,
        createdate=at,
        hubspot_owner_id=owner,
        hs_lastmodifieddate=at,
    )
    out.link("deals", deal, "companies", company, 5)
    for name, value in (("dealstage", "prospecting"), ("dealstage", "proposal"), ("amount", "1000"), ("closedate", at)):
        out.rows["property_history"].writerow(("deals", deal, name, value, at))


LOOKS: dict[str, Callable[[str, int], dict[str, object]]] = {
    "meetings": lambda at, n: {"hs_meeting_start_time": at, "hs_meeting_end_time": at, "hs_meeting_title": SUBJECTS[n % 6]},
    "calls": lambda at, n: {
        "hs_call_duration": 420_000,
        "hs_call_direction": "OUTBOUND",
        "hs_call_status": "COMPLETED",
        "hs_call_title": "Call",
    },
    "emails": lambda at, n: {"hs_email_direction": "EMAIL", "hs_email_status": "SENT", "hs_email_subject": SUBJECTS[n % 6]},
}
