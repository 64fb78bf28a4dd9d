"""Reading an org folder: org.toml and one CSV an object (docs/facts/running.md, "Org folders").

A value that cannot be parsed stops the load.
"""

import csv
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

#: long texts are common in exports; the default limit of 128 kB is not a limit of any CRM
csv.field_size_limit(10_000_000)

#: the usual form of a time, and of days that every month has: nothing more to check
STAMP = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
#: rows read at a time, and distinct values remembered
BLOCK, POOL = 20_000, 300_000


class BadFolder(Exception):
    """Folder that cannot be loaded; nothing was."""


@dataclass(frozen=True, slots=True)
class OrgFacts:
    """Facts of org.toml."""

    name: str
    now: datetime
    currency: str
    crms: tuple[str, ...]
    extra: dict[str, Any] = field(default_factory=dict)


def read_facts(folder: Path) -> OrgFacts:
    """Read org.toml; raises `BadFolder`."""
    path = folder / "org.toml"
    try:
        values = tomllib.loads(path.read_text())
        now = values.pop("now")
        moment = now if isinstance(now, datetime) else datetime.fromisoformat(str(now).replace("Z", "+00:00"))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return OrgFacts(values.pop("name"), moment.astimezone(UTC), values.pop("currency"), tuple(values.pop("crm")), values)
    except OSError as error:
        raise BadFolder(f"{path}: {error.strerror}. Fix: an org folder holds org.toml and one CSV an object") from None
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise BadFolder(f"{path}: {error}. Fix: now is ISO 8601 in UTC, strings need quotes") from None
    except KeyError as error:
        raise BadFolder(f"{path}: {error.args[0]} is missing. Fix: name, now, currency and crm are needed") from None


def read_columns(path: Path, types: Sequence[str], columns: Sequence[str]) -> Iterator[list[list[str | None]]]:
    """Read a CSV in blocks of rows, each column by column in canonical text; None for empty. Raises `BadFolder`."""
    pools = {t: Pool(PARSERS.get(t)) for t in set(types)}
    for before, block in _blocks(path):
        if set(map(len, block)) != {len(columns)}:
            raise _ragged(path, before, block, len(columns))
        try:
            yield [pools[t].take(values) for t, values in zip(types, zip(*block, strict=True), strict=True)]
        except ValueError:
            raise _first_bad(path, before, (block, types, columns)) from None


def _blocks(path: Path) -> Iterator[tuple[int, list[list[str]]]]:
    """Read some rows at a time, with the number of the line before them."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        try:
            next(reader, None)
            while True:
                before = reader.line_num
                block = [row for row in islice(reader, BLOCK) if row]
                if not block and reader.line_num == before:
                    return
                if block:
                    yield before, block
        except UnicodeDecodeError as error:
            raise BadFolder(f"{path}:{reader.line_num}: no UTF-8 ({error.reason}). Fix: save the file as UTF-8") from None
        except csv.Error as error:
            raise BadFolder(f"{path}:{reader.line_num}: no CSV ({error}). Fix: quote texts, double their quotes") from None


class Pool(dict[str, str | None]):
    """Cache of raw texts and their canonical form: parsed once, and equal values share one string."""

    def __init__(self, parser: Callable[[str], str] | None) -> None:
        super().__init__({"": None})
        self.parser = parser

    def __missing__(self, value: str) -> str:
        self[value] = parsed = self.parser(value) if self.parser else value
        return parsed

    def take(self, values: Sequence[str]) -> list[str | None]:
        """Return the canonical values of a column."""
        if len(self) > POOL:  # columns of unique values would make the pool larger than the records
            self.clear()
            self[""] = None
        return list(map(self.__getitem__, values))


def _ragged(path: Path, before: int, block: Sequence[Sequence[str]], width: int) -> BadFolder:
    line = before
    for row in block:
        line += 1 + sum(v.count("\n") for v in row)
        if len(row) != width:
            break
    return BadFolder(f"{path}:{line}: {len(row)} values for {width} columns. Fix: quote commas in texts")


def _first_bad(path: Path, before: int, part: tuple[Sequence[Sequence[str]], Sequence[str], Sequence[str]]) -> BadFolder:
    """Find the bad value that made a block fail, and its line."""
    block, types, columns = part
    line = before
    for row in block:
        line += 1 + sum(v.count("\n") for v in row)
        for kind, column, value in zip(types, columns, row, strict=True):
            try:
                if value and kind in PARSERS:
                    PARSERS[kind](value)
            except ValueError as error:
                return BadFolder(f"{path}:{line}: column {column}: {value!r} is no {error}. Fix: correct the value")
    return BadFolder(f"{path}:{before}: a bad value")


def header(path: Path) -> list[str]:
    """Read the column names of a CSV; raises `BadFolder` for an empty, doubled or missing header."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:  # `_blocks` says where it is no UTF-8
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
    if not NUMBER.fullmatch(value) or abs(float(value)) == float("inf"):
        raise ValueError("number")
    return value


def _whole(value: str) -> str:
    number = float(_number(value))
    if number != int(number):
        raise ValueError("whole number")
    return str(int(number))


def _date(value: str) -> str:
    if not DAY.match(value) or value[10:11] not in ("", "T"):
        raise ValueError("date (YYYY-MM-DD)")
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).date().isoformat()
    except ValueError:
        raise ValueError("date (YYYY-MM-DD)") from None


def _datetime(value: str) -> str:
    if STAMP.fullmatch(value):
        return value
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00")) if DAY.match(value) else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError("time (YYYY-MM-DDTHH:MM:SS.000Z)")
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


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
