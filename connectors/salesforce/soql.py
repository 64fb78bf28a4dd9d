"""SOQL text. Pure; names are checked, values are typed literals."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(__[cr])?(\.[A-Za-z][A-Za-z0-9_]*(__[cr])?)?")


def select(entity: str, fields: Sequence[str], *, since: tuple[str, int] | None = None, where: str = "") -> str:
    """A SELECT of `fields`: of what meets `where`, a condition of our own, and changed at or after `since` = (cursor field,
    seconds). No ORDER BY: it disables the vendor's own chunking of bulk queries (airbyte #27969)."""
    for name in (entity, *fields):
        if not NAME.fullmatch(name):
            raise ValueError(f"not a field or object name: {name!r}")
    text = f"SELECT {', '.join(fields)} FROM {entity}"  # noqa: S608 names are checked above
    conditions = [where] if where else []
    if since is not None:
        conditions.append(f"{since[0]} >= {stamp(since[1])}")
    return f"{text} WHERE {' AND '.join(conditions)}" if conditions else text


def stamp(seconds: int) -> str:
    """Return a datetime literal."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def cursor(filterable: set[str]) -> str | None:
    """The field that tells what changed: SystemModstamp also moves on automated changes ("System Fields", SOAP guide)."""
    return next((f for f in ("SystemModstamp", "LastModifiedDate", "CreatedDate") if f in filterable), None)


def text(value: str) -> str:
    """Return a string literal, escaped ("Quoted String Escape Sequences", SOQL reference)."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
