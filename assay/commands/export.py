"""`assay schema export`: our fields as files that the vendors' own tools take."""

import json
from pathlib import Path

from assay.settings import ConfigError
from connectors.fields import FIELDS
from connectors.hubspot import schema as hubspot
from connectors.salesforce import source

#: what tells a folder of ours
MARK = "sfdx-project.json"


def files() -> dict[str, str]:
    """Path -> text: a Salesforce source project, and HubSpot's properties as its API takes them."""
    group = {"name": hubspot.GROUP, "label": "Assay", "displayOrder": -1}
    properties = {"objectType": hubspot.OBJECT, "group": group, "properties": [hubspot.definition(f) for f in FIELDS]}
    return source.project() | {"hubspot/properties.json": json.dumps(properties, indent=2, ensure_ascii=False) + "\n"}


def write(folder: Path) -> list[Path]:
    """Write all files; raises `ConfigError` for a folder that holds something else. The paths."""
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARK).exists())):
        raise ConfigError([f"{folder} exists and is not an exported project. Fix: choose a new or empty folder"])
    written = []
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written
