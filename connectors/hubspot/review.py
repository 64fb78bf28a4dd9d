"""HubSpot's table of the admin's review page: what is read, and the scope that it needs; pure."""

from collections.abc import Mapping

from connectors.hubspot.schema import NAMES
from connectors.hubspot.streams import STREAMS
from connectors.vendor import Table


def tables() -> Mapping[str, Table]:
    """Name -> table, as docs/admin-review.md has it. Our own properties stand in the table of what is written."""
    ours = set(NAMES.values())
    rows = [
        (
            s.type + ("" if s.needed else " (if there)"),
            ", ".join(f"`{p}`" for p in s.properties if p not in ours),
            " or ".join(f"`{scope}`" for scope in s.scopes),
        )
        for s in STREAMS
    ]
    return {"hubspot_read": (("object", "properties", "scope"), rows)}
