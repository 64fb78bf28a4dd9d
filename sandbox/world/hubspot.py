"""A firm as a HubSpot org folder: its truth shows only through records."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from sandbox.world import names
from sandbox.world.dossier import Dossier, Entry
from sandbox.world.hubspot_sheets import Writer
from sandbox.world.plan import Profile, Rep
from sandbox.world.timeline import LOST, STAGES, WON, Deal, Step, length

LINK = {
    ("contacts", "companies"): 279,
    ("deals", "contacts"): 3,
    ("line_items", "deals"): 20,
    ("calls", "companies"): 182,
    ("calls", "contacts"): 194,
    ("emails", "companies"): 186,
    ("emails", "contacts"): 198,
    ("meetings", "companies"): 188,
    ("meetings", "contacts"): 200,
}
PRIMARY = {"contacts": 1, "deals": 5}
#: what a calendar entry that is no selling time looks like here: HubSpot knows no private or free ones
OUTCOMES = {"private": "CANCELED", "free": "RESCHEDULED", "template": "CANCELED", "all_day": "RESCHEDULED"}


class Elsewhere:
    """Ids that another CRM gave the same things; empty for a firm with HubSpot alone."""

    def __init__(self, account: str = "", contacts: Mapping[int, str] | None = None, deals: Mapping[int, str] | None = None):
        self.account, self.contacts, self.deals = account, contacts or {}, deals or {}


class HubSpot:
    """Writer of reps and accounts as records of one portal."""

    def __init__(self, folder: Path, now: datetime, profile: Profile) -> None:
        self.out, self.profile = Writer(folder / "hubspot", now), profile
        self.owners: dict[int, int] = {}
        self.products: list[int] = []

    def user(self, rep: Rep, first: str, last: str) -> None:
        created = self.out.stamp(rep.started_days_ago)
        self.owners[rep.number] = self.out.add(
            "owners",
            userId=9_000 + rep.number,
            email=f"{first}.{last}.{rep.number}@seller.example".lower(),
            firstName=first,
            lastName=last,
            archived="false",
            createdAt=created,
            updatedAt=created,
        )

    def lookups(self) -> None:
        """Write the pipeline and the products."""
        for n, (stage, odds) in enumerate((*STAGES, WON, LOST)):
            closed = stage.startswith("Closed")
            row = ("default", "Sales Pipeline", stage_id(stage), stage, n, odds / 100, str(closed).lower())
            self.out.rows["pipelines"].writerow(row)
        created = self.out.stamp(900)
        for n in range(self.profile.families):
            family = names.FAMILIES[n]
            self.products.append(
                self.out.add(
                    "products",
                    name=f"{family} 100",
                    price=100,
                    hs_sku=f"SKU-{n}",
                    product_family=family,
                    createdate=created,
                    hs_lastmodifieddate=created,
                )
            )

    def account(self, d: Dossier, entries: Iterable[Entry], other: Elsewhere, deals: Iterable[int]) -> int:
        """Write a company with its people, the deals with these numbers, and entries logged here; returns its id."""
        a, created = d.account, self.out.stamp(d.account.created_days_ago)
        owner = self.owners[a.rep.number]
        company = self.out.add(
            "companies",
            name=names.company(a.number),
            domain=d.domain,
            industry=names.INDUSTRIES[a.industry],
            country="Germany",
            numberofemployees=a.employees or "",
            annualrevenue=a.revenue or "",
            lifecyclestage="customer",
            hubspot_owner_id=owner,
            createdate=created,
            hs_lastmodifieddate=created,
            salesforceaccountid=other.account,
        )
        people = [self._contact(d, n, company, owner, other) for n in range(len(d.contacts))]
        for n in deals:
            self._deal(d.deals[n], company, people[0], owner, other.deals.get(n, ""))
        for entry in entries:
            self._entry(entry, company, people, a.rep)
        return company

    def _contact(self, d: Dossier, n: int, company: int, owner: int, other: Elsewhere) -> int:
        c, created = d.contacts[n], self.out.stamp(d.account.created_days_ago)
        contact = self.out.add(
            "contacts",
            firstname=c.first,
            lastname=c.last,
            email=f"{c.first}.{c.last}.{n}@{d.domain}".lower(),
            jobtitle=c.title,
            department=c.department,
            associatedcompanyid=company,
            hubspot_owner_id=owner,
            createdate=created,
            lastmodifieddate=created,
            salesforcecontactid=other.contacts.get(n, ""),
        )
        self.out.link("contacts", contact, "companies", company, PRIMARY["contacts"])
        return contact

    # ---- deals ------------------------------------------------------------------------------------------------------

    def _deal(self, deal: Deal, company: int, person: int, owner: int, foreign: str) -> None:
        """Write the deal as it is now, its changes in its history, one line item, one contact."""
        out, steps = self.out, [s for s in deal.steps if s.ago > 0]
        if not steps:
            return
        last, created, moved = steps[-1], out.stamp(steps[0].ago), out.stamp(steps[-1].ago)
        family = names.FAMILIES[deal.family]
        record = out.add(
            "deals",
            dealname=f"{family} {'renewal' if deal.renewal else 'offer'} {out.next['deals']}",
            pipeline="default",
            dealstage=stage_id(last.stage),
            amount=last.amount,
            closedate=out.day(last.close_ago),
            createdate=created,
            dealtype="existingbusiness",
            hubspot_owner_id=owner,
            hs_lastmodifieddate=moved,
            hs_salesforceopportunityid=foreign,
        )
        out.link("deals", record, "companies", company, PRIMARY["deals"])
        out.link("deals", record, "contacts", person, LINK["deals", "contacts"])
        self._history(record, steps)
        priced = out.stamp(steps[min(1, len(steps) - 1)].ago)
        item = out.add(
            "line_items",
            name=f"{family} 100",
            hs_product_id=self.products[deal.family],
            quantity=1,
            price=last.amount,
            amount=last.amount,
            createdate=priced,
            hs_lastmodifieddate=priced,
        )
        out.link("line_items", item, "deals", record, LINK["line_items", "deals"])

    def _history(self, record: int, steps: list[Step]) -> None:
        """Write what changed, when it changed."""
        before: dict[str, object] = {}
        for step in steps:
            look = {"dealstage": stage_id(step.stage), "amount": step.amount, "closedate": self.out.day(step.close_ago)}
            for name, value in look.items():
                if before.get(name) != value:
                    self.out.rows["property_history"].writerow(("deals", record, name, value, self.out.stamp(step.ago)))
            before = dict(look)

    # ---- activities -------------------------------------------------------------------------------------------------

    def _entry(self, entry: Entry, company: int, people: list[int], rep: Rep) -> None:
        touch, owner, at = entry.touch, self.owners[rep.number], self.out.stamp(entry.touch.ago)
        base = {"hs_timestamp": at, "hubspot_owner_id": owner, "hs_createdate": at, "hs_lastmodifieddate": at}
        if touch.kind == "meeting":
            self._meeting(entry, company, people[touch.contact], rep)
        elif touch.kind == "call":
            call = base | {
                "hs_call_duration": round(touch.minutes * 60) * 1000,
                "hs_call_direction": "OUTBOUND",
                "hs_call_status": "COMPLETED",
                "hs_call_title": entry.subject,
            }
            self.log("calls", call, company, people[touch.contact])
        else:
            mail = base | {"hs_email_direction": "EMAIL", "hs_email_status": "SENT", "hs_email_subject": entry.subject}
            self.log("emails", mail, company, people[touch.contact])

    def _meeting(self, entry: Entry, company: int, person: int, rep: Rep) -> None:
        """Write a meeting with its invitees; sometimes one that was called off beside it, or logged twice."""
        out, touch = self.out, entry.touch
        created, minutes = out.stamp(touch.ago + 1), length(touch)
        invited = [self.owners[rep.number], *([] if entry.colleague is None else [self.owners[entry.colleague]])]

        def log(outcome: str, later: float = 0.0) -> None:
            begin = out.stamp(touch.ago - later)
            self.log(
                "meetings",
                {
                    "hs_timestamp": begin,
                    "hs_meeting_start_time": begin,
                    "hs_meeting_outcome": outcome,
                    "hs_meeting_end_time": out.stamp(touch.ago - minutes / 1440),
                    "hs_meeting_title": entry.subject,
                    "hubspot_owner_id": self.owners[rep.number],
                    "hs_attendee_owner_ids": ";".join(map(str, invited)),
                    "hs_createdate": created,
                    "hs_lastmodifieddate": created,
                },
                company,
                person,
            )

        if entry.odd:
            log(OUTCOMES[entry.odd])
        log("COMPLETED" if touch.contact % 2 else "")
        if rep.doubled:
            log("", later=1 / 1440)

    def log(self, name: str, values: Mapping[str, object], company: int, person: int) -> None:
        """Write an activity with its company and its person."""
        record = self.out.add(name, **values)
        self.out.link(name, record, "companies", company, LINK[name, "companies"])
        self.out.link(name, record, "contacts", person, LINK[name, "contacts"])

    def close(self) -> None:
        self.out.close()

    def shop(self, name: str, domain: str) -> None:
        """Write a company that nobody works on."""
        created = self.out.stamp(500)
        self.out.add(
            "companies",
            name=name,
            domain=domain,
            hubspot_owner_id=next(iter(self.owners.values())),
            createdate=created,
            hs_lastmodifieddate=created,
        )


def stage_id(label: str) -> str:
    return label.lower().replace(" ", "")
