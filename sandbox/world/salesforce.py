"""Writes a firm as a Salesforce org folder: its truth shows only through records."""

import csv
import random
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from sandbox.salesforce.schema import PREFIXES, new_id
from sandbox.world import names
from sandbox.world.plan import Account, Profile, Rep
from sandbox.world.timeline import LOST, STAGES, WON, Deal, Step, Touch, deals, touches

HEADERS = {
    "User": "Id,Name,FirstName,LastName,Email,IsActive,UserType,TimeZoneSidKey,CreatedDate,SystemModstamp",
    "Account": "Id,Name,OwnerId,Type,Industry,BillingCountry,NumberOfEmployees,AnnualRevenue,CreatedDate,LastModifiedDate,"
    "SystemModstamp,IsDeleted,MasterRecordId",
    "Contact": "Id,AccountId,Name,Title,Department,CreatedDate,SystemModstamp,IsDeleted",
    "OpportunityStage": "Id,MasterLabel,ApiName,IsActive,SortOrder,IsClosed,IsWon,DefaultProbability",
    "Product2": "Id,Name,Family,IsActive,CreatedDate,SystemModstamp,IsDeleted",
    "Opportunity": "Id,AccountId,OwnerId,Name,StageName,Amount,Probability,CloseDate,Type,IsClosed,IsWon,"
    "ForecastCategoryName,CreatedDate,LastModifiedDate,SystemModstamp,IsDeleted",
    "OpportunityHistory": "Id,OpportunityId,StageName,Amount,Probability,CloseDate,CreatedDate,SystemModstamp,IsDeleted",
    "OpportunityLineItem": "Id,OpportunityId,Product2Id,Quantity,UnitPrice,TotalPrice,CreatedDate,SystemModstamp,IsDeleted",
    "OpportunityContactRole": "Id,OpportunityId,ContactId,Role,IsPrimary,CreatedDate,SystemModstamp,IsDeleted",
    "Event": "Id,AccountId,WhatId,WhoId,OwnerId,Subject,StartDateTime,EndDateTime,DurationInMinutes,ActivityDate,"
    "IsAllDayEvent,IsChild,IsGroupEvent,IsPrivate,IsRecurrence,ShowAs,CreatedDate,SystemModstamp,IsDeleted,IsArchived",
    "EventRelation": "Id,EventId,RelationId,Status,CreatedDate,SystemModstamp,IsDeleted",
    "Task": "Id,AccountId,WhatId,WhoId,OwnerId,Subject,ActivityDate,Status,IsClosed,TaskSubtype,CallDurationInSeconds,"
    "CallType,CompletedDateTime,CreatedDate,SystemModstamp,IsDeleted,IsArchived",
    "EmailMessage": "Id,ActivityId,RelatedToId,Subject,Incoming,Status,MessageDate,CreatedById,CreatedDate,SystemModstamp,"
    "IsDeleted",
}
SUBJECTS = ("Visit", "Jour fixe", "Project review", "Check-in", "Follow-up", "Site tour")


class Writer:
    """One open CSV an object; hands out ids."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self.now = now
        folder.mkdir(parents=True, exist_ok=True)
        self.files: dict[str, TextIO] = {}
        self.rows: dict[str, Any] = {}
        self.columns = {name: header.split(",") for name, header in HEADERS.items()}
        self.counts = dict.fromkeys(HEADERS, 0)
        for name, columns in self.columns.items():
            self.files[name] = (folder / f"{name}.csv").open("w", newline="", encoding="utf-8")
            self.rows[name] = csv.writer(self.files[name], lineterminator="\n")
            self.rows[name].writerow(columns)

    def add(self, name: str, values: Mapping[str, object]) -> str:
        """Write a record; what is not given is empty, and not deleted."""
        self.counts[name] += 1
        record = new_id(PREFIXES[name], self.counts[name], "Wd0")
        filled = {"Id": record, "IsDeleted": "false", **values}
        self.rows[name].writerow([filled.get(c, "") for c in self.columns[name]])
        return record

    def stamp(self, ago: float) -> str:
        return (self.now - timedelta(days=ago)).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def day(self, ago: float) -> str:
        return (self.now - timedelta(days=ago)).strftime("%Y-%m-%d")

    def close(self) -> None:
        for file in self.files.values():
            file.close()


def write(folder: Path, rng: random.Random, now: datetime, team: Iterable[Rep], accounts: Iterable[Account],
          profile: Profile) -> dict[int, str]:  # fmt: skip
    """The whole org, account by account; returns the account ids by number."""
    out = Writer(folder / "salesforce", now)
    users = {rep.number: _user(out, rng, rep) for rep in team}
    for n, (stage, odds) in enumerate((*STAGES, WON, LOST)):
        closed = stage.startswith("Closed")
        out.add("OpportunityStage", {"MasterLabel": stage, "ApiName": stage, "IsActive": "true", "SortOrder": n + 1,
                                     "IsClosed": _flag(closed), "IsWon": _flag(stage == WON[0]), "DefaultProbability": odds})  # fmt: skip
    products = [_product(out, n) for n in range(profile.families)]
    found = {}
    for account in accounts:
        found[account.number] = _account(out, rng, account, users, products, profile)
    _oddities(out, users)
    out.close()
    return found


def _flag(value: object) -> str:
    return "true" if value else "false"


def _user(out: Writer, rng: random.Random, rep: Rep) -> str:
    first, last = names.person(rng)
    made = out.stamp(rep.started_days_ago)
    return out.add("User", {"Name": f"{first} {last}", "FirstName": first, "LastName": last, "IsActive": "true",
                            "Email": f"{first}.{last}.{rep.number}@seller.example".lower(), "UserType": "Standard",
                            "TimeZoneSidKey": names.ZONES[rep.zone], "CreatedDate": made, "SystemModstamp": made})  # fmt: skip


def _product(out: Writer, number: int) -> str:
    made = out.stamp(900)
    family = names.FAMILIES[number]
    return out.add("Product2", {"Name": f"{family} 100", "Family": family, "IsActive": "true", "CreatedDate": made,
                                "SystemModstamp": made})  # fmt: skip


def _account(out: Writer, rng: random.Random, a: Account, users: dict[int, str], products: list[str],
             profile: Profile) -> str:  # fmt: skip
    owner, made = users[a.rep.number], out.stamp(a.created_days_ago)
    account = out.add("Account", {
        "Name": names.company(a.number), "OwnerId": owner, "Type": "Customer", "Industry": names.INDUSTRIES[a.industry],
        "BillingCountry": "Germany", "NumberOfEmployees": a.employees or "", "AnnualRevenue": a.revenue or "",
        "CreatedDate": made, "LastModifiedDate": made, "SystemModstamp": made})  # fmt: skip
    people = [_contact(out, rng, account, a, n) for n in range(rng.randint(3, 8))]
    ids = Ids(account, owner, people, [u for n, u in users.items() if n != a.rep.number])
    for deal in deals(rng, a, len(people), profile):
        _deal(out, ids, deal, products)
    for touch in touches(rng, a, len(people), profile):
        _activity(out, rng, ids, touch, a.rep, profile)
    return account


class Ids:
    """The ids an account's records refer to."""

    def __init__(self, account: str, owner: str, people: list[str], colleagues: list[str]) -> None:
        self.account, self.owner, self.people, self.colleagues = account, owner, people, colleagues


def _contact(out: Writer, rng: random.Random, account: str, a: Account, n: int) -> str:
    first, last = names.person(rng)
    made = out.stamp(a.created_days_ago)
    return out.add("Contact", {"AccountId": account, "Name": f"{first} {last}", "Title": rng.choice(names.TITLES),
                               "Department": rng.choice(names.DEPARTMENTS), "CreatedDate": made, "SystemModstamp": made})  # fmt: skip


# ---- deals ----------------------------------------------------------------------------------------------------------


def _deal(out: Writer, ids: Ids, deal: Deal, products: list[str]) -> None:
    """The opportunity as it is now, every step in its history, one line item, one contact role."""
    steps = [s for s in deal.steps if s.ago > 0]
    if not steps:
        return
    last, made = steps[-1], out.stamp(steps[0].ago)
    family = names.FAMILIES[deal.family]
    name = f"{family} {'renewal' if deal.renewal else 'offer'} {out.counts['Opportunity'] + 1}"
    opportunity = out.add("Opportunity", {
        "AccountId": ids.account, "OwnerId": ids.owner, "Name": name, **_look(out, last),
        "Type": "Existing Business - Replacement" if deal.renewal else "Existing Business - Upgrade",
        "IsClosed": _flag(last.stage.startswith("Closed")), "IsWon": _flag(last.stage == WON[0]),
        "ForecastCategoryName": "Closed" if last.stage == WON[0] else "Omitted" if last.stage == LOST[0] else "Pipeline",
        "CreatedDate": made, "LastModifiedDate": out.stamp(last.ago), "SystemModstamp": out.stamp(last.ago)})  # fmt: skip
    for step in steps:
        at = out.stamp(step.ago)
        out.add(
            "OpportunityHistory", {"OpportunityId": opportunity, **_look(out, step), "CreatedDate": at, "SystemModstamp": at}
        )
    shown = out.stamp(steps[min(1, len(steps) - 1)].ago)
    out.add("OpportunityLineItem", {"OpportunityId": opportunity, "Product2Id": products[deal.family], "Quantity": 1,
                                    "UnitPrice": last.amount, "TotalPrice": last.amount, "CreatedDate": shown,
                                    "SystemModstamp": shown})  # fmt: skip
    out.add("OpportunityContactRole", {"OpportunityId": opportunity, "ContactId": ids.people[0], "Role": "Decision Maker",
                                       "IsPrimary": "true", "CreatedDate": made, "SystemModstamp": made})  # fmt: skip


def _look(out: Writer, step: Step) -> dict[str, object]:
    return {"StageName": step.stage, "Amount": step.amount, "Probability": step.odds, "CloseDate": out.day(step.close_ago)}


# ---- activities -----------------------------------------------------------------------------------------------------


def _activity(out: Writer, rng: random.Random, ids: Ids, touch: Touch, rep: Rep, profile: Profile) -> None:
    if touch.kind == "meeting":
        _meeting(out, rng, ids, touch, rep, profile)
    elif touch.kind == "call":
        _task(out, ids, touch, "Call", "Call", {"CallDurationInSeconds": round(touch.minutes * 60), "CallType": "Outbound"})
    else:
        subject = f"{rng.choice(SUBJECTS)} {out.counts['Task']}"
        task = _task(out, ids, touch, "Email", subject, {})
        at = out.stamp(touch.ago)
        out.add("EmailMessage", {"ActivityId": task, "RelatedToId": ids.account, "Subject": subject, "Incoming": "false",
                                 "Status": "3", "MessageDate": at, "CreatedById": ids.owner, "CreatedDate": at,
                                 "SystemModstamp": at})  # fmt: skip


def _task(out: Writer, ids: Ids, touch: Touch, subtype: str, subject: str, more: Mapping[str, object]) -> str:
    at = out.stamp(touch.ago)
    return out.add("Task", {
        "AccountId": ids.account, "WhatId": ids.account, "WhoId": ids.people[touch.contact], "OwnerId": ids.owner,
        "Subject": subject, "ActivityDate": out.day(touch.ago), "Status": "Completed", "IsClosed": "true",
        "TaskSubtype": subtype, "CompletedDateTime": at, "CreatedDate": at, "SystemModstamp": at,
        "IsArchived": _flag(touch.ago >= 365), **more})  # fmt: skip


def _meeting(out: Writer, rng: random.Random, ids: Ids, touch: Touch, rep: Rep, profile: Profile) -> None:
    """An event, the copies of invited colleagues, its relations; sometimes one that is not a meeting, or logged twice."""
    minutes = max(5, round(touch.minutes / 5) * 5)
    at, end = out.stamp(touch.ago), out.stamp(touch.ago - minutes / 1440)
    made = out.stamp(touch.ago + 1)
    subject = rng.choice(SUBJECTS)
    event: dict[str, object] = {
        "AccountId": ids.account, "WhatId": ids.account, "WhoId": ids.people[touch.contact], "OwnerId": ids.owner,
        "Subject": subject, "StartDateTime": at, "EndDateTime": end, "DurationInMinutes": minutes,
        "ActivityDate": out.day(touch.ago), "IsAllDayEvent": "false", "IsChild": "false", "IsPrivate": "false",
        "IsGroupEvent": _flag(touch.colleagues), "IsRecurrence": "false", "ShowAs": "Busy", "CreatedDate": made,
        "SystemModstamp": made, "IsArchived": _flag(touch.ago >= 365)}  # fmt: skip
    if rng.random() < profile.messy:
        odd = rng.choice(({"IsPrivate": "true"}, {"ShowAs": "Free"}, {"IsRecurrence": "true"},
                          {"IsAllDayEvent": "true", "DurationInMinutes": 1440}))  # fmt: skip
        out.add("Event", event | odd)
    record = out.add("Event", event)
    relation = {"EventId": record, "Status": "Accepted", "CreatedDate": made, "SystemModstamp": made}
    out.add("EventRelation", relation | {"RelationId": ids.people[touch.contact]})
    if touch.colleagues and ids.colleagues:
        colleague = rng.choice(ids.colleagues)
        out.add("Event", event | {"OwnerId": colleague, "IsChild": "true"})
        out.add("EventRelation", relation | {"RelationId": colleague})
    if rep.doubled:
        out.add("Event", event | {"StartDateTime": out.stamp(touch.ago - 1 / 1440)})


def _oddities(out: Writer, users: dict[int, str]) -> None:
    """What every real org holds: a merged account and a deleted one."""
    made, owner = out.stamp(500), next(iter(users.values()))
    base = {"OwnerId": owner, "CreatedDate": made, "LastModifiedDate": made, "SystemModstamp": made, "IsDeleted": "true"}
    winner = new_id(PREFIXES["Account"], 1, "Wd0")
    out.add("Account", base | {"Name": "Merged away", "MasterRecordId": winner})
    out.add("Account", base | {"Name": "Deleted"})
