"""What an admin is told is what the code does."""

from pathlib import Path

import pytest

from assay.doc_pages import admin_review
from connectors.diagnosis import CHECKS
from connectors.vendors import VENDORS

DOCS = Path(__file__).parent.parent / "docs"


def test_the_review_page_s_tables_are_current() -> None:
    page = (DOCS / "admin-review.md").read_text()
    assert page == admin_review.renew(page), "run: python -m assay.doc_pages.admin_review docs/admin-review.md"
    assert page.count("<!-- table: ") == len(admin_review.tables())


@pytest.mark.parametrize("crm", list(VENDORS))
def test_a_doctor_s_links_lead_somewhere(crm: str) -> None:
    vendor = VENDORS[crm]
    guide = (DOCS.parent / vendor.guide).read_text()
    headings = {h.lstrip("# ").strip().lower().replace(" ", "-") for h in guide.splitlines() if h.startswith("#")}
    assert set(CHECKS) == vendor.anchors.keys()
    assert not set(vendor.anchors.values()) - headings
