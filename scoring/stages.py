"""A query in several steps: each step's rows are kept for the length of the query, and later steps read them.

One statement would do, were it not that engines differ in what they make of a hundred common table expressions: SQLite copies
each as often as it is named, and plans them without knowing their size (docs/adr/0015).
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, CompoundSelect, Index, MetaData, Select, Table

Query = Select[Any] | CompoundSelect[Any]


@dataclass(frozen=True, slots=True)
class Staged:
    """Steps to be kept under their tables, in order, and the query that reads them."""

    steps: tuple[tuple[Table, Query], ...]
    query: Query


class Stages:
    """Collects the steps while a query is being put together."""

    def __init__(self) -> None:
        self.kept: list[tuple[Table, Query]] = []

    def keep(self, name: str, query: Query, found_by: str = "") -> Table:
        """The rows of `query` as a temporary table, with an index where later steps look rows up."""
        columns = [Column(c.name, c.type) for c in query.subquery().c]
        table = Table(f"step_{name}", MetaData(), *columns, prefixes=["TEMPORARY"])
        if found_by:
            Index(f"step_{name}_{found_by}", table.c[found_by])
        self.kept.append((table, query))
        return table

    def then(self, query: Query) -> Staged:
        return Staged(tuple(self.kept), query)
