"""Our properties on companies: their names and types there, and values both ways (docs/facts/hubspot.md, "Properties")."""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors import fields
from connectors.fields import FIELDS, WRITTEN, Field
from scoring.records import Value

__all__ = ["FIELDS", "GROUP", "NAMES", "OBJECT", "WRITTEN", "definition", "options", "outgoing", "read"]
OBJECT = "companies"
GROUP = "assay"

NAMES = {
    "state": "assay_state",
    "since": "assay_state_since",
    "potential": "assay_potential",
    "grade": "assay_grade",
    "hours": "assay_hours",
    "fair_hours": "assay_fair_hours",
    "confidence": "assay_confidence",
    "reason": "assay_reason",
    "next_step": "assay_next_step",
    "potential_override": "assay_potential_override",
    "snooze_until": "assay_snooze_until",
    "answer": "assay_answer",
    "answer_noted": "assay_answer_note",
}
TYPES = {
    "choice": ("enumeration", "select"),
    "date": ("date", "date"),
    "money": ("number", "number"),
    "number": ("number", "number"),
    "text": ("string", "text"),
}


def definition(field: Field) -> dict[str, Any]:
    """Return the body that makes this property."""
    kind, input_kind = TYPES[field.kind]
    body: dict[str, Any] = {
        "name": NAMES[field.meaning],
        "label": field.label,
        "type": kind,
        "fieldType": input_kind,
        "groupName": GROUP,
        "description": field.help,
    }
    return body | ({"options": options(field)} if field.options else {})


def options(field: Field) -> list[dict[str, Any]]:
    """Return a choice's values, in the order people read them."""
    return [{"label": v, "value": v, "displayOrder": n, "hidden": False} for n, v in enumerate(field.options)]


def read(columns: Mapping[str, Sequence[str]], count: int) -> list[str]:
    """Return our properties of each company as canonical JSON, from the columns that are there."""
    return fields.read({m: columns[n] for m, n in NAMES.items() if n in columns}, count)


def outgoing(values: Mapping[str, Value]) -> dict[str, str]:
    """Meanings to property names and HubSpot's texts; "" clears. Only properties that are ours to write."""
    written = {f.meaning for f in WRITTEN}
    return {NAMES[m]: "" if v is None else str(v) for m, v in values.items() if m in written}


def fault(field: Field, definition: Any) -> str:
    """Tell why a property cannot be written as it is in the portal; empty if it can."""
    if definition is None or getattr(definition, "archived", False):
        return "the property is not there"
    lacking = lacking_options(field, definition)
    return f"lacks the option {', '.join(lacking)}" if lacking else ""


def lacking_options(field: Field, definition: Any) -> list[str]:
    """Return values that we write and an admin has removed."""
    values = {o.value for o in definition.options or ()}
    return [v for v in field.options if v not in values]
