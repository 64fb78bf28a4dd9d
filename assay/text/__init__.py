"""What the commands print, as text: tables for people, CSV for spreadsheets, JSON for programs. Pure."""

from assay.text.explain import explain_json, explain_text
from assay.text.plan import plan_csv, plan_html, plan_json, plan_table
from assay.text.scores import FIELDS, record, scores_csv, scores_jsonl, scores_table
from assay.text.terminal import Look, look_of

__all__ = [
    "FIELDS",
    "Look",
    "explain_json",
    "explain_text",
    "look_of",
    "plan_csv",
    "plan_html",
    "plan_json",
    "plan_table",
    "record",
    "scores_csv",
    "scores_jsonl",
    "scores_table",
]
