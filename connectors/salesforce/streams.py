"""What is read of Salesforce: each object, its fields, and what its absence degrades."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from connectors.salesforce import activities, mapping
from connectors.salesforce.sheet import Columns, Context, Rows, Sheet

#: rows mapped and saved at a time
PART = 10_000
Mapper = Callable[[Sheet, Context], Rows]


@dataclass(frozen=True, slots=True)
class Stream:
    """One object: what is read of it, and what it becomes.

    `required` fields must be visible; `optional` ones degrade the feature that is named.
    """

    entity: str
    kind: str
    map: Mapper
    required: tuple[str, ...]
    optional: Mapping[str, str]
    needed: bool = False  #: the night cannot go on without this object
    whole: bool = False  #: small, read in full every night
    absent: str = ""  #: what is lost if the org does not have the object
    where: str = ""  #: which records are meant, if not all


def rows(stream: Stream, columns: Columns, count: int, context: Context) -> Iterator[Rows]:
    """The records of a page, one for each row, in the order of `records.columns(kind)`; a part at a time to save memory."""
    for start in range(0, count, PART):
        part = columns if count <= PART else {name: column[start : start + PART] for name, column in columns.items()}
        yield stream.map(Sheet(part, min(PART, count - start)), context)


_STAMPS = {"SystemModstamp": "", "IsDeleted": "deleted records are found by the weekly comparison only"}
_ABOUT = {
    "AccountId": "activities are matched through what they are about only",
    "WhatId": "activities of opportunities are lost",
    "WhoId": "activities of contacts are lost",
    "Subject": "duplicates are found by time only",
    "CreatedDate": "earlier nights cannot be replayed exactly",
}
_CURRENCY = {"CurrencyIsoCode": ""}

STREAMS = (
    Stream("User", "owner", mapping.owner, ("Id", "Name"),
           {"IsActive": "", "UserType": "", "UserRoleId": "", "ManagerId": "",
            "UserRole.Name": "roles are known by their ids only", "CreatedDate": "no tenure bands",
            "TimeZoneSidKey": "days are counted in UTC", "Email": "", "SystemModstamp": ""}, needed=True),
    Stream("OpportunityStage", "stage", mapping.stage, ("MasterLabel",),
           {"ApiName": "", "SortOrder": "", "IsClosed": "", "IsWon": "",
            "DefaultProbability": "stage odds are learned only"},
           whole=True, absent="stage odds come from closed opportunities only"),
    Stream("CurrencyType", "currency_rate", mapping.currency, ("IsoCode", "ConversionRate"), {"IsCorporate": ""}, whole=True),
    Stream("Account", "account", mapping.account, ("Id", "Name", "OwnerId"),
           {"ParentId": "", "Type": "", "Industry": "look-alikes without industry", "BillingCountry": "",
            "NumberOfEmployees": "look-alikes without size", "AnnualRevenue": "look-alikes without company revenue",
            "CreatedDate": "young accounts cannot be told", "MasterRecordId": "", "Website": "", **_CURRENCY, **_STAMPS}, needed=True),
    Stream("Contact", "contact", mapping.contact, ("Id", "AccountId"),
           {"Department": "no departments in next steps", "Title": "no levels in next steps", "CreatedDate": "", **_STAMPS},
           absent="new people cannot be seen"),
    Stream("Opportunity", "opportunity", mapping.opportunity,
           ("Id", "AccountId", "Name", "StageName", "CloseDate", "IsClosed", "IsWon"),
           {"OwnerId": "", "Amount": "potential without amounts", "Probability": "", "Type": "", "CreatedDate": "",
            **_CURRENCY, **_STAMPS}, needed=True),
    Stream("OpportunityHistory", "opportunity_change", mapping.history, ("Id", "OpportunityId", "CreatedDate"),
           {"StageName": "", "Amount": "", "CloseDate": "", "Probability": "", **_STAMPS},
           absent="stages of the past are unknown: no replay, weaker asks"),
    Stream("OpportunityLineItem", "line_item", mapping.line_item, ("Id", "OpportunityId"),
           {"Product2Id": "", "Product2.Family": "new products cannot be seen", "TotalPrice": "", "CreatedDate": "",
            **_STAMPS}, absent="new products cannot be seen"),
    Stream("AccountHistory", "owner_change", mapping.owner_change, ("Id", "AccountId", "CreatedDate"),
           {"OldValue": "", "NewValue": "owners of the past are assumed", "IsDeleted": ""},
           absent="owners of the past are assumed to be today's", where="Field = 'Owner'"),
    Stream("AccountTeamMember", "team_member", mapping.team_member, ("Id", "AccountId", "UserId"),
           {"TeamMemberRole": "", "CreatedDate": "", **_STAMPS}, absent="account teams are not shown"),
    Stream("Quote", "quote", mapping.quote, ("Id", "OpportunityId", "Status"), {"CreatedDate": "", **_STAMPS},
           absent="quotes sent do not count as asks"),
    Stream("QuoteLineItem", "quote_item", mapping.quote_item, ("Id", "QuoteId"),
           {"Product2Id": "", "Product2.Family": "", "TotalPrice": "", "CreatedDate": "", **_STAMPS},
           absent="products on quotes do not count as presented"),
    Stream("OpportunityContactRole", "contact_role", mapping.contact_role, ("Id", "OpportunityId", "ContactId"),
           {"Role": "", "CreatedDate": "", **_STAMPS}, absent="new people are seen through meetings only"),
    Stream("Task", "activity", activities.task, ("Id", "OwnerId"),
           {"ActivityDate": "", "Status": "", "IsClosed": "open tasks cannot be told from done ones", "TaskSubtype": "",
            "Type": "", "CallDurationInSeconds": "calls count with their default length", "CallType": "",
            "CompletedDateTime": "", "IsRecurrence": "", **_ABOUT, **_STAMPS}, absent="calls and mails are not seen"),
    Stream("Event", "activity", activities.event, ("Id", "OwnerId", "StartDateTime"),
           {"DurationInMinutes": "meetings count with their default length", "ActivityDate": "", "IsAllDayEvent": "",
            "Type": "service visits cannot be told from selling",
            "IsChild": "", "IsPrivate": "", "IsRecurrence": "", "ShowAs": "", **_ABOUT, **_STAMPS},
           absent="meetings are not seen"),
    Stream("EventRelation", "participant", activities.participant, ("Id", "EventId", "RelationId"), {"Status": "", **_STAMPS},
           absent="people invited to meetings are not seen"),
    Stream("EmailMessage", "activity", activities.email, ("Id",),
           {"ActivityId": "mails may count twice", "RelatedToId": "", "Incoming": "", "Status": "", "MessageDate": "",
            "CreatedById": "", "ThreadIdentifier": "", "Subject": "", "CreatedDate": "", **_STAMPS},
           absent="mails are seen as tasks only"),
    Stream("EmailMessageRelation", "participant", activities.correspondent, ("Id", "EmailMessageId", "RelationId"), _STAMPS,
           absent="recipients of mails are not seen"),
)  # fmt: skip
