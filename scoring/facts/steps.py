"""A query in several steps: each step's rows are kept while they are read, and later steps read them.

One statement would do, were it not that engines differ in what they make of a hundred common table expressions: SQLite copies
each as often as it is named, and plans them without knowing their size (docs/adr/0015). A step that several queries name is
made once for all of them (docs/adr/0025).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, CompoundSelect, Index, Integer, MetaData, Select, Table
from sqlalchemy.types import TypeEngine

Query = Select[Any] | CompoundSelect[Any]
#: the column that numbers the rows of a step
ENTRY = "entry"


@dataclass(frozen=True, slots=True)
class Staged:
    """Steps to be kept under their tables, in order, and the query that reads them."""

    steps: tuple[tuple[Table, Query], ...]
    query: Query


#: made once, so that the same step of another night is the same statement, which the driver has prepared already
TABLES: dict[tuple[str, ...], Table] = {}


def _table(name: str, columns: Sequence[tuple[str, TypeEngine[Any]]], key: str, found_by: str, *, numbered: bool) -> Table:
    shape = (name, key, found_by, str(numbered), *(f"{column} {kind!r}" for column, kind in columns))
    if shape not in TABLES:
        own = [Column(column, kind, primary_key=column == key, autoincrement=False) for column, kind in columns]
        number = [Column(ENTRY, Integer, primary_key=True, autoincrement=True)] if numbered else []
        TABLES[shape] = Table(f"step_{name}", MetaData(), *number, *own, prefixes=["TEMPORARY"])
        if found_by:
            Index(f"step_{name}_{found_by}", TABLES[shape].c[found_by])
    return TABLES[shape]


def pick(columns: Any, names: str) -> list[ColumnElement[Any]]:
    """Choose columns of a table or query by their names, which stand in a row like words."""
    return [columns[name] for name in names.split()]


class Steps:
    """Collects the steps while a query is being put together."""

    def __init__(self, added: Sequence[tuple[Table, Query]] = ()) -> None:
        self.added = list(added)

    def add(self, name: str, query: Query, key: str = "", *, found_by: str = "", numbered: bool = False) -> Table:
        """Keep the rows of `query` as a temporary table for later steps.

        `key` is the column by which later steps look rows up, where no two rows share it, else `found_by`. With `numbered` the
        rows get an `entry`, counted up in the order of the query: an integer, which engines look up faster than texts.
        """
        columns = tuple((c.name, c.type.as_generic()) for c in query.subquery().c)
        table = _table(name, columns, key, found_by, numbered=numbered)
        self.added.append((table, query))
        return table

    def finish(self, query: Query) -> Staged:
        """Give the query that reads the steps, with them."""
        return Staged(tuple(self.added), query)
