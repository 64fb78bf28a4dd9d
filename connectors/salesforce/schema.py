"""Our fields on Account: their names and types there, and values both ways."""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors import fields
from connectors.fields import FIELDS, WRITTEN, Field
from scoring.records import Value

__all__ = ["FIELDS", "NAMES", "OBJECT", "PERMISSION_SET", "SIGNAL", "WRITTEN", "fault", "metadata", "outgoing", "read"]
OBJECT = "Account"
PERMISSION_SET = "Assay_Integration"
#: the traffic light, a formula on the state; part of the exported source only
SIGNAL = "Assay_Signal__c"

NAMES = {
    "state": "Assay_State__c",
    "since": "Assay_State_Since__c",
    "potential": "Assay_Potential__c",
    "grade": "Assay_Grade__c",
    "hours": "Assay_Hours__c",
    "fair_hours": "Assay_Fair_Hours__c",
    "confidence": "Assay_Confidence__c",
    "reason": "Assay_Reason__c",
    "next_step": "Assay_Next_Step__c",
    "potential_override": "Assay_Potential_Override__c",
    "snooze_until": "Assay_Snooze_Until__c",
    "answer": "Assay_Answer__c",
    "answer_noted": "Assay_Answer_Note__c",
}
#: Metadata API type and size by kind of field
TYPES: dict[str, dict[str, Any]] = {
    "choice": {"type": "Picklist"},
    "date": {"type": "Date"},
    "money": {"type": "Currency", "precision": 18},
    "number": {"type": "Number", "precision": 9},
    "text": {"type": "Text", "length": 255},
}


def metadata(field: Field) -> dict[str, Any]:
    """Return the body of a Tooling API CustomField ("CustomField", Metadata API guide)."""
    meta: dict[str, Any] = {**TYPES[field.kind], "label": field.label, "inlineHelpText": field.help, "required": False}
    if "precision" in meta:
        meta["scale"] = field.decimals
    if field.options:
        values = [{"valueName": v, "fullName": v, "label": v, "default": False} for v in field.options]
        meta["valueSet"] = {"restricted": True, "valueSetDefinition": {"sorted": False, "value": values}}
    return {"FullName": f"{OBJECT}.{NAMES[field.meaning]}", "Metadata": meta}


#: metadata type -> the type a describe gives
DESCRIBED = {"Picklist": "picklist", "Date": "date", "Currency": "currency", "Number": "double", "Text": "string"}


def fault(field: Field, found: Mapping[str, Any]) -> str:
    """How a field's definition in the org (its describe) differs from ours, in a way that matters; empty if it does not."""
    wanted = TYPES[field.kind]
    kind = DESCRIBED[wanted["type"]]
    if found["type"] != kind:
        return f"is {found['type']}, not {kind}"
    if "length" in wanted and found["length"] < wanted["length"]:
        return f"holds {found['length']} characters, not {wanted['length']}"
    there = {v["value"] for v in found.get("picklistValues") or () if v.get("active", True)}
    gone = [v for v in field.options if v not in there]
    return f"lacks the value {', '.join(gone)}" if gone else ""


def read(columns: Mapping[str, Sequence[str]], count: int) -> list[str]:
    """Return our fields of each account as canonical JSON, from the columns that are visible."""
    return fields.read({m: columns[n] for m, n in NAMES.items() if n in columns}, count)


def outgoing(values: Mapping[str, Value]) -> dict[str, Value]:
    """Meanings to field names; only fields that are ours to write."""
    written = {f.meaning for f in WRITTEN}
    return {NAMES[m]: v for m, v in values.items() if m in written}
