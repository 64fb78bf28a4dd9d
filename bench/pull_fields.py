"""What every contender asks for: the fields of activities that Assay reads."""

FIELDS = {
    "Task": (
        "Id", "OwnerId", "ActivityDate", "Status", "IsClosed", "TaskSubtype", "CallDurationInSeconds", "CallType",
        "CompletedDateTime", "IsRecurrence", "AccountId", "WhatId", "WhoId", "Subject", "CreatedDate", "SystemModstamp",
        "IsDeleted",
    ),
    "Event": (
        "Id", "OwnerId", "StartDateTime", "DurationInMinutes", "ActivityDate", "IsAllDayEvent", "IsChild", "IsPrivate",
        "IsRecurrence", "ShowAs", "AccountId", "WhatId", "WhoId", "Subject", "CreatedDate", "SystemModstamp", "IsDeleted",
    ),
}  # fmt: skip
OBJECTS = tuple(FIELDS)


def soql(entity: str) -> str:
    return f"SELECT {', '.join(FIELDS[entity])} FROM {entity}"
