"""Writes a firm as a Salesforce org folder: its truth shows only through records."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from sandbox.salesforce.schema import PREFIXES, new_id
from sandbox.world import names
from sandbox.world.dossier import Dossier, Entry
from sandbox.world.plan import Profile, Rep
from sandbox.world.sheets import Sheets
from sandbox.world.timeline import LOST, STAGES, WON, Deal, Step, Touch

HEADERS = {
    "User": "Id,Name,FirstName,LastName,Email,IsActive,UserType,TimeZoneSidKey,CreatedDate,SystemModstamp",
    "Account": "Id,Name,OwnerId,Type,Industry,BillingCountry,NumberOfEmployees,AnnualRevenue,Website,CreatedDate,LastModifiedDate,"
    "SystemModstamp,IsDeleted,MasterRecordId",
    "Contact": "Id,AccountId,Name,Title,Department,Email,CreatedDate,SystemModstamp,IsDeleted",
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


class Writer(Sheets):
    """The org's sheets; hands out ids."""

    def __init__(self, folder: Path, now: datetime) -> None:
        super().__init__(folder, now, HEADERS)
        self.counts = dict.fromkeys(HEADERS, 0)

    def add(self, name: str, values: Mapping[str, object]) -> str:
        """Write a record that is not deleted; its id."""
        self.counts[name] += 1
        record = new_id(PREFIXES[name], self.counts[name], "Wd0")
        self.put(name, {"Id": record, "IsDeleted": "false", **values})
        return record

    def day(self, ago: float) -> str:
        return (self.now - timedelta(days=ago)).strftime("%Y-%m-%d")


class Salesforce:
    """Writes reps and accounts as records of one org."""

    def __init__(self, folder: Path, now: datetime, profile: Profile) -> None:
        self.out = Writer(folder / "salesforce", now)
        self.users: dict[int, str] = {}
        self.contacts: dict[tuple[int, int], str] = {}  #: account and number of the contact -> id
        self.opportunities: dict[tuple[int, int], str] = {}  #: account and number of the deal -> id
        self.profile = profile
        self.products: list[str] = []

    def user(self, rep: Rep, first: str, last: str) -> None:
        self.users[rep.number] = _user(self.out, rep, first, last)

    def lookups(self) -> None:
        """Stages and products."""
        for n, (stage, odds) in enumerate((*STAGES, WON, LOST)):
            closed = stage.startswith("Closed")
            self.out.add("OpportunityStage", {
                "MasterLabel": stage, "ApiName": stage, "IsActive": "true", "SortOrder": n + 1, "IsClosed": _flag(closed),
                "IsWon": _flag(stage == WON[0]), "DefaultProbability": odds})  # fmt: skip
        self.products = [_product(self.out, n) for n in range(self.profile.families)]

    def account(self, d: Dossier, entries: Iterable[Entry]) -> str:
        """An account with its people, deals and those of its entries that were logged here; returns its id."""
        out, a = self.out, d.account
        owner, made = self.users[a.rep.number], out.stamp(a.created_days_ago)
        account = out.add("Account", {
            "Name": names.company(a.number), "OwnerId": owner, "Type": "Customer", "Industry": names.INDUSTRIES[a.industry],
            "BillingCountry": "Germany", "NumberOfEmployees": a.employees or "", "AnnualRevenue": a.revenue or "",
            "Website": f"https://www.{d.domain}/", "CreatedDate": made, "LastModifiedDate": made,
            "SystemModstamp": made})  # fmt: skip
        people = [_contact(out, account, d, n) for n in range(len(d.contacts))]
        self.contacts |= {(a.number, n): record for n, record in enumerate(people)}
        ids = Ids(account, owner, people, self.users)
        for n, deal in enumerate(d.deals):
            if record := _deal(out, ids, deal, self.products):
                self.opportunities[a.number, n] = record
        for entry in entries:
            _activity(out, ids, entry, a.rep)
        return account

    def shop(self, name: str, domain: str) -> None:
        """An account that nobody works on."""
        made = self.out.stamp(500)
        self.out.add("Account", {"Name": name, "OwnerId": next(iter(self.users.values())), "Website": domain,
                                 "CreatedDate": made, "LastModifiedDate": made, "SystemModstamp": made})  # fmt: skip

    def close(self) -> None:
        _oddities(self.out, self.users)
        self.out.close()


def _flag(value: object) -> str:
    return "true" if value else "false"


def _user(out: Writer, rep: Rep, first: str, last: str) -> str:
    made = out.stamp(rep.started_days_ago)
    return out.add("User", {"Name": f"{first} {last}", "FirstName": first, "LastName": last, "IsActive": "true",
                            "Email": f"{first}.{last}.{rep.number}@seller.example".lower(), "UserType": "Standard",
                            "TimeZoneSidKey": names.ZONES[rep.zone], "CreatedDate": made, "SystemModstamp": made})  # fmt: skip


def _product(out: Writer, number: int) -> str:
    made = out.stamp(900)
    family = names.FAMILIES[number]
    return out.add("Product2", {"Name": f"{family} 100", "Family": family, "IsActive": "true", "CreatedDate": made,
                                "SystemModstamp": made})  # fmt: skip


class Ids:
    """The ids an account's records refer to."""

    def __init__(self, account: str, owner: str, people: list[str], users: dict[int, str]) -> None:
        self.account, self.owner, self.people, self.users = account, owner, people, users


def _contact(out: Writer, account: str, d: Dossier, n: int) -> str:
    c, made = d.contacts[n], out.stamp(d.account.created_days_ago)
    return out.add("Contact", {"AccountId": account, "Name": f"{c.first} {c.last}", "Title": c.title,
                               "Department": c.department, "Email": f"{c.first}.{c.last}.{n}@{d.domain}".lower(),
                               "CreatedDate": made, "SystemModstamp": made})  # fmt: skip


# ---- deals ----------------------------------------------------------------------------------------------------------


def _deal(out: Writer, ids: Ids, deal: Deal, products: list[str]) -> str:
    """The opportunity as it is now, every step in its history, one line item, one contact role; "" if it lies ahead."""
    steps = [s for s in deal.steps if s.ago > 0]
    if not steps:
        return ""
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
    return opportunity


def _look(out: Writer, step: Step) -> dict[str, object]:
    return {"StageName": step.stage, "Amount": step.amount, "Probability": step.odds, "CloseDate": out.day(step.close_ago)}


# ---- activities -----------------------------------------------------------------------------------------------------


def _activity(out: Writer, ids: Ids, entry: Entry, rep: Rep) -> None:
    touch = entry.touch
    if touch.kind == "meeting":
        _meeting(out, ids, entry, rep)
    elif touch.kind == "call":
        _task(out, ids, touch, "Call", "Call", {"CallDurationInSeconds": round(touch.minutes * 60), "CallType": "Outbound"})
    else:
        task = _task(out, ids, touch, "Email", entry.subject, {})
        at = out.stamp(touch.ago)
        out.add("EmailMessage", {"ActivityId": task, "RelatedToId": ids.account, "Subject": entry.subject, "Incoming": "false",
                                 "Status": "3", "MessageDate": at, "CreatedById": ids.owner, "CreatedDate": at,
                                 "SystemModstamp": at})  # fmt: skip


def _task(out: Writer, ids: Ids, touch: Touch, subtype: str, subject: str, more: Mapping[str, object]) -> str:
    at = out.stamp(touch.ago)
    return out.add("Task", {
        "AccountId": ids.account, "WhatId": ids.account, "WhoId": ids.people[touch.contact], "OwnerId": ids.owner,
        "Subject": subject, "ActivityDate": out.day(touch.ago), "Status": "Completed", "IsClosed": "true",
        "TaskSubtype": subtype, "CompletedDateTime": at, "CreatedDate": at, "SystemModstamp": at,
        "IsArchived": _flag(touch.ago >= 365), **more})  # fmt: skip


#: what makes a calendar entry no selling time
ODD: Mapping[str, Mapping[str, object]] = {
    "private": {"IsPrivate": "true"}, "free": {"ShowAs": "Free"}, "template": {"IsRecurrence": "true"},
    "all_day": {"IsAllDayEvent": "true", "DurationInMinutes": 1440},
}  # fmt: skip


def _meeting(out: Writer, ids: Ids, entry: Entry, rep: Rep) -> None:
    """An event, the copies of invited colleagues, its relations; sometimes one that is not a meeting, or logged twice."""
    touch = entry.touch
    minutes = length(touch)
    at, end = out.stamp(touch.ago), out.stamp(touch.ago - minutes / 1440)
    made = out.stamp(touch.ago + 1)
    event: dict[str, object] = {
        "AccountId": ids.account, "WhatId": ids.account, "WhoId": ids.people[touch.contact], "OwnerId": ids.owner,
        "Subject": entry.subject, "StartDateTime": at, "EndDateTime": end, "DurationInMinutes": minutes,
        "ActivityDate": out.day(touch.ago), "IsAllDayEvent": "false", "IsChild": "false", "IsPrivate": "false",
        "IsGroupEvent": _flag(touch.colleagues), "IsRecurrence": "false", "ShowAs": "Busy", "CreatedDate": made,
        "SystemModstamp": made, "IsArchived": _flag(touch.ago >= 365)}  # fmt: skip
    if entry.odd:
        out.add("Event", {**event, **ODD[entry.odd]})
    record = out.add("Event", event)
    relation = {"EventId": record, "Status": "Accepted", "CreatedDate": made, "SystemModstamp": made}
    out.add("EventRelation", relation | {"RelationId": ids.people[touch.contact]})
    if entry.colleague is not None:
        colleague = ids.users[entry.colleague]
        out.add("Event", event | {"OwnerId": colleague, "IsChild": "true"})
        out.add("EventRelation", relation | {"RelationId": colleague})
    if rep.doubled:
        out.add("Event", event | {"StartDateTime": out.stamp(touch.ago - 1 / 1440)})


def length(touch: Touch) -> int:
    """Minutes as a calendar shows them."""
    return max(5, round(touch.minutes / 5) * 5)


def _oddities(out: Writer, users: dict[int, str]) -> None:
    """What every real org holds: a merged account and a deleted one."""
    made, owner = out.stamp(500), next(iter(users.values()))
    base = {"OwnerId": owner, "CreatedDate": made, "LastModifiedDate": made, "SystemModstamp": made, "IsDeleted": "true"}
    winner = new_id(PREFIXES["Account"], 1, "Wd0")
    out.add("Account", base | {"Name": "Merged away", "MasterRecordId": winner})
    out.add("Account", base | {"Name": "Deleted"})
