"""HubSpot's objects to our records; pure. The only place, with `schema` and `streams`, that knows the vendor's names.

Property meanings: reference/hubspot.md 1.10 and 1.11, where each has its source.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.columns import Keyed, cents, domains, ids, instants, local_days, whole, within
from connectors.hubspot import schema
from connectors.hubspot.links import Link, Links, chosen
from connectors.titles import level

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class StageFacts:
    """What a pipeline says of a stage."""

    probability: int
    closed: bool
    won: bool


@dataclass(slots=True)
class Context:
    """What a mapping needs besides the records."""

    subjects: Keyed
    people: Keyed
    zone: str = "UTC"  #: the portal's time zone; HubSpot's owners have none of their own
    stages: dict[str, StageFacts] = field(default_factory=dict)
    families: dict[str, str] = field(default_factory=dict)  #: product -> family
    odd: Counter[str] = field(default_factory=Counter)


class Sheet:
    """Some records of one type, column by column; a property that is absent or null reads as empty."""

    def __init__(self, type_: str, records: Sequence[Mapping[str, Any]], links: Links) -> None:
        self.type, self.records, self.links, self.count = type_, records, links, len(records)
        self._properties = [r["properties"] for r in records]
        self.ids = [str(r["id"]) for r in records]

    def __getitem__(self, name: str) -> list[str]:
        return [p.get(name) or "" for p in self._properties]

    def fill(self, value: Any) -> list[Any]:
        return [value] * self.count

    def linked(self, to_type: str) -> list[Sequence[Link]]:
        of_type = self.links.get(to_type, {})
        return [of_type.get(i, ()) for i in self.ids]

    def numbers(self, name: str, odd: Counter[str]) -> list[str]:
        """A number property; what is no number ("1;2;3" has been seen) is left out and counted."""
        column = self[name]
        known = {text: _is_number(text) for text in set(column)}
        if wrong := sum(1 for v in column if not known[v]):
            odd[f"{self.type}.{name}: no number, left out"] += wrong
        return [v if known[v] else "" for v in column]


def _is_number(text: str) -> bool:
    try:
        return not text or abs(float(text)) < float("inf")
    except ValueError:
        return False


def _zip(*columns: Sequence[Any]) -> Rows:
    return list(zip(*columns, strict=True))


# ---- people, stages, money ------------------------------------------------------------------------------------------


def owner(found: Any, c: Context) -> tuple[Any, ...]:
    """An owner as the SDK gives it; a deactivated one still has records."""
    name = " ".join(filter(None, (found.first_name, found.last_name))) or f"Owner {found.id}"
    started = int(found.created_at.timestamp()) if isinstance(found.created_at, datetime) else None
    key = c.people.column([found.email or ""])[0]
    return (str(found.id), name, not found.archived, found.type, None, None, c.zone, key, started, False)


def stage(pipeline: Any, place: int, found: Any, c: Context) -> tuple[Any, ...]:
    """A stage of the `place`th pipeline; won is closed with certainty (hubspot.md 1.10)."""
    said = found.metadata or {}
    odds = _percent(str(said.get("probability", "")))
    closed = str(said.get("isClosed", "")).lower() == "true" or odds in (0, 100)
    facts = StageFacts(odds or 0, closed, closed and odds == 100)
    c.stages[str(found.id)] = facts
    position = place * 1000 + int(found.display_order or 0)
    return (str(found.id), f"{pipeline.label}: {found.label}", position, closed, facts.won, odds, bool(found.archived))


def _percent(text: str) -> int | None:
    return round(float(text) * 100) if text and _is_number(text) else None


def currency(code: str, rate: float, corporate: str) -> tuple[Any, ...]:
    """HubSpot says what one unit is worth in the portal's currency; we keep the reverse."""
    return (code, round(1_000_000 / rate), code == corporate, False)


# ---- companies and contacts -----------------------------------------------------------------------------------------


def account(s: Sheet, c: Context) -> Rows:
    employees = within(whole(s.numbers("numberofemployees", c.odd)), 0, 10_000_000, c.odd, "companies.numberofemployees")
    revenue = cents(s.numbers("annualrevenue", c.odd), c.odd, "companies.annualrevenue")
    names = [n or d or f"Company {i}" for n, d, i in zip(s["name"], s["domain"], s.ids, strict=True)]
    ours = schema.read({n: s[n] for n in schema.NAMES.values()}, s.count)
    return _zip(
        s.ids, names, ids(s["hubspot_owner_id"]), ids(s["hs_parent_company_id"]), ids(s["type"]), ids(s["industry"]),
        ids(s["country"]), employees, revenue, s.fill(None), instants(s["createdate"], c.odd, "companies.createdate"),
        s.fill(None), domains(s["domain"]), ids(s["salesforceaccountid"]), ours, s.fill(False),
    )  # fmt: skip


def merged(s: Sheet) -> Rows:
    """(loser, survivor, deleted) of companies that swallowed others (hubspot.md 1.12)."""
    return [
        (loser.strip(), survivor, True)
        for survivor, losers in zip(s.ids, s["hs_merged_object_ids"], strict=True)
        for loser in losers.split(";")
        if loser.strip() and loser.strip() != survivor
    ]


def contact(s: Sheet, c: Context) -> Rows:
    known = {t: level(t) for t in set(s["jobtitle"])}
    accounts = [chosen(x) for x in s.linked("companies")]
    return _zip(s.ids, accounts, ids(s["department"]), [known[t] for t in s["jobtitle"]], ids(s["salesforcecontactid"]),
                instants(s["createdate"], c.odd, "contacts.createdate"), s.fill(False))  # fmt: skip


# ---- deals ----------------------------------------------------------------------------------------------------------


def opportunity(s: Sheet, c: Context) -> Rows:
    stages = s["dealstage"]
    facts = [c.stages.get(x) for x in stages]
    closed = _flags(s["hs_is_closed"], [f is not None and f.closed for f in facts])
    won = _flags(s["hs_is_closed_won"], [f is not None and f.won for f in facts])
    odds = [_percent(v) for v in s.numbers("hs_deal_stage_probability", c.odd)]
    if strange := sum(1 for x, f in zip(stages, facts, strict=True) if x and f is None):
        c.odd["deals.dealstage: a stage of no pipeline that this key sees"] += strange
    return _zip(
        s.ids, [chosen(x) for x in s.linked("companies")], ids(s["hubspot_owner_id"]), s["dealname"], ids(stages),
        cents(s.numbers("amount", c.odd), c.odd, "deals.amount"), ids(s["deal_currency_code"]),
        within(odds, 0, 100, c.odd, "deals.hs_deal_stage_probability"), _dates(s["closedate"], c, "deals.closedate"),
        ids(s["dealtype"]), instants(s["createdate"], c.odd, "deals.createdate"), closed, won, _foreign(s), s.fill(False),
    )  # fmt: skip


#: the names under which portals hold a synchronised opportunity's id
FOREIGN_DEAL = ("hs_salesforceopportunityid", "salesforceopportunityid", "salesforce_opportunity_id")


def _foreign(s: Sheet) -> list[str | None]:
    columns = [s[name] for name in FOREIGN_DEAL]
    return [next((v for v in values if v), None) for values in zip(*columns, strict=True)]


def _flags(column: Sequence[str], otherwise: Sequence[bool]) -> list[bool]:
    return [v == "true" if v else o for v, o in zip(column, otherwise, strict=True)]


def _dates(column: Sequence[str], c: Context, name: str) -> list[int | None]:
    """The date of a moment in the portal's time zone, where people picked it."""
    return local_days(instants(column, c.odd, name), [""] * len(column), {"": c.zone})


HISTORY = ("dealstage", "amount", "closedate")


def history(s: Sheet, c: Context) -> Rows:
    """What each deal looked like after each change of stage, amount or close date, oldest first."""
    deals: list[str] = []
    moments: list[str] = []
    states: list[Mapping[str, str]] = []
    for deal, record in zip(s.ids, s.records, strict=True):
        for moment, state in _changes(record):
            deals.append(deal)
            moments.append(moment)
            states.append(state)
    at = instants(moments, c.odd, "deals history")
    amounts = [x["amount"] for x in states]
    known = {text: text if _is_number(text) else "" for text in set(amounts)}
    money = cents([known[x] for x in amounts], c.odd, "deals history.amount")
    closes = _dates([x["closedate"] for x in states], c, "deals history.closedate")
    stages = [x["dealstage"] or None for x in states]
    odds = [None if (f := c.stages.get(x or "")) is None else f.probability for x in stages]
    keys = [f"{deal}:{m.translate(DIGITS_ONLY)}" for deal, m in zip(deals, moments, strict=True)]
    rows = _zip(keys, deals, at, stages, money, closes, odds, [False] * len(keys))
    return [row for row in rows if row[2] is not None]


def _changes(record: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The moments of a deal's changes with what it was from then on."""
    told = record.get("propertiesWithHistory") or {}
    events: dict[str, dict[str, str]] = {}
    for name in HISTORY:
        for entry in told.get(name) or ():
            events.setdefault(entry["timestamp"], {})[name] = entry.get("value") or ""
    # a property whose past nobody recorded has always been what it is now
    state = {n: "" if told.get(n) else record["properties"].get(n) or "" for n in HISTORY}
    for moment in sorted(events):
        state = state | events[moment]
        yield moment, state


DIGITS_ONLY = str.maketrans("", "", "-:.TZ+")


def contact_role(s: Sheet, _: Context) -> Rows:
    """Contacts of deals; HubSpot does not say since when."""
    return [
        (f"{deal}:{x.id}", deal, x.id, x.label, None, False)
        for deal, links in zip(s.ids, s.linked("contacts"), strict=True)
        for x in links
    ]


def line_item(s: Sheet, c: Context) -> Rows:
    deals = [chosen(x) for x in s.linked("deals")]
    if loose := deals.count(None):
        c.odd["line_items: of no deal, left out"] += loose
    products = s["hs_product_id"]
    families = [c.families.get(p) or n or None for p, n in zip(products, s["name"], strict=True)]
    created = instants(s["createdate"], c.odd, "line_items.createdate")
    amounts = cents(s.numbers("amount", c.odd), c.odd, "line_items.amount")
    rows = _zip(s.ids, deals, ids(products), families, amounts, created, s.fill(False))
    return [r for r in rows if r[1] is not None]


# ---- activities -----------------------------------------------------------------------------------------------------

KINDS = {"calls": "call", "meetings": "meeting", "emails": "email", "notes": "note", "tasks": "task",
         "communications": "message"}  # fmt: skip
TYPES = {prefix: type_ for type_, prefix in KINDS.items()}


def activity_id(type_: str, record: str) -> str:
    """HubSpot numbers each type by itself, so the type belongs to the id."""
    return f"{KINDS[type_]}:{record}"


def _activity(s: Sheet, c: Context, *, kind: str, status: Sequence[str], starts: list[int | None],
              seconds: Sequence[int | None], direction: Sequence[str | None], subject: str,
              thread: str = "") -> Rows:  # fmt: skip
    owners = ids(s["hubspot_owner_id"])
    keys = [activity_id(s.type, i) for i in s.ids]
    accounts, deals, contacts = zip(*belongs(s), strict=True) if s.count else ((), (), ())
    local = local_days(starts, [""] * s.count, {"": c.zone})
    return _zip(
        keys, s.fill(kind), status, accounts, deals, contacts, owners, starts, seconds, local, s.fill(False), direction,
        s.fill(False), s.fill(None), c.subjects.column(s[subject]), c.subjects.column(s[thread]) if thread else s.fill(None),
        instants(s["hs_createdate"], c.odd, f"{s.type}.hs_createdate"), s.fill(False),
    )  # fmt: skip


def belongs(s: Sheet) -> list[tuple[str | None, str | None, str | None]]:
    """The account, opportunity and contact of each activity."""
    columns = [[chosen(x) for x in s.linked(to)] for to in ("companies", "deals", "contacts")]
    return list(zip(*columns, strict=True))


def _started(s: Sheet, c: Context, *names: str) -> list[int | None]:
    """The first of these moments that is given."""
    columns = [instants(s[n], c.odd, f"{s.type}.{n}") for n in names]
    return [next((v for v in values if v is not None), None) for values in zip(*columns, strict=True)]


def _milliseconds(column: Sequence[str]) -> list[int | None]:
    return [None if v is None else v // 1000 for v in whole(column)]


CALLS = {"": "held", "COMPLETED": "held", "CANCELED": "cancelled", "FAILED": "cancelled", "QUEUED": "planned",
         "CONNECTING": "planned", "RINGING": "planned", "CALLING_CRM_USER": "planned", "IN_PROGRESS": "planned"}  # fmt: skip
#: an attempt that nobody answered takes a minute and a half (reference/scoring.md 2.1)
UNANSWERED, ATTEMPT = ("BUSY", "NO_ANSWER", "MISSED"), 90
DIRECTIONS = {"INBOUND": "in", "OUTBOUND": "out"}


def call(s: Sheet, c: Context) -> Rows:
    status = s["hs_call_status"]
    lengths = within(_milliseconds(s.numbers("hs_call_duration", c.odd)), 0, 864_000, c.odd, "calls.hs_call_duration")
    seconds = [(n or ATTEMPT) if x in UNANSWERED else n or None for x, n in zip(status, lengths, strict=True)]
    return _activity(
        s, c, kind="call", status=[CALLS.get(x, "held") for x in status], starts=_started(s, c, "hs_timestamp"),
        seconds=seconds, direction=[DIRECTIONS.get(v) for v in s["hs_call_direction"]], subject="hs_call_title",
    )  # fmt: skip


MEETINGS = {"SCHEDULED": "planned", "COMPLETED": "held", "RESCHEDULED": "cancelled", "NO_SHOW": "no_show",
            "CANCELED": "cancelled"}  # fmt: skip


def meeting(s: Sheet, c: Context) -> Rows:
    """An empty outcome of a past meeting means held: nobody fills it in (reference/scoring.md 2.1)."""
    starts = _started(s, c, "hs_meeting_start_time", "hs_timestamp")
    ends = instants(s["hs_meeting_end_time"], c.odd, "meetings.hs_meeting_end_time")
    seconds = [e - b if b is not None and e is not None and e >= b else None for b, e in zip(starts, ends, strict=True)]
    if backwards := sum(1 for b, e in zip(starts, ends, strict=True) if b is not None and e is not None and e < b):
        c.odd["meetings: end before start, length unknown"] += backwards
    return _activity(
        s, c, kind="meeting", status=[MEETINGS.get(v.upper(), "held") for v in s["hs_meeting_outcome"]], starts=starts,
        seconds=seconds, direction=s.fill(None), subject="hs_meeting_title",
    )  # fmt: skip


MAILS = {"BOUNCED": "cancelled", "FAILED": "cancelled", "SCHEDULED": "planned", "SENDING": "planned"}


def email(s: Sheet, c: Context) -> Rows:
    direction = ["in" if v == "INCOMING_EMAIL" else "out" for v in s["hs_email_direction"]]
    return _activity(
        s, c, kind="email", status=[MAILS.get(v, "held") for v in s["hs_email_status"]],
        starts=_started(s, c, "hs_timestamp", "hs_createdate"), seconds=s.fill(None), direction=direction,
        subject="hs_email_subject", thread="hs_email_thread_id",
    )  # fmt: skip


def note(s: Sheet, c: Context) -> Rows:
    return _activity(s, c, kind="note", status=s.fill("held"), starts=_started(s, c, "hs_timestamp", "hs_createdate"),
                     seconds=s.fill(None), direction=s.fill(None), subject="")  # fmt: skip


#: what is not done yet took no time
TASKS = {"COMPLETED": "held", "DEFERRED": "cancelled"}


def task(s: Sheet, c: Context) -> Rows:
    return _activity(
        s, c, kind="task", status=[TASKS.get(v, "draft") for v in s["hs_task_status"]],
        starts=_started(s, c, "hs_task_completion_date", "hs_timestamp", "hs_createdate"), seconds=s.fill(None),
        direction=s.fill(None), subject="hs_task_subject",
    )  # fmt: skip


def message(s: Sheet, c: Context) -> Rows:
    """A message by SMS, WhatsApp or LinkedIn costs what a mail costs."""
    return _activity(s, c, kind="email", status=s.fill("held"), starts=_started(s, c, "hs_timestamp", "hs_createdate"),
                     seconds=s.fill(None), direction=s.fill("out"), subject="")  # fmt: skip


def theirs(s: Sheet) -> Rows:
    """Contacts of activities besides the one that the activity itself names."""
    return [
        (f"{activity}:c{x.id}", activity, "theirs", x.id, False, False)
        for record, links in zip(s.ids, s.linked("contacts"), strict=True)
        if len(links) > 1
        for activity in (activity_id(s.type, record),)
        for x in links
        if x.id != chosen(links)
    ]


def colleagues(s: Sheet) -> Rows:
    """Owners who were invited to a meeting besides its own."""
    return [
        (f"{activity}:o{person}", activity, "ours", person, False, False)
        for record, own, people in zip(s.ids, s["hubspot_owner_id"], s["hs_attendee_owner_ids"], strict=True)
        for activity in (activity_id(s.type, record),)
        for person in dict.fromkeys(p.strip() for p in people.split(";"))
        if person and person != own
    ]
