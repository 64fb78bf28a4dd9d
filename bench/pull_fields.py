"""What every contender asks for: the fields of accounts and activities that Assay reads.

Accounts are few beside the activities, but Assay refuses an org without them.
"""

FIELDS = {
    "Account": (
        "Id", "Name", "OwnerId", "ParentId", "Type", "Industry", "BillingCountry", "NumberOfEmployees", "AnnualRevenue",
        "CreatedDate", "MasterRecordId", "Website", "SystemModstamp", "IsDeleted",
    ),
    "Task": (
        "Id", "OwnerId", "ActivityDate", "Status", "IsClosed", "TaskSubtype", "Type", "CallDurationInSeconds", "CallType",
        "CompletedDateTime", "IsRecurrence", "AccountId", "WhatId", "WhoId", "Subject", "CreatedDate", "SystemModstamp",
        "IsDeleted",
    ),
    "Event": (
        "Id", "OwnerId", "StartDateTime", "DurationInMinutes", "ActivityDate", "IsAllDayEvent", "IsChild", "IsPrivate",
        "IsRecurrence", "ShowAs", "Type", "AccountId", "WhatId", "WhoId", "Subject", "CreatedDate", "SystemModstamp", "IsDeleted",
    ),
}  # fmt: skip
OBJECTS = tuple(FIELDS)


def soql(entity: str) -> str:
    return f"SELECT {', '.join(FIELDS[entity])} FROM {entity}"
