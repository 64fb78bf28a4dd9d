"""What is read of HubSpot: each type, its properties and links, and what its absence degrades."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connectors.hubspot import activities, mapping, ownership, quotes, schema
from connectors.hubspot.sheet import Context, Rows, Sheet

Mapper = Callable[[Sheet, Context], Rows]


@dataclass(frozen=True, slots=True)
class Stream:
    """One type. A `listed` one is compared id by id every night; the others are searched for changes."""

    type: str
    kind: str
    map: Mapper
    properties: tuple[str, ...]
    stamp: str = "hs_lastmodifieddate"
    history: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    moving: tuple[str, ...] = ()  #: links that may change without the record's date, read again every night
    also: tuple[str, Mapper] | None = None  #: another kind that its records may be
    listed: bool = False
    needed: bool = False  #: the night cannot go on without this type
    absent: str = ""  #: what is lost without it
    scopes: tuple[str, ...] = ()  #: one of these is needed
    degraded: Mapping[str, str] = field(default_factory=dict)  #: property -> what is lost without it


def _names(text: str) -> tuple[str, ...]:
    """Return names of properties, which stand in a row like words."""
    return tuple(text.split())


#: activities are read under the scope of contacts (docs/facts/hubspot.md, "Scopes")
_PEOPLE = ("crm.objects.contacts.read",)
_ABOUT = ("companies", "deals", "contacts")
_OF_ALL = ("hubspot_owner_id", "hs_timestamp", "hs_createdate")

COMPANIES = Stream(
    type="companies",
    kind="account",
    map=mapping.account,
    properties=(
        *_names("name domain hubspot_owner_id hs_parent_company_id type industry country numberofemployees annualrevenue"),
        *_names("createdate hs_merged_object_ids salesforceaccountid"),
        *schema.NAMES.values(),
    ),
    history=(ownership.OWNER,),
    listed=True,
    needed=True,
    scopes=("crm.objects.companies.read",),
)
CONTACTS = Stream(
    type="contacts",
    kind="contact",
    map=mapping.contact,
    properties=_names("jobtitle department salesforcecontactid createdate"),
    stamp="lastmodifieddate",
    links=("companies",),
    moving=("companies",),
    listed=True,
    needed=True,
    scopes=_PEOPLE,
)
DEALS = Stream(
    type="deals",
    kind="opportunity",
    map=mapping.opportunity,
    properties=(
        *_names("dealname dealstage pipeline amount deal_currency_code closedate createdate hs_is_closed"),
        *_names("hs_is_closed_won hs_deal_stage_probability hubspot_owner_id dealtype"),
        *mapping.FOREIGN_DEAL,
    ),
    history=mapping.HISTORY,
    links=("companies", "contacts"),
    moving=("companies", "contacts"),
    listed=True,
    needed=True,
    scopes=("crm.objects.deals.read",),
)
QUOTES = Stream(
    type="quotes",
    kind="quote",
    map=quotes.quote,
    properties=("hs_status", "hs_createdate"),
    links=("deals",),
    moving=("deals",),
    listed=True,
    absent="quotes sent do not count as asks, products on them not as presented",
    scopes=("crm.objects.quotes.read",),
)
LINE_ITEMS = Stream(
    type="line_items",
    kind="line_item",
    map=quotes.line_item,
    properties=_names("name hs_product_id amount createdate"),
    links=("deals", "quotes"),
    moving=("deals", "quotes"),
    also=("quote_item", quotes.quote_item),
    listed=True,
    absent="new products cannot be seen",
    scopes=("crm.objects.line_items.read", "e-commerce"),
)


def _activity(type_: str, map_: Mapper, properties: str = "") -> Stream:
    return Stream(
        type=type_,
        kind="activity",
        map=map_,
        properties=(*_OF_ALL, *_names(properties)),
        links=_ABOUT,
        moving=_ABOUT,
        scopes=_PEOPLE,
        absent=f"selling time without {type_}",
    )


MEETING = (
    "hs_activity_type hs_meeting_start_time hs_meeting_end_time hs_meeting_outcome hs_meeting_title hs_attendee_owner_ids"
)
CALL = "hs_activity_type hs_call_duration hs_call_direction hs_call_status hs_call_title"
EMAIL = "hs_email_direction hs_email_status hs_email_subject hs_email_thread_id"
TASK = "hs_task_status hs_task_subject hs_task_completion_date"
ACTIVITIES = (
    _activity("meetings", activities.meeting, MEETING),
    _activity("calls", activities.call, CALL),
    _activity("emails", activities.email, EMAIL),
    _activity("notes", activities.note),
    _activity("tasks", activities.task, TASK),
    _activity("communications", activities.message),
)
STREAMS = (COMPANIES, CONTACTS, DEALS, QUOTES, LINE_ITEMS, *ACTIVITIES)
#: kind -> the field that names what its records hang on, and that thing's type
PARENTS = {
    "contact": ("account_id", "companies"),
    "opportunity": ("account_id", "companies"),
    "line_item": ("opportunity_id", "deals"),
    "quote": ("opportunity_id", "deals"),
    "quote_item": ("quote_id", "quotes"),
}
#: kinds that are nothing without it
HANGING = ("line_item", "quote_item")
PRODUCTS = "products"
#: where firms keep a product's family: a property of their own, else HubSpot's type of product
FAMILY = ("product_family", "family", "hs_product_family", "hs_product_type")
