"""A firm as a Salesforce org folder: its truth shows only through records."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from sandbox.salesforce.schema import PREFIXES, new_id
from sandbox.world import names
from sandbox.world.dossier import Dossier, Entry
from sandbox.world.plan import Profile, Rep
from sandbox.world.salesforce_activities import add_activity
from sandbox.world.salesforce_sheets import Ids, Writer, flag
from sandbox.world.timeline import LOST, STAGES, WON, Deal, Step


class Salesforce:
    """Writer of reps and accounts as records of one org."""

    def __init__(self, folder: Path, now: datetime, profile: Profile) -> None:
        self.out = Writer(folder / "salesforce", now)
        self.users: dict[int, str] = {}
        self.contacts: dict[tuple[int, int], str] = {}  #: account and number of the contact -> id
        self.opportunities: dict[tuple[int, int], str] = {}  #: account and number of the deal -> id
        self.profile = profile
        self.products: list[str] = []

    def user(self, rep: Rep, first: str, last: str) -> None:
        self.users[rep.number] = add_user(self.out, rep, first, last)

    def lookups(self) -> None:
        """Write stages and products."""
        for n, (stage, odds) in enumerate((*STAGES, WON, LOST)):
            closed = stage.startswith("Closed")
            self.out.add(
                "OpportunityStage",
                MasterLabel=stage,
                ApiName=stage,
                IsActive="true",
                SortOrder=n + 1,
                IsClosed=flag(closed),
                IsWon=flag(stage == WON[0]),
                DefaultProbability=odds,
            )
        self.products = [_product(self.out, n) for n in range(self.profile.families)]

    def account(self, d: Dossier, entries: Iterable[Entry]) -> str:
        """Write an account with its people, deals and the entries logged here; returns its id."""
        out, a = self.out, d.account
        owner, created = self.users[a.rep.number], out.stamp(a.created_days_ago)
        account = out.add(
            "Account",
            Name=names.company(a.number),
            OwnerId=owner,
            Type="Customer",
            Industry=names.INDUSTRIES[a.industry],
            BillingCountry="Germany",
            NumberOfEmployees=a.employees or "",
            AnnualRevenue=a.revenue or "",
            Website=f"https://www.{d.domain}/",
            CreatedDate=created,
            LastModifiedDate=created,
            SystemModstamp=created,
        )
        people = [_contact(out, account, d, n) for n in range(len(d.contacts))]
        self.contacts |= {(a.number, n): record for n, record in enumerate(people)}
        ids = Ids(account, owner, people, self.users)
        for n, deal in enumerate(d.deals):
            if record := _deal(out, ids, deal, self.products):
                self.opportunities[a.number, n] = record
        for entry in entries:
            add_activity(out, ids, entry, a.rep)
        return account

    def shop(self, name: str, domain: str) -> None:
        """Write an account that nobody works on."""
        created = self.out.stamp(500)
        self.out.add(
            "Account",
            Name=name,
            OwnerId=next(iter(self.users.values())),
            Website=domain,
            CreatedDate=created,
            LastModifiedDate=created,
            SystemModstamp=created,
        )

    def close(self) -> None:
        _oddities(self.out, self.users)
        self.out.close()


def add_user(out: Writer, rep: Rep, first: str, last: str) -> str:
    created = out.stamp(rep.started_days_ago)
    return out.add(
        "User",
        Name=f"{first} {last}",
        FirstName=first,
        LastName=last,
        IsActive="true",
        Email=f"{first}.{last}.{rep.number}@seller.example".lower(),
        UserType="Standard",
        TimeZoneSidKey=names.ZONES[rep.zone],
        CreatedDate=created,
        SystemModstamp=created,
    )


def _product(out: Writer, number: int) -> str:
    created = out.stamp(900)
    family = names.FAMILIES[number]
    return out.add(
        "Product2", Name=f"{family} 100", Family=family, IsActive="true", CreatedDate=created, SystemModstamp=created
    )


def _contact(out: Writer, account: str, d: Dossier, n: int) -> str:
    c, created = d.contacts[n], out.stamp(d.account.created_days_ago)
    return out.add(
        "Contact",
        AccountId=account,
        Name=f"{c.first} {c.last}",
        Title=c.title,
        Department=c.department,
        Email=f"{c.first}.{c.last}.{n}@{d.domain}".lower(),
        CreatedDate=created,
        SystemModstamp=created,
    )


# ---- deals ----------------------------------------------------------------------------------------------------------


def _deal(out: Writer, ids: Ids, deal: Deal, products: list[str]) -> str:
    """Write the opportunity as it is now, its history, one line item, one contact role; "" if it lies ahead."""
    steps = [s for s in deal.steps if s.ago > 0]
    if not steps:
        return ""
    last, created = steps[-1], out.stamp(steps[0].ago)
    family = names.FAMILIES[deal.family]
    name = f"{family} {'renewal' if deal.renewal else 'offer'} {out.counts['Opportunity'] + 1}"
    opportunity = out.add(
        "Opportunity",
        AccountId=ids.account,
        OwnerId=ids.owner,
        Name=name,
        **_look(out, last),
        Type="Existing Business - Replacement" if deal.renewal else "Existing Business - Upgrade",
        IsClosed=flag(last.stage.startswith("Closed")),
        IsWon=flag(last.stage == WON[0]),
        ForecastCategoryName="Closed" if last.stage == WON[0] else "Omitted" if last.stage == LOST[0] else "Pipeline",
        CreatedDate=created,
        LastModifiedDate=out.stamp(last.ago),
        SystemModstamp=out.stamp(last.ago),
    )
    for step in steps:
        at = out.stamp(step.ago)
        out.add("OpportunityHistory", OpportunityId=opportunity, **_look(out, step), CreatedDate=at, SystemModstamp=at)
    priced = out.stamp(steps[min(1, len(steps) - 1)].ago)
    out.add(
        "OpportunityLineItem",
        OpportunityId=opportunity,
        Product2Id=products[deal.family],
        Quantity=1,
        UnitPrice=last.amount,
        TotalPrice=last.amount,
        CreatedDate=priced,
        SystemModstamp=priced,
    )
    out.add(
        "OpportunityContactRole",
        OpportunityId=opportunity,
        ContactId=ids.people[0],
        Role="Decision Maker",
        IsPrimary="true",
        CreatedDate=created,
        SystemModstamp=created,
    )
    return opportunity


def _look(out: Writer, step: Step) -> dict[str, object]:
    return {"StageName": step.stage, "Amount": step.amount, "Probability": step.odds, "CloseDate": out.day(step.close_ago)}


def _oddities(out: Writer, users: dict[int, str]) -> None:
    """Write what every real org has: a merged account and a deleted one."""
    created, owner = out.stamp(500), next(iter(users.values()))
    base = {
        "OwnerId": owner,
        "CreatedDate": created,
        "LastModifiedDate": created,
        "SystemModstamp": created,
        "IsDeleted": "true",
    }
    winner = new_id(PREFIXES["Account"], 1, "Wd0")
    out.add("Account", **base, Name="Merged away", MasterRecordId=winner)
    out.add("Account", **base, Name="Deleted")
