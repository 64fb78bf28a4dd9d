"""The sheets of a Salesforce org folder: their columns, and the ids of what is written into them."""

from datetime import datetime, timedelta
from pathlib import Path

from sandbox.salesforce.schema import PREFIXES, new_id
from sandbox.world.sheets import Sheets

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
    """Sheets of an org; hands out ids."""

    def __init__(self, folder: Path, now: datetime) -> None:
        super().__init__(folder, now, HEADERS)
        self.counts = dict.fromkeys(HEADERS, 0)

    def add(self, name: str, /, **values: object) -> str:
        """Write a record that is not deleted; returns its id."""
        self.counts[name] += 1
        record = new_id(PREFIXES[name], self.counts[name], "Wd0")
        self.put(name, {"Id": record, "IsDeleted": "false", **values})
        return record

    def day(self, ago: float) -> str:
        return (self.now - timedelta(days=ago)).strftime("%Y-%m-%d")


class Ids:
    """Ids that an account's records refer to."""

    def __init__(self, account: str, owner: str, people: list[str], users: dict[int, str]) -> None:
        self.account, self.owner, self.people, self.users = account, owner, people, users


def flag(value: object) -> str:
    return "true" if value else "false"
