"""Writes a firm as a HubSpot org folder: its truth shows only through records (link types: hubspot.md 1.11)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from sandbox.world import names
from sandbox.world.dossier import Dossier, Entry
from sandbox.world.plan import Profile, Rep
from sandbox.world.salesforce import length
from sandbox.world.sheets import Sheets
from sandbox.world.timeline import LOST, STAGES, WON, Deal, Step

HEADERS = {
    "companies": "id,name,domain,industry,country,numberofemployees,annualrevenue,type,lifecyclestage,hubspot_owner_id,"
    "createdate,hs_lastmodifieddate,salesforceaccountid",
    "contacts": "id,firstname,lastname,email,jobtitle,department,associatedcompanyid,hubspot_owner_id,createdate,"
    "lastmodifieddate,salesforcecontactid",
    "deals": "id,dealname,pipeline,dealstage,amount,deal_currency_code,closedate,createdate,dealtype,hubspot_owner_id,"
    "hs_lastmodifieddate,hs_salesforceopportunityid",
    "line_items": "id,name,hs_product_id,quantity,price,amount,createdate,hs_lastmodifieddate",
    "products": "id,name,price,hs_sku,product_family,createdate,hs_lastmodifieddate",
    "calls": "id,hs_timestamp,hs_call_duration,hs_call_direction,hs_call_status,hs_call_title,hubspot_owner_id,hs_createdate,"
    "hs_lastmodifieddate",
    "meetings": "id,hs_timestamp,hs_meeting_start_time,hs_meeting_end_time,hs_meeting_outcome,hs_meeting_title,"
    "hubspot_owner_id,hs_attendee_owner_ids,hs_createdate,hs_lastmodifieddate",
    "emails": "id,hs_timestamp,hs_email_direction,hs_email_status,hs_email_subject,hubspot_owner_id,hs_createdate,"
    "hs_lastmodifieddate",
    "owners": "id,userId,email,firstName,lastName,archived,createdAt,updatedAt",
    "pipelines": "pipeline_id,pipeline_label,stage_id,stage_label,display_order,probability,is_closed",
    "associations": "from_type,from_id,to_type,to_id,type_id,label",
    "property_history": "object_type,id,property,value,timestamp",
}
#: where each type's ids begin
FIRST_ID = {"companies": 10_000_000, "contacts": 20_000_000, "deals": 30_000_000, "line_items": 40_000_000, "products": 5_000,
            "owners": 700_000}  # fmt: skip
ACTIVITIES = 600_000_000
LINK = {("contacts", "companies"): 279, ("deals", "contacts"): 3, ("line_items", "deals"): 20, ("calls", "companies"): 182,
        ("calls", "contacts"): 194, ("emails", "companies"): 186, ("emails", "contacts"): 198,
        ("meetings", "companies"): 188, ("meetings", "contacts"): 200}  # fmt: skip
PRIMARY = {"contacts": 1, "deals": 5}
#: what a calendar entry that is no selling time looks like here: HubSpot knows no private or free ones
OUTCOMES = {"private": "CANCELED", "free": "RESCHEDULED", "template": "CANCELED", "all_day": "RESCHEDULED"}


class Writer(Sheets):
    """The portal's sheets; hands out ids."""

    def __init__(self, folder: Path, now: datetime) -> None:
        super().__init__(folder, now, HEADERS)
        self.next = dict.fromkeys(HEADERS, ACTIVITIES) | FIRST_ID

    def add(self, name: str, values: Mapping[str, object]) -> int:
        """Write a record; its id."""
        self.next[name] += 1
        self.put(name, {"id": self.next[name], **values})
        return self.next[name]

    def link(self, from_type: str, from_id: int, to_type: str, to_id: int, type_id: int) -> None:
        self.rows["associations"].writerow((from_type, from_id, to_type, to_id, type_id, ""))

    def day(self, ago: float) -> str:
        """A date as HubSpot keeps it: a moment of that day."""
        return (self.now - timedelta(days=ago)).strftime("%Y-%m-%dT12:00:00.000Z")


class Elsewhere:
    """Ids that another CRM gave the same things; empty for a firm with HubSpot alone."""

    def __init__(self, account: str = "", contacts: Mapping[int, str] | None = None, deals: Mapping[int, str] | None = None):
        self.account, self.contacts, self.deals = account, contacts or {}, deals or {}


class HubSpot:
    """Writes reps and accounts as records of one portal."""

    def __init__(self, folder: Path, now: datetime, profile: Profile) -> None:
        self.out, self.profile = Writer(folder / "hubspot", now), profile
        self.owners: dict[int, int] = {}
        self.products: list[int] = []

    def user(self, rep: Rep, first: str, last: str) -> None:
        made = self.out.stamp(rep.started_days_ago)
        self.owners[rep.number] = self.out.add("owners", {
            "userId": 9_000 + rep.number, "email": f"{first}.{last}.{rep.number}@seller.example".lower(), "firstName": first,
            "lastName": last, "archived": "false", "createdAt": made, "updatedAt": made})  # fmt: skip

    def lookups(self) -> None:
        """The pipeline and the products."""
        for n, (stage, odds) in enumerate((*STAGES, WON, LOST)):
            closed = stage.startswith("Closed")
            row = ("default", "Sales Pipeline", stage_id(stage), stage, n, odds / 100, str(closed).lower())
            self.out.rows["pipelines"].writerow(row)
        made = self.out.stamp(900)
        for n in range(self.profile.families):
            family = names.FAMILIES[n]
            self.products.append(self.out.add("products", {
                "name": f"{family} 100", "price": 100, "hs_sku": f"SKU-{n}", "product_family": family, "createdate": made,
                "hs_lastmodifieddate": made}))  # fmt: skip

    def account(self, d: Dossier, entries: Iterable[Entry], other: Elsewhere, deals: Iterable[int]) -> int:
        """A company with its people, the deals with these numbers, and entries that were logged here; returns its id."""
        a, made = d.account, self.out.stamp(d.account.created_days_ago)
        owner = self.owners[a.rep.number]
        company = self.out.add("companies", {
            "name": names.company(a.number), "domain": d.domain, "industry": names.INDUSTRIES[a.industry],
            "country": "Germany", "numberofemployees": a.employees or "", "annualrevenue": a.revenue or "",
            "lifecyclestage": "customer", "hubspot_owner_id": owner, "createdate": made, "hs_lastmodifieddate": made,
            "salesforceaccountid": other.account})  # fmt: skip
        people = [self._contact(d, n, company, owner, other) for n in range(len(d.contacts))]
        for n in deals:
            self._deal(d.deals[n], company, people[0], owner, other.deals.get(n, ""))
        for entry in entries:
            self._entry(entry, company, people, a.rep)
        return company

    def _contact(self, d: Dossier, n: int, company: int, owner: int, other: Elsewhere) -> int:
        c, made = d.contacts[n], self.out.stamp(d.account.created_days_ago)
        contact = self.out.add("contacts", {
            "firstname": c.first, "lastname": c.last, "email": f"{c.first}.{c.last}.{n}@{d.domain}".lower(),
            "jobtitle": c.title, "department": c.department, "associatedcompanyid": company, "hubspot_owner_id": owner,
            "createdate": made, "lastmodifieddate": made, "salesforcecontactid": other.contacts.get(n, "")})  # fmt: skip
        self.out.link("contacts", contact, "companies", company, PRIMARY["contacts"])
        return contact

    # ---- deals ------------------------------------------------------------------------------------------------------

    def _deal(self, deal: Deal, company: int, person: int, owner: int, foreign: str) -> None:
        """The deal as it is now, its changes in its history, one line item, one contact."""
        out, steps = self.out, [s for s in deal.steps if s.ago > 0]
        if not steps:
            return
        last, made, moved = steps[-1], out.stamp(steps[0].ago), out.stamp(steps[-1].ago)
        family = names.FAMILIES[deal.family]
        record = out.add("deals", {
            "dealname": f"{family} {'renewal' if deal.renewal else 'offer'} {out.next['deals']}", "pipeline": "default",
            "dealstage": stage_id(last.stage), "amount": last.amount, "closedate": out.day(last.close_ago),
            "createdate": made, "dealtype": "existingbusiness", "hubspot_owner_id": owner, "hs_lastmodifieddate": moved,
            "hs_salesforceopportunityid": foreign})  # fmt: skip
        out.link("deals", record, "companies", company, PRIMARY["deals"])
        out.link("deals", record, "contacts", person, LINK["deals", "contacts"])
        self._history(record, steps)
        shown = out.stamp(steps[min(1, len(steps) - 1)].ago)
        item = out.add("line_items", {
            "name": f"{family} 100", "hs_product_id": self.products[deal.family], "quantity": 1, "price": last.amount,
            "amount": last.amount, "createdate": shown, "hs_lastmodifieddate": shown})  # fmt: skip
        out.link("line_items", item, "deals", record, LINK["line_items", "deals"])

    def _history(self, record: int, steps: list[Step]) -> None:
        """What changed, when it changed."""
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
            call = base | {"hs_call_duration": round(touch.minutes * 60) * 1000, "hs_call_direction": "OUTBOUND",
                           "hs_call_status": "COMPLETED", "hs_call_title": entry.subject}  # fmt: skip
            self.log("calls", call, company, people[touch.contact])
        else:
            mail = base | {"hs_email_direction": "EMAIL", "hs_email_status": "SENT", "hs_email_subject": entry.subject}
            self.log("emails", mail, company, people[touch.contact])

    def _meeting(self, entry: Entry, company: int, person: int, rep: Rep) -> None:
        """A meeting with whom it invited; sometimes one that was called off beside it, or logged twice."""
        out, touch = self.out, entry.touch
        made, minutes = out.stamp(touch.ago + 1), length(touch)
        invited = [self.owners[rep.number], *([] if entry.colleague is None else [self.owners[entry.colleague]])]

        def log(outcome: str, later: float = 0.0) -> None:
            begin = out.stamp(touch.ago - later)
            self.log("meetings", {
                "hs_timestamp": begin, "hs_meeting_start_time": begin, "hs_meeting_outcome": outcome,
                "hs_meeting_end_time": out.stamp(touch.ago - minutes / 1440), "hs_meeting_title": entry.subject,
                "hubspot_owner_id": self.owners[rep.number], "hs_attendee_owner_ids": ";".join(map(str, invited)),
                "hs_createdate": made, "hs_lastmodifieddate": made}, company, person)  # fmt: skip

        if entry.odd:
            log(OUTCOMES[entry.odd])
        log("COMPLETED" if touch.contact % 2 else "")
        if rep.doubled:
            log("", later=1 / 1440)

    def log(self, name: str, values: Mapping[str, object], company: int, person: int) -> None:
        """An activity with its company and its person."""
        record = self.out.add(name, values)
        self.out.link(name, record, "companies", company, LINK[name, "companies"])
        self.out.link(name, record, "contacts", person, LINK[name, "contacts"])

    def close(self) -> None:
        self.out.close()

    def shop(self, name: str, domain: str) -> None:
        """A company that nobody works on."""
        made = self.out.stamp(500)
        self.out.add("companies", {"name": name, "domain": domain, "hubspot_owner_id": next(iter(self.owners.values())),
                                   "createdate": made, "hs_lastmodifieddate": made})  # fmt: skip


def stage_id(label: str) -> str:
    return label.lower().replace(" ", "")
