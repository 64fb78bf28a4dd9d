"""The words everyone speaks.

Units, everywhere: an instant (`*_at`) is whole seconds since 1970-01-01T00:00Z; a date (`*_day`) is whole days since
1970-01-01; money (`*_cents`) is whole hundredths of the currency's unit, whatever that currency's own minor unit is; a
duration is whole seconds. `None` means unknown. Integers keep every SQL engine in agreement (docs/adr/0004).

A pulled record has the id its CRM gave it; where that is unique per type only, as for HubSpot's activities, the type
stands before it ("calls:17"). `deleted` is true once the CRM has soft-deleted it or no longer lists it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

# ---- what is pulled -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    name: str
    owner_id: str | None
    parent_id: str | None
    category: str | None  #: the CRM's own type of account ("Customer", "Prospect", ...)
    industry: str | None
    country: str | None
    employees: int | None
    annual_revenue_cents: int | None
    currency: str | None  #: None where the org has one currency
    created_at: int | None
    merged_into: str | None  #: the account that survived a merge
    domain: str | None  #: of its web site, lower case, without "www."
    foreign_id: str | None  #: the same account's id in another CRM, as this CRM says
    ours: str  #: canonical JSON (sorted keys, no spaces) of Assay's fields as the CRM holds them: {Meaning: value}
    traits: str | None  #: canonical JSON of the fields that [scope] asks for and the CRM has: {criterion: [values]}
    deleted: bool


@dataclass(frozen=True, slots=True)
class Contact:
    id: str
    account_id: str | None
    department: str | None
    level: str | None  #: class of the title: "chief", "director", "manager", "staff"; the title itself is not kept
    foreign_id: str | None  #: the same person's id in another CRM, as this CRM says
    created_at: int | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class Owner:
    """A person of the selling firm."""

    id: str
    name: str
    active: bool
    kind: str | None  #: the CRM's type of user ("Standard", ...)
    role: str | None
    manager_id: str | None
    time_zone: str | None  #: IANA name
    person_key: int | None  #: keyed hash of the e-mail address, so that two CRMs' users of one person are one
    started_at: int | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class Stage:
    id: str  #: the stage's API name, as opportunities carry it
    label: str
    position: int | None
    closed: bool
    won: bool
    probability: int | None  #: per cent, the admin's default
    deleted: bool


@dataclass(frozen=True, slots=True)
class Opportunity:
    id: str
    account_id: str | None
    owner_id: str | None
    name: str
    stage: str | None
    amount_cents: int | None
    currency: str | None
    probability: int | None  #: per cent
    close_day: int | None
    category: str | None
    created_at: int | None
    closed: bool
    won: bool
    foreign_id: str | None  #: the same opportunity's id in another CRM, as this CRM says
    deleted: bool


@dataclass(frozen=True, slots=True)
class OpportunityChange:
    """What an opportunity looked like from `changed_at` on."""

    id: str
    opportunity_id: str
    changed_at: int
    stage: str | None
    amount_cents: int | None
    close_day: int | None
    probability: int | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class LineItem:
    id: str
    opportunity_id: str
    product_id: str | None
    family: str | None
    amount_cents: int | None
    created_at: int | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """An account went from one owner to another."""

    id: str
    account_id: str
    changed_at: int
    owner_id: str | None  #: who took over
    former_id: str | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class TeamMember:
    """A colleague who works on an account besides its owner; the book stays the owner's."""

    id: str
    account_id: str
    owner_id: str
    role: str | None
    created_at: int | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class Quote:
    id: str
    opportunity_id: str | None
    presented: bool  #: the customer has it, whatever the answer was
    created_at: int | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class QuoteItem:
    id: str
    quote_id: str
    product_id: str | None
    family: str | None
    amount_cents: int | None
    created_at: int | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class ContactRole:
    """A contact that plays a part in an opportunity."""

    id: str
    opportunity_id: str
    contact_id: str
    role: str | None
    created_at: int | None
    deleted: bool


ActivityKind = Literal["meeting", "call", "email", "task", "note"]
#: "held" also for a past meeting with no outcome; only "held" and, once their time has come, "planned" ones earn
#: minutes; "no_show" keeps five minutes; "template" is the pattern of a series, not a meeting.
ActivityStatus = Literal["held", "planned", "cancelled", "no_show", "private", "free", "template", "draft"]


@dataclass(frozen=True, slots=True)
class Activity:
    id: str
    kind: str  #: ActivityKind
    status: str  #: ActivityStatus
    account_id: str | None  #: its own account; features fall back to the opportunity's, then the contact's
    opportunity_id: str | None
    contact_id: str | None
    owner_id: str | None
    starts_at: int | None
    seconds: int | None  #: measured length; None where nobody measured
    owner_day: int | None  #: the date of `starts_at` in the owner's own time zone (UTC where unknown)
    all_day: bool
    direction: str | None  #: "in", "out"
    child: bool  #: the copy of a meeting that an invited colleague gets
    twin_id: str | None  #: another record of the same activity (a mail's task)
    subject_key: int | None  #: keyed hash of the normalised subject; the subject is not kept
    thread_key: int | None  #: keyed hash of the mail thread
    category: str | None  #: the CRM's own type of activity ("Service visit", ...)
    created_at: int | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class Participant:
    """A person in an activity besides its owner."""

    id: str
    activity_id: str
    side: str  #: "ours" (an owner), "theirs" (a contact), "about" (another account that the activity is about), "other"
    person_id: str
    declined: bool
    deleted: bool


@dataclass(frozen=True, slots=True)
class CurrencyRate:
    id: str  #: ISO code
    micro_per_corporate: int  #: units of this currency for one unit of the org's own, times 1,000,000
    corporate: bool
    deleted: bool


Record = (
    Account
    | Contact
    | Owner
    | Stage
    | Opportunity
    | OpportunityChange
    | LineItem
    | OwnerChange
    | TeamMember
    | Quote
    | QuoteItem
    | ContactRole
    | Activity
    | Participant
    | CurrencyRate
)

#: every pulled kind by the name of its table
KINDS: dict[str, type[Record]] = {
    "owner": Owner,
    "stage": Stage,
    "currency_rate": CurrencyRate,
    "account": Account,
    "contact": Contact,
    "opportunity": Opportunity,
    "opportunity_change": OpportunityChange,
    "line_item": LineItem,
    "owner_change": OwnerChange,
    "team_member": TeamMember,
    "quote": Quote,
    "quote_item": QuoteItem,
    "contact_role": ContactRole,
    "activity": Activity,
    "participant": Participant,
}


def columns(kind: str) -> tuple[str, ...]:
    """Return names of a kind's fields, in the order in which a page's rows hold them."""
    return tuple(f.name for f in fields(KINDS[kind]))


# ---- what is judged -------------------------------------------------------------------------------------------------

COMFORT, EARNING, UNDER, BALANCED = "Comfort zone", "Earning its time", "Under-worked", "Balanced"
NO_EVIDENCE, THIN_LOGGING = "Not enough evidence", "Logging too thin"
STATES = (COMFORT, EARNING, UNDER, BALANCED, NO_EVIDENCE, THIN_LOGGING)
GRADES = ("A", "B", "C", "?")


@dataclass(frozen=True, slots=True)
class Reason:
    code: str  #: "T1", "D1", ... (docs/reasons.md)
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """One account's verdict on one night. Money in whole units of `currency`, the org's own."""

    account_id: str
    name: str
    owner_id: str | None
    state: str
    state_since: int  #: day
    expected: float  #: revenue of the next 12 months
    expected_low: float
    expected_high: float
    headroom: float
    potential: float
    potential_low: float
    potential_high: float
    trailing_12m: float
    currency: str
    grade: str
    hours: float
    hours_low: float
    hours_high: float
    fair_hours: float
    hours_gap: float  #: hours - fair_hours
    p_over: float
    p_under: float
    p_shallow: float
    confidence: int  #: 0-100
    reasons: tuple[Reason, ...]
    next_step: str
    coverage: Mapping[str, float | str | None]  #: how well this book's activities are logged
    evidence: Mapping[str, float | str | None]  #: the counts the verdict rests on
    as_of: int  #: day
    model_version: str


# ---- what is written ------------------------------------------------------------------------------------------------

Value = str | int | float | None
#: what we write, in the order people read it
WRITTEN = ("state", "since", "potential", "grade", "hours", "fair_hours", "confidence", "reason", "next_step")
#: what people write and we only read; "answer_noted" says whether there is a note, the note is not kept
ANSWERS = ("potential_override", "snooze_until", "answer", "answer_noted")


@dataclass(frozen=True, slots=True)
class FieldUpdate:
    """New absolute values for some of our fields on one existing account.

    Values are canonical, so that what is read back compares equal: dates "YYYY-MM-DD", hours with one decimal,
    potential and confidence whole numbers, potential in the account's own currency.
    """

    account_id: str
    values: Mapping[str, Value]  #: Meaning -> new value; only what changes
    old: Mapping[str, Value] = field(default_factory=dict)  #: the same meanings as read from the CRM in this pull
    why: str = ""


@dataclass(frozen=True, slots=True)
class WriteResult:
    account_id: str
    ok: bool
    code: str = ""  #: the CRM's own code of the refusal
    message: str = ""  #: the CRM's own words
    transient: bool = False  #: worth another try (a lock, for instance)
