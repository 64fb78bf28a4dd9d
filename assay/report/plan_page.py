"""`assay plan --format html`: what the next write would change, as one page in the report's dress."""

from collections.abc import Mapping, Sequence

from assay.report.templating import environment
from assay.text.plan import TITLES, changes, readable
from scoring.records import FieldUpdate


def plan_html(updates: Sequence[FieldUpdate], names: Mapping[str, str], title: str = "") -> str:
    """The plan as one page."""
    blocks = [(u.account_id, names.get(u.account_id, u.account_id), u.why, list(changes([u], names))) for u in updates]
    page = environment().get_template("plan.html.j2")
    return page.render(title=title, accounts=blocks, said=readable, titles=TITLES)
