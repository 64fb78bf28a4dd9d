"""A query in several steps: each step's rows are kept for the length of the query, and later steps read them.

One statement would do, were it not that engines differ in what they make of a hundred common table expressions: SQLite copies
each as often as it is named, and plans them without knowing their size (docs/adr/0015).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, CompoundSelect, Index, MetaData, Select, Table
from sqlalchemy.types import TypeEngine

Query = Select[Any] | CompoundSelect[Any]


@dataclass(frozen=True, slots=True)
class Staged:
    """Steps to be kept under their tables, in order, and the query that reads them."""

    steps: tuple[tuple[Table, Query], ...]
    query: Query


#: made once, so that the same step of another night is the same statement, which the driver has prepared already
TABLES: dict[tuple[str, ...], Table] = {}


def _table(name: str, columns: Sequence[tuple[str, TypeEngine[Any]]], found_by: str) -> Table:
    key = (name, found_by, *(f"{column} {kind!r}" for column, kind in columns))
    if key not in TABLES:
        made = [Column(column, kind) for column, kind in columns]
        table = TABLES[key] = Table(f"step_{name}", MetaData(), *made, prefixes=["TEMPORARY"])
        if found_by:
            Index(f"step_{name}_{found_by}", table.c[found_by])
    return TABLES[key]


class Stages:
    """Collects the steps while a query is being put together."""

    def __init__(self) -> None:
        self.kept: list[tuple[Table, Query]] = []

    def keep(self, name: str, query: Query, found_by: str = "") -> Table:
        """The rows of `query` as a temporary table, with an index where later steps look rows up."""
        table = _table(name, tuple((c.name, c.type.as_generic()) for c in query.subquery().c), found_by)
        self.kept.append((table, query))
        return table

    def then(self, query: Query) -> Staged:
        return Staged(tuple(self.kept), query)
