"""One night as one self-contained page for people, and as one record for machines."""

from assay.report.model import Report, RunFacts
from assay.report.page import render_html
from assay.report.record import render_json

__all__ = ["Report", "RunFacts", "render_html", "render_json"]
