"""Objects and fields as a describe gives them.

Facts: `fields.csv`. Rows marked `recorded` are the flags of real orgs' describes (CumulusCI's recordings, BSD-3);
`object reference` rows follow the vendor's object reference.
"""

import csv
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

#: key prefixes: developer.salesforce.com "Standard Field Types", and recorded global describes
PREFIXES = {
    "Account": "001", "Contact": "003", "User": "005", "Opportunity": "006", "OpportunityHistory": "008",
    "Organization": "00D", "UserRole": "00E", "OpportunityContactRole": "00K", "OpportunityLineItem": "00k",
    "Task": "00T", "Event": "00U", "PricebookEntry": "01u", "Product2": "01t", "OpportunityStage": "01J",
    "AccountTeamMember": "01M", "OpportunityFieldHistory": "017", "AccountHistory": "017", "CurrencyType": "01L",
    "EmailMessage": "02s", "EventRelation": "0RE", "TaskRelation": "0RT", "EmailMessageRelation": "0CZ", "PermissionSet": "0PS",
    "PermissionSetAssignment": "0Pa", "FieldPermissions": "01k", "ObjectPermissions": "110", "ListView": "00B",
    "MetadataComponentDependency": "0PX", "Quote": "0Q0", "QuoteLineItem": "0QL",
    "DatedConversionRate": "04w", "CustomField": "00N", "UserRecordAccess": "0UR",
}  # fmt: skip
#: objects every org has, even with no rows; the others exist when the folder has a file for them
ALWAYS = (
    "Account", "Contact", "User", "Opportunity", "OpportunityHistory", "OpportunityContactRole", "OpportunityLineItem",
    "OpportunityStage", "Product2", "Task", "Event", "EventRelation", "Organization", "PermissionSet",
    "PermissionSetAssignment", "FieldPermissions", "ObjectPermissions", "ListView", "UserRecordAccess", "AccountHistory",
)  # fmt: skip
#: Bulk API 2.0 refuses these (docs/facts/salesforce.md, "Bulk API 2.0")
NOT_BULK = (
    "OpportunityStage", "CurrencyType", "UserRecordAccess", "Organization", "PermissionSet", "FieldPermissions",
    "TaskWhoRelation", "EventWhoRelation", "AcceptedEventRelation", "DeclinedEventRelation", "UndecidedEventRelation",
    "TaskStatus", "TaskPriority", "CaseStatus", "ContractStatus", "OrderStatus", "PartnerRole", "RecentlyViewed", "Attachment",
    "AccountFeed",
)  # fmt: skip
#: objects that hold deleted rows in the recycle bin
MONEY = ("currency",)
ARCHIVED = ("Task", "Event")


#: what a custom field may do, where its type does not forbid it
CUSTOM_FLAGS = frozenset(("createable", "sortable", "groupable", "permissionable"))


@dataclass(frozen=True, slots=True)
class Field:
    """Field of an object, as far as a client can tell."""

    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    updateable: bool = True
    filterable: bool = True
    custom: bool = False
    refers_to: tuple[str, ...] = ()
    relationship: str = ""
    picklist: tuple[str, ...] = ()
    restricted: bool = False
    help: str = ""
    compound: str = ""
    flags: frozenset[str] = CUSTOM_FLAGS

    def describe(self) -> dict[str, Any]:
        """Return the keys of a real describe that clients read (recorded: CumulusCI)."""
        number = self.type in ("double", "currency", "percent")
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "soapType": SOAP.get(self.type, "xsd:string"),
            "length": self.length,
            "byteLength": self.length * 3,
            "precision": self.precision if number else 0,
            "scale": self.scale if number else 0,
            "digits": 9 if self.type == "int" else 0,
            "nillable": self.nillable,
            "createable": "createable" in self.flags,
            "updateable": self.updateable,
            "filterable": self.filterable,
            "sortable": self.filterable and "sortable" in self.flags,
            "groupable": self.type not in ("double", "currency", "percent", "textarea") and "groupable" in self.flags,
            "calculated": "calculated" in self.flags,
            "custom": self.custom,
            "permissionable": "permissionable" in self.flags,
            "defaultedOnCreate": "defaulted" in self.flags,
            "referenceTo": list(self.refers_to),
            "relationshipName": self.relationship or None,
            "polymorphicForeignKey": len(self.refers_to) > 1,
            "restrictedPicklist": self.restricted,
            "unique": False,
            "externalId": False,
            "idLookup": self.type == "id",
            "nameField": self.name == "Name",
            "autoNumber": False,
            "caseSensitive": False,
            "compoundFieldName": self.compound or None,
            "inlineHelpText": self.help or None,
            "picklistValues": [
                {"active": True, "defaultValue": False, "label": v, "validFor": None, "value": v} for v in self.picklist
            ],
        }


SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "int": "xsd:int",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
}


@cache
def standard() -> dict[str, dict[str, Field]]:
    """Read all known objects: object -> field name -> field."""
    objects: dict[str, dict[str, Field]] = {}
    with (Path(__file__).parent / "fields.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            objects.setdefault(row["object"], {})[row["field"]] = _field(row)
    return objects


def _field(row: dict[str, str]) -> Field:
    return Field(
        row["field"],
        row["label"],
        row["type"],
        int(row["length"]),
        int(row["precision"]),
        int(row["scale"]),
        row["nillable"] == "true",
        row["updateable"] == "true",
        row["filterable"] == "true",
        refers_to=tuple(filter(None, row["referenceTo"].split("|"))),
        relationship=row["relationshipName"],
        picklist=tuple(filter(None, row["picklistValues"].split("|"))),
        restricted="restricted" in row["flags"],
        compound=row["compound"],
        flags=frozenset(row["flags"].split("|")),
    )


def currency_field() -> Field:
    """Make the field CurrencyIsoCode, which only multi-currency orgs have."""
    return Field("CurrencyIsoCode", "Currency ISO Code", "picklist", 3)


def guess(name: str, samples: list[str]) -> Field:
    """Guess the field of an unknown column: a custom field whose type follows from its values."""
    custom = name.endswith("__c")
    plain = Field(name, name.removesuffix("__c").replace("_", " "), "string", 255, custom=custom)
    for kind, pattern in PATTERNS:
        if samples and all(pattern.fullmatch(s) for s in samples):
            return replace(plain, type=kind, length=0, precision=18 if kind == "double" else 0, scale=6)
    longest = max(map(len, samples), default=0)
    return replace(plain, type="textarea", length=32_768, filterable=False) if longest > 255 else plain


PATTERNS = (
    ("boolean", re.compile(r"true|false")),
    ("datetime", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")),
    ("date", re.compile(r"\d{4}-\d\d-\d\d")),
    ("double", re.compile(r"-?\d{1,15}(\.\d{1,6})?")),
)


def id18(fifteen: str) -> str:
    """Return the 18-character form of a 15-character id (three check characters of five letters each)."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    tail = "".join(
        alphabet[sum(1 << i for i, c in enumerate(fifteen[start : start + 5]) if c.isupper())] for start in (0, 5, 10)
    )
    return fifteen + tail


DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def new_id(prefix: str, number: int, org: str = "Sb0") -> str:
    """Make a valid id: prefix, three characters of the instance, nine base-62 digits, three check characters."""
    digits = ""
    for _ in range(9):
        number, rest = divmod(number, 62)
        digits = DIGITS[rest] + digits
    return id18(prefix + org + digits)
