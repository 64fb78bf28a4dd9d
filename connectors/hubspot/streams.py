"""What is read of HubSpot: each type, its properties and links, and what its absence degrades."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connectors.hubspot import activities, mapping, schema
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
    listed: bool = False
    needed: bool = False  #: the night cannot go on without this type
    absent: str = ""  #: what is lost without it
    scopes: tuple[str, ...] = ()  #: one of these is needed
    degraded: Mapping[str, str] = field(default_factory=dict)  #: property -> what is lost without it


#: activities are read under the scope of contacts (hubspot.md 1.2)
_PEOPLE = ("crm.objects.contacts.read",)
_ABOUT = ("companies", "deals", "contacts")
_OF_ALL = ("hubspot_owner_id", "hs_timestamp", "hs_createdate")

COMPANIES = Stream(
    "companies", "account", mapping.account,
    ("name", "domain", "hubspot_owner_id", "hs_parent_company_id", "type", "industry", "country", "numberofemployees",
     "annualrevenue", "createdate", "hs_merged_object_ids", "salesforceaccountid", *schema.NAMES.values()),
    listed=True, needed=True, scopes=("crm.objects.companies.read",),
)  # fmt: skip
CONTACTS = Stream(
    "contacts", "contact", mapping.contact, ("jobtitle", "department", "salesforcecontactid", "createdate"), stamp="lastmodifieddate",
    links=("companies",), moving=("companies",), listed=True, needed=True, scopes=_PEOPLE,
)  # fmt: skip
DEALS = Stream(
    "deals", "opportunity", mapping.opportunity,
    ("dealname", "dealstage", "pipeline", "amount", "deal_currency_code", "closedate", "createdate", "hs_is_closed",
     "hs_is_closed_won", "hs_deal_stage_probability", "hubspot_owner_id", "dealtype", *mapping.FOREIGN_DEAL),
    history=mapping.HISTORY, links=("companies", "contacts"), moving=("companies", "contacts"), listed=True, needed=True,
    scopes=("crm.objects.deals.read",),
)  # fmt: skip
LINE_ITEMS = Stream(
    "line_items", "line_item", mapping.line_item, ("name", "hs_product_id", "amount", "createdate"), links=("deals",),
    listed=True, absent="new products cannot be seen", scopes=("crm.objects.line_items.read", "e-commerce"),
)  # fmt: skip


def _activity(type_: str, map_: Mapper, *properties: str) -> Stream:
    return Stream(type_, "activity", map_, (*_OF_ALL, *properties), links=_ABOUT, moving=_ABOUT, scopes=_PEOPLE,
                  absent=f"selling time without {type_}")  # fmt: skip


ACTIVITIES = (
    _activity("meetings", activities.meeting, "hs_activity_type", "hs_meeting_start_time", "hs_meeting_end_time", "hs_meeting_outcome",
              "hs_meeting_title", "hs_attendee_owner_ids"),
    _activity("calls", activities.call, "hs_activity_type", "hs_call_duration", "hs_call_direction", "hs_call_status", "hs_call_title"),
    _activity("emails", activities.email, "hs_email_direction", "hs_email_status", "hs_email_subject", "hs_email_thread_id"),
    _activity("notes", activities.note),
    _activity("tasks", activities.task, "hs_task_status", "hs_task_subject", "hs_task_completion_date"),
    _activity("communications", activities.message),
)  # fmt: skip
STREAMS = (COMPANIES, CONTACTS, DEALS, LINE_ITEMS, *ACTIVITIES)
PRODUCTS = "products"
#: where firms keep a product's family: a property of their own, else HubSpot's type of product
FAMILY = ("product_family", "family", "hs_product_family", "hs_product_type")
