"""Salesforce's events, tasks and e-mails as our activities, and who took part; pure (docs/facts/salesforce.md, "Activities")."""

from collections.abc import Callable, Sequence

from connectors.columns import constant, days, flags, ids, instants, local_days, whole, within
from connectors.salesforce.sheet import Context, Rows, Sheet, ids_of, rows


def _accounts(s: Sheet) -> list[str | None]:
    """Its own account; where that field is hidden, what it is about."""
    if "AccountId" in s.columns:
        return [a or (w if w[:3] == "001" else None) for a, w in zip(s["AccountId"], s["WhatId"], strict=True)]
    return ids_of("001", s["WhatId"])


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
    decided: dict[tuple[str, ...], str] = {}
    combined = list(zip(*columns, strict=True))
    for values in set(combined):
        decided[values] = decide(*values)
    return [decided[v] for v in combined]


def event(s: Sheet, c: Context) -> Rows:
    starts = _starts(s, c)
    length = within(whole(s["DurationInMinutes"]), 0, 100_000, c.odd, "Event.DurationInMinutes")
    all_day = flags(s["IsAllDayEvent"])
    return rows(
        s["Id"],
        s.fill("meeting"),
        _statuses(_event_status, s["IsPrivate"], s["IsRecurrence"], s["ShowAs"]),
        _accounts(s),
        ids_of("006", s["WhatId"]),
        ids_of("003", s["WhoId"]),
        ids(s["OwnerId"]),
        starts,
        [None if m is None else m * 60 for m in length],
        local_days(starts, s["OwnerId"], c.zones),
        all_day,
        s.fill(None),
        flags(s["IsChild"]),
        s.fill(None),
        c.subjects.column(s["Subject"]),
        s.fill(None),
        ids(s["Type"]),
        instants(s["CreatedDate"], c.odd, "Event.CreatedDate"),
        flags(s["IsDeleted"]),
    )


def _starts(s: Sheet, c: Context) -> list[int | None]:
    """StartDateTime; an all-day event has ActivityDate only."""
    starts = instants(s["StartDateTime"], c.odd, "Event.StartDateTime")
    if None not in starts:
        return starts
    dates = days(s["ActivityDate"])
    return [d * 86_400 if m is None and d is not None else m for m, d in zip(starts, dates, strict=True)]


KINDS = {"Call": "call", "Email": "email", "ListEmail": "email", "Meeting": "meeting"}


def _task_kind(subtype: str, kind: str, seconds: str) -> str:
    named = KINDS.get(subtype) or KINDS.get(kind)
    return named or ("call" if seconds else "task")


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
    return rows(
        s["Id"],
        kinds,
        _statuses(_task_status, s["IsRecurrence"], s["IsClosed"], s["Status"]),
        _accounts(s),
        ids_of("006", s["WhatId"]),
        ids_of("003", s["WhoId"]),
        ids(s["OwnerId"]),
        starts,
        seconds,
        owner_days,
        s.fill(False),
        direction,
        s.fill(False),
        s.fill(None),
        c.subjects.column(s["Subject"]),
        s.fill(None),
        ids(s["Type"]),
        created,
        flags(s["IsDeleted"]),
    )


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
    return rows(
        s["Id"],
        s.fill("email"),
        status,
        ids_of("001", related),
        ids_of("006", related),
        s.fill(None),
        ids(s["CreatedById"]),
        starts,
        s.fill(None),
        local_days(starts, s["CreatedById"], c.zones),
        s.fill(False),
        direction,
        s.fill(False),
        ids(s["ActivityId"]),
        c.subjects.column(s["Subject"]),
        c.subjects.column(s["ThreadIdentifier"]),
        s.fill(None),
        created,
        flags(s["IsDeleted"]),
    )


SIDES = {"005": "ours", "003": "theirs", "001": "about"}


def participant(s: Sheet, c: Context) -> Rows:
    sides = [SIDES.get(v[:3], "other") for v in s["RelationId"]]
    if others := sides.count("other"):
        c.odd["EventRelation: no contact, user or account (a lead, a resource), kept without a side"] += others
    declined = [v == "Declined" for v in s["Status"]]
    return rows(s["Id"], s["EventId"], sides, s["RelationId"], declined, flags(s["IsDeleted"]))


def correspondent(s: Sheet, c: Context) -> Rows:
    """Tell who a mail went to or came from, by id; addresses are not read."""
    sides = [SIDES.get(v[:3], "other") for v in s["RelationId"]]
    found = rows(s["Id"], s["EmailMessageId"], sides, s["RelationId"], s.fill(False), flags(s["IsDeleted"]))
    return [r for r in found if r[3]]
