"""Our fields on Account: names, types, texts for people; and values both ways."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scoring.records import STATES, Value

OBJECT = "Account"
PERMISSION_SET = "Assay_Integration"


@dataclass(frozen=True, slots=True)
class Ours:
    """One of our fields; `written` by Assay, or by people."""

    meaning: str
    name: str
    label: str
    type: str  #: Metadata API type
    help: str
    written: bool = True
    length: int = 0
    precision: int = 0
    scale: int = 0
    picklist: tuple[str, ...] = ()

    def metadata(self) -> dict[str, Any]:
        """The body of a Tooling API CustomField ("CustomField", Metadata API guide)."""
        meta: dict[str, Any] = {"type": self.type, "label": self.label, "inlineHelpText": self.help, "required": False}
        if self.length:
            meta["length"] = self.length
        if self.precision:
            meta |= {"precision": self.precision, "scale": self.scale}
        if self.picklist:
            values = [{"valueName": v, "fullName": v, "label": v, "default": False} for v in self.picklist]
            meta["valueSet"] = {"restricted": True, "valueSetDefinition": {"sorted": False, "value": values}}
        return {"FullName": f"{OBJECT}.{self.name}", "Metadata": meta}


ANSWERS = ("Agree", "Disagree", "Renewal or project", "Wrong owner", "Other")

FIELDS = (
    Ours("state", "Assay_State__c", "Assay: state", "Picklist", "Potential against selling time, judged every night.",
         picklist=STATES),
    Ours("since", "Assay_State_Since__c", "Assay: since", "Date", "The day this state began."),
    Ours("potential", "Assay_Potential__c", "Assay: potential, 12 months", "Currency",
         "What this account could bring in the next 12 months: expected revenue plus realisable headroom.", precision=18),
    Ours("grade", "Assay_Grade__c", "Assay: grade", "Picklist", "A = top 20 % by potential, B = next 30 %, C = rest.",
         picklist=("A", "B", "C", "?")),
    Ours("hours", "Assay_Hours__c", "Assay: selling hours", "Number", "Selling time logged in the last 180 days.",
         precision=9, scale=1),
    Ours("fair_hours", "Assay_Fair_Hours__c", "Assay: fair hours", "Number",
         "Share of the owner's own book in proportion to potential. Not an optimum.", precision=9, scale=1),
    Ours("confidence", "Assay_Confidence__c", "Assay: confidence", "Number", "0-100: how sure the state is.", precision=3),
    Ours("reason", "Assay_Reason__c", "Assay: why", "Text", "Each number can be re-computed from records.", length=255),
    Ours("next_step", "Assay_Next_Step__c", "Assay: what to do next", "Text", "From what was tried least.", length=255),
    Ours("potential_override", "Assay_Potential_Override__c", "Assay: potential, corrected", "Currency",
         "What would this account spend in 12 months if it bought all it could from us? Yours wins.", written=False,
         precision=18, scale=2),
    Ours("snooze_until", "Assay_Snooze_Until__c", "Assay: snooze until", "Date", "No comfort-zone flag before.",
         written=False),
    Ours("answer", "Assay_Answer__c", "Assay: your answer", "Picklist", "Tell Assay what it does not know.",
         written=False, picklist=ANSWERS),
    Ours("answer_noted", "Assay_Answer_Note__c", "Assay: your note", "Text", "Assay keeps only whether there is a note.",
         written=False, length=255),
)  # fmt: skip
NAMES = {f.meaning: f.name for f in FIELDS}
WRITTEN = tuple(f for f in FIELDS if f.written)


def canonical(field: Ours, text: str) -> Value:
    """A value as the CRM's CSV holds it, in the form we compare: see `FieldUpdate`."""
    if not text:
        return None
    if field.meaning == "answer_noted":
        return "yes"
    if field.type in ("Currency", "Number"):
        number = round(float(text), field.scale)
        return number if field.scale else int(number)
    return text


def read(columns: Mapping[str, Sequence[str]], count: int) -> list[str]:
    """Our fields of each account as canonical JSON, from the columns that are visible."""
    seen = [f for f in FIELDS if f.name in columns]
    if not any(any(columns[f.name]) for f in seen):
        return ["{}"] * count
    cells = [[canonical(f, text) for text in columns[f.name]] for f in seen]
    meanings = [f.meaning for f in seen]
    return [_json(dict(zip(meanings, values, strict=True))) for values in zip(*cells, strict=True)]


def _json(values: Mapping[str, Value]) -> str:
    held = {k: v for k, v in values.items() if v is not None}
    return json.dumps(held, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def outgoing(values: Mapping[str, Value]) -> dict[str, Value]:
    """Meanings to field names; only fields that are ours to write."""
    ours = {f.meaning for f in WRITTEN}
    return {NAMES[m]: v for m, v in values.items() if m in ours}
