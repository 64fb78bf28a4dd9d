"""What the commands print, as text: tables for people, CSV for spreadsheets, JSON for programs. Pure."""

from assay.render.explain import explain_json, explain_text
from assay.render.look import Look, look_of
from assay.render.plan import plan_csv, plan_html, plan_json, plan_table
from assay.render.scores import FIELDS, record, scores_csv, scores_jsonl, scores_table

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
