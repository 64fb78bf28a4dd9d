"""Object types: names, numbers, scopes and links (docs/facts/hubspot.md, "Scopes")."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Type:
    """Object type; `stamp` is the property that moves with every change."""

    name: str
    one: str
    number: str
    scopes: tuple[str, ...]
    stamp: str = "hs_lastmodifieddate"
    created: str = "createdate"
    activity: bool = False
    #: what an answer holds when nobody names properties
    usual: tuple[str, ...] = ()

    def writing(self) -> tuple[str, ...]:
        return tuple(s.replace(".read", ".write") for s in self.scopes)


_PEOPLE = ("crm.objects.contacts.read",)


def _activity(name: str, one: str, number: str) -> Type:
    return Type(name, one, number, _PEOPLE, created="hs_createdate", activity=True, usual=("hs_createdate",))


TYPES = {
    t.name: t
    for t in (
        Type("companies", "company", "0-2", ("crm.objects.companies.read",), usual=("name", "domain", "createdate")),
        Type(
            "contacts",
            "contact",
            "0-1",
            _PEOPLE,
            stamp="lastmodifieddate",
            usual=("firstname", "lastname", "email", "createdate"),
        ),
        Type(
            "deals",
            "deal",
            "0-3",
            ("crm.objects.deals.read",),
            usual=("dealname", "amount", "closedate", "pipeline", "dealstage", "createdate"),
        ),
        Type(
            "line_items",
            "line_item",
            "0-8",
            ("crm.objects.line_items.read", "e-commerce"),
            usual=("quantity", "amount", "price", "createdate"),
        ),
        Type(
            "products",
            "product",
            "0-7",
            ("crm.objects.products.read", "crm.objects.line_items.read", "e-commerce"),
            usual=("name", "description", "price", "createdate"),
        ),
        _activity("calls", "call", "0-48"),
        _activity("meetings", "meeting", "0-47"),
        _activity("emails", "email", "0-49"),
        _activity("notes", "note", "0-46"),
        _activity("tasks", "task", "0-27"),
        _activity("communications", "communication", "0-18"),
        Type(
            "quotes",
            "quote",
            "0-14",
            ("crm.objects.quotes.read",),
            created="hs_createdate",
            usual=("hs_title", "hs_createdate"),
        ),
        # known, so that clients which ask for everything find an empty list instead of an error
        Type("tickets", "ticket", "0-5", ("tickets",), usual=("subject", "createdate")),
        Type("leads", "lead", "0-136", ("crm.objects.leads.read",), usual=("hs_lead_name",)),
        Type("goal_targets", "goal_target", "0-74", ("crm.objects.goals.read",), usual=("hs_goal_name",)),
        Type("postal_mail", "postal_mails", "0-116", _PEOPLE, created="hs_createdate", usual=("hs_createdate",)),
        Type("deal_splits", "deal_split", "0-72", ("crm.objects.deals.read",), usual=("hs_createdate",)),
        Type("forms", "form", "0-28", ("forms",), usual=("hs_createdate",)),
        Type("feedback_submissions", "feedback_submission", "0-19", ("crm.objects.feedback_submissions.read",)),
    )
}
_BY_NAME = {
    key: t for t in TYPES.values() for key in (t.name, t.one, t.number, t.name.replace("_", " "), t.name.replace("_", ""))
}

#: (from, to) -> HubSpot's own type id of a plain link; the way back has another one
LINKS = {
    ("contacts", "companies"): 279, ("companies", "contacts"): 280, ("deals", "companies"): 341, ("companies", "deals"): 342,
    ("deals", "contacts"): 3, ("contacts", "deals"): 4, ("line_items", "deals"): 20, ("deals", "line_items"): 19,
    ("calls", "contacts"): 194, ("contacts", "calls"): 193, ("calls", "companies"): 182, ("companies", "calls"): 181,
    ("calls", "deals"): 206, ("deals", "calls"): 205, ("emails", "contacts"): 198, ("contacts", "emails"): 197,
    ("emails", "companies"): 186, ("companies", "emails"): 185, ("emails", "deals"): 210, ("deals", "emails"): 209,
    ("meetings", "contacts"): 200, ("contacts", "meetings"): 199, ("meetings", "companies"): 188,
    ("companies", "meetings"): 187, ("meetings", "deals"): 212, ("deals", "meetings"): 211, ("notes", "contacts"): 202,
    ("contacts", "notes"): 201, ("notes", "companies"): 190, ("companies", "notes"): 189, ("notes", "deals"): 214,
    ("deals", "notes"): 213, ("tasks", "contacts"): 204, ("contacts", "tasks"): 203, ("tasks", "companies"): 192,
    ("companies", "tasks"): 191, ("tasks", "deals"): 216, ("deals", "tasks"): 215, ("communications", "contacts"): 81,
    ("contacts", "communications"): 82, ("communications", "companies"): 87, ("companies", "communications"): 88,
    ("communications", "deals"): 85, ("deals", "communications"): 86, ("companies", "companies"): 14,
    ("quotes", "deals"): 64, ("deals", "quotes"): 63, ("quotes", "line_items"): 67, ("line_items", "quotes"): 68,
    ("quotes", "contacts"): 69, ("contacts", "quotes"): 70,
    ("quotes", "companies"): 71, ("companies", "quotes"): 72,
}  # fmt: skip
#: the primary company, and the way back from it
PRIMARY = {("contacts", "companies"): 1, ("companies", "contacts"): 2, ("deals", "companies"): 5, ("companies", "deals"): 6}


def find_type(name: str) -> Type | None:
    """Find a type by plural, singular or number, in any case of letters; None if it is unknown."""
    return _BY_NAME.get(name.lower())


#: a link that is asked for without a type
UNTYPED: tuple[dict[str, int], ...] = ({},)
