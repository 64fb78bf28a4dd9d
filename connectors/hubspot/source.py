"""Our properties as HubSpot's API takes them, in a file. Pure: texts."""

import json

from connectors.hubspot.schema import FIELDS, GROUP, OBJECT, definition


def files() -> dict[str, str]:
    """Map path -> text."""
    group = {"name": GROUP, "label": "Assay", "displayOrder": -1}
    properties = {"objectType": OBJECT, "group": group, "properties": [definition(f) for f in FIELDS]}
    return {"hubspot/properties.json": json.dumps(properties, indent=2, ensure_ascii=False) + "\n"}
