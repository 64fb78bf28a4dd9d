"""The tables of the admin's review page, from the code that reads and writes.

`python -m assay.doc_pages.admin_review docs/admin-review.md` renews them.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from connectors.fields import FIELDS
from connectors.vendor import Table
from connectors.vendors import VENDORS

BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def tables() -> dict[str, str]:
    """Name -> Markdown table."""
    of_vendors = {name: table for vendor in VENDORS.values() for name, table in vendor.review().items()}
    return {name: _markdown(table) for name, table in (of_vendors | {"written": _written()}).items()}


def renew(text: str) -> str:
    """A page with its tables as the code has them."""
    fresh = tables()
    return BLOCK.sub(lambda m: f"{m[1]}{fresh[m[2]]}{m[3]}", text)


def _written() -> Table:
    """Our fields: what each vendor calls them, and what they mean."""
    accounts = [vendor.account_fields() for vendor in VENDORS.values()]
    rows = [
        (
            *(f"`{names[f.meaning]}`" for _, names in accounts),
            _type(f.kind, f.options),
            "Assay" if f.written else "people",
            f.help,
        )
        for f in FIELDS
    ]
    return (*(title for title, _ in accounts), "type", "written by", "meaning"), rows


def _type(kind: str, options: Sequence[str]) -> str:
    return f"choice: {', '.join(options)}" if options else {"money": "currency / number", "text": "text 255"}.get(kind, kind)


def _markdown(table: Table) -> str:
    headings, rows = table
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(renew(page.read_text(encoding="utf-8")), encoding="utf-8")
