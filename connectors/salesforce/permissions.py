"""What our two permission sets grant, each right with its reason: the one place from which the sets in the org, the exported
source, the admin's review page and the doctor's check are made.

Which standard fields have field-level security of their own follows from describes of real orgs (`permissionable`). Names of
permissions are those of the Metadata API's PermissionSet.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.salesforce.schema import FIELDS, NAMES, OBJECT, PERMISSION_SET

VIEWER = "Assay_Viewer"
USER: Mapping[str, str] = {"ApiEnabled": "to log in by API", "ActivitiesAccess": "tasks, events and e-mails"}
OBJECTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "Account": (
        ("Read", "Edit", "ViewAllRecords"),
        "all accounts, whoever owns them; edit, because a field of ours is a field of the account",
    ),
    "Contact": (("Read", "ViewAllRecords"), "new people, departments and levels; no names, no addresses"),
    "Opportunity": (("Read", "ViewAllRecords"), "what is open, won and lost; its history, roles and products come with it"),
    "Product2": (("Read",), "families of products"),
    "Quote": (("Read",), "offers that the customer has; what stands on them comes with it"),
}
#: not every org has these, or guards them: a permission set that names what an org does not know is refused, so they are
#: granted by `assay schema apply`, which looks first, and left out of the exported source
OPTIONAL = ("EventRelation", "Quote", "QuoteLineItem", "AccountTeamMember", "EmailMessage", "EmailMessageRelation")
#: read of everybody by anybody: people and the org's own settings have no permission that an admin could give
OPEN = ("User", "UserRole", "OpportunityStage", "CurrencyType")
#: what is read of these objects needs a field permission; everything else of them comes with the object
SECURED: Mapping[str, Mapping[str, str]] = {
    "Account": {"ParentId": "corporate groups", "Type": "scope", "Industry": "look-alikes", "BillingCountry": "look-alikes",
                "NumberOfEmployees": "look-alikes", "AnnualRevenue": "look-alikes", "Website": "the same firm in HubSpot"},
    "Contact": {"AccountId": "whose contact it is", "Department": "whom to meet next", "Title": "its class only: whom to meet next"},
    "Opportunity": {"AccountId": "whose opportunity it is", "Amount": "potential", "Probability": "the value that is open",
                    "Type": "new business or renewal"},
    "OpportunityLineItem": {"Product2Id": "what was offered and bought", "TotalPrice": "what it was worth"},
    "Product2": {"Family": "which product families an account knows"},
    "Task": {"Type": "selling or service", "ActivityDate": "when it was", "TaskSubtype": "call, e-mail or task",
             "CallDurationInSeconds": "selling time",
             "CallType": "who called", "CompletedDateTime": "when it was done", "WhatId": "which account or opportunity",
             "WhoId": "which contact", "Subject": "a keyed hash, to find duplicates"},
    "Event": {"Type": "selling or service", "IsAllDayEvent": "whether its length means anything", "WhatId": "which account or opportunity",
              "WhoId": "which contact"},
    "EventRelation": {"Status": "who declined"},
    "Quote": {"OpportunityId": "which opportunity", "Status": "whether the customer has it"},
    "QuoteLineItem": {"QuoteId": "which quote", "Product2Id": "what was offered", "TotalPrice": "what it was worth"},
    "AccountTeamMember": {"UserId": "who else works on an account", "TeamMemberRole": "as what"},
    "EmailMessage": {"ActivityId": "the same mail as a task", "RelatedToId": "which account or opportunity",
                     "MessageDate": "when it was", "ThreadIdentifier": "a keyed hash, to know a conversation",
                     "Subject": "a keyed hash, to find duplicates"},
    "EmailMessageRelation": {"RelationId": "how many people it went to; no addresses"},
}  # fmt: skip
#: a part of an address is granted with its whole
WHOLES = {"Account.BillingCountry": "Account.BillingAddress"}


@dataclass(frozen=True, slots=True)
class Grant:
    """One right. `path` is an object or a field; empty for a permission of the user itself."""

    path: str
    right: str  #: Read, Edit, ViewAllRecords, or the name of a user permission
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {RIGHTS[self.right]}" if self.path else RIGHTS.get(self.right, self.right)


#: a right as set-up pages call it
RIGHTS = {
    "Read": "read",
    "Edit": "edit",
    "ViewAllRecords": "view all records",
    "ApiEnabled": "API Enabled",
    "ActivitiesAccess": "Access Activities",
}


@dataclass(frozen=True, slots=True)
class PermissionSet:
    name: str
    label: str
    description: str
    grants: Sequence[Grant]

    def everywhere(self) -> "PermissionSet":
        """Tell what any org takes."""
        return replace(self, grants=[g for g in self.grants if g.path.partition(".")[0] not in OPTIONAL])

    def user(self) -> list[str]:
        return [g.right for g in self.grants if not g.path]

    def objects(self) -> dict[str, set[str]]:
        """Map object -> rights."""
        return self._paths(dotted=False)

    def fields(self) -> dict[str, set[str]]:
        """Map Object.Field -> rights."""
        return self._paths(dotted=True)

    def _paths(self, *, dotted: bool) -> dict[str, set[str]]:
        rights: dict[str, set[str]] = {}
        for g in self.grants:
            if g.path and ("." in g.path) == dotted:
                rights.setdefault(g.path, set()).add(g.right)
        return rights


def integration() -> PermissionSet:
    """For the nightly user: exactly what the pull reads, and the nine fields it writes."""
    return PermissionSet(
        PERMISSION_SET,
        "Assay integration",
        "What Assay's nightly user needs, and nothing else.",
        [
            *(Grant("", name, why) for name, why in USER.items()),
            *(Grant(name, right, why) for name, (rights, why) in OBJECTS.items() for right in rights),
            *(Grant(secured(name, one), "Read", why) for name, fields in SECURED.items() for one, why in fields.items()),
            *(
                g
                for f in FIELDS
                for g in _own(
                    NAMES[f.meaning], edit=f.written, why="what Assay writes" if f.written else "what people answer"
                )
            ),
        ],
    )


def viewer() -> PermissionSet:
    """For reps and managers: see our fields, fill in the four that are theirs."""
    return PermissionSet(
        VIEWER,
        "Assay viewer",
        "Read Assay's verdict on accounts and answer it.",
        [
            g
            for f in FIELDS
            for g in _own(NAMES[f.meaning], edit=not f.written, why="the verdict" if f.written else "the answer of people")
        ],
    )


def _own(name: str, *, edit: bool, why: str) -> list[Grant]:
    return [Grant(f"{OBJECT}.{name}", right, why) for right in (("Read", "Edit") if edit else ("Read",))]


def secured(entity: str, name: str) -> str:
    """Return the path a field is granted by."""
    return WHOLES.get(f"{entity}.{name}", f"{entity}.{name}")


def lacking(visible: Mapping[str, Collection[str]]) -> list[str]:
    """Return reads of the permission table that a user does not have who sees these fields of these objects."""
    missing = [name for name in {**OBJECTS, **SECURED} if name not in visible]
    missing += [
        f"{name}.{one}" for name, fields in SECURED.items() if name in visible for one in fields if one not in visible[name]
    ]
    ours = [f"{OBJECT}.{n}" for n in NAMES.values() if n not in visible.get(OBJECT, ())]
    return missing + (ours if len(ours) < len(NAMES) else [])  # none at all: an admin has not made them yet
