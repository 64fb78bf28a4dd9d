"""Salesforce's objects to our records; pure. The only place, with `schema`, that knows the vendor's field names.

Field meanings: reference/salesforce.md 1.9 and 1.10, where each has its source.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.columns import cents, constant, days, domains, flags, ids, instants, local_days, whole, within
from connectors.keyed import Keyed
from connectors.salesforce import schema
from connectors.scope_fields import kept
from connectors.seniority import level

Columns = Mapping[str, Sequence[str]]
Rows = list[tuple[Any, ...]]


@dataclass(slots=True)
class Context:
    """What a mapping needs besides the page: owners' time zones, the key of hashes, and where oddities are counted."""

    subjects: Keyed
    people: Keyed
    zones: dict[str, str] = field(default_factory=dict)
    odd: Counter[str] = field(default_factory=Counter)
    traits: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: criterion of [scope] -> fields of Account


class Sheet:
    """A page's columns; a field that the org or the user does not have reads as empty."""

    def __init__(self, columns: Columns, count: int) -> None:
        self.columns, self.count = columns, count
        self._empty = [""] * count

    def __getitem__(self, name: str) -> Sequence[str]:
        return self.columns.get(name, self._empty)

    def fill(self, value: Any) -> list[Any]:
        return [value] * self.count


def _zip(*columns: Sequence[Any]) -> Rows:
    return list(zip(*columns, strict=True))


# ---- people, stages, money ------------------------------------------------------------------------------------------


def owner(s: Sheet, c: Context) -> Rows:
    zones = ids(s["TimeZoneSidKey"])
    c.zones.update({i: z for i, z in zip(s["Id"], zones, strict=True) if z})
    active = flags(s["IsActive"])
    started = instants(s["CreatedDate"], c.odd, "User.CreatedDate")
    roles = [name or i for name, i in zip(s["UserRole.Name"], ids(s["UserRoleId"]), strict=True)]
    return _zip(s["Id"], s["Name"], active, ids(s["UserType"]), roles, ids(s["ManagerId"]), zones,
                c.people.column(s["Email"]), started, s.fill(False))  # fmt: skip


def stage(s: Sheet, c: Context) -> Rows:
    name = [n or label for n, label in zip(s["ApiName"], s["MasterLabel"], strict=True)]
    return _zip(name, s["MasterLabel"], whole(s["SortOrder"]), flags(s["IsClosed"]), flags(s["IsWon"]),
                whole(s["DefaultProbability"]), s.fill(False))  # fmt: skip


def currency(s: Sheet, c: Context) -> Rows:
    rates = [round(float(r or 1) * 1_000_000) for r in s["ConversionRate"]]
    return _zip(s["IsoCode"], rates, flags(s["IsCorporate"]), s.fill(False))


# ---- accounts and contacts ------------------------------------------------------------------------------------------


def account(s: Sheet, c: Context) -> Rows:
    employees = within(whole(s["NumberOfEmployees"]), 0, 10_000_000, c.odd, "Account.NumberOfEmployees")
    return _zip(
        s["Id"], s["Name"], ids(s["OwnerId"]), ids(s["ParentId"]), ids(s["Type"]), ids(s["Industry"]),
        ids(s["BillingCountry"]), employees, cents(s["AnnualRevenue"], c.odd, "Account.AnnualRevenue"),
        ids(s["CurrencyIsoCode"]), instants(s["CreatedDate"], c.odd, "Account.CreatedDate"), ids(s["MasterRecordId"]),
        domains(s["Website"]), s.fill(None), schema.read(s.columns, s.count),
        kept({name: [s[f] for f in fields] for name, fields in c.traits.items()}, s.count), flags(s["IsDeleted"]),
    )  # fmt: skip


def contact(s: Sheet, c: Context) -> Rows:
    known = {t: level(t) for t in set(s["Title"])}
    levels = [known[t] for t in s["Title"]]
    return _zip(s["Id"], ids(s["AccountId"]), ids(s["Department"]), levels, s.fill(None),
                instants(s["CreatedDate"], c.odd, "Contact.CreatedDate"), flags(s["IsDeleted"]))  # fmt: skip


# ---- opportunities --------------------------------------------------------------------------------------------------


def opportunity(s: Sheet, c: Context) -> Rows:
    odds = within(whole(s["Probability"]), 0, 100, c.odd, "Opportunity.Probability")
    return _zip(
        s["Id"], ids(s["AccountId"]), ids(s["OwnerId"]), s["Name"], ids(s["StageName"]),
        cents(s["Amount"], c.odd, "Opportunity.Amount"), ids(s["CurrencyIsoCode"]), odds, days(s["CloseDate"]),
        ids(s["Type"]), instants(s["CreatedDate"], c.odd, "Opportunity.CreatedDate"), flags(s["IsClosed"]),
        flags(s["IsWon"]), s.fill(None), flags(s["IsDeleted"]),
    )  # fmt: skip


def history(s: Sheet, c: Context) -> Rows:
    changed = [m or 0 for m in instants(s["CreatedDate"], c.odd, "OpportunityHistory.CreatedDate")]
    odds = within(whole(s["Probability"]), 0, 100, c.odd, "OpportunityHistory.Probability")
    return _zip(s["Id"], s["OpportunityId"], changed, ids(s["StageName"]),
                cents(s["Amount"], c.odd, "OpportunityHistory.Amount"), days(s["CloseDate"]), odds,
                flags(s["IsDeleted"]))  # fmt: skip


def owner_change(s: Sheet, c: Context) -> Rows:
    """Each change of owner is written twice, with ids and with names; only the ids are kept."""
    at = instants(s["CreatedDate"], c.odd, "AccountHistory.CreatedDate")
    found = _zip(s["Id"], s["AccountId"], at, _of("005", s["NewValue"]), _of("005", s["OldValue"]), flags(s["IsDeleted"]))
    return [r for r in found if r[2] is not None and r[3] is not None]


def team_member(s: Sheet, c: Context) -> Rows:
    return _zip(s["Id"], s["AccountId"], s["UserId"], ids(s["TeamMemberRole"]),
                instants(s["CreatedDate"], c.odd, "AccountTeamMember.CreatedDate"), flags(s["IsDeleted"]))  # fmt: skip


#: standard values of Quote.Status with which the customer has it (object reference, Quote)
PRESENTED = ("Presented", "Accepted", "Denied")


def quote(s: Sheet, c: Context) -> Rows:
    return _zip(s["Id"], ids(s["OpportunityId"]), [v in PRESENTED for v in s["Status"]],
                instants(s["CreatedDate"], c.odd, "Quote.CreatedDate"), flags(s["IsDeleted"]))  # fmt: skip


def quote_item(s: Sheet, c: Context) -> Rows:
    return _zip(s["Id"], s["QuoteId"], ids(s["Product2Id"]), ids(s["Product2.Family"]),
                cents(s["TotalPrice"], c.odd, "QuoteLineItem.TotalPrice"),
                instants(s["CreatedDate"], c.odd, "QuoteLineItem.CreatedDate"), flags(s["IsDeleted"]))  # fmt: skip


def line_item(s: Sheet, c: Context) -> Rows:
    return _zip(s["Id"], s["OpportunityId"], ids(s["Product2Id"]), ids(s["Product2.Family"]),
                cents(s["TotalPrice"], c.odd, "OpportunityLineItem.TotalPrice"),
                instants(s["CreatedDate"], c.odd, "OpportunityLineItem.CreatedDate"), flags(s["IsDeleted"]))  # fmt: skip


def contact_role(s: Sheet, c: Context) -> Rows:
    return _zip(s["Id"], s["OpportunityId"], s["ContactId"], ids(s["Role"]),
                instants(s["CreatedDate"], c.odd, "OpportunityContactRole.CreatedDate"), flags(s["IsDeleted"]))  # fmt: skip


# ---- activities -----------------------------------------------------------------------------------------------------


def _of(prefix: str, column: Sequence[str]) -> list[str | None]:
    """A polymorphic id where it points at the object with this key prefix."""
    return [v if v[:3] == prefix else None for v in column]


def _accounts(s: Sheet) -> list[str | None]:
    """Its own account; where that field is hidden, what it is about."""
    if "AccountId" in s.columns:
        return [a or (w if w[:3] == "001" else None) for a, w in zip(s["AccountId"], s["WhatId"], strict=True)]
    return _of("001", s["WhatId"])


def _event_status(private: str, template: str, shows: str) -> str:
    if template == "true":
        return "template"
    if private == "true":
        return "private"
    return "free" if shows in ("Free", "OutOfOffice") else "held"


def _statuses(decide: Callable[..., str], *columns: Sequence[str]) -> list[str]:
    """Few combinations occur; each is decided once."""
    alike = [constant(c) for c in columns]
    if None not in alike:
        return [decide(*alike)] * len(columns[0])
    known: dict[tuple[str, ...], str] = {}
    combined = list(zip(*columns, strict=True))
    for values in set(combined):
        known[values] = decide(*values)
    return [known[v] for v in combined]


def event(s: Sheet, c: Context) -> Rows:
    starts = _starts(s, c)
    length = within(whole(s["DurationInMinutes"]), 0, 100_000, c.odd, "Event.DurationInMinutes")
    all_day = flags(s["IsAllDayEvent"])
    return _zip(
        s["Id"], s.fill("meeting"), _statuses(_event_status, s["IsPrivate"], s["IsRecurrence"], s["ShowAs"]),
        _accounts(s), _of("006", s["WhatId"]), _of("003", s["WhoId"]), ids(s["OwnerId"]), starts,
        [None if m is None else m * 60 for m in length], local_days(starts, s["OwnerId"], c.zones), all_day, s.fill(None),
        flags(s["IsChild"]), s.fill(None), c.subjects.column(s["Subject"]), s.fill(None), ids(s["Type"]),
        instants(s["CreatedDate"], c.odd, "Event.CreatedDate"), flags(s["IsDeleted"]),
    )  # fmt: skip


def _starts(s: Sheet, c: Context) -> list[int | None]:
    """StartDateTime; an all-day event has ActivityDate only."""
    starts = instants(s["StartDateTime"], c.odd, "Event.StartDateTime")
    if None not in starts:
        return starts
    dates = days(s["ActivityDate"])
    return [d * 86_400 if m is None and d is not None else m for m, d in zip(starts, dates, strict=True)]


KINDS = {"Call": "call", "Email": "email", "ListEmail": "email", "Meeting": "meeting"}


def _task_kind(subtype: str, kind: str, seconds: str) -> str:
    found = KINDS.get(subtype) or KINDS.get(kind)
    return found or ("call" if seconds else "task")


def _task_status(template: str, closed: str, state: str) -> str:
    if template == "true":
        return "template"
    if "cancel" in state.lower() or state.lower() in ("deferred",):
        return "cancelled"
    return "held" if closed == "true" else "planned"


def task(s: Sheet, c: Context) -> Rows:
    created = instants(s["CreatedDate"], c.odd, "Task.CreatedDate")
    due = days(s["ActivityDate"])
    done = instants(s["CompletedDateTime"], c.odd, "Task.CompletedDateTime")
    starts = [d or (None if a is None else a * 86_400) or m for d, a, m in zip(done, due, created, strict=True)]
    kinds = _statuses(_task_kind, s["TaskSubtype"], s["Type"], ["x" if v else "" for v in s["CallDurationInSeconds"]])
    seconds = within(whole(s["CallDurationInSeconds"]), 0, 864_000, c.odd, "Task.CallDurationInSeconds")
    local = local_days(starts, s["OwnerId"], c.zones)
    owner_days = [a if d is None and a is not None else lo for a, d, lo in zip(due, done, local, strict=True)]
    direction = [DIRECTIONS.get(v) for v in s["CallType"]]
    return _zip(
        s["Id"], kinds, _statuses(_task_status, s["IsRecurrence"], s["IsClosed"], s["Status"]), _accounts(s),
        _of("006", s["WhatId"]), _of("003", s["WhoId"]), ids(s["OwnerId"]), starts, seconds,
        owner_days,
        s.fill(False), direction, s.fill(False), s.fill(None), c.subjects.column(s["Subject"]), s.fill(None), ids(s["Type"]), created,
        flags(s["IsDeleted"]),
    )  # fmt: skip


DIRECTIONS = {"Inbound": "in", "Outbound": "out"}
#: EmailMessage.Status 5 is a draft (object reference, EmailMessage)
DRAFT = "5"


def email(s: Sheet, c: Context) -> Rows:
    moments = instants(s["MessageDate"], c.odd, "EmailMessage.MessageDate")
    created = instants(s["CreatedDate"], c.odd, "EmailMessage.CreatedDate")
    starts = [m or k for m, k in zip(moments, created, strict=True)]
    status = ["draft" if v == DRAFT else "held" for v in s["Status"]]
    direction = ["in" if v == "true" else "out" for v in s["Incoming"]]
    related = s["RelatedToId"]
    return _zip(
        s["Id"], s.fill("email"), status, _of("001", related), _of("006", related), s.fill(None), ids(s["CreatedById"]),
        starts, s.fill(None), local_days(starts, s["CreatedById"], c.zones), s.fill(False), direction, s.fill(False),
        ids(s["ActivityId"]), c.subjects.column(s["Subject"]), c.subjects.column(s["ThreadIdentifier"]), s.fill(None), created,
        flags(s["IsDeleted"]),
    )  # fmt: skip


SIDES = {"005": "ours", "003": "theirs", "001": "about"}


def participant(s: Sheet, c: Context) -> Rows:
    sides = [SIDES.get(v[:3], "other") for v in s["RelationId"]]
    if others := sides.count("other"):
        c.odd["EventRelation: no contact, user or account (a lead, a resource), kept without a side"] += others
    declined = [v == "Declined" for v in s["Status"]]
    return _zip(s["Id"], s["EventId"], sides, s["RelationId"], declined, flags(s["IsDeleted"]))


def correspondent(s: Sheet, c: Context) -> Rows:
    """Who a mail went to or came from, by id; addresses are not read."""
    sides = [SIDES.get(v[:3], "other") for v in s["RelationId"]]
    found = _zip(s["Id"], s["EmailMessageId"], sides, s["RelationId"], s.fill(False), flags(s["IsDeleted"]))
    return [r for r in found if r[3]]
