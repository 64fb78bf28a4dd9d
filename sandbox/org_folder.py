"""Reads an org folder: org.toml and one CSV an object. A value that cannot be parsed stops the load (rulings 12)."""

import csv
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

#: long texts are common in exports; the default limit of 128 kB is not a limit of any CRM
csv.field_size_limit(10_000_000)

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
#: columns with few distinct values share their strings
SHARED = 64


class BadFolder(Exception):
    """The folder cannot be loaded; nothing was."""


@dataclass(frozen=True, slots=True)
class OrgFacts:
    """What org.toml says."""

    name: str
    now: datetime
    currency: str
    crms: tuple[str, ...]
    extra: dict[str, Any] = field(default_factory=dict)


def read_facts(folder: Path) -> OrgFacts:
    """org.toml; raises `BadFolder`."""
    path = folder / "org.toml"
    try:
        values = tomllib.loads(path.read_text())
        now = values.pop("now")
        moment = now if isinstance(now, datetime) else datetime.fromisoformat(now.replace("Z", "+00:00"))
        return OrgFacts(values.pop("name"), moment.astimezone(UTC), values.pop("currency"), tuple(values.pop("crm")), values)
    except OSError as error:
        raise BadFolder(f"{path}: {error.strerror}. Fix: an org folder holds org.toml and one CSV an object") from None
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise BadFolder(f"{path}: {error}. Fix: now is ISO 8601 in UTC, strings need quotes") from None
    except KeyError as error:
        raise BadFolder(f"{path}: {error.args[0]} is missing. Fix: name, now, currency and crm are needed") from None


def read_rows(path: Path, types: Sequence[str], columns: Sequence[str]) -> Iterator[list[str | None]]:
    """The rows of one CSV, each value in its canonical text; None for empty. Raises `BadFolder` at a bad value."""
    parsers = [PARSERS.get(t) for t in types]
    odd = [i for i, p in enumerate(parsers) if p is not None]
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        next(reader, None)
        for row in reader:
            if len(row) != len(columns):
                raise BadFolder(
                    f"{path}:{reader.line_num}: {len(row)} values for {len(columns)} columns. Fix: quote commas in texts"
                )
            values: list[str | None] = [v if len(v) > SHARED else sys.intern(v) if v else None for v in row]
            for i in odd:
                if values[i] is not None:
                    values[i] = _parsed(path, reader.line_num, columns[i], values[i] or "", parsers[i])
            yield values


def _parsed(path: Path, line: int, column: str, value: str, parser: Callable[[str], str] | None) -> str:
    try:
        return parser(value) if parser else value
    except ValueError as error:
        raise BadFolder(f"{path}:{line}: column {column}: {value!r} is no {error}. Fix: correct the value") from None


def header(path: Path) -> list[str]:
    """The column names of a CSV; raises `BadFolder` for an empty, doubled or missing header."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        names = next(csv.reader(file), [])
    doubled = [n for n, count in Counter(names).items() if count > 1 or not n]
    if not names or doubled:
        raise BadFolder(f"{path}:1: no header, or a column name is empty or doubled {doubled}. Fix: name each column once")
    return names


def _boolean(value: str) -> str:
    lower = value.lower()
    if lower not in ("true", "false"):
        raise ValueError("boolean (true, false)")
    return lower


def _number(value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        raise ValueError("number") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError("finite number")
    return value


def _whole(value: str) -> str:
    number = float(_number(value))
    if number != int(number):
        raise ValueError("whole number")
    return sys.intern(str(int(number)))


def _date(value: str) -> str:
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        raise ValueError("date (YYYY-MM-DD)") from None


def _datetime(value: str) -> str:
    if STAMP.fullmatch(value) and value[5:7] <= "12" and value[8:10] <= "28":
        return value
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        raise ValueError("time (YYYY-MM-DDTHH:MM:SS.000Z)") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


#: a value's canonical text by the type of its field; text types need none
PARSERS: dict[str, Callable[[str], str]] = {
    "boolean": _boolean,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "int": _whole,
    "date": _date,
    "datetime": _datetime,
}
