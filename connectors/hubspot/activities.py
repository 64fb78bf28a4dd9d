"""HubSpot's calls, meetings, mails, notes, tasks and messages as our activities; pure (docs/facts/hubspot.md, "Activities")."""

from collections.abc import Sequence

from connectors.columns import ids, instants, local_days, whole, within
from connectors.hubspot.links import chosen
from connectors.hubspot.sheet import Context, Rows, Sheet, rows

KINDS = {
    "calls": "call",
    "meetings": "meeting",
    "emails": "email",
    "notes": "note",
    "tasks": "task",
    "communications": "message",
}
TYPES = {prefix: type_ for type_, prefix in KINDS.items()}


def activity_id(type_: str, record: str) -> str:
    """HubSpot numbers each type by itself, so the type belongs to the id."""
    return f"{KINDS[type_]}:{record}"


def _activity(
    s: Sheet,
    c: Context,
    *,
    kind: str,
    status: Sequence[str],
    starts: list[int | None],
    seconds: Sequence[int | None],
    direction: Sequence[str | None],
    subject: str,
    thread: str = "",
    category: str = "",
) -> Rows:
    owners = ids(s["hubspot_owner_id"])
    keys = [activity_id(s.type, i) for i in s.ids]
    accounts, deals, contacts = zip(*belongs(s), strict=True) if s.count else ((), (), ())
    local = local_days(starts, [""] * s.count, {"": c.zone})
    return rows(
        keys,
        s.fill(kind),
        status,
        accounts,
        deals,
        contacts,
        owners,
        starts,
        seconds,
        local,
        s.fill(False),
        direction,
        s.fill(False),
        s.fill(None),
        c.subjects.column(s[subject]),
        c.subjects.column(s[thread]) if thread else s.fill(None),
        ids(s[category]) if category else s.fill(None),
        instants(s["hs_createdate"], c.odd, f"{s.type}.hs_createdate"),
        s.fill(False),
    )


def belongs(s: Sheet) -> list[tuple[str | None, str | None, str | None]]:
    """Return the account, opportunity and contact of each activity."""
    columns = [[chosen(x) for x in s.linked(to)] for to in ("companies", "deals", "contacts")]
    return list(zip(*columns, strict=True))


def _started(s: Sheet, c: Context, *names: str) -> list[int | None]:
    """Return the first of these moments that is given."""
    columns = [instants(s[n], c.odd, f"{s.type}.{n}") for n in names]
    return [next((v for v in values if v is not None), None) for values in zip(*columns, strict=True)]


def _milliseconds(column: Sequence[str]) -> list[int | None]:
    return [None if v is None else v // 1000 for v in whole(column)]


CALLS = {
    "": "held",
    "COMPLETED": "held",
    "CANCELED": "cancelled",
    "FAILED": "cancelled",
    "QUEUED": "planned",
    "CONNECTING": "planned",
    "RINGING": "planned",
    "CALLING_CRM_USER": "planned",
    "IN_PROGRESS": "planned",
}
#: an attempt that nobody answered takes a minute and a half (docs/facts/scoring.md, "Selling minutes")
UNANSWERED, ATTEMPT = ("BUSY", "NO_ANSWER", "MISSED"), 90
DIRECTIONS = {"INBOUND": "in", "OUTBOUND": "out"}


def call(s: Sheet, c: Context) -> Rows:
    status = s["hs_call_status"]
    lengths = within(_milliseconds(s.numbers("hs_call_duration", c.odd)), 0, 864_000, c.odd, "calls.hs_call_duration")
    seconds = [(n or ATTEMPT) if x in UNANSWERED else n or None for x, n in zip(status, lengths, strict=True)]
    return _activity(
        s,
        c,
        kind="call",
        status=[CALLS.get(x, "held") for x in status],
        starts=_started(s, c, "hs_timestamp"),
        seconds=seconds,
        direction=[DIRECTIONS.get(v) for v in s["hs_call_direction"]],
        subject="hs_call_title",
        category="hs_activity_type",
    )


MEETINGS = {
    "SCHEDULED": "planned",
    "COMPLETED": "held",
    "RESCHEDULED": "cancelled",
    "NO_SHOW": "no_show",
    "CANCELED": "cancelled",
}


def meeting(s: Sheet, c: Context) -> Rows:
    """An empty outcome of a past meeting means held: nobody fills it in (docs/facts/scoring.md, "Selling minutes")."""
    starts = _started(s, c, "hs_meeting_start_time", "hs_timestamp")
    ends = instants(s["hs_meeting_end_time"], c.odd, "meetings.hs_meeting_end_time")
    seconds = [e - b if b is not None and e is not None and e >= b else None for b, e in zip(starts, ends, strict=True)]
    if backwards := sum(1 for b, e in zip(starts, ends, strict=True) if b is not None and e is not None and e < b):
        c.odd["meetings: end before start, length unknown"] += backwards
    return _activity(
        s,
        c,
        kind="meeting",
        status=[MEETINGS.get(v.upper(), "held") for v in s["hs_meeting_outcome"]],
        starts=starts,
        seconds=seconds,
        direction=s.fill(None),
        subject="hs_meeting_title",
        category="hs_activity_type",
    )


MAILS = {"BOUNCED": "cancelled", "FAILED": "cancelled", "SCHEDULED": "planned", "SENDING": "planned"}


def email(s: Sheet, c: Context) -> Rows:
    direction = ["in" if v == "INCOMING_EMAIL" else "out" for v in s["hs_email_direction"]]
    return _activity(
        s,
        c,
        kind="email",
        status=[MAILS.get(v, "held") for v in s["hs_email_status"]],
        starts=_started(s, c, "hs_timestamp", "hs_createdate"),
        seconds=s.fill(None),
        direction=direction,
        subject="hs_email_subject",
        thread="hs_email_thread_id",
    )


def note(s: Sheet, c: Context) -> Rows:
    return _activity(
        s,
        c,
        kind="note",
        status=s.fill("held"),
        starts=_started(s, c, "hs_timestamp", "hs_createdate"),
        seconds=s.fill(None),
        direction=s.fill(None),
        subject="",
    )


#: what is not done yet took no time
TASKS = {"COMPLETED": "held", "DEFERRED": "cancelled"}


def task(s: Sheet, c: Context) -> Rows:
    return _activity(
        s,
        c,
        kind="task",
        status=[TASKS.get(v, "draft") for v in s["hs_task_status"]],
        starts=_started(s, c, "hs_task_completion_date", "hs_timestamp", "hs_createdate"),
        seconds=s.fill(None),
        direction=s.fill(None),
        subject="hs_task_subject",
    )


def message(s: Sheet, c: Context) -> Rows:
    """A message by SMS, WhatsApp or LinkedIn costs what a mail costs."""
    return _activity(
        s,
        c,
        kind="email",
        status=s.fill("held"),
        starts=_started(s, c, "hs_timestamp", "hs_createdate"),
        seconds=s.fill(None),
        direction=s.fill("out"),
        subject="",
    )


def theirs(s: Sheet) -> Rows:
    """Return contacts of activities besides the one that the activity itself names."""
    return _besides(s, "contacts", "c", "theirs")


def about(s: Sheet) -> Rows:
    """Return companies of activities besides the one that the activity itself names."""
    return _besides(s, "companies", "a", "about")


def _besides(s: Sheet, to_type: str, mark: str, side: str) -> Rows:
    return [
        (f"{activity}:{mark}{x.id}", activity, side, x.id, False, False)
        for record, links in zip(s.ids, s.linked(to_type), strict=True)
        if len(links) > 1
        for activity in (activity_id(s.type, record),)
        for x in links
        if x.id != chosen(links)
    ]


def colleagues(s: Sheet) -> Rows:
    """Return owners who were invited to a meeting besides its own."""
    return [
        (f"{activity}:o{person}", activity, "ours", person, False, False)
        for record, own, people in zip(s.ids, s["hubspot_owner_id"], s["hs_attendee_owner_ids"], strict=True)
        for activity in (activity_id(s.type, record),)
        for person in dict.fromkeys(p.strip() for p in people.split(";"))
        if person and person != own
    ]
