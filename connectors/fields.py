"""Our fields in any CRM: what each means, how people see it, and its values in the form we compare."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scoring.records import GRADES, STATES, Value
from scoring.rules import Rules

#: whole units that a person can mean; what is beyond, or no number, is as if nothing were there
MAX_AMOUNT = 10**15
ANSWER_OPTIONS = ("Agree", "Disagree", "Renewal or project", "Wrong owner", "Other")


@dataclass(frozen=True, slots=True)
class Field:
    """One of our fields; `written` by Assay, or by people."""

    meaning: str
    label: str
    kind: str  #: choice, date, money, number, text
    help: str
    options: tuple[str, ...] = ()
    decimals: int = 0
    written: bool = True


FIELDS = (
    Field("state", "Assay: state", "choice", "Potential against selling time, judged every night.", options=STATES),
    Field("since", "Assay: since", "date", "The day this state began."),
    Field("potential", "Assay: potential, 12 months", "money",
          "What this account could bring in the next 12 months: expected revenue plus realisable headroom."),
    Field("grade", "Assay: grade", "choice", "A = top 20 % by potential, B = next 30 %, C = rest.", options=GRADES),
    Field("hours", "Assay: selling hours", "number",
          f"Selling time logged in the window: {Rules().window_days} days unless set otherwise.", decimals=1),
    Field("fair_hours", "Assay: fair hours", "number",
          "Share of the owner's own book in proportion to potential. Not an optimum.", decimals=1),
    Field("confidence", "Assay: confidence", "number", "0-100: how sure the state is."),
    Field("reason", "Assay: why", "text", "Each number can be re-computed from records."),
    Field("next_step", "Assay: what to do next", "text", "From what was tried least."),
    Field("potential_override", "Assay: potential, corrected", "money",
          "What would this account spend in 12 months if it bought all it could from us? Yours wins.", decimals=2,
          written=False),
    Field("snooze_until", "Assay: snooze until", "date", "No comfort-zone flag before.", written=False),
    Field("answer", "Assay: your answer", "choice", "Tell Assay what it does not know.", options=ANSWER_OPTIONS,
          written=False),
    Field("answer_noted", "Assay: your note", "text", "Assay keeps only whether there is a note.", written=False),
)  # fmt: skip
WRITTEN = tuple(f for f in FIELDS if f.written)


def canonical(field: Field, text: str) -> Value:
    """Return a value as the CRM holds it, in the form we compare: see `FieldUpdate`."""
    if not text:
        return None
    if field.meaning == "answer_noted":
        return "yes"
    if field.kind in ("money", "number"):
        number = float(text)
        if not abs(number) <= MAX_AMOUNT:
            return None
        return round(number, field.decimals) if field.decimals else round(number)
    return text


def read(columns: Mapping[str, Sequence[str]], count: int) -> list[str]:
    """Return our fields of each account as canonical JSON; `columns` holds the visible ones by meaning."""
    visible = [f for f in FIELDS if f.meaning in columns]
    if not any(any(columns[f.meaning]) for f in visible):
        return ["{}"] * count
    cells = [[canonical(f, text) for text in columns[f.meaning]] for f in visible]
    meanings = [f.meaning for f in visible]
    return [_json(dict(zip(meanings, values, strict=True))) for values in zip(*cells, strict=True)]


def _json(values: Mapping[str, Value]) -> str:
    filled = {k: v for k, v in values.items() if v is not None}
    return json.dumps(filled, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
