"""The properties every portal has, and the form of their values (docs/facts/hubspot.md, "Properties")."""

import csv
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from sandbox.hubspot.store import Property, iso

#: what an org folder's column of a type is parsed as
PARSED = {"number": "double", "datetime": "datetime", "date": "date", "bool": "boolean"}
FIELD_TYPES = {
    "number": "number",
    "datetime": "date",
    "date": "date",
    "bool": "booleancheckbox",
    "enumeration": "select",
    "phone_number": "phonenumber",
}


@cache
def _facts() -> list[dict[str, str]]:
    with (Path(__file__).parent / "properties.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def standard() -> dict[str, dict[str, Property]]:
    """Build fresh definitions by type and name."""
    definitions: dict[str, dict[str, Property]] = {}
    for f in _facts():
        options = f["options"].split(";") if f["options"] else []
        definitions.setdefault(f["object"], {})[f["name"]] = Property(
            f["name"], f["type"], f["label"], f["read_only"] == "true", options
        )
    return definitions


def fault(definition: Property, value: str) -> str:
    """Say why a value cannot be written; empty if it can."""
    if value == "":
        return ""
    if definition.type == "number" and not _is_number(value):
        return f"{value} was not a valid number."
    if definition.type == "bool" and value not in ("true", "false"):
        return f"{value} was not a valid boolean."
    if definition.type in ("date", "datetime") and not _is_moment(value):
        return f"{value} was not a valid {definition.type}."
    if definition.type == "enumeration" and definition.values:
        unknown = [v for v in value.split(";") if v not in definition.values]
        if unknown:
            return f"{unknown[0]} was not one of the allowed options: {definition.values}"
    if definition.type == "string" and len(value) > 65_536:
        return "Property values must not be longer than 65536 characters."
    return ""


def normal(definition: Property, value: str) -> str:
    """Normalise a date or time to the stored form: YYYY-MM-DD, or ISO 8601 to the millisecond."""
    if value == "" or definition.type not in ("date", "datetime") or not _is_moment(value):
        return value
    if value.lstrip("-").isdigit():
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(value))
    else:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.strftime("%Y-%m-%d") if definition.type == "date" else iso(moment)


def _is_number(value: str) -> bool:
    try:
        return abs(float(value)) < float("inf")
    except ValueError:
        return False


def _is_moment(value: str) -> bool:
    if value.lstrip("-").isdigit():
        return True  # milliseconds
    try:
        datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return False
    return True
