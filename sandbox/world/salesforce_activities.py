"""The activities of an account as a Salesforce org records them: events, tasks, and the mails behind tasks."""

from collections.abc import Mapping

from sandbox.world.dossier import Entry
from sandbox.world.plan import Rep
from sandbox.world.salesforce_sheets import Ids, Writer, flag
from sandbox.world.timeline import Touch, length


def add_activity(out: Writer, ids: Ids, entry: Entry, rep: Rep) -> None:
    """Write one entry as the records that this org makes of it."""
    touch = entry.touch
    if touch.kind == "meeting":
        _meeting(out, ids, entry, rep)
    elif touch.kind == "call":
        _task(out, ids, touch, "Call", "Call", {"CallDurationInSeconds": round(touch.minutes * 60), "CallType": "Outbound"})
    else:
        task = _task(out, ids, touch, "Email", entry.subject, {})
        at = out.stamp(touch.ago)
        out.add(
            "EmailMessage",
            ActivityId=task,
            RelatedToId=ids.account,
            Subject=entry.subject,
            Incoming="false",
            Status="3",
            MessageDate=at,
            CreatedById=ids.owner,
            CreatedDate=at,
            SystemModstamp=at,
        )


def _task(out: Writer, ids: Ids, touch: Touch, subtype: str, subject: str, more: Mapping[str, object]) -> str:
    at = out.stamp(touch.ago)
    return out.add(
        "Task",
        AccountId=ids.account,
        WhatId=ids.account,
        WhoId=ids.people[touch.contact],
        OwnerId=ids.owner,
        Subject=subject,
        ActivityDate=out.day(touch.ago),
        Status="Completed",
        IsClosed="true",
        TaskSubtype=subtype,
        CompletedDateTime=at,
        CreatedDate=at,
        SystemModstamp=at,
        IsArchived=flag(touch.ago >= 365),
        **more,
    )


#: what makes a calendar entry no selling time
ODD: Mapping[str, dict[str, object]] = {
    "private": {"IsPrivate": "true"},
    "free": {"ShowAs": "Free"},
    "template": {"IsRecurrence": "true"},
    "all_day": {"IsAllDayEvent": "true", "DurationInMinutes": 1440},
}


def _meeting(out: Writer, ids: Ids, entry: Entry, rep: Rep) -> None:
    """Write an event, its copies for colleagues, its relations; sometimes a non-meeting beside it, or a double."""
    touch = entry.touch
    minutes = length(touch)
    at, end = out.stamp(touch.ago), out.stamp(touch.ago - minutes / 1440)
    created = out.stamp(touch.ago + 1)
    event: dict[str, object] = {
        "AccountId": ids.account,
        "WhatId": ids.account,
        "WhoId": ids.people[touch.contact],
        "OwnerId": ids.owner,
        "Subject": entry.subject,
        "StartDateTime": at,
        "EndDateTime": end,
        "DurationInMinutes": minutes,
        "ActivityDate": out.day(touch.ago),
        "IsAllDayEvent": "false",
        "IsChild": "false",
        "IsPrivate": "false",
        "IsGroupEvent": flag(touch.colleagues),
        "IsRecurrence": "false",
        "ShowAs": "Busy",
        "CreatedDate": created,
        "SystemModstamp": created,
        "IsArchived": flag(touch.ago >= 365),
    }
    if entry.odd:
        out.add("Event", **(event | ODD[entry.odd]))
    record = out.add("Event", **event)
    relation = {"EventId": record, "Status": "Accepted", "CreatedDate": created, "SystemModstamp": created}
    out.add("EventRelation", **relation, RelationId=ids.people[touch.contact])
    if entry.colleague is not None:
        colleague = ids.users[entry.colleague]
        out.add("Event", **(event | {"OwnerId": colleague, "IsChild": "true"}))
        out.add("EventRelation", **relation, RelationId=colleague)
    if rep.doubled:
        out.add("Event", **(event | {"StartDateTime": out.stamp(touch.ago - 1 / 1440)}))
